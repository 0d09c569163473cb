//! Transcripts: `C:` lines go in with CR LF, `S:` lines must come out, against a driver that answers everything.

use std::sync::Arc;

use proptest::prelude::*;
use test_case::test_case;

use super::*;

/// A driver without sockets or store: says OK to every command, knows one password, counts message bytes.
struct Wire {
    session: Option<Session>,
    sent: Vec<u8>,
    appended: Vec<u8>,
    closed: bool,
    tls_begun: bool,
}

impl Wire {
    fn start(settings: Settings, channel: Channel) -> Wire {
        let (session, actions) = Session::start(Arc::new(settings), channel);
        let mut wire = Wire { session: Some(session), sent: vec![], appended: vec![], closed: false, tls_begun: false };
        wire.carry_out(actions);
        wire
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.tell(Event::Bytes(bytes));
    }

    fn tell(&mut self, event: Event<'_>) {
        let (session, actions) = self.session.take().unwrap().handle(event);
        self.session = Some(session);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            assert!(!self.closed, "{action:?} after the end");
            match action {
                Action::Output(bytes) => self.sent.extend(bytes),
                Action::Run(tagged) => self.run(&tagged),
                Action::Login(credentials) if *credentials.password == "p" => self.tell(Event::LoggedIn),
                Action::Login(_) => {
                    let status = Status::no("wrong name or password").with(Code::AuthenticationFailed);
                    self.tell(Event::LoginRefused(status));
                }
                Action::ClientId(_) | Action::Idle => {}
                Action::AppendStart { tag, append } if append.mailbox.name == "none" => {
                    self.answer(&tag, &Status::no("no such mailbox").with(Code::TryCreate), Outcome::Unchanged);
                }
                Action::AppendStart { .. } => {
                    self.appended.clear();
                    self.tell(Event::AppendReady);
                }
                Action::AppendBytes(bytes) => self.appended.extend_from_slice(&bytes),
                Action::AppendEnd { tag } => {
                    let text = format!("took {} bytes", self.appended.len());
                    self.answer(&tag, &Status::ok(text), Outcome::Unchanged);
                }
                Action::AppendAborted => self.appended.clear(),
                Action::IdleEnd { tag, completion } => {
                    let bad = completion.condition == Condition::Bad;
                    self.answer(&tag, &completion, if bad { Outcome::Bad } else { Outcome::Unchanged });
                }
                Action::StartTls => self.tls_begun = true,
                Action::Close => self.closed = true,
            }
        }
    }

    fn run(&mut self, tagged: &Tagged) {
        let outcome = match tagged.command {
            Command::Select(_) => Outcome::Selected,
            Command::Close | Command::Unselect => Outcome::Unselected,
            _ => Outcome::Unchanged,
        };
        self.answer(&tagged.tag, &Status::ok("ran"), outcome);
    }

    fn answer(&mut self, tag: &Tag, status: &Status, outcome: Outcome) {
        status.write_tagged(tag, &mut self.sent);
        self.tell(Event::Done(outcome));
    }

    fn said(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.sent)).unwrap()
    }
}

/// Runs a transcript; `S:` lines stand for everything sent since the `C:` line before.
fn transcript_on(mut wire: Wire, text: &str) -> Wire {
    wire.said();
    let mut expected = String::new();
    let mut said = String::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(line) = line.strip_prefix("S: ") {
            expected += line;
            expected += "\r\n";
        } else if let Some(line) = line.strip_prefix("C:") {
            assert_eq!(said, expected);
            expected.clear();
            let line = line.strip_prefix(' ').unwrap_or(line);
            wire.feed(format!("{line}\r\n").as_bytes());
            said = wire.said();
        }
    }
    assert_eq!(said, expected);
    wire
}

fn tls() -> Wire {
    Wire::start(Settings::default(), Channel::Tls)
}

fn logged_in() -> Wire {
    let mut wire = tls();
    wire.feed(b"l LOGIN u p\r\n");
    wire
}

#[test_case(Channel::Tls, false => "AUTH=PLAIN SASL-IR"; "tls")]
#[test_case(Channel::PlainWithStartTls, false => "STARTTLS LOGINDISABLED SASL-IR"; "before starttls")]
#[test_case(Channel::PlainWithStartTls, true => "STARTTLS AUTH=PLAIN SASL-IR"; "passwords in the clear allowed")]
#[test_case(Channel::Plain, false => "LOGINDISABLED SASL-IR"; "no tls at all")]
fn rfc9051_7_1_greeting(channel: Channel, plaintext_auth: bool) -> String {
    let greeting = Wire::start(Settings { plaintext_auth, ..Settings::default() }, channel).said();
    let changing = greeting
        .strip_prefix("* OK [CAPABILITY IMAP4rev2 IMAP4rev1 ")
        .and_then(|rest| rest.strip_suffix(" LITERAL- ENABLE ID] Poshta ready\r\n"));
    changing.unwrap_or_else(|| panic!("{greeting}")).to_owned()
}

#[test]
fn rfc9051_6_2_3_login_and_what_is_possible_then() {
    let mut wire = tls();
    wire.said();
    wire.feed(b"a LOGIN u p\r\n");
    let said = wire.said();
    assert!(said.starts_with("a OK [CAPABILITY IMAP4rev2 IMAP4rev1 LITERAL- ENABLE ID IDLE NAMESPACE "), "{said}");
    assert!(said.contains(" UIDPLUS MOVE BINARY ") && !said.contains("AUTH=") && !said.contains("CONDSTORE"));
    assert_eq!(wire.session.unwrap().state(), State::Authenticated);
}

#[test]
fn rfc9051_6_2_2_authenticate_plain() {
    let wire = transcript_on(
        tls(),
        "C: a AUTHENTICATE PLAIN
         S: + 
         C: *
         S: a BAD AUTHENTICATE was cancelled
         C: b AUTHENTICATE PLAIN
         S: + 
         C: ???
         S: b BAD expected base64
         C: c AUTHENTICATE PLAIN AHUAeA==
         S: c NO [AUTHENTICATIONFAILED] wrong name or password
         C: d AUTHENTICATE GSSAPI
         S: d NO [CANNOT] the only mechanism here is PLAIN
         C: e AUTHENTICATE PLAIN dQBw
         S: e BAD expected the PLAIN message of RFC 4616: [authzid] NUL authcid NUL password",
    );
    assert_eq!(wire.session.as_ref().unwrap().state(), State::NotAuthenticated);
    let mut wire = wire;
    wire.feed(b"f AUTHENTICATE PLAIN\r\nAHUAcA==\r\n");
    assert!(wire.said().contains("f OK [CAPABILITY"));
    assert_eq!(wire.session.unwrap().state(), State::Authenticated);
}

#[test]
fn rfc9051_6_2_3_no_password_without_tls() {
    transcript_on(
        Wire::start(Settings::default(), Channel::PlainWithStartTls),
        "C: a LOGIN u p
         S: a NO [PRIVACYREQUIRED] begin TLS first
         C: b AUTHENTICATE PLAIN AHUAcA==
         S: b NO [PRIVACYREQUIRED] begin TLS first",
    );
}

#[test]
fn rfc9051_6_2_1_nothing_read_before_tls_survives() {
    let mut wire = Wire::start(Settings::default(), Channel::PlainWithStartTls);
    wire.said();
    wire.feed(b"a STARTTLS\r\nb LOGIN u p\r\nc NOOP\r\n");
    assert_eq!(wire.said(), "a OK begin TLS now\r\n");
    assert!(wire.tls_begun);
    assert_eq!(wire.session.unwrap().framer.pending(), 0);
    let (fresh, actions) = Session::after_starttls(Arc::default(), Channel::Tls).handle(Event::Bytes(b""));
    assert_eq!((fresh.state(), actions), (State::NotAuthenticated, vec![]));
    transcript_on(tls(), "C: a STARTTLS\nS: a BAD STARTTLS is not possible on this connection");
}

#[test]
fn rfc9051_3_commands_have_their_states() {
    let wire = transcript_on(
        tls(),
        "C: a NOOP
         S: a OK done
         C: b SELECT INBOX
         S: b BAD log in first
         C: c FETCH 1 UID
         S: c BAD log in first
         C: d ID NIL
         S: * ID (\"name\" \"Poshta\")
         S: d OK pleased to meet you",
    );
    drop(wire);
    let wire = transcript_on(
        logged_in(),
        "C: a LOGIN u p
         S: a BAD you are logged in already
         C: b FETCH 1 UID
         S: b BAD select a mailbox first
         C: c SELECT INBOX
         S: c OK ran
         C: d FETCH 1 UID
         S: d OK ran
         C: e CLOSE
         S: e OK ran
         C: f EXPUNGE
         S: f BAD select a mailbox first
         C: g LOGOUT
         S: * BYE until the next post
         S: g OK logged out",
    );
    assert!(wire.closed);
}

#[test]
fn rfc5161_enable() {
    let wire = transcript_on(
        logged_in(),
        "C: a ENABLE X-NOTHING
         S: * ENABLED
         S: a OK enabled
         C: b ENABLE IMAP4rev2 utf8=accept imap4rev2
         S: * ENABLED IMAP4rev2 UTF8=ACCEPT
         S: b OK enabled",
    );
    assert_eq!(wire.session.unwrap().dialect(), Dialect { rev2: true, utf8_accept: true });
}

#[test]
fn rfc9051_6_3_13_idle() {
    let mut wire = transcript_on(
        logged_in(),
        "C: a IDLE
         S: + idling",
    );
    assert!(wire.session.as_ref().unwrap().is_idling());
    wire = transcript_on(
        wire,
        "C: done
         S: a OK IDLE ended
         C: b IDLE
         S: + idling
         C: c NOOP
         S: b BAD expected DONE to end IDLE
         C: d IDLE
         S: + idling
         C: e RENAME {4+}
         S: d BAD expected DONE to end IDLE
         C: ab
         C:  {4+}
         C: cd
         C:
         C: f NOOP
         S: f OK ran",
    );
    assert!(!wire.session.unwrap().is_idling());
}

#[test]
fn a_wrong_end_of_idle_is_one_error() {
    let mut wire = Wire::start(Settings { max_errors: 2, ..Settings::default() }, Channel::Tls);
    wire.feed(b"l LOGIN u p\r\na IDLE\r\nwrong\r\n");
    assert!(!wire.closed);
    wire.feed(b"b IDLE\r\nwrong\r\n");
    assert!(wire.closed && wire.said().ends_with("* BYE too many bad commands\r\n"));
}

#[test]
fn rfc9051_6_3_12_append() {
    let mut wire = transcript_on(
        logged_in(),
        "C: a APPEND INBOX (\\Seen) {5}
         S: + send the message
         C: abc
         C:
         S: a OK took 5 bytes
         C: b APPEND none {5}
         S: b NO [TRYCREATE] no such mailbox
         C: c APPEND none {5+}
         S: c NO [TRYCREATE] no such mailbox
         C: abc
         C:
         C: d APPEND INBOX UTF8 (~{5+}
         C: abc
         C: )
         S: d OK took 5 bytes
         C: e APPEND INBOX {5}
         S: + send the message
         C: abc
         C:  {4+}
         S: e BAD APPEND takes one message: expected the end of the command behind it
         C: ab
         C:
         C: f NOOP
         S: f OK ran
         C: g APPEND INBOX
         S: g BAD APPEND: expected a space at column 15",
    );
    wire.feed(b"h APPEND {5+}\r\nINBOX ~{3+}\r\n\0\r\n\r\n");
    assert_eq!(wire.said(), "h OK took 3 bytes\r\n");
    assert_eq!(wire.appended, b"\0\r\n");
}

#[test]
fn rfc7888_announced_sizes_are_checked_first() {
    transcript_on(
        logged_in(),
        "C: a APPEND INBOX {52428801}
         S: a NO [TOOBIG] a message of 52428801 bytes is too long; the limit is 52428800
         C: b NOOP
         S: b OK ran
         C: c APPEND INBOX {5000+}
         S: c BAD [TOOBIG] more than 4096 bytes need a synchronizing literal (RFC 7888)",
    );
    let mut wire = logged_in();
    wire.said();
    wire.feed(b"c APPEND INBOX {5000+}\r\n");
    wire.said();
    wire.feed(&b"x LOGOUT\r\n".repeat(500));
    wire.feed(b"\r\nd NOOP\r\n");
    assert_eq!(wire.said(), "d OK ran\r\n", "the bytes were drained, not run");
    wire.feed(b"e LIST \"\" {70000}\r\n");
    assert_eq!(wire.said(), "e BAD [TOOBIG] a literal of 70000 bytes is too long here; the limit is 65536\r\n");
    wire.feed(b"f SELECT {99999999999999999999999}\r\n");
    assert!(wire.said().starts_with("f BAD "), "no number");
    wire.feed(b"g NOOP\r\n");
    assert_eq!(wire.said(), "g OK ran\r\n");
}

#[test]
fn before_login_little_is_kept() {
    let mut wire = tls();
    wire.said();
    wire.feed(b"a LOGIN {5000}\r\n");
    assert_eq!(wire.said(), "a BAD [TOOBIG] a literal of 5000 bytes is too long here; the limit is 4096\r\n");
    wire.feed(b"b LOGIN");
    for _ in 0..10 {
        wire.feed(b" {4000+}\r\n");
        wire.feed(&[b'x'; 4000]);
        assert!(wire.session.as_ref().unwrap().framer.so_far().len() <= 16 << 10);
    }
    wire.feed(b"\r\nc NOOP\r\n");
    let said = wire.said();
    assert!(said.starts_with("b BAD [TOOBIG] a literal of 4000 bytes is too long here; the limit is 3"), "{said}");
    assert!(said.ends_with("\r\nc OK done\r\n") && said.lines().count() == 2, "{said}");
}

#[test]
fn a_flood_before_login_ends_the_session() {
    let mut wire = tls();
    wire.said();
    wire.feed(b"a LOGIN {99999999+}\r\n");
    assert!(wire.said().ends_with("* BYE [TOOBIG] the literal is far too long\r\n"));
    assert!(wire.closed);
}

#[test]
fn a_line_without_end_is_refused_once_and_skipped() {
    let mut wire = tls();
    wire.said();
    wire.feed(b"a LOGIN ");
    for _ in 0..20 {
        wire.feed(&[b'x'; 1000]);
        assert!(wire.session.as_ref().unwrap().framer.pending() <= 9000);
    }
    wire.feed(b" {3+}\r\na b\r\nb NOOP\r\n");
    assert_eq!(wire.said(), "a BAD [TOOBIG] the command is too long\r\nb OK done\r\n");
}

#[test_case(1; "byte by byte")]
#[test_case(7; "in small pieces")]
#[test_case(1000; "at once")]
fn what_stands_behind_a_message_is_refused_once_however_long(piece: usize) {
    let mut wire = Wire::start(Settings { max_line_bytes: 200, ..Settings::default() }, Channel::Tls);
    wire.feed(b"l LOGIN u p\r\n");
    wire.said();
    let stream = [b"a APPEND x {2+}\r\nab".as_slice(), &[b'x'; 300], b" {3+}\r\nc X\r\nd NOOP\r\n"].concat();
    stream.chunks(piece).for_each(|piece| wire.feed(piece));
    let said = wire.said();
    assert!(said.starts_with("a BAD APPEND takes one message") && said.ends_with("\r\nd OK ran\r\n"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn an_error_budget_ends_the_session() {
    let mut wire = tls();
    wire.said();
    for _ in 0..19 {
        wire.feed(b"a FOO\r\nb NOOP\r\n");
    }
    assert!(!wire.closed);
    wire.feed(b"a FOO\r\n");
    assert!(wire.said().ends_with("* BYE too many bad commands\r\n"));
    assert!(wire.closed);

    let mut wire = logged_in();
    for _ in 0..100 {
        wire.feed(b"a FOO\r\nb NOOP\r\n");
    }
    assert!(!wire.closed, "after login a good command forgives");

    let mut wire = logged_in();
    for _ in 0..100 {
        wire.feed(b"a APPEND INBOX {99999999}\r\n");
    }
    assert!(!wire.closed, "a message that is too long is no bad command");
}

#[test]
fn five_wrong_passwords_end_the_session() {
    let mut wire = tls();
    wire.said();
    for _ in 0..5 {
        assert!(!wire.closed);
        wire.feed(b"a LOGIN u x\r\n");
    }
    assert!(wire.closed && wire.said().ends_with("* BYE too many failed logins\r\n"));
}

#[test]
fn rfc9051_5_5_one_command_at_a_time() {
    let (session, _) = Session::start(Arc::default(), Channel::Tls);
    let (session, actions) = session.handle(Event::Bytes(b"a LOGIN u p\r\nb SELECT INBOX\r\nc NOOP\r\n"));
    assert!(matches!(actions.as_slice(), [Action::Login(_)]));
    let (session, actions) = session.handle(Event::LoggedIn);
    assert!(matches!(actions.as_slice(), [Action::Output(_), Action::Run(tagged)] if tagged.tag.as_str() == "b"));
    let (session, actions) = session.handle(Event::Done(Outcome::Selected));
    assert!(matches!(actions.as_slice(), [Action::Run(tagged)] if tagged.tag.as_str() == "c"));
    let (session, actions) = session.handle(Event::Done(Outcome::Unchanged));
    assert!(actions.is_empty());
    let (session, actions) = session.handle(Event::End("timeout"));
    assert_eq!(actions, [Action::Output(b"* BYE timeout\r\n".to_vec()), Action::Close]);
    assert_eq!(session.state(), State::Logout);
}

#[test]
fn without_a_tag_the_answer_is_untagged() {
    transcript_on(
        tls(),
        "C: 
         S: * BAD command: expected a tag at column 1
         C: (
         S: * BAD command: expected a tag at column 1
         C: a
         S: * BAD command: expected a space at column 2",
    );
}

/// A session with everything in it, as one stream.
const STREAM: &[u8] = b"a CAPABILITY\r\nb LOGIN {1+}\r\nu {1}\r\np\r\nc ENABLE IMAP4rev2\r\nd SELECT {5+}\r\nINBOX\r\n\
    e FETCH 1 (\r\nf SEARCH TEXT {4}\r\n{9}\n OR SEEN 1\r\ng IDLE\r\nDONE\r\nh APPEND x {12+}\r\n{3}\r\nz NOOP\r\n\r\n\
    i APPEND none {7+}\r\nj NOOP\r\n\r\nk APPEND x (\\Seen {4+}\r\n1234\r\nl APPEND x {2+}\r\nab{3+}\r\nxyz\r\n\
    m UID STORE 1 +FLAGS (a)\r\nn LOGIN {4097+}\r\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_cut_into_chunks_changes_nothing(cuts in proptest::collection::vec(1_usize..40, 1..200)) {
        let mut whole = tls();
        whole.feed(STREAM);
        let mut cut = tls();
        let mut rest = STREAM;
        for size in cuts.into_iter().cycle() {
            let (now, later) = rest.split_at(size.min(rest.len()));
            cut.feed(now);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(cut.said(), whole.said());
        prop_assert_eq!(cut.session.unwrap().state(), whole.session.unwrap().state());
    }

    #[test]
    fn no_bytes_panic(chunks in proptest::collection::vec(any::<Vec<u8>>(), 0..8), inside in any::<bool>()) {
        let mut wire = if inside { logged_in() } else { tls() };
        for chunk in chunks {
            if !wire.closed && !wire.tls_begun {
                wire.feed(&chunk);
            }
        }
    }
}

#[test]
fn the_stream_of_the_chunk_test_does_what_it_says() {
    let mut wire = tls();
    wire.said();
    wire.feed(STREAM);
    let said = wire.said();
    let tagged: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("* "))
        .map(|line| line.get(..line.len().min(12)).unwrap_or(line))
        .collect();
    let expected = [
        "a OK that is",
        "+ go on",
        "b OK [CAPABI",
        "c OK enabled",
        "d OK ran",
        "e BAD FETCH:",
        "+ go on",
        "f OK ran",
        "+ idling",
        "g OK IDLE en",
        "h OK took 12",
        "i NO [TRYCRE",
        "k BAD APPEND",
        "l BAD APPEND",
        "m OK ran",
        "n BAD [TOOBI",
    ];
    assert_eq!(tagged, expected);
}
