//! Any bytes, cut anywhere, with any answers of the driver: the IMAP session core keeps its promises.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use poshta::imap::proto::command::{Command, Tag};
use poshta::imap::proto::response::Status;
use poshta::imap::proto::{Action, Channel, Event, Outcome, Session, Settings};

const MAX_MESSAGE_BYTES: u64 = 512;

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        max_message_bytes: MAX_MESSAGE_BYTES,
        max_line_before_login_bytes: 128,
        max_line_bytes: 512,
        max_literal_before_login_bytes: 64,
        max_literal_bytes: 128,
        max_command_before_login_bytes: 256,
        max_command_bytes: 1024,
        max_search_depth: 10,
        max_errors: 50,
        max_login_failures: 50,
        plaintext_auth: true,
    })
}

/// What a driver holds, and what it may rely on.
struct Driver {
    session: Session,
    /// Announced and received bytes of the message that is coming.
    message: Option<(u64, u64)>,
    idling: bool,
    closed: bool,
}

impl Driver {
    fn event(&mut self, event: Event<'_>, dice: u8) {
        let fresh = Session::after_starttls(settings(), Channel::Tls);
        let (session, actions) = std::mem::replace(&mut self.session, fresh).handle(event);
        assert!(!self.closed || actions.is_empty(), "a closed session does nothing");
        let mut answer = None;
        let mut upgraded = false;
        for action in actions {
            assert!(answer.is_none() && !self.closed && !upgraded, "nothing behind a question or an end");
            match action {
                Action::Output(bytes) => check_output(&bytes),
                Action::Run(tagged) => answer = Some(Event::Done(outcome(&tagged.command, dice))),
                Action::Login(_) if dice & 3 != 0 => answer = Some(Event::LoggedIn),
                Action::Login(_) => answer = Some(Event::LoginRefused(Status::no("dice"))),
                Action::ClientId(pairs) => assert!(pairs.len() <= 30),
                Action::AppendStart { append, .. } => {
                    assert!(append.size <= MAX_MESSAGE_BYTES && self.message.is_none());
                    if dice & 4 == 0 {
                        self.message = Some((append.size, 0));
                        answer = Some(Event::AppendReady);
                    } else {
                        answer = Some(Event::Done(Outcome::Unchanged));
                    }
                }
                Action::AppendBytes(bytes) => {
                    let (announced, received) = self.message.as_mut().expect("a message is coming");
                    *received += bytes.len() as u64;
                    assert!(received <= announced);
                }
                Action::AppendEnd { .. } => {
                    let (announced, received) = self.message.take().expect("a message is coming");
                    assert_eq!(announced, received);
                    answer = Some(Event::Done(Outcome::Unchanged));
                }
                Action::AppendAborted => assert!(self.message.take().is_some()),
                Action::Idle => self.idling = true,
                Action::IdleEnd { tag, completion } => {
                    assert!(std::mem::take(&mut self.idling));
                    check_output(&tagged_line(&tag, &completion));
                    answer = Some(Event::Done(Outcome::Unchanged));
                }
                Action::StartTls => upgraded = true,
                Action::Close => self.closed = true,
            }
        }
        if !upgraded {
            self.session = session;
        }
        if let Some(answer) = answer {
            self.event(answer, dice.rotate_left(1));
        }
    }
}

fn outcome(command: &Command, dice: u8) -> Outcome {
    match command {
        Command::Select(_) if dice & 1 == 0 => Outcome::Selected,
        Command::Select(_) | Command::Close | Command::Unselect => Outcome::Unselected,
        _ if dice & 2 == 0 => Outcome::Unchanged,
        _ => Outcome::Bad,
    }
}

fn tagged_line(tag: &Tag, status: &Status) -> Vec<u8> {
    let mut line = Vec::new();
    status.write_tagged(tag, &mut line);
    line
}

/// Whole lines of printable ASCII: no client can make the server say something of the client's.
fn check_output(bytes: &[u8]) {
    assert!(bytes.ends_with(b"\r\n"));
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").expect("lines end in CR LF");
        assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, mut rest)) = data.split_first() else { return };
    let channel = if first & 1 == 0 { Channel::PlainWithStartTls } else { Channel::Tls };
    let (session, _) = Session::start(settings(), channel);
    let mut driver = Driver { session, message: None, idling: false, closed: false };
    if first & 2 == 0 {
        driver.event(Event::Bytes(b"l LOGIN u p\r\n"), 1);
    }
    while let Some((dice, tail)) = rest.split_first() {
        let (piece, tail) = tail.split_at(usize::from(*dice).min(tail.len()));
        rest = tail;
        driver.event(Event::Bytes(piece), *dice ^ first);
    }
    driver.event(Event::End("dice"), *first);
});
