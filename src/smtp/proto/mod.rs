//! The pure core of SMTP: bytes and answers in, actions out. No socket, no clock, no store.
//!
//! A [`Session`] is a value that eats [`Event`]s. Its state names the place in the dialogue of RFC 5321 §4.1.4
//! and holds exactly what is known there; what a command may do follows from the state it finds. Commands that
//! were sent ahead (RFC 2920) wait in the session while a service thinks, so order is never lost. STARTTLS ends
//! a session: the driver makes a new one, and nothing read before TLS survives (RFC 3207 §4.2).

mod auth;
mod bdat;
mod command;
mod content;
mod data;
mod dsn;
mod framing;
mod hello;
mod mail;
mod misc;
mod rcpt;
pub mod reply;
pub mod response;
#[cfg(test)]
mod transcripts;
mod turn;
pub mod xtext;

use std::mem;
use std::sync::Arc;

use crate::address::{Address, ReversePath};
use crate::auth::{AuthError, Secret};
use crate::ids::ItemId;
use crate::intake::{BodyType, Envelope, Recipient, Refusal, ReportWishes};

use self::content::Content;
use self::framing::{Input, Unstuffer};
pub use self::reply::Reply;
use self::turn::Turn;

/// What the session does not find out by itself and what stays the same while it lasts.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name in the greeting.
    pub hostname: String,
    /// The domain of a `<Postmaster>` without one.
    pub domain: String,
    /// Which door this is.
    pub door: Door,
    /// Whether STARTTLS is on offer while the connection is plain.
    pub starttls: bool,
    /// When AUTH is on offer.
    pub login: LoginRule,
    /// Who may ask for reports (RFC 3461).
    pub reports: ReportsRule,
    /// The budgets.
    pub limits: Limits,
}

/// Which kind of port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Port 25: from other servers.
    Mx,
    /// Ports 587 and 465: from authenticated users (RFC 6409, RFC 8314).
    Submission,
}

/// When AUTH is on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRule {
    /// Never.
    Never,
    /// Inside TLS only.
    OverTls,
    /// Always; for tests on loopback.
    Always,
}

/// Who may ask for reports (RFC 3461).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportsRule {
    /// Everybody at this door: its clients are known before they send.
    Offered,
    /// Nobody: whose name strangers write under, nobody knows, and a report would go to that name.
    Withheld,
}

/// Whether the bytes are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// They are not.
    Plain,
    /// They are.
    Tls,
}

/// The budgets of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a command line, without its end.
    pub max_command_line_bytes: usize,
    /// Bytes of AUTH and of its answers (RFC 4954 §4: 12,288).
    pub max_auth_line_bytes: usize,
    /// Bytes of a message.
    pub max_message_bytes: u64,
    /// Bytes of its header block.
    pub max_header_bytes: u64,
    /// Accepted recipients of a message.
    pub max_recipients: usize,
    /// Protocol errors of a session.
    pub max_errors: u32,
    /// Refused recipients of a session.
    pub max_refused_recipients: u32,
    /// Failed logins of a session.
    pub max_failed_logins: u32,
    /// Commands that move nothing (NOOP, RSET, HELP, VRFY, EHLO …) between two accepted messages.
    pub max_idle_commands: u32,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Event<'a> {
    /// The client sent bytes.
    Bytes(&'a [u8]),
    /// The answer to [`Action::CheckSender`].
    Sender(Result<(), Refusal>),
    /// The answer to [`Action::CheckRecipient`].
    Recipient(Result<(), Refusal>),
    /// The answer to [`Action::Login`].
    Login(Result<(), AuthError>),
    /// The answer to [`Action::Accept`].
    Stored(Result<ItemId, Refusal>),
    /// The bytes of the message cannot be kept; the rest of it is to be drained.
    BodyFailed(Refusal),
    /// The client was silent for too long, or too slow.
    TimedOut,
    /// The server is about to stop: finish the transaction that runs, then say good-bye.
    Stopping,
    /// What the client logged in with is no more, and why: finish the message that is arriving, then say good-bye.
    LoginEnded(&'static str),
}

/// What the driver is to do, in order.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Send a reply.
    Reply(Reply),
    /// Ask whether this sender may write; the session waits for [`Event::Sender`].
    CheckSender {
        /// MAIL FROM.
        reverse_path: ReversePath,
    },
    /// Ask whether this recipient is to be taken; the session waits for [`Event::Recipient`].
    /// [`Session::recipients`] are those taken so far.
    CheckRecipient(Address),
    /// Ask whether name and password fit; the session waits for [`Event::Login`].
    Login(Credentials),
    /// A message begins: open a place for its bytes.
    BeginBody,
    /// Bytes of the message.
    Body(Vec<u8>),
    /// The message is spoiled or given up: throw its bytes away.
    AbandonBody,
    /// The message is complete: accept it; the session waits for [`Event::Stored`].
    Accept(Envelope),
    /// Send what is to be sent, then begin TLS with a new session.
    StartTls,
    /// Send what is to be sent, then close.
    Close,
}

/// What a client says to be.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The login name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.password.expose() == other.password.expose()
    }
}

/// Actions in order.
pub type Actions = Vec<Action>;

/// One SMTP session, from greeting to QUIT. Pure: the driver owns sockets, timers and services.
#[derive(Debug)]
pub struct Session {
    site: Arc<Site>,
    channel: Channel,
    input: Input,
    tally: Tally,
    farewell: Option<Farewell>,
    state: State,
}

/// Why the session ends as soon as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// The server stops.
    Stopping,
    /// The login is worth nothing any more.
    LoginEnded(&'static str),
}

#[derive(Debug, Default)]
struct Tally {
    errors: u32,
    refused_recipients: u32,
    failed_logins: u32,
    idle_commands: u32,
}

/// The place in the dialogue.
#[derive(Debug)]
enum State {
    /// No EHLO or HELO yet.
    Fresh,
    /// No transaction.
    Ready(Client),
    /// AUTH was given; its next line is to come.
    Exchange(Client, auth::Exchange),
    /// AUTH is complete; the service thinks.
    LoggingIn(Client),
    /// MAIL was given; the service thinks.
    CheckingSender(Client, Transaction),
    /// MAIL was accepted.
    Open(Client, Transaction),
    /// RCPT was given; the service thinks.
    CheckingRecipient(Client, Transaction, Recipient),
    /// Inside the data of DATA.
    Data(Client, Transaction, Unstuffer, Content),
    /// Between two chunks of BDAT.
    BetweenChunks(Client, Transaction, bdat::Message),
    /// Inside a chunk of BDAT.
    Chunk(Client, Transaction, bdat::Message, bdat::Chunk),
    /// Inside a chunk that nobody wants; afterwards comes a reply.
    Skipping(Box<State>, bdat::Skip),
    /// The message is complete; the service commits it.
    Storing { client: Client, smtputf8: bool },
    /// Nothing more is read.
    Over,
}

/// Who talks.
#[derive(Clone, Debug)]
struct Client {
    helo: String,
    hello: Hello,
    login: Login,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hello {
    Helo,
    Ehlo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    No,
    Yes,
}

/// A mail transaction (RFC 5321 §3.3).
#[derive(Debug)]
struct Transaction {
    reverse_path: ReversePath,
    body: BodyType,
    smtputf8: bool,
    /// RET and ENVID (RFC 3461).
    wishes: ReportWishes,
    recipients: Vec<Recipient>,
    /// `SIZE=` of MAIL (RFC 1870).
    announced_bytes: Option<u64>,
    /// Some RCPT was tried, whatever came of it.
    tried: bool,
}

impl Transaction {
    fn into_envelope(self) -> Envelope {
        Envelope {
            reverse_path: self.reverse_path,
            recipients: self.recipients,
            body: self.body,
            smtputf8: self.smtputf8,
            wishes: self.wishes,
        }
    }
}

/// What a step led to.
enum Step {
    /// Go on with what is in the input.
    Next(State),
    /// Nothing more to do until the next event.
    Wait(State),
}

impl Session {
    /// A session on a new connection, and its greeting.
    #[must_use]
    pub fn greet(site: Arc<Site>, channel: Channel) -> (Session, Actions) {
        let greeting = Reply::plain(220, vec![format!("{} ESMTP Poshta", site.hostname)]);
        (Session::start(site, channel), vec![Action::Reply(greeting)])
    }

    /// The session after STARTTLS: RFC 3207 §4.2, as if the connection were new, but without a greeting.
    #[must_use]
    pub fn secured(site: Arc<Site>) -> Session {
        Session::start(site, Channel::Tls)
    }

    /// What a client hears that talked before the greeting (RFC 5321 §4.3.1): it does not listen, so it is no
    /// mail server.
    #[must_use]
    pub fn early_talker(site: &Site) -> Reply {
        Reply::new(554, "5.5.0", format!("{}: protocol synchronization: wait for the greeting", site.hostname))
    }

    fn start(site: Arc<Site>, channel: Channel) -> Session {
        Session { site, channel, input: Input::default(), tally: Tally::default(), farewell: None, state: State::Fresh }
    }

    /// Goes on with the limits of another site: a login tells who the client is, and a peer may have its own.
    pub fn move_to(&mut self, site: Arc<Site>) {
        self.site = site;
    }

    /// Consumes the session and one event. After [`Action::Close`] or [`Action::StartTls`] the session that
    /// comes back ignores everything.
    #[must_use]
    pub fn handle(mut self, event: Event<'_>) -> (Session, Actions) {
        let mut actions = Vec::new();
        let state = mem::replace(&mut self.state, State::Over);
        let mut turn = Turn {
            site: &self.site,
            channel: self.channel,
            input: &mut self.input,
            tally: &mut self.tally,
            farewell: &mut self.farewell,
            actions: &mut actions,
        };
        let state = turn.take(state, event);
        self.state = turn.run(state);
        (self, actions)
    }

    /// True when the session can go on only with more bytes from the client.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        !matches!(
            self.state,
            State::LoggingIn(_)
                | State::CheckingSender(..)
                | State::CheckingRecipient(..)
                | State::Storing { .. }
                | State::Over
        )
    }

    /// True while the content of a message arrives.
    #[must_use]
    pub fn in_content(&self) -> bool {
        matches!(self.state, State::Data(..) | State::Chunk(..) | State::Skipping(..))
    }

    /// The recipients accepted so far.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        self.transaction().map_or(&[], |transaction| &transaction.recipients)
    }

    /// The size of the message as MAIL announced it.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<u64> {
        self.transaction()?.announced_bytes
    }

    /// What the client called itself; empty before EHLO.
    #[must_use]
    pub fn helo(&self) -> &str {
        self.client().map_or("", |client| &client.helo)
    }

    /// The name of the protocol in `Received` (RFC 3848, RFC 6531 §4.3). After [`Action::Accept`] it is that of
    /// the message that was handed over.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        let utf8 = match &self.state {
            State::Storing { smtputf8, .. } => *smtputf8,
            _ => self.transaction().is_some_and(|transaction| transaction.smtputf8),
        };
        let client = self.client();
        let login = client.is_some_and(|client| client.login == Login::Yes);
        if client.is_none_or(|client| client.hello == Hello::Helo) {
            return "SMTP";
        }
        match (utf8, self.channel, login) {
            (false, Channel::Plain, false) => "ESMTP",
            (false, Channel::Plain, true) => "ESMTPA",
            (false, Channel::Tls, false) => "ESMTPS",
            (false, Channel::Tls, true) => "ESMTPSA",
            (true, Channel::Plain, false) => "UTF8SMTP",
            (true, Channel::Plain, true) => "UTF8SMTPA",
            (true, Channel::Tls, false) => "UTF8SMTPS",
            (true, Channel::Tls, true) => "UTF8SMTPSA",
        }
    }

    fn client(&self) -> Option<&Client> {
        self.state.client()
    }

    fn transaction(&self) -> Option<&Transaction> {
        match &self.state {
            State::CheckingSender(_, transaction)
            | State::Open(_, transaction)
            | State::CheckingRecipient(_, transaction, _)
            | State::Data(_, transaction, ..)
            | State::BetweenChunks(_, transaction, _)
            | State::Chunk(_, transaction, ..) => Some(transaction),
            _ => None,
        }
    }
}

impl State {
    fn client(&self) -> Option<&Client> {
        match self {
            State::Fresh | State::Over => None,
            State::Skipping(then, _) => then.client(),
            State::Ready(client)
            | State::Exchange(client, _)
            | State::LoggingIn(client)
            | State::CheckingSender(client, _)
            | State::Open(client, _)
            | State::CheckingRecipient(client, ..)
            | State::Data(client, ..)
            | State::BetweenChunks(client, ..)
            | State::Chunk(client, ..)
            | State::Storing { client, .. } => Some(client),
        }
    }
}
