//! What becomes of the bytes of a letter: a few edits at the top, and nothing else (DESIGN 7).

use test_case::test_case;

use super::*;

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";

/// A letter in a letter, both with a mark that nobody here made.
fn forged() -> String {
    let inner = "Postal-Mark: v=1; k=accept\r\nBcc: hidden@x\r\nSubject: inner\r\n\r\nPostal-Item-Id: text\r\n";
    format!(
        "From: {AIGUL}\r\nDate: Thu, 1 Jan 1998 12:00:00 +0600\r\nMessage-ID: <1@x>\r\n\
         Postal-Mark: v=1; i=forged;\r\n\tk=accept\r\npostal-mark-text:stamped\r\nPostal-Item-Id: 01\r\n\
         Postal-Mark-Proof: p\r\nPostal-Class: registered\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: message/rfc822\r\nPostal-Mark: on the part\r\n\r\n{inner}\r\n--b--\r\n"
    )
}

#[test_case(false; "f8 on submission")]
#[test_case(true; "on port 25")]
#[tokio::test]
async fn p19_forged_marks_are_renamed_in_place_and_nothing_within_is_touched(relayed: bool) {
    let post = Post::open().await;
    let origin = if relayed { stranger() } else { post.user("aigul").await };
    post.accept(origin, AIGUL, &[BOLAT], forged()).await.unwrap();
    let letter = post.only("bolat").await;
    let expected = forged()
        .replacen("Postal-Mark: v=1; i=", "Postal-Mark-Untrusted: Postal-Mark: v=1; i=", 1)
        .replacen("postal-mark-text:", "Postal-Mark-Untrusted: postal-mark-text:", 1)
        .replacen("Postal-Item-Id: 01", "Postal-Mark-Untrusted: Postal-Item-Id: 01", 1)
        .replacen("Postal-Mark-Proof", "Postal-Mark-Untrusted: Postal-Mark-Proof", 1);
    assert_eq!(String::from_utf8_lossy(letter.below("From: ")), expected);
    assert_eq!(letter.marks().len(), 3, "all marks at the top are ours");
    let row = post.rows("bolat").await.remove(0);
    assert_eq!(row.size(), letter.0.len() as u64);
}

#[test_case(false => (true, true); "on submission")]
#[test_case(true => (false, true); "on port 25 blind copies are none of our business, and a code is kept nowhere")]
#[tokio::test]
async fn bcc_and_payment_are_removed(relayed: bool) -> (bool, bool) {
    let post = Post::open().await;
    let origin = if relayed { stranger() } else { post.user("aigul").await };
    let more = "Bcc: hidden@elsewhere.kz\r\nPostal-Payment: sign=123\r\nPostal-Class: registered\r\n";
    post.accept(origin, AIGUL, &[BOLAT], letter(AIGUL, more)).await.unwrap();
    let letter = post.only("bolat").await;
    assert_eq!(letter.values("Postal-Class"), ["registered"], "the sender's input stays");
    (letter.values("Bcc").is_empty(), letter.values("Postal-Payment").is_empty())
}

#[tokio::test]
async fn rfc6409_what_a_submission_lacks_is_added_above_its_bytes() {
    let post = Post::open().await;
    let message = format!("From: {AIGUL}\r\nSubject: bare\r\n\r\nx");
    let item = post.accept(post.user("aigul").await, AIGUL, &[BOLAT], &message).await.unwrap();
    let letter = post.only("bolat").await;
    assert_eq!(letter.values("Date"), ["Sat, 21 Nov 2026 09:15:00 +0500"]);
    assert_eq!(letter.values("Message-ID"), [format!("<{item}@poshta.example>")]);
    assert_eq!(letter.below("From: "), message.as_bytes(), "not even a line end is added");
}

#[tokio::test]
async fn rfc6409_what_is_there_is_not_added_again() {
    let post = Post::open().await;
    post.accept(post.user("aigul").await, AIGUL, &[BOLAT], letter(AIGUL, "")).await.unwrap();
    let letter = post.only("bolat").await;
    assert_eq!(letter.values("Date"), ["Thu, 1 Jan 1998 12:00:00 +0600"]);
    assert_eq!(letter.values("Message-ID"), ["<1@client.example>"]);
}

#[tokio::test]
async fn rfc5322_a_first_line_that_would_go_on_with_our_last_field_is_refused() {
    let post = Post::open().await;
    for first in [" by gov.example\r\n\r\nx", "\tx\r\nFrom: a@elsewhere.kz\r\n\r\nx", " only a body"] {
        let refusal = post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], first).await;
        assert!(matches!(refusal, Err(Refusal::BadContent(_))), "{first:?}: {refusal:?}");
    }
    assert!(post.rows("bolat").await.is_empty());
}

#[tokio::test]
async fn rfc6409_what_stands_behind_a_thousand_recipients_is_there_too() {
    let post = Post::open().await;
    let to = vec!["somebody.with.a.long.name@elsewhere.kz"; 1000].join(",\r\n ");
    let message =
        format!("To: {to}\r\nFrom: {AIGUL}\r\nDate: Thu, 1 Jan 1998 12:00:00 +0600\r\nMessage-ID: <1@x>\r\n\r\nx\r\n");
    post.accept(post.user("aigul").await, AIGUL, &[BOLAT], message).await.unwrap();
    let letter = post.only("bolat").await;
    assert_eq!((letter.values("Date").len(), letter.values("Message-ID")), (1, vec!["<1@x>".to_owned()]));
    post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], "In-Reply-To: <1@x>\r\n\r\nx\r\n").await.unwrap();
    let rows = post.rows("bolat").await;
    assert_eq!(rows[1].thread, rows[0].thread, "and it begins a thread");
}

#[test_case("[192.168.1.5]", "from unknown (authenticated)"; "an address says nothing that may be shown")]
#[test_case("laptop.local", "from laptop.local (authenticated)"; "a name")]
#[tokio::test]
async fn a_users_own_address_is_not_shown_in_whatever_form(helo: &str, from: &str) {
    let post = Post::open().await;
    let mut origin = post.user("aigul").await;
    origin.connection = Some(Connection { helo: helo.into(), ..connection("ESMTPSA") });
    post.accept(origin, AIGUL, &[BOLAT], letter(AIGUL, "")).await.unwrap();
    let received = post.only("bolat").await.values("Received").remove(0);
    assert!(received.starts_with(from) && !received.contains("192."), "{received}");
}

#[tokio::test]
async fn rfc5321_nothing_is_added_to_what_other_servers_bring() {
    let post = Post::open().await;
    post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], "Subject: bare\r\n\r\nx\r\n").await.unwrap();
    let letter = post.only("bolat").await;
    assert!(letter.values("Date").is_empty() && letter.values("Message-ID").is_empty());
}

#[test_case(&[BOLAT]; "nor the only recipient")]
#[test_case(&[BOLAT, AIGUL]; "some may be blind copies")]
#[tokio::test]
async fn received_names_nobody(to: &[&str]) {
    let post = Post::open().await;
    post.accept(post.user("aigul").await, AIGUL, to, letter(AIGUL, "")).await.unwrap();
    let received = post.only("bolat").await.values("Received").remove(0);
    assert!(!received.contains("for") && !received.contains('@'), "{received}");
    assert!(!received.contains("192.0.2.7"), "a user's own address is not shown: {received}");
    assert!(received.contains("with ESMTPSA id 0"), "{received}");
}

/// FACTS E: nothing reveals blind copies, neither one whose address made the client ask for SMTPUTF8.
#[test_case(AIGUL, "" => "ESMTPSA"; "for a recipient")]
#[test_case(AIGUL, "X: \u{4d9}\r\n" => "UTF8SMTPSA"; "for the header")]
#[test_case("\u{4d9}@elsewhere.kz", "" => "UTF8SMTPS"; "for the sender")]
#[tokio::test]
async fn rfc6531_received_says_utf8_where_all_see_why(from: &str, more: &str) -> String {
    let post = Post::open().await;
    let mut origin = if from == AIGUL { post.user("aigul").await } else { stranger() };
    let protocol = if from == AIGUL { "UTF8SMTPSA" } else { "UTF8SMTPS" };
    origin.connection = Some(connection(protocol));
    post.accept(origin, from, &[BOLAT], letter(AIGUL, more)).await.unwrap();
    let received = post.only("bolat").await.values("Received").remove(0);
    received.split(" with ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn rfc5321_received_shows_the_other_servers_address() {
    let post = Post::open().await;
    post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], letter("a@elsewhere.kz", "")).await.unwrap();
    let received = post.only("bolat").await.values("Received").remove(0);
    let expected =
        "from client.example ([192.0.2.7])\t(TLSv1.3 TLS13_AES_256_GCM_SHA384)\tby mx.poshta.example with ESMTPS";
    assert!(received.starts_with(expected), "{received}");
}

#[test_case("\r\n..dots\r\n\tand no end"; "no final line end")]
#[test_case("Folded: a\r\n\tb\r\n   c\r\nEmpty:\r\n\r\n\r\n\r\n"; "odd folding and empty lines")]
#[test_case("X: \u{456}\u{4a3}\r\n\r\nҚазақша мәтін\r\n"; "eight bits")]
#[tokio::test]
async fn design7_every_byte_below_the_prefix_is_the_senders(rest: &str) {
    let post = Post::open().await;
    let long = "x".repeat(100_000);
    for message in [format!("From: {AIGUL}\r\n{rest}"), format!("From: {AIGUL}\r\n{rest}{long}{long}{long}")] {
        let before = post.inbox("bolat").await.len();
        post.accept(stranger(), AIGUL, &[BOLAT], &message).await.unwrap();
        let letters = post.inbox("bolat").await;
        assert_eq!(letters[before].below("From: "), message.as_bytes());
    }
}

#[tokio::test]
async fn rfc5321_a_letter_that_goes_in_circles_is_refused() {
    let post = Post::with(Settings { max_received: 3, ..Settings::default() }, None).await;
    let hops = |count: usize| {
        letter("a@elsewhere.kz", &"Received: from a by b; Thu, 1 Jan 1998 12:00:00 +0600\r\n".repeat(count))
    };
    assert!(post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], hops(3)).await.is_ok());
    let refusal = post.accept(stranger(), "a@elsewhere.kz", &[BOLAT], hops(4)).await;
    assert!(matches!(refusal, Err(Refusal::Loop)), "{refusal:?}");
}

const ZONE: &str = "honest.kz TXT v=spf1 ip4:192.0.2.7 -all\n\
    honest.kz MX 10 mx.honest.kz\nmx.honest.kz A 192.0.2.7\n_dmarc.honest.kz TXT v=DMARC1; p=reject\n\
    other.kz TXT v=spf1 -all\n_dmarc.other.kz TXT v=DMARC1; p=reject\n\
    lenient.kz TXT v=spf1 -all\n_dmarc.lenient.kz TXT v=DMARC1; p=none\n";

#[test_case("honest.kz", "spf=pass", "dmarc=pass"; "the domain stands behind it")]
#[test_case("lenient.kz", "spf=fail", "dmarc=fail"; "the domain does not but does not mind")]
#[tokio::test]
async fn rfc8601_what_the_senders_domain_says_is_written_down(domain: &str, spf: &str, dmarc: &str) {
    let post = Post::with(Settings::default(), Some(ZONE)).await;
    let from = format!("a@{domain}");
    let forged = "Authentication-Results: mx.poshta.example; spf=pass\r\n";
    post.accept(stranger(), &from, &[BOLAT], letter(&from, forged)).await.unwrap();
    let results = post.only("bolat").await.values("Authentication-Results");
    assert_eq!(results.len(), 1, "the forged one is gone: {results:?}");
    assert!(results[0].starts_with("mx.poshta.example;"), "{results:?}");
    assert!(results[0].contains(spf) && results[0].contains(dmarc), "{results:?}");
}

#[tokio::test]
async fn rfc7489_what_a_domain_asks_to_refuse_is_refused() {
    let post = Post::with(Settings::default(), Some(ZONE)).await;
    let refusal = post.accept(stranger(), "a@other.kz", &[BOLAT], letter("a@other.kz", "")).await;
    assert!(matches!(refusal, Err(Refusal::Policy(_))), "{refusal:?}");
    assert!(post.inbox("bolat").await.is_empty());
}

#[tokio::test]
async fn rfc8474_an_answer_is_in_the_thread_of_its_letter() {
    let post = Post::open().await;
    let from = "a@elsewhere.kz";
    let message = |more: &str| format!("From: {from}\r\nDate: Thu, 1 Jan 1998 12:00:00 +0600\r\n{more}\r\n\r\nx\r\n");
    post.accept(stranger(), from, &[BOLAT], message("Message-ID: <first@x>")).await.unwrap();
    post.accept(stranger(), from, &[BOLAT], message("Message-ID: <other@x>")).await.unwrap();
    let answer = "Message-ID: <answer@x>\r\nIn-Reply-To: <first@x>";
    post.accept(stranger(), from, &[BOLAT], message(answer)).await.unwrap();
    let threads: Vec<_> = post.rows("bolat").await.iter().map(|row| row.thread).collect();
    assert_eq!(threads[2], threads[0]);
    assert_ne!(threads[1], threads[0]);
}
