//! One IMAP session, from greeting to BYE: bytes and answers in, actions out (RFC 9051 §3, §5.5).
//!
//! The driver owns the socket, TLS, timers and services. It feeds [`Event`]s and carries out the [`Action`]s in
//! order. Invariant: at most one command is in hand; while the driver works on it nothing else is started, and
//! what the client sent ahead waits unparsed. What came before TLS dies with the session that read it.

mod append;
mod gate;
mod login;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

use super::capability::{Login, Passwords, Situation, StartTls};
use super::command::{Append, Command, Credentials, Tag, Tagged};
use super::framing::{Budget, Frame, Framer, Line};
use super::parser::{self, Rejected};
use super::response::{self, Code, Condition, Dialect, Status};
use super::settings::Settings;

/// What runs under the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// TLS.
    Tls,
    /// Plain TCP where STARTTLS can be used.
    PlainWithStartTls,
    /// Plain TCP without a certificate to begin TLS with.
    Plain,
}

/// What the driver tells the session.
#[derive(Debug)]
pub enum Event<'a> {
    /// Bytes came from the client.
    Bytes(&'a [u8]),
    /// The command in hand ([`Action::Run`], [`Action::AppendStart`], [`Action::AppendEnd`], [`Action::IdleEnd`])
    /// is answered: the driver wrote its untagged data and its tagged completion. Answering `AppendStart` this way
    /// refuses the message before it is sent.
    Done(Outcome),
    /// [`Action::AppendStart`] is welcome: let the bytes come.
    AppendReady,
    /// [`Action::Login`] succeeded.
    LoggedIn,
    /// [`Action::Login`] failed; the status (NO with AUTHENTICATIONFAILED, UNAVAILABLE, …) goes to the client.
    LoginRefused(Status),
    /// The server ends the session: timeout, shutdown. The text goes out with BYE.
    End(&'static str),
}

/// What a command left behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The same state as before.
    Unchanged,
    /// A mailbox is selected.
    Selected,
    /// No mailbox is selected: CLOSE, UNSELECT, or a SELECT that failed.
    Unselected,
    /// The command was refused with BAD; counts as an error.
    Bad,
    /// The driver wrote BYE; the session is over.
    Ended,
}

/// What the session tells the driver to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send these bytes.
    Output(Vec<u8>),
    /// Run the command and answer with [`Event::Done`].
    Run(Tagged),
    /// Check the credentials; answer with [`Event::LoggedIn`] or [`Event::LoginRefused`]. Write nothing: the
    /// session writes the completion.
    Login(Credentials),
    /// What the client says of itself (RFC 2971), for the log. Nothing to answer.
    ClientId(Vec<(String, Option<String>)>),
    /// A message is announced. Answer with [`Event::AppendReady`], or refuse it by writing a tagged NO and
    /// answering [`Event::Done`].
    AppendStart {
        /// Tag of the command.
        tag: Tag,
        /// Where to, with what flags, how long.
        append: Append,
    },
    /// Bytes of the message. A failure is kept by the driver until `AppendEnd`.
    AppendBytes(Bytes),
    /// The message is whole: commit it, write the completion, answer [`Event::Done`].
    AppendEnd {
        /// Tag of the command.
        tag: Tag,
    },
    /// The command turned out bad behind the message: throw the bytes away. Nothing to answer.
    AppendAborted,
    /// IDLE began: send changes of the mailbox as they happen, until `IdleEnd`.
    Idle,
    /// IDLE ended: write pending changes and then `completion` as the tagged answer, then [`Event::Done`]
    /// ([`Outcome::Bad`] for a BAD).
    IdleEnd {
        /// Tag of IDLE.
        tag: Tag,
        /// OK after DONE, BAD after anything else.
        completion: Status,
    },
    /// Everything before was sent: begin TLS, and go on with [`Session::after_starttls`]. This session is over.
    StartTls,
    /// Close the connection.
    Close,
}

/// The session.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    channel: Channel,
    state: State,
    work: Work,
    framer: Framer,
    dialect: Dialect,
    errors: u32,
    login_failures: u32,
    actions: Vec<Action>,
}

/// The states of RFC 9051 §3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Before login.
    NotAuthenticated,
    /// Logged in, no mailbox.
    Authenticated,
    /// A mailbox is selected.
    Selected,
    /// Over.
    Logout,
}

/// The command in hand.
#[derive(Debug)]
enum Work {
    /// None: the next bytes are a command.
    Reading,
    /// AUTHENTICATE waits for the client's response.
    Challenged(Tag),
    /// The driver checks credentials.
    LoggingIn(Tag),
    /// The driver runs a command.
    Running,
    /// The driver decides about a message.
    Offered(append::Arriving),
    /// The bytes of a message pass through.
    Appending(append::Arriving),
    /// The message is through; the end of its line is missing.
    AppendTail(append::Arriving),
    /// IDLE waits for DONE.
    Idling(Tag),
}

impl Session {
    /// A new connection, and its greeting.
    #[must_use]
    pub fn start(settings: Arc<Settings>, channel: Channel) -> (Session, Vec<Action>) {
        let mut session = Session::after_starttls(settings, channel);
        let greeting = Status::ok("Poshta ready").with(Code::Capability(session.situation().capabilities()));
        session.untagged(&greeting);
        let actions = std::mem::take(&mut session.actions);
        (session, actions)
    }

    /// The session behind STARTTLS: brand-new and without a greeting (RFC 9051 §6.2.1).
    #[must_use]
    pub fn after_starttls(settings: Arc<Settings>, channel: Channel) -> Session {
        Session {
            settings,
            channel,
            state: State::NotAuthenticated,
            work: Work::Reading,
            framer: Framer::default(),
            dialect: Dialect::REV1,
            errors: 0,
            login_failures: 0,
            actions: Vec::new(),
        }
    }

    /// Eats one event.
    #[must_use]
    pub fn handle(mut self, event: Event<'_>) -> (Session, Vec<Action>) {
        if self.state != State::Logout {
            self.take_in(event);
            while self.state != State::Logout && self.step() == Progress::Made {}
        }
        let actions = std::mem::take(&mut self.actions);
        (self, actions)
    }

    /// What the client may be shown. Changes only with ENABLE, so it holds while a command runs.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether IDLE is under way: the client waits for news, and nothing of a command is missing.
    #[must_use]
    pub fn is_idling(&self) -> bool {
        matches!(self.work, Work::Idling(_))
    }

    fn take_in(&mut self, event: Event<'_>) {
        match event {
            Event::Bytes(bytes) => self.framer.push(bytes),
            Event::Done(outcome) => self.done(outcome),
            Event::AppendReady => self.append_ready(),
            Event::LoggedIn => self.logged_in(),
            Event::LoginRefused(status) => self.login_refused(&status),
            Event::End(text) => self.end(text),
        }
    }

    fn done(&mut self, outcome: Outcome) {
        if let Work::Offered(_) = self.work {
            self.framer.refuse();
        }
        self.work = Work::Reading;
        match outcome {
            Outcome::Unchanged => self.errors = 0,
            Outcome::Selected => (self.state, self.errors) = (State::Selected, 0),
            Outcome::Unselected => (self.state, self.errors) = (State::Authenticated, 0),
            Outcome::Bad => self.count_error(),
            Outcome::Ended => self.close(),
        }
    }

    /// One step with what is in the buffer.
    fn step(&mut self) -> Progress {
        match &self.work {
            Work::Reading => self.read_command(),
            Work::Challenged(_) => self.read_line(Session::sasl_response),
            Work::Idling(_) => self.read_line(Session::end_idle),
            Work::Appending(_) => self.pass_message(),
            Work::AppendTail(_) => self.read_append_tail(),
            Work::LoggingIn(_) | Work::Running | Work::Offered(_) => Progress::Waiting,
        }
    }

    fn read_command(&mut self) -> Progress {
        match self.framer.next(&self.budget()) {
            Frame::Incomplete => return Progress::Waiting,
            Frame::Command(bytes) => {
                let bytes = zeroize::Zeroizing::new(bytes);
                match parser::parse(&bytes, self.dialect, self.settings.max_search_depth) {
                    Ok(tagged) => self.begin(tagged),
                    Err(rejected) => self.reject(&rejected),
                }
            }
            Frame::Announced(literal) => self.literal_announced(literal),
            Frame::TooLong(start) => {
                let status = Status::bad("the command is too long").with(Code::TooBig);
                self.reject(&Rejected { tag: parser::tag_of(&start), status });
            }
            // Only `Work::Appending` streams.
            Frame::Streamed(_) | Frame::StreamEnd => {}
        }
        Progress::Made
    }

    /// Waits for a line that is no command and hands it on; `None` is a line over the budget.
    fn read_line(&mut self, then: fn(&mut Session, Option<&[u8]>)) -> Progress {
        match self.framer.line(&self.budget()) {
            Line::Incomplete => return Progress::Waiting,
            Line::Whole(line) => then(self, Some(&zeroize::Zeroizing::new(line))),
            Line::TooLong => then(self, None),
        }
        Progress::Made
    }

    fn begin(&mut self, tagged: Tagged) {
        if let Err(status) = gate::check(&tagged.command, self.state) {
            return self.reject(&Rejected { tag: Some(tagged.tag), status });
        }
        let Tagged { tag, command } = tagged;
        match command {
            Command::Capability => {
                let capabilities = self.situation().capabilities();
                self.say(|out| response::write_capability(&capabilities, out));
                self.complete(&tag, &Status::ok("that is what this server can do"));
            }
            Command::Noop if self.state == State::NotAuthenticated => self.complete(&tag, &Status::ok("done")),
            Command::Logout => self.logout(&tag),
            Command::Id(client) => self.identify(&tag, client),
            Command::StartTls => self.starttls(&tag),
            Command::Authenticate(request) => self.authenticate(tag, request),
            Command::Login(credentials) => self.login(tag, credentials),
            Command::Enable(names) => self.enable(&tag, &names),
            Command::Idle => {
                self.say(|out| out.extend_from_slice(b"+ idling\r\n"));
                self.actions.push(Action::Idle);
                self.work = Work::Idling(tag);
            }
            command => {
                self.actions.push(Action::Run(Tagged { tag, command }));
                self.work = Work::Running;
            }
        }
    }

    /// RFC 9051 §6.3.13: anything but DONE is an error. It may be a command, with literals.
    fn end_idle(&mut self, line: Option<&[u8]>) {
        let Work::Idling(tag) = std::mem::replace(&mut self.work, Work::Running) else { return };
        let completion = match line {
            Some(line) if line.eq_ignore_ascii_case(b"DONE") => Status::ok("IDLE ended"),
            refused => {
                if let Some(line) = refused {
                    self.framer.refuse_line(line);
                }
                Status::bad("expected DONE to end IDLE")
            }
        };
        self.actions.push(Action::IdleEnd { tag, completion });
    }

    fn logout(&mut self, tag: &Tag) {
        self.untagged(&Status::bye("until the next post"));
        self.complete(tag, &Status::ok("logged out"));
        self.close();
    }

    fn identify(&mut self, tag: &Tag, client: Vec<(String, Option<String>)>) {
        self.actions.push(Action::ClientId(client));
        // Who has not logged in learns no version to look up holes for.
        let version = (self.state != State::NotAuthenticated).then_some(("version", env!("CARGO_PKG_VERSION")));
        let ours: Vec<_> = std::iter::once(("name", "Poshta")).chain(version).collect();
        self.say(|out| response::write_id(&ours, out));
        self.complete(tag, &Status::ok("pleased to meet you"));
    }

    /// RFC 5161 §3.1: unknown names are left out of the answer.
    fn enable(&mut self, tag: &Tag, names: &[String]) {
        let mut enabled = Vec::new();
        for name in names {
            let known = match name.as_str() {
                "IMAP4REV2" => {
                    self.dialect.rev2 = true;
                    "IMAP4rev2"
                }
                "UTF8=ACCEPT" => {
                    self.dialect.utf8_accept = true;
                    "UTF8=ACCEPT"
                }
                _ => continue,
            };
            if !enabled.contains(&known) {
                enabled.push(known);
            }
        }
        self.say(|out| response::write_enabled(&enabled, out));
        self.complete(tag, &Status::ok("enabled"));
    }

    fn starttls(&mut self, tag: &Tag) {
        if self.channel != Channel::PlainWithStartTls {
            let status = Status::bad("STARTTLS is not possible on this connection");
            return self.reject(&Rejected { tag: Some(tag.clone()), status });
        }
        self.complete(tag, &Status::ok("begin TLS now"));
        // RFC 9051 §6.2.1: commands that an attacker slipped in before TLS must not run behind it.
        self.framer.forget();
        self.state = State::Logout;
        self.actions.push(Action::StartTls);
    }

    /// A refused command: answered, and nothing else happened. To somebody who is logged in NO is an answer like
    /// others; a stranger's are counted.
    fn reject(&mut self, rejected: &Rejected) {
        match &rejected.tag {
            Some(tag) => self.say(|out| rejected.status.write_tagged(tag, out)),
            None => self.say(|out| rejected.status.write_untagged(out)),
        }
        if rejected.status.condition == Condition::Bad || self.state == State::NotAuthenticated {
            self.count_error();
        }
    }

    fn count_error(&mut self) {
        self.errors = self.errors.saturating_add(1);
        if self.errors >= self.settings.max_errors {
            self.end("too many bad commands");
        }
    }

    /// The tagged completion of a command that the session answers itself.
    fn complete(&mut self, tag: &Tag, status: &Status) {
        self.say(|out| status.write_tagged(tag, out));
        if self.state != State::NotAuthenticated {
            self.errors = 0;
        }
    }

    fn untagged(&mut self, status: &Status) {
        self.say(|out| status.write_untagged(out));
    }

    fn end(&mut self, text: &'static str) {
        self.untagged(&Status::bye(text));
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Logout;
        self.framer.forget();
        self.actions.push(Action::Close);
    }

    /// Writes bytes to send, behind those that are waiting already.
    fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = match self.actions.pop() {
            Some(Action::Output(bytes)) => bytes,
            other => {
                self.actions.extend(other);
                Vec::new()
            }
        };
        write(&mut bytes);
        self.actions.push(Action::Output(bytes));
    }

    fn budget(&self) -> Budget {
        match self.state {
            State::NotAuthenticated | State::Logout => self.settings.budget_before_login(),
            State::Authenticated | State::Selected => self.settings.budget(),
        }
    }

    fn situation(&self) -> Situation {
        Situation {
            login: if self.state == State::NotAuthenticated { Login::Before } else { Login::After },
            passwords: match self.channel {
                Channel::Tls => Passwords::Taken,
                _ if self.settings.plaintext_auth => Passwords::Taken,
                _ => Passwords::Refused,
            },
            starttls: match self.channel {
                Channel::PlainWithStartTls => StartTls::Offered,
                Channel::Plain | Channel::Tls => StartTls::NotOffered,
            },
        }
    }
}

/// Whether a step moved anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// It did; try another.
    Made,
    /// Something must come from outside first.
    Waiting,
}
