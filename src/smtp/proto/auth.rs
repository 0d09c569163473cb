//! AUTH (RFC 4954) with PLAIN (RFC 4616) and LOGIN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::auth::{AuthError, Plain, Secret};

use super::command::InitialResponse;
use super::framing::Line;
use super::{Action, Channel, Client, Credentials, Login, LoginRule, Reply, State, Turn, reply};

/// What the next line of the client is.
#[derive(Debug)]
pub(super) enum Exchange {
    /// The message of PLAIN.
    Plain,
    /// The name of LOGIN.
    LoginName,
    /// The password of LOGIN.
    LoginPassword { name: String },
}

pub(super) fn begin(turn: &mut Turn<'_>, state: State, mechanism: &str, initial: Option<InitialResponse>) -> State {
    let client = match state {
        State::Ready(client) => client,
        State::Fresh => return turn.error(State::Fresh, Reply::new(503, "5.5.1", "EHLO first")),
        other => return turn.error(other, Reply::new(503, "5.5.1", "not during a mail transaction")),
    };
    if let Some(reply) = not_now(turn, &client) {
        return turn.error(State::Ready(client), reply);
    }
    let exchange = match mechanism {
        "PLAIN" => Exchange::Plain,
        "LOGIN" => Exchange::LoginName,
        _ => {
            let reply = Reply::new(504, "5.5.4", "mechanism not known here; there are PLAIN and LOGIN");
            return turn.error(State::Ready(client), reply);
        }
    };
    match initial {
        // RFC 4954 §4: "=" stands for an initial response of no octets.
        Some(text) if text.as_str() == "=" => respond(turn, client, exchange, b""),
        Some(text) => respond(turn, client, exchange, text.as_str().as_bytes()),
        None => challenge(turn, client, exchange),
    }
}

fn not_now(turn: &Turn<'_>, client: &Client) -> Option<Reply> {
    if client.login == Login::Yes {
        return Some(Reply::new(503, "5.5.1", "you are logged in already"));
    }
    match turn.site.login {
        LoginRule::Never => Some(Reply::new(502, "5.5.1", "no logins here; use the submission port")),
        LoginRule::OverTls if turn.channel == Channel::Plain => {
            Some(Reply::new(538, "5.7.11", "encryption required: STARTTLS first"))
        }
        LoginRule::OverTls | LoginRule::Always => None,
    }
}

fn challenge(turn: &mut Turn<'_>, client: Client, exchange: Exchange) -> State {
    let text = match exchange {
        Exchange::Plain => "",
        // "Username:" and "Password:" in base64, as draft-murchison-sasl-login §2 has them.
        Exchange::LoginName => "VXNlcm5hbWU6",
        Exchange::LoginPassword { .. } => "UGFzc3dvcmQ6",
    };
    turn.say(Reply::plain(334, vec![text.to_owned()]));
    State::Exchange(client, exchange)
}

/// The client's next line in an exchange.
pub(super) fn line(turn: &mut Turn<'_>, client: Client, exchange: Exchange, line: Line) -> State {
    match line {
        Line::Complete(line) if line.as_slice() == b"*" => {
            turn.error(State::Ready(client), Reply::new(501, "5.7.0", "authentication cancelled"))
        }
        Line::Complete(line) => respond(turn, client, exchange, &line),
        Line::TooLong => turn.error(State::Ready(client), Reply::new(500, "5.5.6", "line of the exchange too long")),
        Line::Malformed => turn.error(State::Ready(client), not_base64()),
    }
}

fn respond(turn: &mut Turn<'_>, client: Client, exchange: Exchange, text: &[u8]) -> State {
    let Ok(message) = STANDARD.decode(text).map(Zeroizing::new) else {
        return turn.error(State::Ready(client), not_base64());
    };
    let credentials = match exchange {
        Exchange::Plain => plain(&message),
        Exchange::LoginName => match utf8(&message).filter(|name| !name.is_empty()) {
            Some(name) => return challenge(turn, client, Exchange::LoginPassword { name }),
            None => None,
        },
        Exchange::LoginPassword { name } => {
            utf8(&message).map(|password| Credentials { name, password: Secret::new(password) })
        }
    };
    match credentials {
        Some(credentials) => {
            turn.actions.push(Action::Login(credentials));
            State::LoggingIn(client)
        }
        None => turn.error(State::Ready(client), Reply::new(501, "5.5.2", "the response is malformed")),
    }
}

/// RFC 4616 §2: an authorization identity other than the login itself would mean to act for somebody else,
/// which nobody may; the service then finds no such login.
fn plain(message: &[u8]) -> Option<Credentials> {
    let plain = Plain::decode(message)?;
    let own = plain.authorization.is_empty() || plain.authorization == plain.login;
    own.then_some(Credentials { name: plain.login, password: plain.password })
}

fn utf8(message: &[u8]) -> Option<String> {
    std::str::from_utf8(message).ok().map(str::to_owned)
}

fn not_base64() -> Reply {
    Reply::new(501, "5.5.2", "that is no base64")
}

/// The service has decided.
pub(super) fn decided(turn: &mut Turn<'_>, client: Client, verdict: Result<(), AuthError>) -> State {
    let Err(error) = verdict else {
        turn.say(Reply::new(235, "2.7.0", "logged in"));
        return State::Ready(Client { login: Login::Yes, ..client });
    };
    turn.say(reply::login_failed(error));
    turn.tally.failed_logins += 1;
    let state = State::Ready(client);
    if turn.tally.failed_logins < turn.site.limits.max_failed_logins {
        state
    } else {
        turn.give_up(&state, "too many failed logins")
    }
}
