//! `/verify/document` as a browser sees it: what anybody learns of a signed document, and what is not taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::signature::Visitor;
use super::*;
use crate::identity::eds::tests::build::{Message, Plan};

const PAGE: &str = "/verify/document";
const TEXT: &str = "Келісімшарт: екі данада жасалды.";
const ALWAYS: &str = "2099-12-31T00:00:00Z";

async fn bring(visitor: &mut Visitor<'_>, parts: &[(&str, &[u8])]) {
    visitor.get(&format!("{PAGE}?lang=en")).await;
    let token = ("csrf", visitor.hidden("csrf"));
    let sent = parts.iter().map(|(name, bytes)| {
        // Our test carries text; the page takes base64 as programs give it.
        let is_signature = *name == "signature";
        (*name, if is_signature { STANDARD.encode(bytes) } else { String::from_utf8(bytes.to_vec()).unwrap() })
    });
    let sent: Vec<_> = [token].into_iter().chain(sent).collect();
    visitor.post_parts(PAGE, sent).await;
}

fn says(visitor: &Visitor<'_>, text: &str) -> bool {
    visitor.page.contains(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_anybody_learns_who_signed_a_document_and_when() {
    let office = office_with(Settings { max_document_checks_per_minute: 0, ..Settings::default() }).await;
    let first = office.authority.issue(&Plan { until: ALWAYS, ..Plan::person("Серікова Айгүл", "Root") });
    let second = Plan {
        iin: Some("791028302728"),
        bin: Some("060640000011"),
        until: ALWAYS,
        serial: 78,
        ..Plan::person("Ахметов Ерлан", "Root")
    };
    let second = office.authority.issue(&second);
    let mut visitor = Visitor::of(&office);
    let attached = first.message(TEXT).to_der();
    bring(&mut visitor, &[("signature", &attached)]).await;
    assert_eq!(visitor.status, StatusCode::OK);
    assert!(says(&visitor, "The signature is valid") && says(&visitor, "Серікова Айгүл"), "{}", visitor.page);
    assert!(says(&visitor, "20.11.2026 15:00"), "in Kazakhstan's time: {}", visitor.page);
    assert!(says(&visitor, "…0012") && !says(&visitor, "061211600012"), "{}", visitor.page);
    assert!(says(&visitor, "does not ask whether certificates were revoked"), "{}", visitor.page);
    // The document beside it; then another one.
    let detached = Message { is_detached: true, ..first.message(TEXT) };
    let both = detached.signed_with(&[&second.message(TEXT)]);
    bring(&mut visitor, &[("signature", &both), ("document", TEXT.as_bytes())]).await;
    assert!(says(&visitor, "The signature is valid") && says(&visitor, "Signature 2 of 2"), "{}", visitor.page);
    assert!(says(&visitor, "Серікова Айгүл") && says(&visitor, "Ахметов Ерлан"), "{}", visitor.page);
    assert!(says(&visitor, "060640000011") && !says(&visitor, "791028302728"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &both), ("document", "Келісімшарт: бір данада.".as_bytes())]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "changed after it was signed"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &both)]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "The document is not inside"), "{}", visitor.page);
    // One of two did not sign this.
    let forged = Message { is_damaged: true, ..second.message(TEXT) };
    bring(&mut visitor, &[("signature", &first.message(TEXT).signed_with(&[&forged]))]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "is not of Ахметов Ерлан"), "{}", visitor.page);
    assert_eq!(office.store.read(|view| view.audit_entries(10)).await.unwrap(), [], "nothing of it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_a_page_says_it_in_three_languages() {
    let office = office().await;
    let signer = office.authority.issue(&Plan { until: ALWAYS, ..Plan::person("Серікова Айгүл", "Root") });
    let expired = office
        .authority
        .issue(&Plan { until: "2026-11-25T00:00:00Z", ..Plan::person("Серікова Айгүл", "Root") });
    let said = [
        ("kk", "Қолтаңба жарамды", "уақыт белгісі жоқ"),
        ("ru", "Подпись действительна", "нет метки времени"),
        ("en", "The signature is valid", "has no time stamp"),
    ];
    for (lang, valid, hint) in said {
        for (person, expected) in [(&signer, valid), (&expired, hint)] {
            let mut visitor = Visitor::of(&office);
            visitor.get(&format!("{PAGE}?lang={lang}")).await;
            assert!(!says(&visitor, ">document-"), "{}", visitor.page);
            let parts =
                [("csrf", visitor.hidden("csrf")), ("signature", STANDARD.encode(person.message(TEXT).to_der()))];
            visitor.post_parts(&format!("{PAGE}?lang={lang}"), parts).await;
            assert!(says(&visitor, expected) && !says(&visitor, ">document-"), "{lang}: {}", visitor.page);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_what_is_no_signature_and_too_much_are_not_taken() {
    let settings = Settings { max_document_checks_per_minute: 4, max_checked_bytes: 10_000, ..Settings::default() };
    let office = office_with(settings).await;
    let mut visitor = Visitor::of(&office);
    bring(&mut visitor, &[("signature", b"")]).await;
    assert_eq!(visitor.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(says(&visitor, "Choose the file with the signature."), "{}", visitor.page);
    bring(&mut visitor, &[("signature", b"a letter")]).await;
    assert!(says(&visitor, "neither a certificate nor a signature"), "{}", visitor.page);
    // A certificate holds, and is no signed document.
    bring(&mut visitor, &[("signature", office.authority.certificate.der())]).await;
    assert!(says(&visitor, "This is no signed document"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &[0x30; 10_001])]).await;
    assert_eq!(visitor.status, StatusCode::PAYLOAD_TOO_LARGE);
    bring(&mut visitor, &[("signature", b"a letter")]).await;
    assert_eq!(visitor.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(visitor.headers.contains_key(header::RETRY_AFTER));
    // Another site's form has no token.
    visitor.post_parts(PAGE, [("csrf", "x".to_owned()), ("signature", String::new())]).await;
    assert_eq!(visitor.status, StatusCode::FORBIDDEN);
}
