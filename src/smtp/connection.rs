//! One connection: reads, keeps the deadlines, carries out what the session wants, and remembers who is there.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::address::ReversePath;
use crate::auth::{AuthError, Hold, Identity};
use crate::intake::{self, Entrance, Envelope, Origin, Refusal, Sender};
use crate::server::listener::{Accepted, Permit};
use crate::server::tls::Wire;

use super::incoming::Incoming;
use super::peers::CredentialMatch;
use super::peers::PeerClass;
use super::proto::{Action, Channel, Credentials, Door, Event, Reply, Session};
use super::server::{House, Port};
use super::service::Service;

/// Read at once while commands come: little, because nobody has logged in yet.
const COMMAND_READ_BYTES: usize = 8 << 10;
/// Read at once while content comes that fills what is read while commands come.
const CONTENT_READ_BYTES: usize = 64 << 10;
/// How long a client that was told to go may take to hear it.
const LINGER: Duration = Duration::from_secs(1);

/// One client.
pub(super) struct Connection<S: Service> {
    house: Arc<House<S>>,
    port: Port,
    id: u64,
    ip: IpAddr,
    stop: CancellationToken,
    wire: Option<Wire>,
    _permit: Permit,
    /// TLS version and cipher.
    tls: Option<String>,
    /// The peer of port 25 whose certificate or address this is.
    peer: Option<String>,
    login: Option<LoggedIn>,
    /// What the user logged in with, until that ends.
    hold: Option<Hold>,
    message: Message<S::Sink>,
    output: Vec<u8>,
    /// When the session last got somewhere; bytes alone do not count.
    progress: Instant,
}

enum LoggedIn {
    User(Identity),
    Peer(String),
}

/// The message that is arriving.
enum Message<K> {
    None,
    Arriving {
        incoming: Incoming<K>,
        clock: ContentClock,
    },
    /// Its bytes could not be kept; the session has not been told yet.
    Failed {
        refusal: Refusal,
        clock: ContentClock,
    },
    /// Content that is thrown away; its time runs all the same.
    Draining(ContentClock),
}

#[derive(Clone, Copy)]
struct ContentClock {
    started: Instant,
    bytes: u64,
}

impl ContentClock {
    fn start() -> Self {
        ContentClock { started: Instant::now(), bytes: 0 }
    }
}

/// What becomes of the connection after an action.
enum Next {
    Go,
    Answer(Event<'static>),
    StartTls,
    Close,
}

/// What was read from the client, and room for more.
#[derive(Default)]
struct ReadBuffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReadBuffer {
    /// What was read last.
    fn read(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Room for the next read. Most letters fit into that for commands, so that it need not be made for each of them.
    fn room(&mut self, in_content: bool) -> &mut [u8] {
        let is_full = self.filled >= COMMAND_READ_BYTES;
        let len = match in_content {
            true if is_full || self.bytes.len() == CONTENT_READ_BYTES => CONTENT_READ_BYTES,
            _ => COMMAND_READ_BYTES,
        };
        self.bytes.resize(len, 0);
        self.bytes.shrink_to(len);
        &mut self.bytes
    }
}

/// What a wait for the client brought.
enum Heard {
    /// They are in the buffer.
    Bytes,
    Silence,
    Stop,
    /// The account of the user changed.
    AccountChanged,
    Gone,
}

impl<S: Service> Connection<S> {
    pub(super) fn new(house: Arc<House<S>>, port: Port, accepted: Accepted, stop: CancellationToken) -> Self {
        let ip = accepted.client.ip();
        let peer = match port {
            Port::Mx => house.peers.by_address(ip).map(|peer| peer.name().to_owned()),
            Port::Submission | Port::Submissions => None,
        };
        Connection {
            house,
            port,
            id: accepted.id,
            ip,
            stop,
            wire: Some(Wire::Plain(accepted.stream)),
            _permit: accepted.permit,
            tls: None,
            peer,
            login: None,
            hold: None,
            message: Message::None,
            output: Vec::new(),
            progress: Instant::now(),
        }
    }

    /// Serves the client until it or we have had enough.
    pub(super) async fn run(mut self) {
        match self.dialogue().await {
            Ok(()) => tracing::debug!("closed"),
            Err(error) => tracing::debug!(%error, "connection lost"),
        }
    }

    async fn dialogue(&mut self) -> io::Result<()> {
        let channel = match self.port {
            Port::Submissions => {
                self.secure().await?;
                Channel::Tls
            }
            Port::Mx | Port::Submission => Channel::Plain,
        };
        if self.talks_early().await? {
            let reply = Session::early_talker(&self.site());
            self.say(&reply);
            return self.leave().await;
        }
        let (mut session, greeting) = Session::greet(self.site(), channel);
        for action in greeting {
            self.perform(&session, action).await?;
        }
        let mut told_to_stop = false;
        let mut buffer = ReadBuffer::default();
        loop {
            self.flush().await?;
            let event = match self.listen(&session, &mut buffer, told_to_stop).await? {
                Heard::Bytes => Event::Bytes(buffer.read()),
                Heard::Silence => Event::TimedOut,
                Heard::Stop => Event::Stopping,
                Heard::AccountChanged => match self.ended().await {
                    Some(why) => Event::LoginEnded(why),
                    None => continue,
                },
                Heard::Gone => return Ok(()),
            };
            told_to_stop |= matches!(event, Event::Stopping);
            let next;
            (session, next) = self.feed(session, event).await?;
            match next {
                Next::Go | Next::Answer(_) => {}
                Next::Close => return self.leave().await,
                Next::StartTls => {
                    self.flush().await?;
                    self.secure().await?;
                    session = Session::secured(self.site());
                    told_to_stop = false;
                }
            }
        }
    }

    /// Hands one event to the session and carries out what it wants, answers of services included.
    async fn feed(&mut self, session: Session, event: Event<'_>) -> io::Result<(Session, Next)> {
        let (mut session, mut actions) = session.handle(event);
        loop {
            let mut next = Next::Go;
            if !actions.is_empty() {
                self.progress = Instant::now();
            }
            for action in actions {
                match self.perform(&session, action).await? {
                    Next::Go => {}
                    other => next = other,
                }
            }
            if let (Next::Go, Message::Failed { .. }) = (&next, &self.message) {
                next = Next::Answer(Event::BodyFailed(self.take_failure()));
            }
            let Next::Answer(answer) = next else { return Ok((session, next)) };
            if let Event::Login(Ok(())) = answer {
                session.move_to(self.site());
            }
            (session, actions) = session.handle(answer);
        }
    }

    async fn perform(&mut self, session: &Session, action: Action) -> io::Result<Next> {
        Ok(match action {
            Action::Reply(reply) => {
                self.say(&reply);
                Next::Go
            }
            Action::CheckSender { reverse_path } => {
                Next::Answer(Event::Sender(self.check_sender(session, &reverse_path).await))
            }
            Action::CheckRecipient(address) => {
                let origin = self.origin(session);
                let (accepted, announced) = (session.recipients(), session.announced_bytes());
                let verdict = self.house.service.check_recipient(&origin, accepted, &address, announced).await;
                Next::Answer(Event::Recipient(self.noted(verdict)))
            }
            Action::Login(credentials) => Next::Answer(Event::Login(self.check_login(credentials).await)),
            Action::BeginBody => {
                let incoming = Incoming::new(self.house.service.open());
                self.message = Message::Arriving { incoming, clock: ContentClock::start() };
                Next::Go
            }
            Action::Body(piece) => {
                self.keep(piece).await;
                Next::Go
            }
            Action::AbandonBody => {
                self.message = match std::mem::replace(&mut self.message, Message::None) {
                    Message::Arriving { clock, .. } | Message::Failed { clock, .. } => Message::Draining(clock),
                    other => other,
                };
                Next::Go
            }
            Action::Accept(envelope) => {
                // The client may wait long for a commit: what was said before must not wait with it.
                self.flush().await?;
                Next::Answer(Event::Stored(self.accept(session, envelope).await))
            }
            Action::StartTls => Next::StartTls,
            Action::Close => Next::Close,
        })
    }

    fn say(&mut self, reply: &Reply) {
        self.house.replies.count(self.port, reply.code());
        self.output.extend_from_slice(&reply.to_bytes());
    }

    async fn check_sender(&mut self, session: &Session, reverse_path: &ReversePath) -> Result<(), Refusal> {
        let origin = self.origin(session);
        if let Sender::Peer { name, .. } = &origin.sender {
            let allowed = self.house.peers.get(name).is_some_and(|peer| peer.may_write_from(reverse_path));
            if !allowed {
                let sender = reverse_path.to_string();
                tracing::info!(peer = %name, %sender, "a peer tried to write from a domain that is not its own");
                return Err(Refusal::SenderNotYours(sender));
            }
        }
        let verdict = self.house.service.check_sender(&origin, reverse_path).await;
        self.noted(verdict)
    }

    async fn check_login(&mut self, credentials: Credentials) -> Result<(), AuthError> {
        let Credentials { name, password } = credentials;
        let login = match self.house.peers.by_credential(&name, &password) {
            CredentialMatch::Peer(peer) => Ok(LoggedIn::Peer(peer.name().to_owned())),
            CredentialMatch::WrongSecret => Err(AuthError::Wrong),
            CredentialMatch::NoPeer if self.port == Port::Mx => Err(AuthError::Wrong),
            CredentialMatch::NoPeer => {
                Box::pin(self.house.service.login(&name, &password, self.ip)).await.map(LoggedIn::User)
            }
        };
        let outcome = if login.is_ok() { "accepted" } else { "refused" };
        metrics::counter!("poshta_smtp_logins_total", "port" => self.port.name(), "outcome" => outcome).increment(1);
        match login {
            Ok(login) => {
                tracing::info!(login = %name, "logged in");
                self.hold = match &login {
                    LoggedIn::User(identity) => self.house.service.hold(identity),
                    LoggedIn::Peer(_) => None,
                };
                self.login = Some(login);
                Ok(())
            }
            Err(error) => {
                tracing::info!(%error, "login refused");
                Err(error)
            }
        }
    }

    /// Why the user may not go on, if so; that is told once.
    async fn ended(&mut self) -> Option<&'static str> {
        let ended = self.hold.as_mut()?.check().await?;
        tracing::info!(?ended, "what opened the session is no more");
        self.hold = None;
        Some(ended.text())
    }

    /// Takes bytes of the message; a failure is told to the session when all actions are done.
    async fn keep(&mut self, piece: Vec<u8>) {
        let Message::Arriving { incoming, clock } = std::mem::replace(&mut self.message, Message::None) else {
            return;
        };
        self.message = match incoming.write(piece).await {
            Ok(incoming) => Message::Arriving { incoming, clock },
            Err(refusal) => Message::Failed { refusal, clock },
        };
    }

    fn take_failure(&mut self) -> Refusal {
        match std::mem::replace(&mut self.message, Message::None) {
            Message::Failed { refusal, clock } => {
                self.message = Message::Draining(clock);
                self.logged(refusal)
            }
            _ => Refusal::Temporary("no message is open".to_owned()),
        }
    }

    async fn accept(&mut self, session: &Session, envelope: Envelope) -> Result<crate::ids::ItemId, Refusal> {
        let origin = self.origin(session);
        let verdict = match std::mem::replace(&mut self.message, Message::None) {
            Message::Arriving { incoming, .. } => match incoming.finish().await {
                // In a place of its own: all that this waits through takes 10 KB, which would lie in every connection,
                // idle ones too, and be moved with every action.
                Ok(sink) => Box::pin(self.house.service.accept(origin, envelope, sink)).await,
                Err(refusal) => Err(refusal),
            },
            Message::Failed { refusal, .. } => Err(refusal),
            Message::None | Message::Draining(_) => Err(Refusal::Temporary("no message is open".to_owned())),
        };
        let port = self.port.name();
        match &verdict {
            Ok(item) => {
                metrics::counter!("poshta_smtp_messages_accepted_total", "port" => port).increment(1);
                tracing::info!(%item, "message accepted");
            }
            Err(refusal) => {
                let code = super::proto::reply::refused(refusal).code().to_string();
                metrics::counter!("poshta_smtp_messages_refused_total", "port" => port, "code" => code).increment(1);
                tracing::info!(reason = %refusal, "message refused");
            }
        }
        self.noted(verdict)
    }

    fn noted<T>(&self, verdict: Result<T, Refusal>) -> Result<T, Refusal> {
        verdict.map_err(|refusal| self.logged(refusal))
    }

    /// What goes wrong inside is told to the operator, not to the client (DESIGN 13).
    fn logged(&self, refusal: Refusal) -> Refusal {
        if let Refusal::Store(_) | Refusal::Temporary(_) = refusal {
            tracing::error!(error = %refusal, "temporary failure");
        }
        refusal
    }

    fn origin(&self, session: &Session) -> Origin {
        let sender = match (&self.login, &self.peer) {
            (Some(LoggedIn::User(user)), _) => Sender::Account { id: user.account, address: user.address.clone() },
            (Some(LoggedIn::Peer(name)), _) | (None, Some(name)) => {
                let official = self.house.peers.get(name).is_some_and(|peer| peer.class() == PeerClass::Official);
                Sender::Peer { name: name.clone(), official }
            }
            (None, None) => Sender::Stranger,
        };
        Origin {
            entrance: match self.port.door() {
                Door::Mx => Entrance::Mx,
                Door::Submission => Entrance::Submission,
            },
            sender,
            connection: Some(intake::Connection {
                id: self.id,
                ip: self.ip,
                helo: session.helo().to_owned(),
                protocol: session.protocol(),
                tls: self.tls.clone(),
            }),
        }
    }

    fn site(&self) -> Arc<super::proto::Site> {
        let name = match &self.login {
            Some(LoggedIn::Peer(name)) => Some(name),
            Some(LoggedIn::User(_)) | None => self.peer.as_ref(),
        };
        self.house.site(self.port, name.and_then(|name| self.house.peers.get(name)))
    }

    /// Begins TLS. Whoever logged in before did so in the clear and must do it again.
    async fn secure(&mut self) -> io::Result<()> {
        let (Some(tls), Some(wire)) = (self.house.tls(self.port), self.wire.take()) else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS is not configured"));
        };
        let wire = wire.upgrade(tls).await?;
        if let Some(security) = wire.security() {
            if self.port == Port::Mx {
                self.recognise(&security.client_certificates);
            }
            self.tls = Some(security.description);
        }
        self.wire = Some(wire);
        self.login = None;
        self.hold = None;
        self.message = Message::None;
        self.progress = Instant::now();
        Ok(())
    }

    /// A certificate says more than an address; one that nobody knows says nothing.
    fn recognise(&mut self, chain: &[CertificateDer<'static>]) {
        if let Some(peer) = self.house.peers.by_certificate(chain, self.house.world.now()) {
            tracing::info!(peer = peer.name(), "peer recognised by its certificate");
            self.peer = Some(peer.name().to_owned());
        }
    }

    fn wire(&mut self) -> io::Result<&mut Wire> {
        self.wire.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    async fn talks_early(&mut self) -> io::Result<bool> {
        let wait = Duration::from_millis(self.house.settings.early_talk_wait_ms);
        if self.port != Port::Mx || wait.is_zero() {
            return Ok(false);
        }
        match timeout(wait, self.wire()?.read_u8()).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Waits for the client, the clock or the end of the server.
    async fn listen(&mut self, session: &Session, buffer: &mut ReadBuffer, told_to_stop: bool) -> io::Result<Heard> {
        let in_content = session.in_content();
        match (in_content, &self.message) {
            // Content of a spoiled message is over when the session says so.
            (false, Message::Draining(_)) => self.message = Message::None,
            // A chunk that the session reads past belongs to no message.
            (true, Message::None) => self.message = Message::Draining(ContentClock::start()),
            _ => {}
        }
        if self.too_slow() {
            return Ok(Heard::Silence);
        }
        let deadline = self.deadline(in_content);
        let stop = self.stop.clone();
        let (wire, hold) = (self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?, &mut self.hold);
        let read = timeout_at(deadline, wire.read(buffer.room(in_content)));
        let account = async {
            match hold {
                Some(hold) => hold.changed().await,
                None => std::future::pending().await,
            }
        };
        let heard = tokio::select! {
            biased;
            () = stop.cancelled(), if !told_to_stop => return Ok(Heard::Stop),
            () = account => return Ok(Heard::AccountChanged),
            heard = read => heard,
        };
        match heard {
            Err(_) => Ok(Heard::Silence),
            Ok(Ok(0)) => Ok(Heard::Gone),
            Ok(Ok(count)) => {
                buffer.filled = count;
                self.count(count);
                Ok(Heard::Bytes)
            }
            Ok(Err(error)) => Err(error),
        }
    }

    fn clock(&mut self) -> Option<&mut ContentClock> {
        match &mut self.message {
            Message::Arriving { clock, .. } | Message::Draining(clock) => Some(clock),
            Message::None | Message::Failed { .. } => None,
        }
    }

    fn count(&mut self, bytes: usize) {
        if let Some(clock) = self.clock() {
            clock.bytes += bytes as u64;
        }
    }

    /// Whether the content of a message comes in by drops, to hold the connection for ever.
    fn too_slow(&mut self) -> bool {
        let (grace, rate) = (self.house.settings.data_rate_grace_s, self.house.settings.min_data_bytes_per_s);
        let Some(clock) = self.clock() else { return false };
        let seconds = clock.started.elapsed().as_secs();
        seconds > grace && clock.bytes < rate.saturating_mul(seconds)
    }

    fn deadline(&mut self, in_content: bool) -> Instant {
        let settings = &self.house.settings;
        let whole = Duration::from_secs(settings.data_timeout_s);
        let silence = if in_content {
            Instant::now() + Duration::from_secs(settings.data_idle_timeout_s)
        } else {
            self.progress + settings.command_timeout()
        };
        match self.clock() {
            Some(clock) => silence.min(clock.started + whole),
            None => silence,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        let limit = self.house.settings.command_timeout();
        let wire = self.wire()?;
        let write = async {
            wire.write_all(&output).await?;
            wire.flush().await
        };
        timeout(limit, write).await?
    }

    /// Says the last words and closes. A client that is still sending would lose them to a reset, so what it
    /// sends is read for a moment.
    async fn leave(&mut self) -> io::Result<()> {
        self.flush().await?;
        let wire = self.wire()?;
        let linger = async {
            wire.shutdown().await?;
            let mut ignored = vec![0; 4096];
            while wire.read(&mut ignored).await? > 0 {}
            Ok(())
        };
        timeout(LINGER, linger).await.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests;
