//! A register that tells of a person only with that person's consent: the pages ask for the code (FACTS B7).

use super::office::{office_asking, open};
use super::*;
use crate::clock::World;
use crate::identity::Role;
use crate::registers::standin::Known;
use crate::registers::tests::stand_in;

async fn office_with_consent(is_needed: bool) -> Office {
    let registers = stand_in::started(World::system(), &Known::default()).await;
    let settings = crate::registers::Settings { person_needs_consent: is_needed, ..registers.settings.clone() };
    office_asking(Settings::default(), settings, open).await
}

const FORM: &[(&str, &str)] = &[
    ("as", "individual"),
    ("surname", "Serikova"),
    ("given-name", "Aigul"),
    ("iin", "791028302728"),
    ("document-kind", "identity-card"),
    ("document-number", "041234567"),
    ("document-issuer", "MVD"),
    ("document-issued", "2024-03-01"),
    ("residence", "Astana"),
    ("postal-index", "010000"),
    ("phone-mobile", "87012345678"),
    ("login", "serikova"),
    ("lang", "en"),
];

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_person_is_asked_for_the_code_and_told_where_it_comes_from_and_a_company_is_not() {
    for (is_needed, sort, is_asked) in
        [(true, "individual", true), (true, "legal", false), (false, "individual", false)]
    {
        let office = office_with_consent(is_needed).await;
        let visitor = office.signed_in(&[]).await;
        let (status, _, page) = visitor.get(&format!("/register?as={sort}&lang=en")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(page.contains("id=\"consent\""), is_asked, "{is_needed} {sort}");
        assert_eq!(page.contains("text message from 1414"), is_asked, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_clerk_is_asked_for_the_code_before_registering() {
    let office = office_with_consent(true).await;
    let clerk = office.signed_in(&[Role::Clerk]).await;
    let (_, _, page) = clerk.get("/desk/new?lang=en").await;
    assert!(!page.contains("id=\"consent\""), "a code counts for minutes: it is asked for when it is used");
    let agreement = page.split("name=\"agreement\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields: Vec<_> = FORM.iter().copied().chain([("agreement", agreement)]).collect();
    let (status, headers, page) = clerk.post("/desk/new", &fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let written = headers[header::LOCATION].to_str().unwrap();
    let (_, _, page) = clerk.get(&format!("{written}?lang=en")).await;
    assert!(page.contains("id=\"consent\"") && page.contains("1414") && page.contains("010000"), "{page}");
}
