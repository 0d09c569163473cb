//! One connection: feeds the pure session with what comes from the client, carries out what it asks for, and
//! watches the clock.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::auth::{Door, Hold, Secret};
use crate::server::tls::Tls;

use super::desk::{Answer, Desk, Expunges};
use super::fault::Fault;
use super::output::{CHUNK, Output};
use super::proto::command::{Command, Credentials, NumberedBy, Tag};
use super::proto::response::{Code, Condition, Status};
use super::proto::{Action, Channel, Event, Outcome, Session};
use super::server::Services;
use super::verbs::{self, append::Incoming};

/// Bytes read at once while commands are short.
const READ_BYTES: usize = 4 << 10;

/// A client's connection: who it is, and what it is in the middle of.
#[derive(Debug)]
pub(super) struct Connection {
    services: Arc<Services>,
    tls: Option<Tls>,
    client: IpAddr,
    stage: Stage,
    /// What the user logged in with.
    hold: Option<Hold>,
    arriving: Option<Arriving>,
    idling: bool,
    clock: Deadlines,
}

/// Who is at the other end.
#[derive(Debug)]
enum Stage {
    /// Nobody known.
    Visitor(Output),
    /// A user.
    User(Box<Desk>),
    /// The connection is closed.
    Closed,
}

/// The message of an APPEND, or why it will be refused once it is through.
#[derive(Debug)]
enum Arriving {
    Message(Box<Incoming>),
    Refused(Fault),
}

/// When patience ends.
#[derive(Debug)]
struct Deadlines {
    connected: Instant,
    heard: Instant,
    /// The client is in the middle of a command.
    in_command: bool,
}

/// What to do after an action.
enum Next {
    /// The next action.
    Go,
    /// Tell the session first.
    Tell(Event<'static>),
    /// A new session begins behind TLS.
    Restart,
    /// The connection ends.
    Close,
}

/// What woke the connection.
enum Heard {
    Bytes,
    News,
    /// The account of the user changed.
    AccountChanged,
    End(&'static str),
    Closed,
}

impl Connection {
    /// A new connection over `output`.
    pub(super) fn new(services: Arc<Services>, tls: Option<Tls>, client: IpAddr, output: Output) -> Self {
        let now = Instant::now();
        Connection {
            services,
            tls,
            client,
            stage: Stage::Visitor(output),
            hold: None,
            arriving: None,
            idling: false,
            clock: Deadlines { connected: now, heard: now, in_command: false },
        }
    }

    /// Serves until either side ends it.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        match self.serve(&stop).await {
            Ok(()) => {}
            Err(Fault::Lost(error)) => tracing::debug!(%error, "connection lost"),
            Err(error) => tracing::warn!(%error, "session ended"),
        }
        match self.stage {
            Stage::Visitor(output) => output.close().await,
            Stage::User(desk) => desk.output.close().await,
            Stage::Closed => {}
        }
    }

    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), Fault> {
        let settings = Arc::new(self.services.settings.protocol.clone());
        let (mut session, actions) = Session::start(Arc::clone(&settings), self.channel()?);
        let mut actions = VecDeque::from(actions);
        let mut input = BytesMut::new();
        loop {
            let worked = !actions.is_empty();
            while let Some(action) = actions.pop_front() {
                let more;
                match self.perform(&session, action).await? {
                    Next::Go => continue,
                    Next::Tell(event) => (session, more) = session.handle(event),
                    Next::Restart => {
                        input.clear();
                        (session, more) = (Session::after_starttls(Arc::clone(&settings), self.channel()?), Vec::new());
                    }
                    Next::Close => return Ok(()),
                }
                actions.extend(more);
            }
            self.output()?.flush().await?;
            if worked {
                // The time that an answer takes is not the client's idleness.
                self.clock.heard = Instant::now();
            }
            let (next, more) = match self.hear(stop, &mut input).await? {
                Heard::Closed => return Ok(()),
                Heard::End(text) => session.handle(Event::End(text)),
                Heard::AccountChanged => match self.ended().await {
                    Some(text) => session.handle(Event::End(text)),
                    None => (session, Vec::new()),
                },
                Heard::News => {
                    if let Some(ended) = self.tell_news().await? {
                        session.handle(Event::Done(ended))
                    } else {
                        (session, Vec::new())
                    }
                }
                Heard::Bytes => {
                    let bytes = input.split();
                    let (next, more) = session.handle(Event::Bytes(&bytes));
                    self.clock.in_command = !next.is_idling() && more.iter().all(is_unfinished);
                    (next, more)
                }
            };
            (session, actions) = (next, more.into());
        }
    }

    /// Waits for the client, for news of the folder while it idles, for the end of patience or of the server.
    async fn hear(&mut self, stop: &CancellationToken, input: &mut BytesMut) -> Result<Heard, Fault> {
        let (deadline, last_words) = self.deadline();
        if self.arriving.is_some() {
            input.reserve(CHUNK);
            self.output()?.acknowledge();
        } else {
            // What a message needed must not stay with an idle session.
            if input.capacity() > READ_BYTES {
                *input = BytesMut::new();
            }
            input.reserve(READ_BYTES);
        }
        let idling = self.idling;
        let heard = match &mut self.stage {
            Stage::Closed => return Ok(Heard::Closed),
            Stage::Visitor(output) => tokio::select! {
                biased;
                () = stop.cancelled() => Heard::End("the server is shutting down"),
                read = output.read(input) => heard_of(read?),
                () = tokio::time::sleep_until(deadline) => Heard::End(last_words),
            },
            Stage::User(desk) => {
                let Desk { output, selected, .. } = &mut **desk;
                let hold = &mut self.hold;
                let account = async {
                    match hold {
                        Some(hold) => hold.changed().await,
                        None => std::future::pending().await,
                    }
                };
                let news = async {
                    match selected {
                        Some(selected) if idling => selected.changed().await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Heard::End("the server is shutting down"),
                    () = account => Heard::AccountChanged,
                    read = output.read(input) => heard_of(read?),
                    () = news => Heard::News,
                    () = tokio::time::sleep_until(deadline) => Heard::End(last_words),
                }
            }
        };
        if let Heard::Bytes = heard {
            self.clock.heard = Instant::now();
        }
        Ok(heard)
    }

    /// When patience ends, and what is said then (RFC 9051 §5.4).
    fn deadline(&self) -> (Instant, &'static str) {
        let settings = &self.services.settings;
        let (from, patience, words): (Instant, Duration, _) = match &self.stage {
            Stage::Visitor(_) | Stage::Closed => {
                (self.clock.connected, settings.login_timeout(), "nobody logged in for too long")
            }
            Stage::User(_) if self.clock.in_command => {
                (self.clock.heard, settings.command_timeout(), "the command was not finished in time")
            }
            Stage::User(_) => (self.clock.heard, settings.idle_timeout(), "autologout: no command for too long"),
        };
        (from + patience, words)
    }

    /// Carries out one action.
    async fn perform(&mut self, session: &Session, action: Action) -> Result<Next, Fault> {
        match action {
            Action::Output(bytes) => {
                self.output()?.send(&bytes).await?;
                Ok(Next::Go)
            }
            Action::Login(credentials) => Ok(Next::Tell(self.login(&credentials).await)),
            Action::ClientId(pairs) => {
                tracing::debug!(?pairs, "client");
                Ok(Next::Go)
            }
            Action::StartTls => self.begin_tls().await,
            Action::Close => Ok(Next::Close),
            Action::Run(tagged) => {
                let desk = self.desk()?;
                desk.dialect = session.dialect();
                let (name, how) = (verbs::name(&tagged.command), Completion::of(&tagged.command));
                // In a place of its own: what a verb waits through takes 5 KB, which sessions that idle need not have.
                let answer = Box::pin(verbs::run(desk, &tagged.tag, tagged.command)).await;
                let outcome = complete(desk, &tagged.tag, answer, how).await?;
                metrics::counter!("poshta_imap_commands_total", "command" => name).increment(1);
                Ok(Next::Tell(Event::Done(outcome)))
            }
            Action::Idle => {
                self.idling = true;
                // What happened before IDLE is told at once: nobody will come and wake us for it.
                Ok(self.tell_news().await?.map_or(Next::Go, |ended| Next::Tell(Event::Done(ended))))
            }
            Action::IdleEnd { tag, completion } => {
                self.idling = false;
                let outcome = complete(self.desk()?, &tag, Ok(completion), Completion::FORCED).await?;
                Ok(Next::Tell(Event::Done(outcome)))
            }
            Action::AppendStart { .. } | Action::AppendBytes(_) | Action::AppendEnd { .. } | Action::AppendAborted => {
                Box::pin(self.append(session, action)).await
            }
        }
    }

    async fn append(&mut self, session: &Session, action: Action) -> Result<Next, Fault> {
        match action {
            Action::AppendStart { tag, append } => {
                let desk = self.desk()?;
                desk.dialect = session.dialect();
                match verbs::append::begin(desk, &append).await {
                    Ok(incoming) => {
                        self.arriving = Some(Arriving::Message(Box::new(incoming)));
                        return Ok(Next::Tell(Event::AppendReady));
                    }
                    Err(fault) => {
                        let outcome = complete(desk, &tag, Err(fault), Completion::ORDINARY).await?;
                        return Ok(Next::Tell(Event::Done(outcome)));
                    }
                }
            }
            Action::AppendBytes(bytes) => {
                // The client is sending: a refusal has to wait for the end of the literal.
                let fed = match &mut self.arriving {
                    Some(Arriving::Message(incoming)) => incoming.feed(&bytes),
                    _ => Ok(()),
                };
                if let Err(fault) = fed {
                    self.arriving = Some(Arriving::Refused(fault));
                }
            }
            Action::AppendEnd { tag } => {
                let arrived = self.arriving.take();
                let desk = self.desk()?;
                let answer = match arrived {
                    Some(Arriving::Message(incoming)) => incoming.finish(desk).await,
                    Some(Arriving::Refused(fault)) => Err(fault),
                    None => Err(Fault::Bad("there is no message")),
                };
                metrics::counter!("poshta_imap_commands_total", "command" => "append").increment(1);
                let outcome = complete(desk, &tag, answer, Completion::ORDINARY).await?;
                return Ok(Next::Tell(Event::Done(outcome)));
            }
            _ => self.arriving = None,
        }
        Ok(Next::Go)
    }

    async fn login(&mut self, credentials: &Credentials) -> Event<'static> {
        if credentials.authorize_as.as_ref().is_some_and(|other| *other != credentials.user) {
            // RFC 4616 §2: nobody may act for somebody else here.
            let status = Status::no("you may only open your own mailbox").with(Code::AuthorizationFailed);
            return Event::LoginRefused(status);
        }
        let password = Secret::new(credentials.password.to_string());
        let authenticator = &self.services.authenticator;
        match Box::pin(authenticator.login(&credentials.user, &password, self.client, Door::Imap)).await {
            Ok(identity) => {
                tracing::info!(account = identity.account.0, "logged in");
                self.hold = Some(self.services.authenticator.hold(&identity));
                self.stage = match std::mem::replace(&mut self.stage, Stage::Closed) {
                    Stage::Visitor(mut output) => {
                        // M16, RFC 9051 §7.1: a person is to see it, and only now has a program a person before it.
                        if let Some(text) = self.services.announcements.alert() {
                            Status::ok(text).with(Code::Alert).write_untagged(output.buffer());
                        }
                        Stage::User(Box::new(Desk::new(Arc::clone(&self.services), identity, output)))
                    }
                    other => other,
                };
                Event::LoggedIn
            }
            Err(error) => {
                let refusal = Fault::Login(error).answer();
                Event::LoginRefused(refusal.unwrap_or_else(|| Status::no("the login failed")))
            }
        }
    }

    /// Why the user may not go on, if so.
    async fn ended(&mut self) -> Option<&'static str> {
        let ended = self.hold.as_mut()?.check().await?;
        tracing::info!(?ended, "what opened the session is no more");
        Some(ended.text())
    }

    async fn begin_tls(&mut self) -> Result<Next, Fault> {
        self.output()?.flush().await?;
        let Some(tls) = self.tls.clone() else { return Ok(Next::Close) };
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Visitor(output) => self.stage = Stage::Visitor(output.upgrade(&tls).await?),
            _ => return Ok(Next::Close),
        }
        Ok(Next::Restart)
    }

    /// Tells what happened in the folder; `Some` when the session has to end.
    async fn tell_news(&mut self) -> Result<Option<Outcome>, Fault> {
        let Stage::User(desk) = &mut self.stage else { return Ok(None) };
        match desk.tell(Expunges::Told).await {
            Ok(()) => Ok(None),
            Err(fault) => end_of(desk, fault).map(Some),
        }
    }

    fn channel(&mut self) -> Result<Channel, Fault> {
        let offered = self.tls.is_some();
        Ok(match self.output()?.is_encrypted() {
            true => Channel::Tls,
            false if offered => Channel::PlainWithStartTls,
            false => Channel::Plain,
        })
    }

    fn output(&mut self) -> Result<&mut Output, Fault> {
        match &mut self.stage {
            Stage::Visitor(output) => Ok(output),
            Stage::User(desk) => Ok(&mut desk.output),
            Stage::Closed => Err(closed()),
        }
    }

    fn desk(&mut self) -> Result<&mut Desk, Fault> {
        match &mut self.stage {
            Stage::User(desk) => Ok(desk),
            Stage::Visitor(_) | Stage::Closed => Err(closed()),
        }
    }
}

/// What is told ahead of the tagged answer.
#[derive(Clone, Copy, Debug)]
struct Completion {
    expunges: Expunges,
    /// Look even if no event came: that is what NOOP is for (RFC 9051 §6.1.2).
    forced: bool,
}

impl Completion {
    const ORDINARY: Completion = Completion { expunges: Expunges::Told, forced: false };
    const FORCED: Completion = Completion { expunges: Expunges::Told, forced: true };

    /// RFC 9051 §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH run; their UID forms are other commands.
    fn of(command: &Command) -> Self {
        let by = match command {
            Command::Noop | Command::Check => return Completion::FORCED,
            Command::Fetch(fetch) => fetch.by,
            Command::Store(store) => store.by,
            Command::Search(search) => search.by,
            _ => NumberedBy::Uid,
        };
        match by {
            NumberedBy::Sequence => Completion { expunges: Expunges::Held, forced: false },
            NumberedBy::Uid => Completion::ORDINARY,
        }
    }
}

/// Tells the news and the tagged answer.
async fn complete(desk: &mut Desk, tag: &Tag, answer: Answer, how: Completion) -> Result<Outcome, Fault> {
    let status = match answer {
        Ok(status) => status,
        Err(fault) => match fault.answer() {
            Some(status) => status,
            None => return end_of(desk, fault),
        },
    };
    let told = if how.forced { desk.tell(how.expunges).await } else { desk.tell_if_changed(how.expunges).await };
    if let Err(fault) = told {
        return end_of(desk, fault);
    }
    status.write_tagged(tag, desk.output.buffer());
    Ok(match (status.condition, &desk.selected) {
        (Condition::Bad, _) => Outcome::Bad,
        (_, Some(_)) => Outcome::Selected,
        (_, None) => Outcome::Unselected,
    })
}

/// A fault that ends the session: with a word if one can still be said.
fn end_of(desk: &mut Desk, fault: Fault) -> Result<Outcome, Fault> {
    match fault {
        Fault::Lost(_) => Err(fault),
        Fault::FolderGone => {
            Status::bye("the selected folder was deleted").write_untagged(desk.output.buffer());
            Ok(Outcome::Ended)
        }
        other => {
            tracing::error!(error = %other, "session cannot go on");
            Status::bye("the store cannot be read now").with(Code::Unavailable).write_untagged(desk.output.buffer());
            Ok(Outcome::Ended)
        }
    }
}

/// Whether an action leaves the client in the middle of its command.
fn is_unfinished(action: &Action) -> bool {
    match action {
        Action::Output(bytes) => bytes.starts_with(b"+"),
        Action::AppendStart { .. } | Action::AppendBytes(_) => true,
        _ => false,
    }
}

fn heard_of(read: usize) -> Heard {
    if read == 0 { Heard::Closed } else { Heard::Bytes }
}

fn closed() -> Fault {
    Fault::Lost(std::io::ErrorKind::NotConnected.into())
}
