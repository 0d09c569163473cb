//! The control socket: `<dir>/control.sock`, for the owner of the directory only. One JSON object a line in each
//! direction: a [`Request`], then any number of `{"progress": …}`, then `{"ok": …}` or `{"error": …}`.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::server::Services;
use crate::server::listener::Drain;
use crate::store::Done;

use super::{Answer, Failure, Listener, Request, execute_telling};

/// The pause after a failed accept.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Where the control socket of a data directory is.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Removes the socket's name when the server ends.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // What is left behind answers "connection refused" and is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An answer on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    /// How far it has come; more follows.
    Progress(Done),
    Ok(Value),
    Error(Failure),
}

/// Opens the socket and answers until the drain begins.
pub(crate) fn listen(services: &Services, drain: &Drain) -> io::Result<ControlSocket> {
    let path = path(&services.config.server.dir);
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    // Commands find the socket only after its mode is set. Whoever else was quick enough is sent away by `is_owner`.
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &path)?;
    drain.spawn(accept(listener, services.clone(), drain.clone()));
    Ok(ControlSocket { path })
}

async fn accept(listener: UnixListener, services: Services, drain: Drain) {
    loop {
        let accepted = tokio::select! {
            () = drain.token().cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if is_owner(&stream) => {
                let (services, stop) = (services.clone(), drain.token().clone());
                drain.spawn(async move {
                    if let Err(error) = answer(&services, stream, &stop).await {
                        tracing::debug!(%error, "control connection ended");
                    }
                });
            }
            Ok(_) => tracing::warn!("somebody else than the owner of the server spoke to the control socket"),
            Err(error) => {
                // As in `Listener::run`: what is wrong lasts until some connection ends.
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// This process's user, or root.
fn is_owner(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Answers one request after the other. A request that is being executed when the drain begins gets its answer;
/// long work ends early and its answer says so.
async fn answer(services: &Services, stream: UnixStream, stop: &CancellationToken) -> io::Result<()> {
    let limit = services.config.server.max_control_line_bytes;
    let mut stream = BufReader::new(stream);
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            line = read_line(&mut stream, limit) => line?,
        };
        let Some(line) = line else { return Ok(()) };
        let reply = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => match execute_telling(services, request, stop.cancelled(), &mut stream).await? {
                Ok(data) => Reply::Ok(data),
                Err(failure) => Reply::Error(failure),
            },
            Err(error) => Reply::Error(Failure {
                message: format!(
                    "the server does not know this request ({error}); command and server must be of one version"
                ),
            }),
        };
        write_line(&mut stream, &reply).await?;
    }
}

impl Listener for BufReader<UnixStream> {
    async fn tell(&mut self, done: Done) -> io::Result<()> {
        write_line(self, &Reply::Progress(done)).await
    }
}

/// A command's end of the socket.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    max_line_bytes: usize,
}

impl Client {
    /// Connects to the server that holds `dir`; `None` when none does.
    ///
    /// # Errors
    /// There is a socket that this user may not use, or it fails otherwise.
    pub async fn connect(dir: &Path, max_line_bytes: usize) -> io::Result<Option<Self>> {
        match UnixStream::connect(path(dir)).await {
            Ok(stream) => Ok(Some(Client { stream: BufReader::new(stream), max_line_bytes })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The server's negative answer, or that it went away.
    pub async fn ask(&mut self, request: &Request) -> Answer {
        self.ask_telling(request, |_| ()).await
    }

    /// Asks, and waits for the answer; `progress` hears how far long work has come.
    ///
    /// # Errors
    /// The server's negative answer, or that it went away.
    pub async fn ask_telling(&mut self, request: &Request, mut progress: impl FnMut(Done)) -> Answer {
        let broken = |error: io::Error| Failure { message: format!("the server does not answer: {error}") };
        write_line(&mut self.stream, request).await.map_err(broken)?;
        loop {
            let line = read_line(&mut self.stream, self.max_line_bytes).await.map_err(broken)?;
            let line = line.ok_or_else(|| broken(io::ErrorKind::UnexpectedEof.into()))?;
            match serde_json::from_slice(&line) {
                Ok(Reply::Progress(done)) => progress(done),
                Ok(Reply::Ok(data)) => return Ok(data),
                Ok(Reply::Error(failure)) => return Err(failure),
                Err(error) => return Err(Failure::from_error(&error)),
            }
        }
    }
}

/// A line without its end; `None` at the end of the connection.
async fn read_line(stream: &mut BufReader<UnixStream>, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    stream.take(most).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() + 1 >= limit => {
            let why = "the line is longer than server.max_control_line_bytes; ask for fewer rows with --limit";
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn write_line(stream: &mut BufReader<UnixStream>, data: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(data)?;
    line.push(b'\n');
    stream.get_mut().write_all(&line).await
}
