//! What one event does to a session: the events find their state, the input is worked off, commands find their
//! verbs, and mistakes are counted.

use super::command::{self, Command};
use super::framing::{Input, Line};
use super::{Action, Actions, Channel, Event, Farewell, Hello, Reply, Site, State, Step, Tally};
use super::{auth, bdat, data, hello, mail, misc, rcpt};

/// One event's work: the parts of the session that every verb may touch.
pub(super) struct Turn<'a> {
    pub(super) site: &'a Site,
    pub(super) channel: Channel,
    pub(super) input: &'a mut Input,
    pub(super) tally: &'a mut Tally,
    pub(super) farewell: &'a mut Option<Farewell>,
    pub(super) actions: &'a mut Actions,
}

impl Turn<'_> {
    /// Applies an event to the state it was meant for. One that does not fit is an answer to a question that
    /// was never asked: the driver's mistake, and ignored.
    pub(super) fn take(&mut self, state: State, event: Event<'_>) -> State {
        match (state, event) {
            (State::Over, _) => State::Over,
            (state, Event::Bytes(bytes)) => {
                self.input.push(bytes);
                state
            }
            (state, Event::Stopping) => {
                self.farewell.get_or_insert(Farewell::Stopping);
                state
            }
            (state, Event::LoginEnded(why)) => {
                *self.farewell = Some(Farewell::LoginEnded(why));
                state
            }
            (state, Event::TimedOut) => {
                self.abandon(&state);
                self.close(Reply::new(421, "4.4.2", format!("{}: timeout, closing", self.site.hostname)))
            }
            (State::CheckingSender(client, transaction), Event::Sender(verdict)) => {
                mail::decided(self, client, transaction, verdict)
            }
            (State::CheckingRecipient(client, transaction, to), Event::Recipient(verdict)) => {
                rcpt::decided(self, client, transaction, to, verdict)
            }
            (State::LoggingIn(client), Event::Login(verdict)) => auth::decided(self, client, verdict),
            (State::Storing { client, .. }, Event::Stored(verdict)) => data::stored(self, client, verdict),
            (State::Data(client, transaction, unstuffer, mut content), Event::BodyFailed(refusal)) => {
                content.fail(&refusal);
                State::Data(client, transaction, unstuffer, content)
            }
            (State::BetweenChunks(client, transaction, mut message), Event::BodyFailed(refusal)) => {
                message.content.fail(&refusal);
                State::BetweenChunks(client, transaction, message)
            }
            (State::Chunk(client, transaction, mut message, chunk), Event::BodyFailed(refusal)) => {
                message.content.fail(&refusal);
                State::Chunk(client, transaction, message, chunk)
            }
            (state, _) => state,
        }
    }

    /// Works off what is in the input until something is missing.
    pub(super) fn run(&mut self, mut state: State) -> State {
        loop {
            if let Some(goodbye) = self.goodbye(&state) {
                self.abandon(&state);
                return self.close(goodbye);
            }
            match self.step(state) {
                Step::Next(next) => state = next,
                Step::Wait(next) => return next,
            }
        }
    }

    /// The last words, where they can be said: RFC 5321 §3.8, before the next command, never inside a message.
    fn goodbye(&self, state: &State) -> Option<Reply> {
        let is_between = matches!(state, State::Fresh | State::Ready(_) | State::Exchange(..));
        let host = &self.site.hostname;
        match (*self.farewell)? {
            Farewell::Stopping => {
                let text = format!("{host} is going down; try again later");
                is_between.then(|| Reply::new(421, "4.3.2", text))
            }
            Farewell::LoginEnded(why) => {
                let is_command_next = is_between || matches!(state, State::Open(..) | State::BetweenChunks(..));
                is_command_next.then(|| Reply::new(421, "4.7.0", format!("{host}: {why}")))
            }
        }
    }

    fn step(&mut self, state: State) -> Step {
        match state {
            State::LoggingIn(_)
            | State::CheckingSender(..)
            | State::CheckingRecipient(..)
            | State::Storing { .. }
            | State::Over => Step::Wait(state),
            State::Data(client, transaction, unstuffer, content) => {
                data::feed(self, client, transaction, unstuffer, content)
            }
            State::Chunk(client, transaction, message, chunk) => bdat::feed(self, client, transaction, message, chunk),
            State::Skipping(then, skip) => bdat::skip(self, then, skip),
            State::Exchange(client, exchange) => match self.input.line(self.site.limits.max_auth_line_bytes) {
                None => Step::Wait(State::Exchange(client, exchange)),
                Some(line) => Step::Next(auth::line(self, client, exchange, line)),
            },
            State::Fresh | State::Ready(_) | State::Open(..) | State::BetweenChunks(..) => self.command(state),
        }
    }

    fn command(&mut self, state: State) -> Step {
        let limits = &self.site.limits;
        let starts_auth = self.input.unread().get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let limit = if starts_auth { limits.max_auth_line_bytes } else { limits.max_command_line_bytes };
        let line = match self.input.line(limit) {
            None => return Step::Wait(state),
            Some(Line::TooLong) => return Step::Next(self.error(state, Reply::new(500, "5.5.2", "line too long"))),
            Some(Line::Malformed) => {
                let reply = Reply::new(500, "5.5.2", "lines end with CRLF and have no CR, LF or NUL inside");
                return Step::Next(self.error(state, reply));
            }
            Some(Line::Complete(line)) => line,
        };
        Step::Next(match command::parse(&line) {
            Ok(command) => self.dispatch(state, command),
            Err(command::Syntax::ChunkSize) => {
                self.abandon(&state);
                self.close(command::Syntax::ChunkSize.reply())
            }
            Err(syntax) => self.error(state, syntax.reply()),
        })
    }

    fn dispatch(&mut self, state: State, command: Command) -> State {
        match command {
            Command::Ehlo(name) => hello::hello(self, state, name, Hello::Ehlo),
            Command::Helo(name) => hello::hello(self, state, name, Hello::Helo),
            Command::StartTls => hello::starttls(self, state),
            Command::Auth { mechanism, initial } => auth::begin(self, state, &mechanism, initial),
            Command::Mail(mail) => mail::mail(self, state, mail),
            Command::Rcpt(path) => rcpt::rcpt(self, state, path),
            Command::Data => data::data(self, state),
            Command::Bdat { size, last } => bdat::bdat(self, state, size, last),
            Command::Rset => misc::rset(self, state),
            Command::Noop => misc::noop(self, state),
            Command::Quit => misc::quit(self, &state),
            Command::Help => misc::help(self, state),
            Command::Vrfy => misc::vrfy(self, state),
            Command::Expn | Command::NotImplemented => {
                self.error(state, Reply::new(502, "5.5.1", "command not implemented"))
            }
        }
    }

    pub(super) fn say(&mut self, reply: Reply) {
        self.actions.push(Action::Reply(reply));
    }

    /// Replies to a mistake of the client; after too many of them that is all.
    pub(super) fn error(&mut self, state: State, reply: Reply) -> State {
        self.say(reply);
        self.tally.errors += 1;
        if self.tally.errors < self.site.limits.max_errors { state } else { self.give_up(&state, "too many errors") }
    }

    /// Counts a command that moves nothing.
    pub(super) fn idle(&mut self, state: State) -> State {
        self.tally.idle_commands += 1;
        if self.tally.idle_commands < self.site.limits.max_idle_commands {
            state
        } else {
            self.give_up(&state, "too many commands without a message")
        }
    }

    pub(super) fn give_up(&mut self, state: &State, reason: &str) -> State {
        self.abandon(state);
        self.close(Reply::new(421, "4.7.0", format!("{}: {reason}, closing", self.site.hostname)))
    }

    /// RFC 2920 §3.1 names commands that must be the last of a group, because what follows depends on the
    /// answer. A client that goes on talking does not listen; what it says next cannot be trusted.
    pub(super) fn talks_ahead(&self) -> bool {
        !self.input.is_empty()
    }

    pub(super) fn refuse_ahead(&mut self, state: &State) -> State {
        self.abandon(state);
        self.close(Reply::new(554, "5.5.0", "protocol synchronization: wait for the reply to this command"))
    }

    pub(super) fn close(&mut self, reply: Reply) -> State {
        self.say(reply);
        self.input.clear();
        self.actions.push(Action::Close);
        State::Over
    }

    /// Throws away the bytes of a message that is under way in `state`.
    pub(super) fn abandon(&mut self, state: &State) {
        let content = match state {
            State::Data(_, _, _, content) => content,
            State::BetweenChunks(_, _, message) | State::Chunk(_, _, message, _) => &message.content,
            State::Skipping(then, _) => return self.abandon(then),
            _ => return,
        };
        if content.is_sound() {
            self.actions.push(Action::AbandonBody);
        }
    }
}
