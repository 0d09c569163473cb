//! Long requests say how far they have come, and end when nobody waits for them any more.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::server::Services;
use crate::store::Done;

use super::{Answer, Request, execute};

/// How often is told.
const EVERY: Duration = Duration::from_millis(100);

/// What a request writes its progress to.
#[derive(Clone, Debug)]
pub struct Meter(Arc<watch::Sender<Done>>);

impl Meter {
    fn new() -> (Self, watch::Receiver<Done>) {
        let (sender, receiver) = watch::channel(Done::default());
        (Meter(Arc::new(sender)), receiver)
    }

    /// Takes progress down; the work is to end when nobody reads it any more.
    pub(super) fn note(&self, done: Done) -> ControlFlow<()> {
        match self.0.send(done) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Where progress is told.
pub trait Listener {
    /// Takes it down.
    fn tell(&mut self, done: Done) -> impl Future<Output = io::Result<()>> + Send;
}

/// Executes a request and tells of its progress. When `stop` comes to an end, or nothing can be told any more,
/// long work ends too, with an answer that says so.
///
/// # Errors
/// What the listener answers.
pub async fn execute_telling(
    services: &Services,
    request: Request,
    stop: impl Future<Output = ()>,
    told: &mut impl Listener,
) -> io::Result<Answer> {
    let (meter, reader) = Meter::new();
    let mut reader = Some(reader);
    let mut work = pin!(execute(services, request, &meter));
    let mut stop = pin!(stop);
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            biased;
            answer = &mut work => return Ok(answer),
            () = &mut stop, if reader.is_some() => reader = None,
            _ = tick.tick(), if reader.is_some() => {
                let changed = reader.as_mut().filter(|reader| reader.has_changed().unwrap_or(false));
                if let Some(done) = changed.map(|reader| *reader.borrow_and_update()) {
                    told.tell(done).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_when_nobody_waits() {
        let (meter, listener) = Meter::new();
        let done = Done { bytes: 1, of: 2 };
        assert_eq!(meter.note(done), ControlFlow::Continue(()));
        assert_eq!(*listener.borrow(), done);
        drop(listener);
        assert_eq!(meter.note(done), ControlFlow::Break(()));
    }
}
