//! The threads that read rows for everybody (DESIGN 3: the engine is never called on a thread that serves others).
//!
//! They are few, and one that is done takes what waits before it sleeps: under load most readings wake nobody. The
//! runtime's own pool has a thread for each of them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped, after what waits.
#[derive(Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    called: Condvar,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Job>,
    /// Threads that sleep and that nobody has called.
    asleep: usize,
    is_closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let desk = self.desk.lock();
        let (waiting, asleep) = (desk.waiting.len(), desk.asleep);
        f.debug_struct("Readers").field("waiting", &waiting).field("asleep", &asleep).finish()
    }
}

impl Readers {
    /// Starts `threads` of them, at least one.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(threads: usize) -> Result<Self> {
        let readers = Readers { shared: Arc::default() };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&readers.shared);
            std::thread::Builder::new().name(format!("reader-{number}")).spawn(move || shared.work())?;
        }
        Ok(readers)
    }

    /// Runs `work` when a thread is free, also if nobody waits for the answer any more.
    ///
    /// # Errors
    /// What `work` answers; it panicked.
    pub(super) fn run<T: Send + 'static, F: FnOnce() -> Result<T> + Send + 'static>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T>> + Send + use<T, F> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.shared.put(Box::new(move || {
            // Whoever asked may have gone.
            drop(reply.send(work()));
        }));
        async move { answer.await.unwrap_or_else(|_| Err(Error::Engine("a reader panicked".into()))) }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.desk.lock().is_closed = true;
        self.shared.called.notify_all();
    }
}

impl Shared {
    fn put(&self, job: Job) {
        let mut desk = self.desk.lock();
        desk.waiting.push_back(job);
        if desk.asleep == 0 {
            return;
        }
        desk.asleep -= 1;
        drop(desk);
        self.called.notify_one();
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // What a reading left half done is its own; the next one begins anew.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a reader panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut desk = self.desk.lock();
        loop {
            if let Some(job) = desk.waiting.pop_front() {
                return Some(job);
            }
            if desk.is_closed {
                return None;
            }
            desk.asleep += 1;
            self.called.wait(&mut desk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_reading_is_answered_however_many_wait() {
        let readers = Readers::start(2).unwrap();
        let readings: Vec<_> = (0..1000_u32).map(|number| tokio::spawn(readers.run(move || Ok(number)))).collect();
        for (number, reading) in (0..1000).zip(readings) {
            assert_eq!(reading.await.unwrap().unwrap(), number);
        }
    }

    #[tokio::test]
    async fn a_reading_that_panics_fails_alone() {
        let readers = Readers::start(1).unwrap();
        let failed = readers.run(|| -> Result<()> { panic!("on purpose") }).await;
        assert!(matches!(failed, Err(Error::Engine(_))));
        assert_eq!(readers.run(|| Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn two_read_at_once() {
        let readers = Readers::start(2).unwrap();
        let (here, there) = (mpsc::channel::<()>(), mpsc::channel::<()>());
        // Each waits for the other: with one thread neither would end.
        let (first_says, second_hears) = here;
        let (second_says, first_hears) = there;
        let first = readers.run(move || {
            first_says.send(()).unwrap();
            Ok(first_hears.recv().is_ok())
        });
        let second = readers.run(move || {
            second_says.send(()).unwrap();
            Ok(second_hears.recv().is_ok())
        });
        assert!(first.await.unwrap() && second.await.unwrap());
    }
}
