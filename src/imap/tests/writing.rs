//! APPEND, STORE, COPY, MOVE and EXPUNGE.

use test_case::test_case;

use super::{Post, letter, settings};

#[test_case(b"Subject: no final newline\r\n\r\ntext" ; "no final newline")]
#[test_case(b"Subject: bare\n\nLF\nonly\n" ; "bare line feeds")]
#[test_case(b"no header at all" ; "no header")]
#[test_case(b"Subject: 8 bit\r\n\r\n\xd0\xbf\xff\xfe\x80\r\n" ; "bytes that are no UTF-8")]
#[test_case(b"Subject: odd\r\n folding\r\n\t again\r\n\r\n.\r\n..\r\n" ; "folding and dots")]
#[test_case(b"Postal-Mark: forged\r\nBcc: x@y.example\r\n\r\nP19: kept as given\r\n" ; "marks of others")]
#[tokio::test]
async fn p19_an_appended_message_comes_back_identical(message: &[u8]) {
    let post = Post::open().await;
    let mut client = post.inbox(&[message]).await;
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[]").await, message);
    assert_eq!(client.ok("FETCH 1 RFC822.SIZE").await, [format!("* 1 FETCH (RFC822.SIZE {})", message.len())]);
}

#[tokio::test]
async fn rfc9051_append_to_a_missing_folder_says_try_create() {
    let post = Post::open().await;
    let mut client = post.client().await;
    let answer = client.append("Nowhere", &letter("one")).await;
    assert!(answer.starts_with("NO [TRYCREATE]"), "{answer}");
}

#[tokio::test]
async fn rfc7888_an_append_over_the_limit_is_refused_before_it_is_sent() {
    let mut settings = settings();
    settings.protocol.max_message_bytes = 1000;
    let post = Post::with(settings).await;
    let mut client = post.client().await;
    let answer = client.append("INBOX", &[b'x'; 1001]).await;
    assert!(answer.starts_with("NO [TOOBIG]"), "{answer}");
    client.ok("NOOP").await;
}

#[tokio::test]
async fn rfc9051_append_into_the_selected_folder_is_seen_at_once() {
    let post = Post::open().await;
    let mut client = post.inbox(&[]).await;
    let message = letter("one");
    client.send(&format!("a APPEND INBOX (\\Seen $Junk) {{{}}}\r\n", message.len())).await;
    client.expect("+ …").await;
    client.send_bytes(&message).await;
    client.send("\r\n").await;
    let mut answers = vec![client.line().await];
    while !answers.last().unwrap().starts_with("a ") {
        answers.push(client.line().await);
    }
    assert!(answers.contains(&"* 1 EXISTS".to_owned()), "{answers:?}");
    assert!(answers.last().unwrap().starts_with("a OK [APPENDUID "), "{answers:?}");
    assert_eq!(client.ok("FETCH 1 FLAGS").await, ["* 1 FETCH (FLAGS (\\Seen $Junk))"]);
}

#[tokio::test]
async fn rfc9051_store_adds_removes_and_replaces() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client
        .play(
            "C: a STORE 1:2 +FLAGS (\\Seen \\Flagged)
             S: * 1 FETCH (FLAGS (\\Flagged \\Seen))
             S: * 2 FETCH (FLAGS (\\Flagged \\Seen))
             S: a OK …
             C: b STORE 1 -FLAGS (\\Flagged)
             S: * 1 FETCH (FLAGS (\\Seen))
             S: b OK …
             C: c STORE 2 FLAGS (\\Draft)
             S: * 2 FETCH (FLAGS (\\Draft))
             S: c OK …
             C: d STORE 1 +FLAGS.SILENT (\\Answered)
             S: d OK …
             C: e UID STORE 1 FLAGS ()
             S: * 1 FETCH (UID 1 FLAGS ())
             S: e OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc9051_a_new_keyword_is_announced_before_it_is_shown() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client
        .play(
            "C: a STORE 1 +FLAGS (Postal.Printed)
             S: * FLAGS (…Postal.Printed…)
             S: * OK [PERMANENTFLAGS (…Postal.Printed…\\*)] …
             S: * 1 FETCH (FLAGS (Postal.Printed))
             S: a OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc9051_expunge_tells_numbers_that_hold_when_they_are_sent() {
    let post = Post::open().await;
    let letters: Vec<Vec<u8>> = (0..5).map(|n| letter(&format!("n{n}"))).collect();
    let letters: Vec<&[u8]> = letters.iter().map(Vec::as_slice).collect();
    let mut client = post.inbox(&letters).await;
    client
        .play(
            "C: a STORE 2,3,5 +FLAGS.SILENT (\\Deleted)
             S: a OK …
             C: b EXPUNGE
             S: * 5 EXPUNGE
             S: * 3 EXPUNGE
             S: * 2 EXPUNGE
             S: b OK …
             C: c UID FETCH 1:* UID
             S: * 1 FETCH (UID 1)
             S: * 2 FETCH (UID 4)
             S: c OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc4315_uid_expunge_takes_only_what_is_named() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client
        .play(
            "C: a STORE 1:2 +FLAGS.SILENT (\\Deleted)
             S: a OK …
             C: b UID EXPUNGE 2
             S: * 2 EXPUNGE
             S: b OK …
             C: c CLOSE
             S: c OK …
             C: d STATUS INBOX (MESSAGES)
             S: * STATUS INBOX (MESSAGES 0)
             S: d OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc4315_copy_says_where_the_copies_are() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client
        .play(
            "C: a STORE 2 +FLAGS.SILENT (\\Flagged Kept)
             S: * FLAGS (…Kept…)
             S: * OK [PERMANENTFLAGS …
             S: a OK …
             C: b COPY 1:2 Archive
             S: b OK [COPYUID … 1:2 1:2] …
             C: c COPY 1 Nowhere
             S: c NO [TRYCREATE] …
             C: d SELECT Archive",
        )
        .await;
    while !client.line().await.starts_with("d OK") {}
    assert_eq!(client.ok("FETCH 2 FLAGS").await, ["* 2 FETCH (FLAGS (\\Flagged Kept))"]);
    assert_eq!(client.literal("FETCH 1 BODY.PEEK[]").await, letter("one"));
}

/// RFC 9051 §6.4.7: NO would mean that the target is as it was.
#[tokio::test]
async fn rfc9051_copy_answers_ok_when_something_was_copied() {
    let post = Post::open().await;
    let mut reader = post.inbox(&[&letter("one"), &letter("two")]).await;
    let mut other = post.inbox(&[]).await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    reader
        .play(
            "C: a COPY 1:2 Archive
             S: * 1 EXPUNGE
             S: a OK [COPYUID … 2 1] …
             C: b STATUS Archive (MESSAGES)
             S: * STATUS Archive (MESSAGES 1)
             S: b OK …",
        )
        .await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    reader.play("C: c COPY 1 Archive\nS: * 1 EXPUNGE\nS: c NO [EXPUNGEISSUED] …").await;
}

#[tokio::test]
async fn rfc6851_move_tells_copyuid_before_expunge() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client
        .play(
            "C: a MOVE 1 Trash
             S: * OK [COPYUID … 1 1] …
             S: * 1 EXPUNGE
             S: a OK …
             C: b UID FETCH 1:* UID
             S: * 1 FETCH (UID 2)
             S: b OK …
             C: c STATUS Trash (MESSAGES)
             S: * STATUS Trash (MESSAGES 1)
             S: c OK …",
        )
        .await;
}
