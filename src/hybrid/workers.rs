//! The pool of worker processes: bounded, each job under a deadline, a worker that misbehaves is killed and
//! replaced, and its job gets a clear error.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::worker::environment;
use super::worker::protocol::{self, Answer, Request};

/// `[hybrid.workers]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Worker processes at the same time.
    pub processes: usize,
    /// Jobs that may wait for a worker; more are told to come again.
    pub max_waiting: usize,
    /// A worker is replaced after this many jobs.
    pub max_jobs: u32,
    /// Address space of one worker, bytes.
    pub max_memory_bytes: u64,
    /// Processor time of one job, seconds.
    pub max_cpu_s: u64,
    /// Time of one job by the wall clock, seconds.
    pub job_timeout_s: u64,
    /// Largest request and largest answer, bytes.
    pub max_frame_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            processes: 2,
            max_waiting: 64,
            max_jobs: 200,
            max_memory_bytes: 2 << 30,
            max_cpu_s: 30,
            job_timeout_s: 60,
            max_frame_bytes: 160 << 20,
        }
    }
}

/// How a worker is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Launch {
    /// Our own binary, as `poshta worker`.
    ///
    /// # Errors
    /// The path of the running binary cannot be found out.
    pub fn own_binary() -> std::io::Result<Self> {
        Ok(Launch { program: std::env::current_exe()?, arguments: vec!["worker".to_owned()] })
    }
}

/// Why a job was not done. Only `Crashed` and `TooLarge` speak against the document, the others against the hour.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Too many jobs wait already.
    #[error("too many documents wait to be opened; try again")]
    Busy,
    /// The worker took too long and was stopped.
    #[error("opening the document took longer than {0} s")]
    Timeout(u64),
    /// A new worker ended in the middle of the job: out of memory or processor time, or a fault in a library.
    #[error("the worker process ended while it had the document open")]
    Crashed,
    /// The job or its answer is larger than a frame.
    #[error("the documents are too large to be opened")]
    TooLarge,
    /// A worker cannot be started.
    #[error("a worker process cannot be started: {0}")]
    Start(std::io::Error),
    /// Built without the library for this job.
    #[error("this build lacks the feature {0}")]
    NotBuilt(String),
}

/// The pool. Clones share it.
#[derive(Clone, Debug)]
pub struct Workers {
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    settings: Settings,
    launch: Launch,
    places: Semaphore,
    waiting: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

#[derive(Debug)]
struct Worker {
    /// Kept so that the process is killed when the worker is dropped.
    _child: Child,
    socket: UnixStream,
    jobs: u32,
}

impl Workers {
    /// A pool that starts its workers when they are needed.
    #[must_use]
    pub fn new(settings: Settings, launch: Launch) -> Self {
        let places = Semaphore::new(settings.processes.max(1));
        let waiting = Semaphore::new(settings.processes.max(1) + settings.max_waiting);
        Workers { pool: Arc::new(Pool { settings, launch, places, waiting, idle: Mutex::new(Vec::new()) }) }
    }

    /// Does a job.
    ///
    /// # Errors
    /// See [`WorkerError`]; what is wrong with the document itself is in the answer.
    pub async fn perform(&self, request: &Request) -> Result<Answer, WorkerError> {
        let _turn = self.pool.waiting.try_acquire().map_err(|_| WorkerError::Busy)?;
        let _place = self.pool.places.acquire().await.map_err(|_| WorkerError::Busy)?;
        let frame = protocol::encode(request).map_err(|_| WorkerError::TooLarge)?;
        if frame.len() > self.pool.settings.max_frame_bytes {
            return Err(WorkerError::TooLarge);
        }
        let worker = self.pool.take()?;
        // A worker that has served may have ended before this job, or carry what earlier documents left in it: its
        // end says nothing about this document.
        let has_served = worker.jobs > 0;
        let answer = match self.pool.run(worker, &frame).await {
            Err(WorkerError::Crashed) if has_served => {
                let new = self.pool.start().map_err(WorkerError::Start)?;
                self.pool.run(new, &frame).await?
            }
            outcome => outcome?,
        };
        match answer {
            Answer::NotBuilt(feature) => Err(WorkerError::NotBuilt(feature)),
            answer => Ok(answer),
        }
    }
}

impl Pool {
    fn take(&self) -> Result<Worker, WorkerError> {
        let idle = self.idle.lock().pop();
        match idle {
            Some(worker) => Ok(worker),
            None => self.start().map_err(WorkerError::Start),
        }
    }

    /// Lets a worker do one job under the deadline; on every error it is dropped, and with it its process killed.
    async fn run(&self, mut worker: Worker, frame: &[u8]) -> Result<Answer, WorkerError> {
        let limit_s = self.settings.job_timeout_s;
        let exchange = worker.exchange(frame, self.settings.max_frame_bytes);
        let answer = match tokio::time::timeout(Duration::from_secs(limit_s), exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => return Err(WorkerError::TooLarge),
            Ok(Err(_)) => return Err(WorkerError::Crashed),
            Err(_) => return Err(WorkerError::Timeout(limit_s)),
        };
        worker.jobs += 1;
        if worker.jobs < self.settings.max_jobs {
            self.idle.lock().push(worker);
        }
        Ok(answer)
    }

    fn start(&self) -> std::io::Result<Worker> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&self.launch.program)
            .args(&self.launch.arguments)
            .env_clear()
            .env(environment::MEMORY_BYTES, self.settings.max_memory_bytes.to_string())
            .env(environment::CPU_S, self.settings.max_cpu_s.to_string())
            .env(environment::FRAME_BYTES, self.settings.max_frame_bytes.to_string())
            .current_dir("/")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            // A fault's text may quote the letter; nobody but its reader may see that (M7).
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal is for the server, which lets its workers finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Worker { _child: child, socket: UnixStream::from_std(ours)?, jobs: 0 })
    }
}

impl Worker {
    async fn exchange(&mut self, frame: &[u8], max_bytes: usize) -> std::io::Result<Answer> {
        self.socket.write_all(frame).await?;
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await?;
        let mut body = vec![0; protocol::check_len(head, max_bytes)?];
        self.socket.read_exact(&mut body).await?;
        protocol::decode(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a test of its own: the process that the other tests start as their worker.
    #[test]
    #[ignore = "run as a worker process by the tests of the pool"]
    fn worker_process() {
        let _ = crate::hybrid::worker::main();
    }

    fn pool(settings: Settings) -> Workers {
        let arguments = ["hybrid::workers::tests::worker_process", "--exact", "--ignored"];
        let launch = Launch {
            program: std::env::current_exe().unwrap(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        Workers::new(settings, launch)
    }

    fn coverage(text: &str) -> Request {
        Request::Coverage(text.to_owned())
    }

    #[tokio::test]
    async fn jobs_are_done_in_a_process_that_is_used_again() {
        let workers = pool(Settings { processes: 1, ..Settings::default() });
        for _ in 0..3 {
            let answer = workers.perform(&coverage("Қазақстан 漢")).await.unwrap();
            assert_eq!(answer, Answer::Missing(vec!['漢']));
        }
        assert_eq!(workers.pool.idle.lock().first().map(|worker| worker.jobs), Some(3));
    }

    #[tokio::test]
    async fn a_worker_is_replaced_after_its_jobs() {
        let workers = pool(Settings { processes: 1, max_jobs: 2, ..Settings::default() });
        workers.perform(&coverage("a")).await.unwrap();
        workers.perform(&coverage("b")).await.unwrap();
        assert!(workers.pool.idle.lock().is_empty());
        workers.perform(&coverage("c")).await.unwrap();
    }

    #[tokio::test]
    async fn a_worker_that_ended_between_jobs_is_not_the_next_documents_fault() {
        let workers = pool(Settings { processes: 1, ..Settings::default() });
        workers.perform(&coverage("a")).await.unwrap();
        let mut idle = workers.pool.idle.lock().pop().unwrap();
        idle._child.kill().await.unwrap();
        workers.pool.idle.lock().push(idle);
        assert_eq!(workers.perform(&coverage("b")).await.unwrap(), Answer::Missing(Vec::new()));
    }

    #[tokio::test]
    async fn a_worker_that_needs_too_much_memory_ends_and_is_replaced() {
        let settings = Settings { processes: 1, max_memory_bytes: 16 << 20, ..Settings::default() };
        let crowded = pool(settings);
        let large = coverage(&"x".repeat(64 << 20));
        assert!(matches!(crowded.perform(&large).await, Err(WorkerError::Crashed)));
        assert!(crowded.pool.idle.lock().is_empty());
    }

    #[tokio::test]
    async fn a_job_that_takes_too_long_is_stopped() {
        let program = PathBuf::from("/bin/sleep");
        let settings = Settings { processes: 1, job_timeout_s: 0, ..Settings::default() };
        let workers = Workers::new(settings, Launch { program, arguments: vec!["30".into()] });
        assert!(matches!(workers.perform(&coverage("a")).await, Err(WorkerError::Timeout(0))));
    }

    #[tokio::test]
    async fn more_jobs_than_may_wait_are_told_to_come_again() {
        let workers = pool(Settings { processes: 1, max_waiting: 0, ..Settings::default() });
        let (first, second) = (coverage("a"), coverage("b"));
        let (first, second) = tokio::join!(workers.perform(&first), workers.perform(&second));
        assert!(first.is_ok());
        assert!(matches!(second, Err(WorkerError::Busy)));
    }

    #[tokio::test]
    async fn a_job_larger_than_a_frame_is_refused_before_a_worker_sees_it() {
        let workers = pool(Settings { max_frame_bytes: 100, ..Settings::default() });
        assert!(matches!(workers.perform(&coverage(&"x".repeat(200))).await, Err(WorkerError::TooLarge)));
    }
}
