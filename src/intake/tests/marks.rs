//! What is stamped, by whom, when, and where it is written down.

use std::collections::BTreeSet;

use test_case::test_case;

use super::*;
use crate::postal::{Handover, Kind as Impressed};

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";

#[tokio::test]
async fn p6_two_mailboxes_share_the_acceptance_and_have_their_own_receipt_and_delivery() {
    let post = Post::open().await;
    let message = letter(AIGUL, "");
    let item = post.accept(post.user("aigul").await, AIGUL, &[AIGUL, BOLAT], &message).await.unwrap();
    let letters = [post.only("aigul").await, post.only("bolat").await];
    let marks = letters.clone().map(|letter| letter.marks());
    for (marks, recipient) in marks.iter().zip([AIGUL, BOLAT]) {
        let kinds: Vec<Impressed> = marks.iter().map(|mark| mark.kind).collect();
        let newest_first = [Impressed::Deliver(Handover::Delivered), Impressed::Receive, Impressed::Accept];
        assert_eq!(kinds, newest_first, "{recipient}");
        let recipient: Address = recipient.parse().unwrap();
        for mark in &marks[..2] {
            assert!(mark.recipient.unwrap().names(&recipient), "receipt and delivery name their recipient");
        }
        assert_eq!(marks[2].recipient, None, "the acceptance names nobody");
        assert!(marks.iter().all(|mark| mark.token.to_string() == "21112609"));
    }
    assert_eq!(marks[0][2].canonical(), marks[1][2].canonical(), "one acceptance for both");
    let facilities = marks.clone().map(|marks| marks.into_iter().map(|mark| mark.facility.to_string()).collect());
    let [at_home, elsewhere]: [Vec<String>; 2] = facilities;
    assert_eq!(at_home, ["ayagoz-2", "ayagoz-2", "astana-2"], "the owner's post office receives and delivers");
    assert_eq!(elsewhere, ["astana-1", "astana-1", "astana-2"]);

    for letter in &letters {
        assert_eq!(letter.values("Postal-Item-Id"), [item.to_string()]);
        assert_eq!(letter.values("Postal-Mark-Text").len(), 3);
        assert_eq!(letter.below("From: "), message.as_bytes(), "below the prefix every byte is the sender's");
    }
    let rows = [post.rows("aigul").await.remove(0), post.rows("bolat").await.remove(0)];
    assert_eq!((rows[0].body, rows[0].item_prefix), (rows[1].body, rows[1].item_prefix));
    assert_ne!(rows[0].recipient_prefix, rows[1].recipient_prefix);
    assert_eq!(post.stats().await.rows[&'b'].count, 1, "the body is kept once");
    assert_eq!(rows[0].email, rows[1].email);
    assert!(rows.iter().all(|row| row.item == Some(item)));

    let lines = post.journal().await;
    let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
    let journalled: BTreeSet<String> = lines.iter().map(|line| text(line, "impression")).collect();
    let stamped: BTreeSet<String> = marks.iter().flatten().map(|mark| mark.id.to_string()).collect();
    assert_eq!((lines.len(), journalled), (5, stamped), "p31 every impression stands in the journal once");
    assert!(lines.iter().all(|line| text(line, "item") == item.to_string()));
    let kinds: Vec<String> = lines.iter().map(|line| text(line, "kind")).collect();
    assert_eq!(kinds, ["accept", "receive", "deliver", "receive", "deliver"]);
}

#[test_case(letter(AIGUL, ""), true; "a letter whose acceptance nobody else needs")]
#[test_case(letter(AIGUL, "Postal-Class: registered\r\n"), false; "receipts are written from it")]
#[tokio::test]
async fn all_that_stands_above_the_only_copy_is_one_record(message: String, is_one: bool) {
    let post = Post::open().await;
    post.accept(post.user("aigul").await, AIGUL, &[BOLAT], &message).await.unwrap();
    let row = post.rows("bolat").await.remove(0);
    assert_eq!(row.item_prefix.is_empty(), is_one);
    let letter = post.only("bolat").await;
    assert_eq!(letter.marks().len(), 3);
    assert_eq!(letter.below("From: "), message.as_bytes());
    let above = row.recipient_prefix.len() + row.item_prefix.len();
    assert_eq!(row.size(), u64::from(above) + message.len() as u64);
}

#[tokio::test]
async fn the_newest_field_stands_on_top() {
    let post = Post::open().await;
    post.accept(post.user("aigul").await, AIGUL, &[BOLAT], letter(AIGUL, "")).await.unwrap();
    let names = post.only("bolat").await.names();
    let ours = ["Return-Path", "Delivered-To", "Postal-Mark", "Postal-Mark-Text", "Postal-Mark", "Postal-Mark-Text"];
    let shared = ["Postal-Mark", "Postal-Mark-Text", "Postal-Item-Id", "Received", "From"];
    assert_eq!(names[..11], [&ours[..], &shared[..]].concat());
}

#[test_case("Thu, 1 Jan 1998 12:00:00 +0600"; "back-dated")]
#[test_case("Fri, 1 Jan 2038 12:00:00 +0500"; "post-dated")]
#[tokio::test]
async fn p3_p24_marks_take_the_clock_and_not_the_date_field(date: &str) {
    let post = Post::open().await;
    // Between two hours of the stamp: the second letter comes at 10:00:00.
    for seconds in [0, 45 * 60] {
        post.clock.advance_s(seconds);
        let message = format!("From: {AIGUL}\r\nDate: {date}\r\n\r\nx\r\n");
        post.accept(post.user("aigul").await, AIGUL, &[BOLAT], message).await.unwrap();
    }
    let letters = post.inbox("bolat").await;
    for (letter, (token, second)) in letters.iter().zip([("21112609", 0), ("21112610", 45 * 60)]) {
        let instant = NOW.parse::<Timestamp>().unwrap().as_second() + second;
        for mark in letter.marks() {
            assert_eq!((mark.token.to_string().as_str(), mark.instant.as_second()), (token, instant));
        }
        assert_eq!(letter.values("Date"), [date], "the sender's date stays what it is");
    }
}

#[tokio::test]
async fn p29_marks_show_the_hour_of_the_facility_that_makes_them() {
    let post = Post::open().await;
    // Half past midnight in Astana is still the day before in UTC.
    post.clock.set("2026-11-20T19:30:00Z");
    post.accept(post.user("aigul").await, AIGUL, &[BOLAT], letter(AIGUL, "")).await.unwrap();
    let letter = post.only("bolat").await;
    assert!(letter.marks().iter().all(|mark| mark.token.to_string() == "21112600"));
    assert!(
        letter.values("Received")[0].ends_with("Sat, 21 Nov 2026 00:30:00 +0500"),
        "{:?}",
        letter.values("Received")
    );
}

#[test_case(true; "official")]
#[test_case(false; "partner")]
#[tokio::test]
async fn a_peers_letter_says_whether_it_is_official_and_the_journal_names_the_peer(official: bool) {
    let post = Post::open().await;
    let from = "no-reply@gov.kz";
    post.accept(peer(official), from, &[AIGUL], letter(from, "")).await.unwrap();
    let marks = post.only("aigul").await.marks();
    assert_eq!(marks.iter().map(|mark| mark.official).collect::<Vec<_>>(), [false, false, official]);
    let lines = post.journal().await;
    let peers: Vec<Option<&str>> = lines.iter().map(|line| line["peer"].as_str()).collect();
    assert_eq!(peers, [Some("egov-gateway"), None, None], "the acceptance names the peer");
}

#[test_case("sender@abroad.example", "almaty-intl"; "p26 from abroad the exchange place accepts")]
#[test_case("sender@elsewhere.kz", "astana-2"; "from kazakhstan the server that takes mail in")]
#[test_case("bolat@poshta.example", "astana-2"; "our own domain is not abroad")]
#[test_case("", "astana-2"; "a report says nothing of where it comes from")]
#[tokio::test]
async fn p26_who_accepts_letters_of_strangers(from: &str, facility: &str) {
    let post = Post::open().await;
    post.accept(stranger(), from, &[AIGUL], letter("x@y.example", "")).await.unwrap();
    let marks = post.only("aigul").await.marks();
    assert_eq!(marks[2].facility.to_string(), facility);
}

#[tokio::test]
async fn p26_the_exchange_place_stamps_in_latin_letters() {
    let post = Post::open().await;
    let from = "sender@abroad.example";
    post.accept(stranger(), from, &[AIGUL], letter(from, "")).await.unwrap();
    let letter = post.only("aigul").await;
    let accept = &letter.marks()[2];
    assert_eq!(accept.facility_name, "International Mail Exchange");
    assert_eq!(accept.place.as_deref(), Some("Almaty"));
    assert!(letter.values("Postal-Mark-Text")[2].is_ascii());
    let read = headers::decode_words(&letter.values("Postal-Mark-Text")[2]);
    assert!(!read.chars().any(|c| ('\u{400}'..='\u{4ff}').contains(&c)), "{read}");
}

const ABROAD: &str = "a@abroad.example";
const AT_HOME: &str = "b@elsewhere.kz";

#[test_case(ABROAD, &[ABROAD], "almaty-intl"; "only abroad")]
#[test_case("A <a@abroad.example>, b@elsewhere.kz", &[ABROAD, AT_HOME], "astana-2"; "abroad and at home")]
#[test_case(AT_HOME, &[AT_HOME], "astana-2"; "elsewhere in the country")]
#[test_case(ABROAD, &[ABROAD, AT_HOME], "almaty-intl"; "nobody abroad learns of a blind copy at home")]
#[test_case(ABROAD, &[ABROAD, BOLAT], "almaty-intl"; "nor of one in a mailbox here")]
#[test_case(AT_HOME, &[AT_HOME, ABROAD], "astana-2"; "nor anybody at home of one abroad")]
#[test_case("undisclosed-recipients:;", &[ABROAD], "astana-2"; "of blind copies alone nobody learns anything")]
#[test_case("undisclosed-recipients:;", &[ABROAD, BOLAT], "astana-2"; "nor of several")]
#[tokio::test]
async fn p26_who_accepts_letters_that_leave(named: &str, to: &[&str], facility: &str) {
    let post = Post::open().await;
    let letter = letter(AIGUL, "").replace("somebody@elsewhere.kz", named);
    post.accept(post.user("aigul").await, AIGUL, to, letter).await.unwrap();
    assert_eq!(post.journal().await[0]["facility"], facility);
}

#[tokio::test]
async fn a_scan_is_accepted_by_the_facility_of_its_scan_centre() {
    let post = Post::open().await;
    let entrance = Entrance::Scan { facility: "qaraghandy-scan".into() };
    let origin = Origin { entrance, sender: Sender::Operator, connection: None };
    post.accept(origin, "", &[AIGUL], letter("postmaster@poshta.example", "")).await.unwrap();
    let letter = post.only("aigul").await;
    assert_eq!(letter.marks()[2].facility.to_string(), "qaraghandy-scan");
    assert!(letter.values("Received")[0].starts_with("from qaraghandy-scan (scan centre)"));
}

#[tokio::test]
async fn what_goes_elsewhere_carries_the_acceptance_only() {
    let post = Post::open().await;
    let message = letter(AIGUL, "");
    let to = ["one@elsewhere.kz", "one@elsewhere.kz", "two@other.kz", BOLAT];
    let item = post.accept(post.user("aigul").await, AIGUL, &to, &message).await.unwrap();
    let rows = post.queue().await;
    let recipients: Vec<String> = rows.iter().map(|row| row.details.recipient.to_string()).collect();
    assert_eq!(recipients, ["one@elsewhere.kz", "two@other.kz"], "each address once");
    for row in &rows {
        assert_eq!(row.id.item, item);
        let bytes = post.store.item_bytes(row);
        let letter = Letter(bytes.read_at(0, usize::MAX >> 1).await.unwrap().to_vec());
        assert_eq!(letter.marks().iter().map(|mark| mark.kind).collect::<Vec<_>>(), [Impressed::Accept]);
        assert_eq!(letter.below("From: "), message.as_bytes());
        assert!(letter.values("Return-Path").is_empty() && letter.values("Delivered-To").is_empty());
    }
    assert_eq!(post.only("bolat").await.marks().len(), 3);
    assert_eq!(post.journal().await.len(), 3);
}

/// Every mark of the letter holds by what is published.
fn judged(post: &Post, letter: &Letter) -> postal::Report {
    postal::verify(&letter.0, Some(&post.devices.marks()))
}

#[tokio::test]
async fn p31_every_mark_is_signed_numbered_and_in_the_journal() {
    let post = Post::open().await;
    let entrance = Entrance::Scan { facility: "qaraghandy-scan".into() };
    let scan = Origin { entrance, sender: Sender::Operator, connection: None };
    let bare = format!("From: {AIGUL}\r\n\r\nWithout Date and Message-ID\r\n");
    let large = format!("{}{}", letter(AIGUL, ""), "Сәлем! \r\n".repeat(40_000));
    for (origin, message) in [
        (post.user("aigul").await, bare),
        (post.user("aigul").await, large),
        (stranger(), letter("sender@abroad.example", "Postal-Mark: v=1; i=forged\r\n")),
        (peer(true), letter("no-reply@gov.kz", "")),
        (scan, letter("postmaster@poshta.example", "")),
    ] {
        post.accept(origin, AIGUL, &[BOLAT], message).await.unwrap();
    }
    post.intake
        .accept_system(&BOLAT.parse().unwrap(), letter("x@poshta.example", "").into(), Batch::new())
        .await
        .unwrap();
    let letters = post.inbox("bolat").await;
    assert_eq!(letters.len(), 6);
    let journal = post.journal().await;
    for letter in &letters {
        let report = judged(&post, letter);
        assert_eq!((report.verdict, report.marks.len()), (postal::Verdict::Valid, 3), "{report:?}");
        for mark in letter.marks() {
            let id = mark.id.to_string();
            let line = journal.iter().find(|line| line["impression"] == id.as_str()).unwrap();
            assert!(line["seq"].as_u64().is_some(), "{line}");
            assert_eq!(line["mark"], mark.digest().to_string(), "the leaf of the log is the whole mark");
        }
    }
    let mut numbers: Vec<_> = journal.iter().map(|line| (line["device"].to_string(), line["seq"].as_u64())).collect();
    let all = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "no device uses a number twice");
}

/// FACTS E: nothing reveals blind copies.
#[tokio::test]
async fn no_copy_tells_that_there_are_others() {
    let post = Post::open().await;
    for login in ["blind1", "blind2", "blind3"] {
        post.accounts.create(new_account(login, None)).await.unwrap();
    }
    let to = [AIGUL, "blind1@poshta.example", "blind2@poshta.example", "blind3@poshta.example", BOLAT];
    let readers = ["aigul", "blind1", "blind2", "blind3", "bolat"];
    // The devices of all homes are open, as they are in a server that takes letters.
    post.accept(post.user("aigul").await, AIGUL, &to, letter(AIGUL, "")).await.unwrap();
    post.clock.pass_with_each_look(700);
    post.accept(post.user("aigul").await, AIGUL, &to, letter(AIGUL, "Bcc: blind1@poshta.example\r\n")).await.unwrap();
    for login in readers {
        let letter = post.inbox(login).await.remove(1);
        let [deliver, receive, accept] = letter.marks().try_into().unwrap();
        for mark in [&deliver, &receive, &accept] {
            assert_eq!(mark.signature.as_ref().unwrap().sequence, None, "its place among the marks of a device");
        }
        for mark in [&deliver, &receive] {
            assert_eq!(mark.id.made_at(), accept.id.made_at(), "a time behind those of other copies");
            assert_eq!(mark.instant, accept.instant);
        }
        let text = letter.text();
        let others =
            to.iter().filter(|address| !address.starts_with(login) && **address != AIGUL && **address != BOLAT);
        assert!(others.clone().count() >= 2 && others.into_iter().all(|address| !text.contains(address)), "{text}");
    }
}

#[tokio::test]
async fn a_letter_to_many_mailboxes_is_signed_for_each() {
    let post = Post::open().await;
    let logins: Vec<String> = (0..20).map(|number| format!("reader{number}")).collect();
    for login in &logins {
        post.accounts.create(new_account(login, None)).await.unwrap();
    }
    let addresses: Vec<String> = logins.iter().map(|login| format!("{login}@poshta.example")).collect();
    let to: Vec<&str> = addresses.iter().map(String::as_str).collect();
    post.accept(post.user("aigul").await, AIGUL, &to, letter(AIGUL, "")).await.unwrap();
    for (login, address) in logins.iter().zip(&addresses) {
        let letter = post.only(login).await;
        assert_eq!(judged(&post, &letter).verdict, postal::Verdict::Valid);
        assert!(letter.marks()[0].recipient.unwrap().names(&address.parse().unwrap()));
    }
}

#[tokio::test]
async fn marks_that_hold_stay_when_a_letter_comes_from_another_server_and_others_are_renamed() {
    let post = Post::open().await;
    post.accept(post.user("aigul").await, AIGUL, &["x@elsewhere.kz"], letter(AIGUL, "")).await.unwrap();
    let row = post.queue().await.remove(0);
    let sent = post.store.item_bytes(&row).read_at(0, usize::MAX >> 1).await.unwrap().to_vec();
    let altered = String::from_utf8(sent.clone()).unwrap().replace("Hello", "Help!");
    post.accept(stranger(), "x@elsewhere.kz", &[BOLAT], &sent).await.unwrap();
    post.accept(stranger(), "x@elsewhere.kz", &[BOLAT], altered).await.unwrap();
    let [kept, renamed]: [Letter; 2] = post.inbox("bolat").await.try_into().unwrap();
    let report = judged(&post, &kept);
    assert_eq!((report.verdict, report.marks.len()), (postal::Verdict::Valid, 4), "{report:?}");
    assert_eq!(kept.values("Postal-Item-Id").len(), 2, "the first operator's id is signed by its mark");
    assert_eq!(kept.values("Postal-Mark-Untrusted").len(), 1, "the line for people is not signed");
    let results = |letter: &Letter| letter.values("Authentication-Results").join("\n");
    let accepted = kept.marks()[3].id;
    assert_eq!(results(&kept), format!("mx.poshta.example;\tx-postal-mark=pass header.i={accepted} header.k=accept"));
    assert!(results(&renamed).contains("x-postal-mark=fail"), "{}", results(&renamed));
    let report = judged(&post, &renamed);
    assert_eq!((report.verdict, report.marks.len(), report.untrusted), (postal::Verdict::Valid, 3, 3), "{report:?}");
}
