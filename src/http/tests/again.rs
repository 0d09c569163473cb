//! `/sign-in/again`: what is asked of whoever is signed in before a dangerous act.

use axum::http::HeaderMap;
use axum::http::header::{LOCATION, SET_COOKIE};

use super::admin::Person;
use super::*;
use crate::identity::Role;
use crate::sessions::Proof;

const AGAIN: &str = "/sign-in/again";
const SECOND: &str = "/sign-in/again/second";
const WANTED: &str = "/admin/staff";

impl Person<'_> {
    async fn password(&self, password: &str) -> (StatusCode, HeaderMap, String) {
        self.post(AGAIN, &[("password", password), ("next", WANTED)]).await
    }

    async fn code(&self, page: &str, code: &str) -> (StatusCode, HeaderMap, String) {
        let given = hidden(page, "name=\"given\" value=\"");
        self.post_from(AGAIN, SECOND, &[("code", code), ("given", &given), ("next", WANTED)]).await
    }
}

fn hidden(page: &str, before: &str) -> String {
    page.split(before).nth(1).unwrap_or_else(|| panic!("{page}")).split('"').next().unwrap().to_owned()
}

impl Office {
    async fn proofs(&self, person: &Person<'_>) -> Vec<Proof> {
        let sessions = self.sessions.list(person.account()).await.unwrap();
        sessions.iter().map(|listed| listed.session.proof).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_second_factor_proves_with_the_password() {
    let office = office().await;
    let mut admin = office.person_of_before("saule", &[Role::Administrator]).await;
    let (status, headers, _) = admin.password("wrong").await;
    assert_eq!((status, headers.contains_key(SET_COOKIE)), (StatusCode::FORBIDDEN, false));
    let (status, headers, _) = admin.password(PASSWORD).await;
    assert_eq!((status, headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, WANTED));
    admin.keep(&headers);
    assert!(!admin.get(WANTED).await.2.contains(AGAIN));
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_whoever_has_a_second_factor_proves_with_it_too() {
    let office = office().await;
    let mut admin = office.person_of_before("saule", &[Role::Administrator]).await;
    let (_, codes) = office.sessions.with_authenticator(admin.account()).await;
    let codes = codes.expose();
    let (status, headers, _) = admin.password("wrong").await;
    assert_eq!((status, headers.contains_key(SET_COOKIE)), (StatusCode::FORBIDDEN, false));

    // The password alone opens nothing and changes nothing.
    let (status, headers, page) = admin.password(PASSWORD).await;
    assert_eq!((status, headers.contains_key(SET_COOKIE)), (StatusCode::OK, false));
    assert!(admin.get(WANTED).await.2.contains(AGAIN));
    assert_eq!(admin.post_from(AGAIN, SECOND, &[("code", &codes[0])]).await.0, StatusCode::FORBIDDEN, "no password");

    // A wrong code, then a right one; what was tried once cannot be again.
    let (status, _, after_wrong) = admin.code(&page, "000000").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(admin.code(&page, &codes[0]).await.0, StatusCode::FORBIDDEN, "one try for each page");
    let (status, headers, _) = admin.code(&after_wrong, &codes[0]).await;
    assert_eq!((status, headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, WANTED));
    let before = admin.cookie().to_owned();
    admin.keep(&headers);
    assert_ne!(before, admin.cookie(), "with a new secret");
    assert!(!admin.get(WANTED).await.2.contains(AGAIN));
    assert_eq!(office.proofs(&admin).await, [Proof::PasswordAndCode]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_wrong_second_factors_the_password_is_needed_again() {
    let office = office().await;
    let admin = office.person_of_before("saule", &[Role::Administrator]).await;
    let (_, codes) = office.sessions.with_authenticator(admin.account()).await;
    let (_, _, mut page) = admin.password(PASSWORD).await;
    for _ in 0..5 {
        assert!(page.contains("name=\"given\""), "{page}");
        (_, _, page) = admin.code(&page, "000000").await;
    }
    assert!(page.contains("name=\"password\"") && !page.contains("name=\"given\""), "{page}");
    // As at sign-in: wrong ones slow down the next, also of whoever begins anew with the right password.
    let (_, _, page) = admin.password(PASSWORD).await;
    let (status, _, _) = admin.code(&page, &codes.expose()[0]).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_proves_beside_the_password() {
    let office = office().await;
    let mut admin = office.person_of_before("saule", &[Role::Administrator]).await;
    let phone = office.sessions.with_phone(admin.account()).await;
    let (_, _, page) = admin.password(PASSWORD).await;
    let (given, challenge) = (hidden(&page, "name=\"given\" value=\""), hidden(&page, "data-challenge=\""));
    let answered = phone.fields(&challenge, 1);
    let fields = answered.iter().map(|(name, value)| (*name, value.as_str()));
    let fields: Vec<_> = fields.chain([("given", given.as_str()), ("next", WANTED)]).collect();
    let (status, headers, page) = admin.post_from(AGAIN, &format!("{SECOND}/passkey"), &fields).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    admin.keep(&headers);
    assert_eq!(office.proofs(&admin).await, [Proof::PasswordAndPasskey]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_with_a_second_factor_is_not_taken_away_or_closed_with_the_password_alone() {
    let office = office().await;
    let user = office.person_of_before("saule", &[]).await;
    for path in ["/cabinet/export", "/cabinet/close"] {
        assert_eq!(user.get(path).await.0, StatusCode::OK, "{path} asks for the password itself");
    }
    office.sessions.with_authenticator(user.account()).await;
    for path in ["/cabinet/export", "/cabinet/close"] {
        let fields = [("password", PASSWORD), ("address", "saule@poshta.example")];
        let (status, headers, _) = user.post_from(AGAIN, path, &fields).await;
        let to = headers[LOCATION].to_str().unwrap();
        assert_eq!((status, to), (StatusCode::SEE_OTHER, &*format!("{AGAIN}?next={path}")));
    }
    assert!(office.accounts.find_login("saule").await.unwrap().is_some());
}
