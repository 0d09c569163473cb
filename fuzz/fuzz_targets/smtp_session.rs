//! Any bytes, cut anywhere, with any answers of the services: the session core keeps its promises.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use poshta::auth::AuthError;
use poshta::ids::ItemId;
use poshta::intake::Refusal;
use poshta::smtp::proto::{Action, Channel, Door, Event, Limits, LoginRule, ReportsRule, Session, Site};

const MAX_MESSAGE_BYTES: u64 = 512;

fn site(door: Door) -> Arc<Site> {
    Arc::new(Site {
        hostname: "mx.example".to_owned(),
        domain: "example".to_owned(),
        door,
        starttls: true,
        login: LoginRule::OverTls,
        reports: if door == Door::Mx { ReportsRule::Withheld } else { ReportsRule::Offered },
        limits: Limits {
            max_command_line_bytes: 128,
            max_auth_line_bytes: 256,
            max_message_bytes: MAX_MESSAGE_BYTES,
            max_header_bytes: 128,
            max_recipients: 4,
            max_errors: 50,
            max_refused_recipients: 50,
            max_failed_logins: 50,
            max_idle_commands: 50,
        },
    })
}

/// What a driver holds, and what it may rely on.
struct Driver {
    site: Arc<Site>,
    session: Session,
    body: Option<Vec<u8>>,
    closed: bool,
}

impl Driver {
    fn event(&mut self, event: Event<'_>, dice: u8) {
        let fresh = Session::secured(Arc::clone(&self.site));
        let (session, actions) = std::mem::replace(&mut self.session, fresh).handle(event);
        assert!(!self.closed || actions.is_empty(), "a closed session does nothing");
        let mut upgraded = None;
        let mut answer = None;
        for action in actions {
            assert!(answer.is_none() && !self.closed && upgraded.is_none(), "nothing behind a question or an end");
            match action {
                Action::Reply(reply) => check_reply(&reply.to_bytes()),
                Action::CheckSender { .. } => answer = Some(Event::Sender(verdict(dice))),
                Action::CheckRecipient(_) => answer = Some(Event::Recipient(verdict(dice))),
                Action::Login(_) => {
                    answer = Some(Event::Login(if dice & 2 == 0 { Ok(()) } else { Err(AuthError::Wrong) }));
                }
                Action::BeginBody => assert!(self.body.replace(Vec::new()).is_none(), "one body at a time"),
                Action::Body(piece) => self.body.as_mut().expect("a body is open").extend(piece),
                Action::AbandonBody => assert!(self.body.take().is_some(), "a body is open"),
                Action::Accept(envelope) => {
                    let body = self.body.take().expect("a body is open");
                    assert!(!envelope.recipients.is_empty());
                    check_body(&body);
                    answer = Some(Event::Stored(verdict(dice).map(|()| ItemId(1))));
                }
                Action::StartTls => {
                    assert!(self.body.is_none());
                    upgraded = Some(Session::secured(Arc::clone(&self.site)));
                }
                Action::Close => {
                    assert!(self.body.is_none());
                    self.closed = true;
                }
            }
        }
        self.session = upgraded.unwrap_or(session);
        if let Some(answer) = answer {
            self.event(answer, dice.rotate_left(1));
        }
    }
}

fn verdict(dice: u8) -> Result<(), Refusal> {
    if dice & 1 == 0 { Ok(()) } else { Err(Refusal::Temporary("dice".to_owned())) }
}

fn check_reply(wire: &[u8]) {
    for line in wire.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n") && line.len() <= 512);
        assert!(line.iter().take(3).all(u8::is_ascii_digit));
    }
}

/// Only whole lines get through: no bare CR or LF, and never more than was announced.
fn check_body(body: &[u8]) {
    assert!(body.len() as u64 <= MAX_MESSAGE_BYTES);
    let mut before = 0;
    for byte in body {
        assert_eq!(before == b'\r', *byte == b'\n', "bare CR or LF in an accepted message");
        before = *byte;
    }
    assert_ne!(before, b'\r');
}

fuzz_target!(|data: &[u8]| {
    let Some((first, mut rest)) = data.split_first() else { return };
    let site = site(if first & 1 == 0 { Door::Mx } else { Door::Submission });
    let channel = if first & 2 == 0 { Channel::Plain } else { Channel::Tls };
    let (session, _) = Session::greet(Arc::clone(&site), channel);
    let mut driver = Driver { site, session, body: None, closed: false };
    while let Some((dice, tail)) = rest.split_first() {
        let (piece, tail) = tail.split_at(usize::from(*dice).min(tail.len()));
        rest = tail;
        driver.event(Event::Bytes(piece), *dice ^ first);
    }
    driver.event(if first & 4 == 0 { Event::Stopping } else { Event::TimedOut }, *first);
});
