//! FETCH.

use super::{Post, letter};
use crate::ids::Uid;
use crate::store::tests::damage_message;

const MIXED: &[u8] = b"From: a@poshta.example\r\nSubject: parts\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
0KHTmdC70LXQvA==\r\n\
--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: x-odd\r\n\r\n\
???\r\n\
--b\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: inner\r\nFrom: b@poshta.example\r\n\r\ninner text\r\n\
--b--\r\n";

#[tokio::test]
async fn rfc9051_fetch_body_peek_does_not_set_seen() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[]").await, letter("one"));
    assert_eq!(client.ok("FETCH 1 FLAGS").await, ["* 1 FETCH (FLAGS ())"]);
}

#[tokio::test]
async fn rfc9051_fetch_body_sets_seen_and_says_so() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    let answers = client.ok("FETCH 1 BODY[TEXT]").await;
    assert_eq!(answers, ["* 1 FETCH (BODY[TEXT] {11}\nHello one\r\n FLAGS (\\Seen))"]);
    assert_eq!(client.ok("FETCH 1 BODY[TEXT]").await, ["* 1 FETCH (BODY[TEXT] {11}\nHello one\r\n)"]);
    client.play("C: s STATUS INBOX (UNSEEN)\nS: * STATUS INBOX (UNSEEN 0)\nS: s OK …").await;
}

#[tokio::test]
async fn rfc9051_examine_never_sets_seen() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client.ok("EXAMINE INBOX").await;
    client.ok("FETCH 1 BODY[]").await;
    assert_eq!(client.ok("FETCH 1 FLAGS").await, ["* 1 FETCH (FLAGS ())"]);
    assert!(client.run("STORE 1 +FLAGS (\\Seen)").await.1.starts_with("NO"));
}

#[tokio::test]
async fn rfc9051_fetch_partial_names_its_origin() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client
        .play(
            "C: a FETCH 1 (BODY.PEEK[TEXT]<0.5> BODY.PEEK[TEXT]<6.100> BODY.PEEK[TEXT]<99.1>)
             S: * 1 FETCH (BODY[TEXT]<0> {5}…Hello BODY[TEXT]<6> {5}…one… BODY[TEXT]<99> …)
             S: a OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc9051_fetch_header_fields() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    let fields = client.literal("FETCH 1 BODY.PEEK[HEADER.FIELDS (subject X-None TO)]").await;
    assert_eq!(String::from_utf8(fields).unwrap(), "To: bolat@poshta.example\r\nSubject: one\r\n\r\n");
    let rest = client.literal("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (from to date message-id)]").await;
    assert_eq!(String::from_utf8(rest).unwrap(), "Subject: one\r\n\r\n");
}

#[tokio::test]
async fn rfc9051_fetch_nested_parts() {
    let post = Post::open().await;
    let mut client = post.inbox(&[MIXED]).await;
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[1]").await, b"0KHTmdC70LXQvA==");
    assert_eq!(
        client.literal("FETCH 1 BODY.PEEK[3.HEADER]").await,
        b"Subject: inner\r\nFrom: b@poshta.example\r\n\r\n"
    );
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[3.TEXT]").await, b"inner text");
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[3.MIME]").await, b"Content-Type: message/rfc822\r\n\r\n");
    assert_eq!(client.ok("FETCH 1 BODY.PEEK[9]").await, ["* 1 FETCH (BODY[9] NIL)"]);
}

#[tokio::test]
async fn rfc3516_binary_undoes_the_encoding() {
    let post = Post::open().await;
    let mut client = post.inbox(&[MIXED]).await;
    assert_eq!(client.literal("FETCH 1 BINARY.PEEK[1]").await, "Сәлем".as_bytes());
    assert_eq!(client.literal("FETCH 1 BINARY.PEEK[1]<2.2>").await, "ә".as_bytes());
    assert_eq!(client.ok("FETCH 1 BINARY.SIZE[1]").await, ["* 1 FETCH (BINARY.SIZE[1] 10)"]);
}

#[tokio::test]
async fn rfc3516_an_unknown_encoding_is_said_and_nothing_is_sent() {
    let post = Post::open().await;
    let mut client = post.inbox(&[MIXED]).await;
    let (answers, end) = client.run("FETCH 1 BINARY.PEEK[2]").await;
    assert_eq!(answers, Vec::<String>::new());
    assert!(end.starts_with("NO [UNKNOWN-CTE]"), "{end}");
}

#[tokio::test]
async fn rfc9051_uid_fetch_always_answers_the_uid() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client
        .play(
            "C: a UID FETCH 2 FLAGS
             S: * 2 FETCH (UID 2 FLAGS ())
             S: a OK …
             C: b UID FETCH 7:9 FLAGS
             S: b OK …
             C: c UID FETCH 99:* UID
             S: * 2 FETCH (UID 2)
             S: c OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc9051_a_number_above_the_count_is_bad() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    assert!(client.run("FETCH 2 FLAGS").await.1.starts_with("BAD"));
}

#[tokio::test]
async fn rows_answer_envelope_structure_size_and_date() {
    let post = Post::open().await;
    let mut client = post.client().await;
    let one = letter("one");
    client.append("INBOX (\\Flagged) \" 1-Sep-2026 12:00:00 +0500\"", &one).await;
    client.ok("SELECT INBOX").await;
    let answers = client.ok("FETCH 1 (RFC822.SIZE INTERNALDATE ENVELOPE BODY FLAGS)").await;
    assert_eq!(answers.len(), 1);
    for wanted in [
        &format!("RFC822.SIZE {}", one.len()),
        "FLAGS (\\Flagged)",
        "\"<one@poshta.example>\"",
        "((\"Aliya\" NIL \"aliya\" \"poshta.example\"))",
        "BODY (\"text\" \"plain\"",
    ] {
        assert!(answers[0].to_lowercase().contains(&wanted.to_lowercase()), "{wanted} in {}", answers[0]);
    }
    // RFC 9051 §7.5.2: the instant counts; the zone in which it is shown is the server's.
    let date = answers[0].split("INTERNALDATE \"").nth(1).unwrap().split('"').next().unwrap();
    let shown = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", date.trim()).unwrap().to_timestamp().unwrap();
    assert_eq!(shown, "2026-09-01T07:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn an_item_that_is_asked_for_twice_is_answered_once() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    assert_eq!(client.ok("FETCH 1 (UID FLAGS UID FLAGS)").await, ["* 1 FETCH (UID 1 FLAGS ())"]);
}

#[tokio::test]
async fn large_envelopes_go_out_in_more_pages_than_one() {
    let post = Post::open().await;
    let subject = "s".repeat(7000);
    let mut client = post.inbox(&[&letter(&subject)]).await;
    for doubled in [1, 2, 4, 8, 16, 32, 64, 128] {
        client.ok(&format!("COPY 1:{doubled} INBOX")).await;
    }
    let answers = client.ok("FETCH 1:* (UID ENVELOPE)").await;
    assert_eq!(answers.len(), 256);
    assert!(answers.concat().len() > 1 << 20);
    for (number, answer) in (1..).zip(&answers) {
        assert!(answer.starts_with(&format!("* {number} FETCH (UID {number} ENVELOPE (")), "{number}");
        assert!(answer.contains(&subject), "{number}");
    }
}

#[tokio::test]
async fn of_an_endless_header_only_the_beginning_is_looked_into() {
    let post = Post::open().await;
    let padding = format!("X-Pad: {}\r\n", "x".repeat(70)).repeat(4000);
    let message = format!("Subject: near\r\n{padding}To: far@poshta.example\r\n\r\nHello\r\n");
    let mut client = post.inbox(&[message.as_bytes()]).await;
    let answers = client.ok("FETCH 1 ENVELOPE").await;
    assert!(answers[0].contains("\"near\"") && !answers[0].contains("\"far\""), "{answers:?}");
    assert!(client.literal("FETCH 1 BODY.PEEK[]").await == message.as_bytes());
    let fields = client.literal("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject To)]").await;
    assert_eq!(fields, b"Subject: near\r\nTo: far@poshta.example\r\n\r\n");
}

#[tokio::test]
async fn a_large_message_comes_back_whole() {
    let post = Post::open().await;
    let mut large = letter("large");
    for line in 0..60_000 {
        large.extend_from_slice(format!("line {line} of a letter that does not fit into one piece\r\n").as_bytes());
    }
    let mut client = post.inbox(&[&large]).await;
    assert!(client.literal("FETCH 1 BODY.PEEK[]").await == large);
    let end = large.len() - 10;
    assert!(client.literal(&format!("FETCH 1 BODY.PEEK[]<{end}.100>")).await == large[end..]);
}

/// Changes the end of a message where it lies on the disk.
async fn damage(post: &Post, uid: u32) {
    let account = post.account;
    let inbox = post.store.read(move |view| view.folder_named(account, "INBOX")).await.unwrap().unwrap().id;
    damage_message(&post.store, account, inbox, Uid::new(uid).unwrap());
}

/// RFC 5530 §3: CORRUPTION.
#[tokio::test]
async fn a_damaged_message_is_refused_alone_and_the_session_goes_on() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two"), &letter("three")]).await;
    damage(&post, 2).await;
    let (answers, status) = client.run("FETCH 1:3 (UID BODY.PEEK[TEXT])").await;
    assert!(status.starts_with("NO [CORRUPTION] ") && status.contains("UID 2"), "{status}");
    let all = answers.join("");
    assert!(all.contains("Hello one") && all.contains("Hello three") && !all.contains("* 2 FETCH"), "{all}");
    assert_eq!(client.ok("FETCH 2 (UID RFC822.SIZE FLAGS)").await.len(), 1);
    assert_eq!(client.literal("FETCH 3 BODY.PEEK[]").await, letter("three"));
}

#[tokio::test]
async fn damage_behind_the_beginning_ends_one_session_and_is_refused_from_then_on() {
    let post = Post::open().await;
    let large = [&letter("large")[..], &b"0123456789abcdef".repeat(9_000), b"\r\nlast words\r\n"].concat();
    let mut client = post.inbox(&[&large, &letter("two")]).await;
    damage(&post, 1).await;
    client.run_until_closed("FETCH 1 BODY.PEEK[]").await;
    let mut client = post.client().await;
    client.ok("SELECT INBOX").await;
    let (answers, status) = client.run("FETCH 1:2 BODY.PEEK[]").await;
    assert!(status.starts_with("NO [CORRUPTION] "), "{status}");
    assert!(answers.join("").contains("Hello two"));
    client.ok("FETCH 1 BODY.PEEK[]<0.1000>").await;
}
