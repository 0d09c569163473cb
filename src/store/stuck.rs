//! When the committer gets nowhere (`store.engine_deadline_s`): a write or sync that neither succeeds nor fails.
//!
//! A thread that waits inside the engine or the system cannot be freed, and while it waits nothing else can have
//! the files. So the store gives itself up: nobody waits for it any more, what was not acknowledged never will be,
//! and the process is to end and be started anew. That is told by [`Stuck`], once and for ever.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::watchdog::Watchdog;
use super::{Error, Result};

/// Whether the store has given itself up. Clones share it.
#[derive(Clone, Debug)]
pub struct Stuck {
    told: CancellationToken,
    deadline: Duration,
}

impl Stuck {
    pub(super) fn after(deadline: Duration) -> Self {
        Stuck { told: CancellationToken::new(), deadline }
    }

    /// It has.
    #[must_use]
    pub fn is(&self) -> bool {
        self.told.is_cancelled()
    }

    /// Waits until it does.
    pub async fn wait(&self) {
        self.told.cancelled().await;
    }

    /// What everybody is told then.
    #[must_use]
    pub fn error(&self) -> Error {
        Error::Stuck { deadline_s: self.deadline.as_secs() }
    }

    /// Waits for something that the committer does, but not for one that is stuck.
    pub(super) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.wait() => Err(self.error()),
            answer = work => answer,
        }
    }
}

/// The committer's own side of it.
#[derive(Debug)]
pub(super) struct Deadline {
    stuck: Stuck,
    /// None where it may take any time.
    watchdog: Option<Watchdog>,
}

impl Deadline {
    pub(super) fn start(stuck: Stuck) -> io::Result<Self> {
        let told = stuck.clone();
        let bark = move |so_far: Duration| {
            if !told.is() {
                tracing::error!(waited_ms = so_far.as_millis(), "{}", told.error());
                told.told.cancel();
            }
        };
        let watchdog = match stuck.deadline {
            Duration::ZERO => None,
            deadline => Some(Watchdog::start("store-watch", deadline, bark)?),
        };
        Ok(Deadline { stuck, watchdog })
    }

    /// Does something that may not take longer.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.watchdog {
            Some(watchdog) => watchdog.watch(work),
            None => work(),
        }
    }

    /// Something did: nobody waits for what is done from now on.
    pub(super) fn has_passed(&self) -> bool {
        self.stuck.is()
    }
}

/// Waits on this thread for what needs no runtime.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
