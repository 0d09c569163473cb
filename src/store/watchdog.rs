//! Notices work that does not end: a thread that waits for ever cannot say so itself.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A thread that barks when a piece of work takes longer than it may; of one piece at a time.
#[derive(Debug)]
pub(super) struct Watchdog {
    yard: Arc<Yard>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and those who work share.
#[derive(Debug)]
struct Yard {
    patience: Duration,
    state: Mutex<State>,
    closing: Condvar,
}

#[derive(Debug, Default)]
struct State {
    work: Option<Work>,
    is_closing: bool,
}

#[derive(Debug)]
struct Work {
    begun: Instant,
    bark_at: Instant,
}

impl Watchdog {
    /// `bark` hears for how long a piece of work has been going on: when that is longer than `patience`, and then
    /// after twice, four times … as long. Whoever works does not wake the thread, which looks twice in `patience`
    /// whether there is work: the first time comes that much late.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        name: &str,
        patience: Duration,
        bark: impl FnMut(Duration) + Send + 'static,
    ) -> io::Result<Self> {
        let yard = Arc::new(Yard { patience, state: Mutex::default(), closing: Condvar::new() });
        let watched = Arc::clone(&yard);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || watched.watch(bark))?;
        Ok(Watchdog { yard, thread: Some(thread) })
    }

    /// Does a piece of work while the thread watches.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.yard.state.lock().work = Some(Work { begun, bark_at: begun + self.yard.patience });
        let _under_way = UnderWay(&self.yard);
        work()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.yard.state.lock().is_closing = true;
        self.yard.closing.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a watchdog panicked");
        }
    }
}

/// Dropped when the work ends, also when it panics.
struct UnderWay<'a>(&'a Yard);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state.lock().work = None;
    }
}

impl Yard {
    fn watch(&self, mut bark: impl FnMut(Duration)) {
        let mut state = self.state.lock();
        while !state.is_closing {
            let now = Instant::now();
            let sleep = match &mut state.work {
                None => self.patience / 2,
                Some(work) if now < work.bark_at => work.bark_at - now,
                Some(work) => {
                    let so_far = now - work.begun;
                    work.bark_at = now + so_far;
                    MutexGuard::unlocked(&mut state, || bark(so_far));
                    continue;
                }
            };
            self.closing.wait_for(&mut state, sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    fn listening() -> (Watchdog, mpsc::Receiver<Duration>) {
        let (sender, barks) = mpsc::channel();
        (Watchdog::start("dog", PATIENCE, move |so_far| sender.send(so_far).unwrap()).unwrap(), barks)
    }

    #[test]
    fn work_that_does_not_end_is_told_again_and_again_and_ever_more_seldom() {
        let (dog, barks) = listening();
        let heard: Vec<_> = dog.watch(|| barks.iter().take(4).collect());
        assert!(heard[0] >= PATIENCE, "{heard:?}");
        assert!(heard.windows(2).all(|pair| pair[1] >= pair[0] * 2), "{heard:?}");
    }

    #[test]
    fn many_short_pieces_of_work_are_no_long_one() {
        let (dog, barks) = listening();
        let begun = Instant::now();
        let mut longest = Duration::ZERO;
        while begun.elapsed() < PATIENCE * 10 {
            let piece = Instant::now();
            dog.watch(|| ());
            longest = longest.max(piece.elapsed());
        }
        drop(dog);
        // On a machine that stands still even a short piece takes long.
        assert!(barks.iter().all(|so_far| so_far <= longest), "{longest:?}");
    }

    #[test]
    fn work_that_panics_is_over() {
        let (dog, barks) = listening();
        let panicking = std::panic::AssertUnwindSafe(|| dog.watch(|| panic!("as it may")));
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert!(dog.yard.state.lock().work.is_none());
        drop((dog, barks));
    }
}
