//! Letters on paper and what is given for them, from submission to journal.

use test_case::test_case;

use super::*;
use crate::payment::{TermsChange, read_signs};
use crate::postal::{Kind as Impressed, SignHash, Standing, Tiyn, Verdict, verify};

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";
const PAPER: &str = "letter@hat.poshta.example";
const REGISTERED: &str = "registered@hat.poshta.example";
const CODE: &str = "KZ26-ABCD-EFGH-2345";
const OTHER: &str = "KZ26-ABCD-EFGH-6789";

fn paid_with(codes: &str, subject: &str) -> String {
    format!(
        "From: {AIGUL}\r\nTo: {PAPER}, {BOLAT}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@client.example>\r\n\
         Postal-To: A. Omarova; Abay 10; 010000 Astana\r\n{codes}\r\nSalem!\r\n"
    )
}

fn sign(code: &str) -> String {
    format!("Postal-Payment: sign={code}\r\n")
}

impl Post {
    /// Aigul pays in advance; the two codes are worth an ordinary letter each.
    async fn with_signs() -> Post {
        let post = Post::open().await;
        let aigul = post.accounts.find_login("aigul").await.unwrap().unwrap();
        let payments = post.paper.payments();
        payments.change_terms(aigul.id, TermsChange::Prepaid, "test").await.unwrap();
        let file = format!(
            "code,kind,issuer,value_tiyn,valid_from,valid_to\n{CODE},state,KZ,35000,,\n{OTHER},operator,kazpost,35000,,\n"
        );
        payments.import(read_signs(&file).unwrap(), "test").await.unwrap();
        post
    }

    async fn send(&self, to: &[&str], message: &str) -> Result<ItemId, Refusal> {
        self.accept(self.user("aigul").await, AIGUL, to, message).await
    }

    async fn standing(&self, code: &str) -> Standing {
        self.paper.payments().sign(SignHash::of_code(code).unwrap()).await.unwrap().sign.standing
    }

    async fn payment(&self, item: ItemId) -> crate::store::payments::ItemPayment {
        self.store.read(move |view| view.item_payment(item)).await.unwrap().unwrap()
    }

    async fn kinds(&self) -> Vec<String> {
        self.journal().await.iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn p2_p20_a_sign_is_cancelled_with_the_acceptance() {
    let post = Post::with_signs().await;
    let message = paid_with(&sign(CODE), "one");
    let item = post.send(&[PAPER, BOLAT], &message).await.unwrap();
    assert_eq!(post.standing(CODE).await, Standing::Cancelled(item));
    let letter = post.only("bolat").await;
    let kinds: Vec<Impressed> = letter.marks().iter().skip(2).map(|mark| mark.kind).collect();
    assert_eq!(kinds, [Impressed::Cancel, Impressed::Accept], "the newest on top");
    let cancel = &letter.marks()[2];
    assert_eq!(cancel.payment_sign, Some(SignHash::of_code(CODE).unwrap().0));
    assert_eq!((cancel.facility.as_str(), cancel.recipient), ("astana-2", None));
    let report = verify(&letter.0, Some(&post.devices.marks()));
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert!(!letter.text().contains("EFGH") && letter.values("Postal-Payment").is_empty(), "the code is nowhere");
    assert_eq!(post.kinds().await, ["accept", "cancel", "receive", "deliver"]);
    let lines = post.journal().await;
    assert_eq!(lines[1]["payment_sign"], SignHash::of_code(CODE).unwrap().to_string());
    let payment = post.payment(item).await;
    assert_eq!((payment.by_signs, payment.due, payment.receipt), (Tiyn(35_000), Tiyn(0), None));
}

#[tokio::test]
async fn p20_the_same_letter_again_is_the_same_item() {
    let post = Post::with_signs().await;
    let message = paid_with(&sign(CODE), "one");
    let item = post.send(&[PAPER], &message).await.unwrap();
    let before = post.stats().await;
    assert_eq!(post.send(&[PAPER], &message).await.unwrap(), item, "idempotent");
    assert_eq!(post.stats().await, before, "and nothing new exists");
    let other = post.send(&[PAPER], &paid_with(&sign(CODE), "two")).await.unwrap();
    assert_ne!(other, item);
    assert_eq!(post.payment(other).await.due, Tiyn(35_000), "for another letter the sign pays nothing");
}

#[tokio::test]
async fn p7_an_ordinary_letter_goes_on_with_a_surcharge() {
    let post = Post::with_signs().await;
    let item = post.send(&[PAPER, BOLAT], &paid_with("", "unpaid")).await.unwrap();
    let letter = post.only("bolat").await;
    let marks = letter.marks();
    assert_eq!((marks[2].kind, marks[2].amount_due), (Impressed::Surcharge, Some(35_000)));
    assert_eq!(marks[2].device.as_ref().unwrap().as_str(), "Б", "the surcharge stamp of the electronic centre");
    let report = verify(&letter.0, Some(&post.devices.marks()));
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert_eq!(post.journal().await[1]["amount_due"], 35_000);
    let job = post.paper.queue().job(item).await.unwrap();
    assert!(job.is_some(), "it is printed nevertheless");
}

#[tokio::test]
async fn p7_registered_and_underpaid_is_refused_and_takes_nothing() {
    let post = Post::with_signs().await;
    let before = post.stats().await;
    let refused = post.send(&[REGISTERED], &paid_with(&sign(CODE), "registered")).await.unwrap_err();
    let Refusal::NotPaid(text) = &refused else { panic!("{refused:?}") };
    assert!(text.contains("costs 950.00 tenge, 350.00 given, 600.00 missing"), "{text}");
    assert_eq!(post.standing(CODE).await, Standing::Issued);
    assert_eq!(post.stats().await, before, "no number, no quota, no sign is used up");
}

#[tokio::test]
async fn p22_withdrawn_and_unknown_signs_make_no_mark() {
    let post = Post::with_signs().await;
    let hash = SignHash::of_code(CODE).unwrap();
    post.paper.payments().withdraw(&[hash], "misprint", "test").await.unwrap();
    let codes = format!("Postal-Payment: sign={CODE},KZ26-NOBO-DYKN-OWSS\r\n");
    let item = post.send(&[PAPER, BOLAT], &paid_with(&codes, "x")).await.unwrap();
    assert_eq!(post.kinds().await, ["accept", "surcharge", "receive", "deliver"]);
    assert_eq!(post.standing(CODE).await, Standing::Withdrawn);
    assert_eq!(post.payment(item).await.due, Tiyn(35_000));
}

#[test_case("2026-12-16T06:00:00Z" => vec!["А", "В"]; "on its day")]
#[test_case("2026-12-17T06:00:00Z" => vec!["А", "А"]; "the day after")]
#[tokio::test]
async fn p8_the_special_stamp_cancels_state_signs_in_its_period(now: &str) -> Vec<&'static str> {
    let post = Post::with_signs().await;
    post.clock.set(now);
    let codes = format!("Postal-Payment: sign={CODE},{OTHER}\r\n");
    post.send(&[PAPER, BOLAT], &paid_with(&codes, "x")).await.unwrap();
    let letter = post.only("bolat").await;
    let report = verify(&letter.0, Some(&post.devices.marks()));
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    let cancels: Vec<Mark> = letter.marks().into_iter().filter(|mark| mark.kind == Impressed::Cancel).collect();
    assert_eq!(cancels[1].payment_sign, Some(SignHash::of_code(CODE).unwrap().0), "the state sign, made first");
    let letters = cancels.iter().map(|mark| mark.device.as_ref().unwrap().to_string());
    letters.map(|letter| if letter == "А" { "А" } else { "В" }).collect()
}

#[test_case(NOW, "211126"; "before the collection: that date")]
#[test_case("2026-11-21T12:00:00Z", "211126"; "exactly at the collection")]
#[test_case("2026-11-21T12:00:01Z", "221126"; "after it: the next calendar date")]
#[test_case("2026-12-31T13:00:00Z", "010127"; "over the end of the year")]
#[tokio::test]
async fn p23_an_ordinary_letter_goes_through_the_box_of_its_print_centre(now: &str, token: &str) {
    let post = Post::with_signs().await;
    post.clock.set(now);
    let item = post.send(&[PAPER], &paid_with(&sign(CODE), "box")).await.unwrap();
    let lines = post.journal().await;
    let accept = &lines[0];
    assert_eq!(accept["letter_box"], "astana-print-box");
    assert_eq!((accept["facility"].as_str(), accept["token"].as_str()), (Some("astana-print"), Some(token)));
    // P24: the receipt has the actual date and hour, by an impression of its own.
    let receipt = lines.iter().find(|line| line["kind"] == "accept" && line["letter_box"].is_null()).unwrap();
    assert_ne!(receipt["impression"], accept["impression"]);
    let kept = post.payment(item).await.receipt.unwrap();
    assert_eq!(kept.impression.to_string(), receipt["impression"].as_str().unwrap());
    let mark = Mark::parse(&Letter(kept.header.into_bytes()).values("Postal-Mark")[0]).unwrap();
    assert_eq!((mark.kind, mark.letter_box.clone()), (Impressed::Accept, None));
    let instant: Timestamp = now.parse().unwrap();
    let here = crate::postal::Zone::named("Asia/Almaty").unwrap().civil_at(instant);
    assert_eq!(mark.token.date(), here.date(), "P24: never shifted");
    assert_eq!(mark.token.hour(), Some(here.hour()));
    assert_eq!(mark.digest().to_string(), receipt["mark"].as_str().unwrap(), "the log has it");
    assert!(mark.signature.is_some_and(|signature| signature.previous.is_none()));
}

/// FACTS E: the page shows by whom it was accepted, and nothing on it reveals blind copies.
#[tokio::test]
async fn p23_a_blind_copy_by_mail_does_not_keep_a_letter_from_the_box() {
    let post = Post::with_signs().await;
    let message = paid_with(&sign(CODE), "box").replace(&format!(", {BOLAT}"), "");
    post.send(&[PAPER, BOLAT], &message).await.unwrap();
    let accept = &post.journal().await[0];
    assert_eq!(accept["letter_box"], "astana-print-box");
    assert_eq!((accept["facility"].as_str(), accept["token"].as_str()), (Some("astana-print"), Some("211126")));
}

#[test_case(&[REGISTERED]; "registered letters are brought to the counter")]
#[test_case(&[PAPER, BOLAT]; "so is what goes to a mailbox too")]
#[tokio::test]
async fn p23_no_other_letter_goes_through_a_box(to: &[&str]) {
    let post = Post::open().await;
    let item = post.send(to, &paid_with("", "counter")).await.unwrap();
    let accept = &post.journal().await[0];
    assert!(accept["letter_box"].is_null());
    assert_eq!((accept["facility"].as_str(), accept["token"].as_str()), (Some("astana-2"), Some("21112609")));
    assert_eq!(post.payment(item).await.receipt, None, "P18: item and receipt share the impression");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p20_two_letters_race_for_one_sign() {
    let post = Arc::new(Post::with_signs().await);
    let tasks = ["one", "two"].map(|subject| {
        let post = Arc::clone(&post);
        tokio::spawn(async move { post.send(&[PAPER, BOLAT], &paid_with(&sign(CODE), subject)).await })
    });
    let mut paid = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(item) => {
                let payment = post.payment(item).await;
                paid += u32::from(payment.due == Tiyn(0));
                assert_eq!(payment.due == Tiyn(0), post.standing(CODE).await == Standing::Cancelled(item));
            }
            // 451: whoever lost at the commit is judged anew at the next attempt.
            Err(Refusal::Store(crate::store::Error::Conflict(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(paid, 1);
    let cancelled = post.kinds().await.iter().filter(|kind| *kind == "cancel").count();
    assert_eq!(cancelled, 1, "one impression for one sign");
}

#[test_case("Postal-Payment: sign=short\r\n", "code 1 in Postal-Payment is none"; "no code")]
#[test_case("Postal-Payment: card=4111111111111111\r\n", "Postal-Payment cannot be read"; "not by signs")]
#[test_case("Postal-Payment: sign=KZ26-ABCD-EFGH-2345\r\nPostal-Payment: sign=KZ26-ABCD-EFGH-6789\r\n", "Postal-Payment cannot be read"; "two fields")]
#[tokio::test]
async fn interface_what_cannot_be_read_as_payment_is_refused_and_not_repeated(field: &str, expected: &str) {
    let post = Post::with_signs().await;
    let refused = post.send(&[PAPER], &paid_with(field, "x")).await.unwrap_err();
    let Refusal::NotPaid(text) = &refused else { panic!("{refused:?}") };
    assert!(text.starts_with(expected) && !text.contains("4111") && !text.contains("ABCD"), "{text}");
    // A letter that is not for paper is not paid for.
    post.send(&[BOLAT], &paid_with(field, "x")).await.unwrap();
}
