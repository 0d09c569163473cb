//! Who may send what to whom.

use test_case::test_case;

use super::*;

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";
const PAPER: &str = "letter@hat.poshta.example";

/// A letter that can become paper.
fn for_paper() -> String {
    letter(AIGUL, "Postal-To: Aigul Otegalieva; Abai 12-34; 010000 Astana\r\n")
}

#[tokio::test]
async fn nobody_relays_through_port_25() {
    let post = Post::open().await;
    for origin in [stranger(), peer(true)] {
        let to = "a@elsewhere.kz".parse().unwrap();
        let verdict = post.intake.check_recipient(&origin, &[], &to).await;
        assert!(matches!(verdict, Err(Refusal::RelayDenied(_))), "{verdict:?}");
        let accepted = post.accept(origin, "b@elsewhere.kz", &["a@elsewhere.kz"], letter("b@elsewhere.kz", "")).await;
        assert!(matches!(accepted, Err(Refusal::RelayDenied(_))), "{accepted:?}");
    }
}

#[test_case("a@[192.0.2.1]"; "ipv4")]
#[test_case("a@[IPv6:2001:db8::1]"; "ipv6")]
#[tokio::test]
async fn nobody_writes_to_an_address_literal(to: &str) {
    let post = Post::open().await;
    let user = post.user("aigul").await;
    let verdict = post.intake.check_recipient(&user, &[], &to.parse().unwrap()).await;
    assert!(matches!(verdict, Err(Refusal::AddressLiteral(_))), "{verdict:?}");
    let accepted = post.accept(user, AIGUL, &[to], letter(AIGUL, "")).await;
    assert!(matches!(accepted, Err(Refusal::AddressLiteral(_))), "{accepted:?}");
    let stranger = post.intake.check_recipient(&stranger(), &[], &to.parse().unwrap()).await;
    assert!(matches!(stranger, Err(Refusal::RelayDenied(_))), "{stranger:?}");
}

#[tokio::test]
async fn m2_p2e_scanned_paper_goes_to_any_address() {
    let post = Post::open().await;
    let entrance = Entrance::Scan { facility: "qaraghandy-scan".into() };
    let scan = Origin { entrance, sender: Sender::Operator, connection: None };
    for to in [AIGUL, "a@elsewhere.kz"] {
        post.intake.check_recipient(&scan, &[], &to.parse().unwrap()).await.unwrap();
    }
}

#[test_case(AIGUL => true; "the own address")]
#[test_case("AIGUL@poshta.example" => true; "in capitals")]
#[test_case("aigul+shop@poshta.example" => true; "with a tag")]
#[test_case("а\u{456}gul@poshta.example" => true; "m8 a look-alike in cyrillic letters is the same login")]
#[test_case("" => true; "rfc6409 the null path")]
#[test_case(BOLAT => false; "somebody else's")]
#[test_case("aigul@elsewhere.kz" => false; "in another domain")]
#[tokio::test]
async fn rfc6409_a_user_sends_from_the_own_address_only(from: &str) -> bool {
    let post = Post::open().await;
    let origin = post.user("aigul").await;
    match post.intake.check_sender(&origin, &envelope(from, &[]).reverse_path).await {
        Ok(()) => true,
        Err(Refusal::SenderNotYours(address)) => {
            assert_eq!(address, from);
            false
        }
        other => panic!("{other:?}"),
    }
}

#[test_case(&format!("From: {AIGUL}\r\n\r\nx\r\n") => true; "the own address")]
#[test_case("From: =?utf-8?q?A?= <\u{430}\u{456}gul@poshta.example>\r\n\r\nx\r\n" => true; "m8 a look-alike")]
#[test_case(&format!("From: {BOLAT}\r\n\r\nx\r\n") => false; "somebody else")]
#[test_case(&format!("From: {AIGUL}, {BOLAT}\r\n\r\nx\r\n") => false; "the own and somebody else")]
#[test_case(&format!("From: {AIGUL}\r\nFrom: {BOLAT}\r\n\r\nx\r\n") => false; "two fields")]
#[test_case(&format!("From: president@-gov.kz, {AIGUL}\r\n\r\nx\r\n") => false; "the own and one that nobody can read")]
#[test_case(&format!("To: {}\r\nFrom: {AIGUL}\r\n\r\nx\r\n", "x@elsewhere.kz, ".repeat(3000)) => true; "behind three thousand recipients")]
#[test_case(&format!("From: {AIGUL}{}\r\n\r\nx\r\n", format!(", {AIGUL}").repeat(3000) + ", president@gov.kz") => false; "behind three thousand times the own")]
#[test_case(&format!("From: <{BOLAT}> <{AIGUL}>\r\n\r\nx\r\n") => false; "somebody else in a bracket before the own")]
#[test_case(&format!("From: <{AIGUL}> {BOLAT}\r\n\r\nx\r\n") => false; "somebody else behind the bracket")]
#[test_case(&format!("From: {BOLAT} <{AIGUL}>\r\n\r\nx\r\n") => false; "somebody else as name")]
#[test_case(&format!("From: <{BOLAT}>: {AIGUL};\r\n\r\nx\r\n") => false; "somebody else as group")]
#[test_case(&format!("From: <@gov.kz:{AIGUL}>\r\n\r\nx\r\n") => false; "a source route")]
#[test_case(&format!("From: {AIGUL} (Aigul)\r\n\r\nx\r\n") => true; "the own address with a comment")]
#[test_case(&format!("From: Aigul <{AIGUL}> (x)\r\n\r\nx\r\n") => true; "a comment behind the bracket")]
#[test_case(&format!("From: K., Aigul <{}>\r\n\r\nx\r\n", AIGUL.replace('@', " @ ")) => true; "obsolete white space")]
#[test_case("Subject: no author\r\n\r\nx\r\n" => false; "nobody")]
#[tokio::test]
async fn a_user_writes_in_the_own_name_only(message: &str) -> bool {
    let post = Post::open().await;
    let accepted = post.accept(post.user("aigul").await, AIGUL, &[BOLAT], message).await;
    let is_refused = matches!(accepted, Err(Refusal::SenderNotYours(_) | Refusal::BadContent(_)));
    assert_eq!(accepted.is_ok(), !is_refused, "{accepted:?}");
    assert_eq!(post.inbox("bolat").await.len(), usize::from(!is_refused));
    !is_refused
}

#[test_case("nobody@poshta.example"; "never was one")]
#[test_case("bolat@poshta.example"; "m8 a closed one")]
#[tokio::test]
async fn a_mailbox_that_is_not_there_gets_nothing(to: &str) {
    let post = Post::open().await;
    let closed = post.accounts.find_login("bolat").await.unwrap().unwrap();
    post.accounts.close(closed.id).await.unwrap();
    let verdict = post.intake.check_recipient(&stranger(), &[], &to.parse().unwrap()).await;
    assert!(matches!(verdict, Err(Refusal::NoSuchMailbox(_))), "{verdict:?}");
    let accepted = post.accept(stranger(), "", &[to], letter("a@elsewhere.kz", "")).await;
    assert!(matches!(accepted, Err(Refusal::NoSuchMailbox(_))), "{accepted:?}");
}

#[test_case("postmaster@poshta.example")]
#[test_case("PostMaster@poshta.example")]
#[tokio::test]
async fn rfc5321_the_postmaster_is_always_there(to: &str) {
    let post = Post::open().await;
    post.accept(stranger(), "", &[to], letter("a@elsewhere.kz", "")).await.unwrap();
    assert_eq!(post.only("postmaster").await.values("Delivered-To"), [to]);
}

#[tokio::test]
async fn rfc5321_the_paper_domain_has_a_postmaster_too() {
    let post = Post::open().await;
    let to = ["postmaster@hat.poshta.example", PAPER];
    post.accept(post.user("aigul").await, AIGUL, &to, for_paper()).await.unwrap();
    assert_eq!(post.only("postmaster").await.values("Delivered-To"), to[..1]);
}

#[tokio::test]
async fn rfc5321_without_the_postmasters_account_his_letters_wait_at_their_sender() {
    let post = Post::open().await;
    let account = post.accounts.find_login("postmaster").await.unwrap().unwrap();
    post.accounts.close(account.id).await.unwrap();
    for to in ["postmaster@poshta.example", "Postmaster@hat.poshta.example"] {
        let verdict = post.intake.check_recipient(&stranger(), &[], &to.parse().unwrap()).await;
        assert!(matches!(verdict, Err(Refusal::Temporary(_))), "{verdict:?}");
    }
}

#[tokio::test]
async fn one_mailbox_gets_one_copy_however_often_it_is_named() {
    let post = Post::open().await;
    let to = [BOLAT, "Bolat@poshta.example", "bolat+news@poshta.example"];
    post.accept(stranger(), "", &to, letter("a@elsewhere.kz", "")).await.unwrap();
    assert_eq!(post.only("bolat").await.values("Delivered-To"), [BOLAT]);
}

#[tokio::test]
async fn paper_is_for_those_whom_the_operator_knows() {
    let post = Post::open().await;
    let verdict = post.intake.check_recipient(&stranger(), &[], &PAPER.parse().unwrap()).await;
    assert!(matches!(verdict, Err(Refusal::PaperDenied)), "{verdict:?}");
    for origin in [post.user("aigul").await, peer(false)] {
        let verdict = post.intake.check_recipient(&origin, &[], &PAPER.parse().unwrap()).await;
        assert!(matches!(verdict, Ok(Route::Paper)), "{verdict:?}");
    }
}

#[tokio::test]
async fn one_paper_recipient_a_message() {
    let post = Post::open().await;
    let first = Recipient::new(PAPER.parse().unwrap());
    let second = "registered@hat.poshta.example".parse().unwrap();
    let verdict = post.intake.check_recipient(&post.user("aigul").await, &[first], &second).await;
    assert!(matches!(verdict, Err(Refusal::OnePaperRecipient)), "{verdict:?}");
}

#[tokio::test]
async fn an_address_in_the_paper_domain_that_says_nothing_is_no_mailbox() {
    let post = Post::open().await;
    let to = "parcel@hat.poshta.example".parse().unwrap();
    let verdict = post.intake.check_recipient(&post.user("aigul").await, &[], &to).await;
    assert!(matches!(verdict, Err(Refusal::NoSuchMailbox(_))), "{verdict:?}");
}

#[tokio::test]
async fn a_letter_for_a_mailbox_and_for_paper_is_one_item_with_both() {
    let post = Post::open().await;
    let item = post.accept(post.user("aigul").await, AIGUL, &[BOLAT, PAPER], for_paper()).await.unwrap();
    let job = post.store.read(move |view| view.print_job(item)).await.unwrap().unwrap().job;
    let accept = &post.only("bolat").await.marks()[2];
    assert_eq!(accept.s10.map(|s10| s10.to_string()), Some(job.s10), "the acceptance carries the number on paper");
    assert_eq!(job.message_id.as_deref(), Some("<1@client.example>"));
}

/// FACTS E: its number stands in the acceptance, what was paid beside it, and its address in the text.
#[tokio::test]
async fn a_letter_on_paper_is_no_blind_copy() {
    let post = Post::open().await;
    let user = post.user("aigul").await;
    let text = "Aigul Otegalieva\r\nAbai 12-34\r\n010000 Astana\r\n\r\nSalem!\r\n";
    let message = |to: &str| format!("From: {AIGUL}\r\nTo: {to}\r\n\r\n{text}");
    let before = post.stats().await;
    let refused = post.accept(user.clone(), AIGUL, &[BOLAT, PAPER], message(BOLAT)).await;
    assert!(matches!(&refused, Err(Refusal::BadPaperAddress(text)) if text.contains(PAPER)), "{refused:?}");
    assert_eq!(post.stats().await, before, "no number and no quota is used up");
    post.accept(user.clone(), AIGUL, &[PAPER], message("undisclosed-recipients:;")).await.unwrap();
    post.accept(user, AIGUL, &[BOLAT, PAPER], message(&format!("{BOLAT}, {PAPER}"))).await.unwrap();
}

#[tokio::test]
async fn after_a_refusal_nothing_exists() {
    let post = Post::open().await;
    let user = post.user("aigul").await;
    let (before, journal) = (post.stats().await, post.journal().await);
    let from_bolat = letter(BOLAT, "");
    let no_address = letter(AIGUL, "Postal-To: nowhere\r\n");
    for (to, message) in [
        (vec![BOLAT, "nobody@poshta.example"], for_paper()),
        (vec![BOLAT, "a@elsewhere.kz"], from_bolat),
        (vec![BOLAT, PAPER], no_address),
        (vec![PAPER, BOLAT, "postcard@hat.poshta.example"], for_paper()),
    ] {
        let refusal = post.accept(user.clone(), AIGUL, &to, message).await;
        assert!(refusal.is_err(), "{to:?}");
        assert_eq!(post.stats().await, before, "{to:?}");
    }
    assert_eq!(post.journal().await, journal);
    assert!(post.queue().await.is_empty());
}
