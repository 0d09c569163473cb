//! EHLO, HELO and STARTTLS: who talks, what is on offer, and under which cover.

use super::{Action, Channel, Client, Door, Hello, Login, LoginRule, Reply, ReportsRule, State, Turn};

/// An extension and when it is on offer. Those that a full mail server also has and this one does not:
/// BINARYMIME (RFC 3030), ETRN, DELIVERBY, FUTURERELEASE, MT-PRIORITY, REQUIRETLS, LIMITS.
struct Extension {
    line: fn(&Turn<'_>, Login) -> Option<String>,
}

const EXTENSIONS: &[Extension] = &[
    // RFC 2920
    Extension { line: |_, _| Some("PIPELINING".into()) },
    // RFC 1870
    Extension { line: |turn, _| Some(format!("SIZE {}", turn.site.limits.max_message_bytes)) },
    // RFC 6152
    Extension { line: |_, _| Some("8BITMIME".into()) },
    // RFC 2034
    Extension { line: |_, _| Some("ENHANCEDSTATUSCODES".into()) },
    // RFC 6531
    Extension { line: |_, _| Some("SMTPUTF8".into()) },
    // RFC 3030
    Extension { line: |_, _| Some("CHUNKING".into()) },
    // RFC 3461
    Extension { line: |turn, _| turn.offers_reports().then(|| "DSN".into()) },
    // RFC 3207 §4.2: not inside TLS.
    Extension { line: |turn, _| turn.offers_starttls().then(|| "STARTTLS".into()) },
    // RFC 4954 §4: not again after a login.
    Extension { line: |turn, login| (turn.offers_login() && login == Login::No).then(|| "AUTH PLAIN LOGIN".into()) },
    // RFC 5321 §4.1.1.8
    Extension { line: |_, _| Some("HELP".into()) },
];

impl Turn<'_> {
    pub(super) fn offers_starttls(&self) -> bool {
        self.site.starttls && self.channel == Channel::Plain
    }

    pub(super) fn offers_reports(&self) -> bool {
        self.site.reports == ReportsRule::Offered
    }

    pub(super) fn offers_login(&self) -> bool {
        match self.site.login {
            LoginRule::Never => false,
            LoginRule::OverTls => self.channel == Channel::Tls,
            LoginRule::Always => true,
        }
    }
}

pub(super) fn hello(turn: &mut Turn<'_>, state: State, name: String, hello: Hello) -> State {
    if turn.talks_ahead() {
        return turn.refuse_ahead(&state);
    }
    // RFC 5321 §4.1.4: EHLO in the middle acts as RSET. A login stays.
    turn.abandon(&state);
    let login = state.client().map_or(Login::No, |client| client.login);
    let mut lines = vec![format!("{} greets {name}", turn.site.hostname)];
    if hello == Hello::Ehlo {
        lines.extend(EXTENSIONS.iter().filter_map(|extension| (extension.line)(turn, login)));
    }
    turn.say(Reply::plain(250, lines));
    turn.idle(State::Ready(Client { helo: name, hello, login }))
}

pub(super) fn starttls(turn: &mut Turn<'_>, state: State) -> State {
    if turn.channel == Channel::Tls {
        return turn.error(state, Reply::new(503, "5.5.1", "TLS is on already"));
    }
    if !turn.site.starttls {
        return turn.error(state, Reply::new(502, "5.5.1", "TLS is not available here"));
    }
    turn.abandon(&state);
    turn.say(Reply::new(220, "2.0.0", "go ahead with TLS"));
    // RFC 3207 §4.2: whatever came in the same breath may be an attacker's and is thrown away.
    turn.input.clear();
    turn.actions.push(Action::StartTls);
    State::Over
}

/// What MAIL needs first on a submission port; `None` when all is well.
pub(super) fn login_missing(turn: &Turn<'_>, client: &Client) -> Option<Reply> {
    if turn.site.door == Door::Mx || client.login == Login::Yes {
        return None;
    }
    let text = if turn.offers_login() { "authentication required" } else { "STARTTLS and authentication required" };
    Some(Reply::new(530, "5.7.0", text))
}
