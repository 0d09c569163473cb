//! Dialogues against the pure core: `C:` what the client sends, `S:` what it hears. A line with `?` is a question
//! to the services, and one with `!` what was handed to them.

mod content;
mod dialogue;

use std::sync::Arc;

use crate::auth::AuthError;
use crate::ids::ItemId;
use crate::intake::Refusal;

use super::*;

/// Plays the driver with services of simple rules: nobody has a mailbox whose name begins with `no`, nobody may
/// write as `evil@…`, whether `later@…` may is not known now, the password is `right`, and content with the word `boom` cannot be stored.
struct Stage {
    session: Option<Session>,
    heard: String,
    body: Option<Vec<u8>>,
    delivered: Vec<(Envelope, Vec<u8>)>,
    closed: bool,
}

fn limits() -> Limits {
    Limits {
        max_command_line_bytes: 512,
        max_auth_line_bytes: 2048,
        max_message_bytes: 1000,
        max_header_bytes: 200,
        max_recipients: 3,
        max_errors: 5,
        max_refused_recipients: 4,
        max_failed_logins: 2,
        max_idle_commands: 10,
    }
}

fn site(door: Door) -> Arc<Site> {
    Arc::new(Site {
        hostname: "mx.poshta.example".into(),
        domain: "poshta.example".into(),
        door,
        starttls: true,
        login: if door == Door::Mx { LoginRule::Never } else { LoginRule::OverTls },
        reports: if door == Door::Mx { ReportsRule::Withheld } else { ReportsRule::Offered },
        limits: limits(),
    })
}

impl Stage {
    fn new(door: Door, channel: Channel) -> Self {
        let (session, actions) = Session::greet(site(door), channel);
        let mut stage =
            Stage { session: Some(session), heard: String::new(), body: None, delivered: Vec::new(), closed: false };
        stage.perform(actions);
        stage
    }

    fn event(&mut self, event: Event<'_>) {
        let (session, actions) = self.session.take().unwrap().handle(event);
        self.session = Some(session);
        if let Some(answer) = self.perform(actions) {
            self.event(answer);
        }
    }

    fn perform(&mut self, actions: Actions) -> Option<Event<'static>> {
        let mut answer = None;
        for action in actions {
            assert!(answer.is_none(), "an action behind a question");
            answer = self.one(action);
        }
        answer
    }

    fn one(&mut self, action: Action) -> Option<Event<'static>> {
        match action {
            Action::Reply(reply) => self.heard.push_str(std::str::from_utf8(&reply.to_bytes()).unwrap()),
            Action::CheckSender { reverse_path } => {
                let text = reverse_path.to_string();
                return Some(Event::Sender(match text.as_str() {
                    "<evil@b.kz>" => Err(Refusal::SenderNotYours(text)),
                    "<later@b.kz>" => Err(Refusal::Temporary("disk".into())),
                    _ => Ok(()),
                }));
            }
            Action::CheckRecipient(address) if address.local().starts_with("no") => {
                return Some(Event::Recipient(Err(Refusal::NoSuchMailbox(address))));
            }
            Action::CheckRecipient(_) => return Some(Event::Recipient(Ok(()))),
            Action::Login(credentials) => {
                let right = credentials.password.expose() == "right";
                return Some(Event::Login(if right { Ok(()) } else { Err(AuthError::Wrong) }));
            }
            Action::BeginBody => assert!(self.body.replace(Vec::new()).is_none(), "two bodies at once"),
            Action::Body(piece) => self.body.as_mut().expect("a body is open").extend(piece),
            Action::AbandonBody => assert!(self.body.take().is_some(), "no body to abandon"),
            Action::Accept(envelope) => {
                let body = self.body.take().expect("a body is open");
                if body.windows(4).any(|window| window == b"boom") {
                    return Some(Event::Stored(Err(Refusal::Temporary("disk".into()))));
                }
                self.delivered.push((envelope, body));
                return Some(Event::Stored(Ok(ItemId(7))));
            }
            Action::StartTls => {
                assert!(self.body.is_none(), "a body is left open");
                let site = self.session.as_ref().map(|session| Arc::clone(&session.site)).unwrap();
                self.heard.push_str("-- TLS --\r\n");
                self.session = Some(Session::secured(site));
            }
            Action::Close => {
                assert!(self.body.is_none(), "a body is left open");
                self.closed = true;
                self.heard.push_str("-- closed --\r\n");
            }
        }
        None
    }

    fn hear(&mut self) -> String {
        std::mem::take(&mut self.heard)
    }
}

/// Runs a transcript. `C:` lines up to the next `S:` go in one piece, as a pipelining client sends them; in them
/// `\r`, `\n`, `\0` and `\\` are escapes and the line end is CRLF unless the line ends in `\c`.
fn play(stage: &mut Stage, transcript: &str) {
    let mut sent: Vec<u8> = Vec::new();
    let mut expected = String::new();
    let check = |stage: &mut Stage, sent: &mut Vec<u8>, expected: &mut String| {
        if !sent.is_empty() {
            stage.event(Event::Bytes(sent));
        }
        // A line of a transcript cannot end in the space of an empty challenge.
        let heard = stage.hear().replace(" \r\n", "\r\n");
        assert_eq!(heard, *expected, "after {:?}", String::from_utf8_lossy(sent));
        sent.clear();
        expected.clear();
    };
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(text) = line.strip_prefix("C:") {
            if !expected.is_empty() {
                check(stage, &mut sent, &mut expected);
            }
            sent.extend(unescape(text.strip_prefix(' ').unwrap_or(text)));
        } else {
            let text = line.strip_prefix("S:").expect("a line of a transcript begins with C: or S:");
            expected.push_str(text.strip_prefix(' ').unwrap_or(text));
            expected.push_str("\r\n");
        }
    }
    check(stage, &mut sent, &mut expected);
}

fn unescape(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix("\\c") {
        Some(text) => (text, ""),
        None => (text, "\r\n"),
    };
    let text = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
    format!("{text}{end}").into_bytes()
}

fn mx() -> Stage {
    Stage::new(Door::Mx, Channel::Plain)
}

fn submission(channel: Channel) -> Stage {
    Stage::new(Door::Submission, channel)
}

/// A stage behind greeting and EHLO.
fn greeted(mut stage: Stage) -> Stage {
    stage.event(Event::Bytes(b"EHLO client.example\r\n"));
    stage.hear();
    stage
}

const RECEIPT: &str = "S: 250 2.0.0 Ok: queued as 00000000000000000000000007";

/// A stage inside the data of a message.
fn in_data() -> Stage {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes(b"MAIL FROM:<a@b.kz>\r\nRCPT TO:<one@b.kz>\r\nDATA\r\n"));
    stage.hear();
    stage
}

/// A stage with an open transaction, for BDAT.
fn opened() -> Stage {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes(b"MAIL FROM:<a@b.kz>\r\nRCPT TO:<one@b.kz>\r\n"));
    stage.hear();
    stage
}
