//! Letters are signed on their way out.

use test_case::test_case;

use super::*;
use crate::outbound::dkim::tests::{Judge, keys};

/// A depot that signs with keys of both algorithms, and a server that checks.
async fn signing() -> (Depot, Judge, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { dkim: keys(&dir), ..Settings::default() };
    let depot = Depot::with(Script::default(), settings).await;
    let judge = Judge::knowing(&depot.outbound.inner.means.dkim).await;
    (depot, judge, dir)
}

/// The letter that came last.
fn received(depot: &Depot) -> Heard {
    depot.sink.heard().pop().unwrap()
}

#[test_case(letter(AIGUL, "") ; "plain")]
#[test_case(letter(AIGUL, "").replace("Hello", "Сәлем, «Қазпошта»!") ; "eight bits")]
#[test_case(letter(AIGUL, "X: y\r\n").replace("Subject: x", "Subject: =?utf-8?B?0J/Q?=\r\n =?utf-8?B?vg==?= \r\n\tand  more") ; "folded")]
#[test_case(letter(AIGUL, "").replace("Hello", &"a line of  a long letter \t\r\n".repeat(9000)) ; "in several pieces")]
#[test_case(letter(AIGUL, "").replace("Hello", ".\r\n..\r\n.a\r\n\r\n.") ; "dots")]
#[test_case(letter(AIGUL, "").trim_end().to_owned() ; "no final line end")]
#[test_case(letter(AIGUL, "").replace("Hello\r\n", "") ; "no body")]
#[test_case(letter(AIGUL, "").replace("Hello", "\r\n\r\nx\r\n\r\n\r\n") ; "empty lines at the end")]
#[tokio::test]
async fn rfc8463_another_server_finds_both_signatures_good(message: String) {
    let (depot, judge, _dir) = signing().await;
    let sender = depot.post.user("aigul").await;
    depot.post.accept(sender, AIGUL, &[SOMEBODY], &message).await.unwrap();
    let row = depot.queue().await.remove(0);
    let stored = depot.post.store.item_bytes(&row).read_at(0, 1 << 20).await.unwrap();
    depot.round().await;
    let heard = received(&depot);
    let wire = heard.letter.unwrap();
    let findings = judge.findings(&wire).await;
    for selector in ["first", "second"] {
        let found = format!("dkim=pass header.d=poshta.example header.s={selector}");
        assert!(findings.split_whitespace().collect::<Vec<_>>().join(" ").contains(&found), "{findings}");
    }
    let signatures: usize = headers::fields(&wire).take(2).map(|field| field.raw.len()).sum();
    assert!(wire[signatures..].starts_with(&stored), "the stored bytes go as they are");
    let size = signatures + stored.len();
    assert!(
        heard.commands[1].contains(&format!(" SIZE={size}")),
        "rfc1870 counts the signatures: {}",
        heard.commands[1]
    );
}

#[tokio::test]
async fn each_attempt_signs_anew_and_without_a_key_nothing_is_signed() {
    let (depot, judge, _dir) = signing().await;
    depot.sink.change(Script { end: "451 4.3.0 later", ..Script::default() });
    depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    let first = Letter(received(&depot).letter.unwrap());
    depot.post.clock.advance_s(60);
    depot.round().await;
    let second = Letter(received(&depot).letter.unwrap());
    let times = |letter: &Letter| {
        let field = letter.values("DKIM-Signature").remove(0);
        field.split_once("t=").unwrap().1.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(times(&second), times(&first) + 60);
    assert_eq!(judge.findings(&second.0).await.matches("dkim=pass").count(), 2);
    let unsigned = Depot::open(Script::default()).await;
    unsigned.send(&[SOMEBODY], "x").await;
    unsigned.round().await;
    assert!(Letter(received(&unsigned).letter.unwrap()).values("DKIM-Signature").is_empty());
}

#[tokio::test]
async fn a_letter_that_is_not_of_ours_is_not_signed() {
    let (depot, _judge, _dir) = signing().await;
    let operator = crate::intake::Origin {
        entrance: crate::intake::Entrance::System,
        sender: crate::intake::Sender::Operator,
        connection: None,
    };
    let message = letter("somebody@gov.example", "");
    depot.post.accept(operator, AIGUL, &[SOMEBODY], message).await.unwrap();
    depot.round().await;
    assert!(Letter(received(&depot).letter.unwrap()).values("DKIM-Signature").is_empty());
}

#[test_case(1_000 => 2; "short")]
#[test_case((1 << 20) - 10_000 => 2; "just within")]
#[test_case((1 << 20) + 100_000 => 0; "longer than a mebibyte")]
#[tokio::test]
async fn a_letter_with_too_long_a_header_goes_as_it_is(header_bytes: usize) -> usize {
    let (depot, _judge, _dir) = signing().await;
    depot.sink.change(Script { ehlo: vec!["8BITMIME"], ..Script::default() });
    let field = format!("X-Long: {}\r\n", "x".repeat(90));
    let message = letter(AIGUL, &field.repeat(header_bytes / field.len()));
    let sender = depot.post.user("aigul").await;
    depot.post.accept(sender, AIGUL, &[SOMEBODY], &message).await.unwrap();
    let row = depot.queue().await.remove(0);
    let content = depot.post.store.item_bytes(&row);
    let stored = content.read_at(0, 2 << 20).await.unwrap();
    let signatures = depot.outbound.inner.means.dkim.sign(&content, depot.post.world.now()).await.unwrap();
    let signed = headers::fields(signatures.as_bytes()).count();
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let wire = Letter(received(&depot).letter.unwrap());
    assert!(wire.0.ends_with(&stored), "the stored bytes go as they are");
    assert_eq!(wire.values("DKIM-Signature").len(), signed);
    signed
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_waits_unsigned_and_unsent() {
    let (depot, _judge, _dir) = signing().await;
    depot.send(&[SOMEBODY], "x").await;
    let mut row = depot.queue().await.remove(0);
    row.body = crate::ids::BodyId([7; 32]);
    let inner = &depot.outbound.inner;
    let fates = attempt(&inner.means, &inner.world, row.details.recipient.domain(), &[row.clone()]).await;
    let [Fate::Deferred(diagnosis)] = &fates[..] else { panic!("{fates:?}") };
    assert_eq!(diagnosis.status, "4.3.0");
    assert!(depot.sink.heard().is_empty());
}
