//! The threads that hash passwords, fair per network (DESIGN 16): each network has a queue of its own, the
//! threads take one job from each in turn, and both a network's queue and all together are bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::network::Network;
use super::{AuthError, Settings};

type Job = Box<dyn FnOnce() + Send>;

/// The pool. Its threads end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Pool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
}

/// Jobs by network. `turns` holds each network that has jobs exactly once.
#[derive(Default)]
struct Queues {
    jobs: HashMap<Network, VecDeque<Job>>,
    turns: VecDeque<Network>,
    waiting: usize,
    closed: bool,
    limits: Limits,
}

#[derive(Clone, Copy, Default)]
struct Limits {
    per_network: usize,
    total: usize,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(super) fn start(settings: &Settings) -> std::io::Result<Self> {
        let limits = Limits { per_network: settings.max_waiting_per_network, total: settings.max_waiting };
        let queues = Queues { limits, ..Queues::default() };
        let shared = Arc::new(Shared { queues: Mutex::new(queues), work: Condvar::new() });
        let pool = Pool { handle: Arc::new(Handle { shared: shared.clone() }) };
        for number in 0..settings.threads() {
            let shared = shared.clone();
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Runs `work` on a thread of the pool. When the caller gives up meanwhile, the work is not begun.
    ///
    /// # Errors
    /// `Busy` when the queue of the network or of all is full, or the pool is closing.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        network: Network,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                // The caller may have left just now; then nobody wants the answer.
                let _ = answer.send(work());
            }
        });
        if !self.handle.shared.queues.lock().push(network, job) {
            return Err(AuthError::Busy);
        }
        self.handle.shared.work.notify_one();
        answered.await.map_err(|_| AuthError::Busy)
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} waiting)", self.handle.shared.queues.lock().waiting)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queues.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    /// The next job; `None` once the pool is closed.
    fn next(&self) -> Option<Job> {
        let mut queues = self.queues.lock();
        loop {
            if queues.closed {
                return None;
            }
            if let Some(job) = queues.pop() {
                return Some(job);
            }
            self.work.wait(&mut queues);
        }
    }
}

impl Queues {
    /// False when there is no room.
    fn push(&mut self, network: Network, job: Job) -> bool {
        let Limits { per_network, total } = self.limits;
        let queue = self.jobs.entry(network).or_default();
        let has_room = queue.len() < per_network && self.waiting < total;
        if has_room {
            if queue.is_empty() {
                self.turns.push_back(network);
            }
            queue.push_back(job);
            self.waiting += 1;
        } else if queue.is_empty() {
            self.jobs.remove(&network);
        }
        has_room
    }

    fn pop(&mut self) -> Option<Job> {
        let network = self.turns.pop_front()?;
        let queue = self.jobs.get_mut(&network)?;
        let job = queue.pop_front()?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.jobs.remove(&network);
        } else {
            self.turns.push_back(network);
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn network(third: u8) -> Network {
        Network::of(std::net::IpAddr::from([192, 0, third, 1]))
    }

    fn queues(per_network: usize, total: usize) -> Queues {
        Queues { limits: Limits { per_network, total }, ..Queues::default() }
    }

    #[test]
    fn networks_take_turns_however_much_one_of_them_asks() {
        let mut queues = queues(100, 100);
        let (sender, order) = mpsc::channel();
        for (net, name) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")] {
            let sender = sender.clone();
            assert!(queues.push(network(net), Box::new(move || sender.send(name).unwrap())));
        }
        while let Some(job) = queues.pop() {
            job();
        }
        let order: Vec<_> = order.try_iter().collect();
        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert!(queues.jobs.is_empty() && queues.waiting == 0);
    }

    #[test]
    fn a_full_queue_of_one_network_leaves_room_for_others() {
        let mut queues = queues(2, 3);
        let mut push = |net| queues.push(network(net), Box::new(|| ()));
        assert_eq!([push(1), push(1), push(1), push(2), push(3)], [true, true, false, true, false]);
        assert_eq!(queues.jobs.len(), 2, "a network that was turned away leaves nothing behind");
    }

    #[tokio::test]
    async fn work_runs_and_answers() {
        let pool = Pool::start(&Settings { hash_threads: 2, ..Settings::default() }).unwrap();
        let sum = futures_util::future::join_all((0..20_u8).map(|n| pool.run(network(n), move || u32::from(n)))).await;
        assert_eq!(sum.into_iter().map(Result::unwrap).sum::<u32>(), 190);
    }

    #[tokio::test]
    async fn a_pool_without_room_is_busy() {
        let pool = Pool::start(&Settings { max_waiting: 0, ..Settings::default() }).unwrap();
        assert_eq!(pool.run(network(1), || 1).await, Err(AuthError::Busy));
    }
}
