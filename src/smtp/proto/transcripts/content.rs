//! The content of messages: DATA and BDAT, what spoils it, and that it does not matter how bytes are cut.

use proptest::prelude::*;
use test_case::test_case;

use super::*;

#[test_case("a\\n.\\nMAIL FROM:<evil@x>\\r\\n"; "lf dot lf")]
#[test_case("a\\r.\\rMAIL FROM:<evil@x>\\r\\n"; "cr dot cr")]
#[test_case("a\\n.\\r\\nMAIL FROM:<evil@x>\\r\\n"; "lf dot crlf")]
#[test_case("a\\r\\n.\\nMAIL FROM:<evil@x>\\r\\n"; "crlf dot lf")]
#[test_case("a\\r\\n.\\rMAIL FROM:<evil@x>\\r\\n"; "crlf dot cr")]
#[test_case("a\\r.\\r\\nMAIL FROM:<evil@x>\\r\\n"; "cr dot crlf")]
#[test_case("a\\n\\n.\\r\\nMAIL FROM:<evil@x>\\r\\n"; "lf lf dot crlf")]
#[test_case("a\\r\\r\\nb\\r\\n"; "double cr")]
#[test_case("a\\nb\\r\\n"; "just a bare lf")]
fn rfc5321_smuggled_letters_are_refused_whole(content: &str) {
    let mut stage = in_data();
    stage.event(Event::Bytes(&unescape(&format!("Subject: x\\r\\n\\r\\n{content}\\c"))));
    assert_eq!(stage.hear(), "", "nothing is answered before the true end");
    stage.event(Event::Bytes(b".\r\nNOOP\r\n"));
    assert_eq!(
        stage.hear(),
        "550 5.6.11 bare CR or LF in the message; lines end with CRLF (RFC 5321 section 2.3.8)\r\n250 2.0.0 ok\r\n"
    );
    assert!(stage.delivered.is_empty());
}

#[test]
fn rfc1870_a_message_that_grows_too_large_is_drained_and_refused() {
    let mut stage = in_data();
    stage.event(Event::Bytes(b"Subject: x\r\n\r\n"));
    for _ in 0..100 {
        stage.event(Event::Bytes(b"0123456789012345678901234567890123456789\r\n"));
        assert_eq!(stage.hear(), "");
    }
    assert!(stage.body.is_none(), "its bytes are thrown away at once");
    stage.event(Event::Bytes(b".\r\nMAIL FROM:<a@b.kz>\r\n"));
    assert_eq!(stage.hear(), "552 5.3.4 the message is larger than 1000 octets\r\n250 2.1.0 sender ok\r\n");
}

#[test]
fn rfc1870_dots_that_were_stuffed_do_not_count() {
    let mut stage = in_data();
    let line = format!("{}\r\n", ".".repeat(98));
    stage.event(Event::Bytes(format!("\r\n{}", format!(".{line}").repeat(9)).as_bytes()));
    stage.event(Event::Bytes(format!("{}\r\n.\r\n", "x".repeat(96)).as_bytes()));
    assert!(stage.hear().starts_with("250 2.0.0 Ok"));
    assert_eq!(stage.delivered[0].1.len(), 1000);
}

#[test]
fn a_header_block_that_never_ends_is_refused() {
    let mut stage = in_data();
    stage.event(Event::Bytes("X-Long: 0123456789\r\n".repeat(20).as_bytes()));
    stage.event(Event::Bytes(b"\r\nbody\r\n.\r\n"));
    assert_eq!(stage.hear(), "552 5.3.4 the header of the message is longer than 200 octets\r\n");
}

#[test]
fn a_failing_disk_is_told_at_the_true_end() {
    let mut stage = in_data();
    stage.event(Event::Bytes(b"Subject: x\r\n"));
    stage.body = None;
    stage.event(Event::BodyFailed(Refusal::Store(crate::store::Error::Full { free: 0, watermark: 1 })));
    stage.event(Event::Bytes(b"more\r\n"));
    assert_eq!(stage.hear(), "");
    stage.event(Event::Bytes(b".\r\n"));
    assert_eq!(stage.hear(), "452 4.3.1 the system is short of storage; try again later\r\n");
}

#[test]
fn a_store_that_fails_is_temporary_and_silent_about_the_cause() {
    let mut stage = in_data();
    stage.event(Event::Bytes(b"boom\r\n.\r\n"));
    assert_eq!(stage.hear(), "451 4.3.0 temporary failure here; try again later\r\n");
}

#[test]
fn rfc3030_chunks_may_be_pipelined() {
    let mut stage = opened();
    stage.event(Event::Bytes(b"BDAT 12\r\nSubject: x\r\nBDAT 6\r\n\r\n.\r\nxBDAT 3 LAST\r\ny\r\nNOOP\r\n"));
    assert_eq!(
        stage.hear(),
        "250 2.0.0 12 octets received\r\n250 2.0.0 6 octets received\r\n\
         250 2.0.0 Ok: queued as 00000000000000000000000007\r\n250 2.0.0 ok\r\n"
    );
    assert_eq!(stage.delivered[0].1, b"Subject: x\r\n\r\n.\r\nxy\r\n");
}

#[test_case("BDAT 0 LAST\r\n", b""; "nothing at all")]
#[test_case("BDAT 3 LAST\r\nabc", b"abc"; "no final line end")]
#[test_case("BDAT 5 LAST\r\n.\r\n.\r", b""; "ends inside a line end")]
fn rfc3030_last_ends_the_message(wire: &str, body: &[u8]) {
    let mut stage = opened();
    stage.event(Event::Bytes(wire.as_bytes()));
    if wire.ends_with('\r') {
        assert!(stage.hear().starts_with("550 5.6.11"));
        assert!(stage.delivered.is_empty());
    } else {
        assert!(stage.hear().starts_with("250 2.0.0 Ok"));
        assert_eq!(stage.delivered[0].1, body);
    }
}

#[test]
fn rfc3030_refused_chunks_are_never_read_as_commands() {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes(b"BDAT 6\r\nQUIT\r\nNOOP\r\n"));
    assert_eq!(stage.hear(), "503 5.5.1 MAIL and RCPT first\r\n250 2.0.0 ok\r\n");
    stage.event(Event::Bytes(b"MAIL FROM:<>\r\nRCPT TO:<no@b.kz>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"));
    assert!(stage.hear().ends_with("554 5.5.1 no valid recipients\r\n250 2.0.0 ok\r\n"));
}

#[test]
fn rfc3030_a_chunk_announced_too_large_is_refused_before_it_comes() {
    let mut stage = opened();
    stage.event(Event::Bytes(b"BDAT 1001\r\n"));
    assert!(stage.body.is_none());
    stage.event(Event::Bytes(&[b'x'; 1001]));
    assert_eq!(stage.hear(), "552 5.3.4 the message is larger than 1000 octets\r\n");
    stage.event(Event::Bytes(b"BDAT 2 LAST\r\nhiNOOP\r\n"));
    assert_eq!(stage.hear(), "552 5.3.4 the message is larger than 1000 octets\r\n250 2.0.0 ok\r\n");
    assert!(stage.delivered.is_empty());
}

#[test]
fn rfc3030_bare_line_ends_spoil_chunks_too() {
    let mut stage = opened();
    stage.event(Event::Bytes(b"BDAT 3\r\na\nbBDAT 2 LAST\r\nhi"));
    let heard = stage.hear();
    assert_eq!(heard.matches("550 5.6.11").count(), 2, "{heard}");
}

#[test_case("BDAT 0\r\n"; "empty")]
#[test_case("BDAT 1\r\n\n"; "refused")]
fn rfc3030_chunks_that_move_nothing_do_not_go_on_for_ever(chunk: &str) {
    let mut stage = opened();
    // EHLO was one of them.
    for _ in 2..limits().max_idle_commands {
        stage.event(Event::Bytes(chunk.as_bytes()));
        assert!(!stage.closed);
    }
    stage.event(Event::Bytes(chunk.as_bytes()));
    assert!(stage.closed && stage.hear().contains("421 4.7.0"));
}

#[test]
fn rfc3030_a_size_that_cannot_be_read_ends_the_session() {
    let mut stage = opened();
    play(
        &mut stage,
        "C: BDAT many
         C: QUIT
         S: 501 5.5.4 syntax: BDAT size [LAST]; closing, as the chunk's end is unknown
         S: -- closed --",
    );
}

#[test_case("DATA", "503 5.5.1 the message comes in chunks; BDAT goes on"; "data")]
#[test_case("MAIL FROM:<>", "503 5.5.1 a transaction is open; RSET ends it"; "mail")]
#[test_case("RCPT TO:<a@b.kz>", "503 5.5.1 MAIL first"; "rcpt")]
#[test_case("RSET", "250 2.0.0 reset"; "rset gives up")]
#[test_case("NOOP", "250 2.0.0 ok"; "noop")]
fn rfc3030_between_chunks(command: &str, reply: &str) {
    let mut stage = opened();
    stage.event(Event::Bytes(b"BDAT 2\r\nhi"));
    stage.hear();
    stage.event(Event::Bytes(format!("{command}\r\n").as_bytes()));
    assert_eq!(stage.hear(), format!("{reply}\r\n"));
    assert_eq!(stage.body.is_none(), command == "RSET");
}

/// The turns of a client that waits where it must.
const TURNS: &[&str] = &[
    "EHLO client.example\r\n",
    "MAIL FROM:<a@b.kz>\r\nRCPT TO:<one@b.kz>\r\nRCPT TO:<no@b.kz>\r\nDATA\r\n",
    "Subject: x\r\n\r\n..dots\r\n.\r\n",
    "WIZ\r\nMAIL FROM:<a@b.kz>\r\nRCPT TO:<one@b.kz>\r\nBDAT 8\r\nab\r\n\r\n.\rBDAT 3 LAST\r\n\nxyRSET\r\n",
    "MAIL FROM:<b@b.kz> SIZE=3\r\nRCPT TO:<two@b.kz>\r\nDATA\r\n",
    "bare\n.\r\nlf\r\n.\r\nNOOP\nQUIT\r\n",
];

fn run_turns(cuts: &[usize]) -> (String, Vec<(Envelope, Vec<u8>)>, bool) {
    let mut stage = mx();
    for turn in TURNS {
        let mut rest = turn.as_bytes();
        for cut in cuts {
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            stage.event(Event::Bytes(piece));
            rest = tail;
        }
        stage.event(Event::Bytes(rest));
    }
    (stage.hear(), stage.delivered, stage.closed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_bytes_do_the_same_however_they_are_cut(cuts in proptest::collection::vec(0usize..9, 0..40)) {
        prop_assert_eq!(run_turns(&cuts), run_turns(&[]));
    }

    #[test]
    fn no_bytes_make_the_session_panic(pieces in proptest::collection::vec("[ -~\r\n]{0,40}", 0..12), garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut stage = in_data();
        for piece in pieces {
            stage.event(Event::Bytes(piece.as_bytes()));
        }
        stage.event(Event::Bytes(&garbage));
    }
}

#[test]
fn the_turns_do_what_they_are_meant_to() {
    let (heard, delivered, closed) = run_turns(&[]);
    assert_eq!(delivered.len(), 2, "{heard}");
    assert_eq!(delivered[0].1, b"Subject: x\r\n\r\n.dots\r\n");
    assert_eq!(delivered[1].1, b"ab\r\n\r\n.\r\nxy");
    assert!(closed && heard.contains("550 5.6.11"));
}
