//! The pages of administrators and the page of the audit: who sees them, what they do, and that it is written down.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use jiff::SignedDuration;

use super::*;
use crate::accounts::NewAccount;
use crate::auth::Door;
use crate::clock::{Clock, Timestamp, World};
use crate::http::pages::table::{self, Who};
use crate::identity::Role;
use crate::ids::AccountId;
use crate::sessions::{self, Browser, Proof, Sessions};
use crate::store::staff::Grant;

/// Somebody with a browser.
pub(super) struct Person<'a> {
    office: &'a Office,
    account: AccountId,
    cookie: String,
}

/// Twenty minutes ago: whoever signed in then is asked again before anything is changed.
#[derive(Debug)]
struct Before;

impl Clock for Before {
    fn now(&self) -> Timestamp {
        World::system().now() - SignedDuration::from_mins(20)
    }
}

impl Office {
    /// Aliya, with these roles, signed in just now.
    pub(super) async fn signed_in(&self, roles: &[Role]) -> Person<'_> {
        self.grant(self.account, roles).await;
        self.browser(&self.sessions, self.account).await
    }

    /// Somebody else, with these roles, signed in just now.
    pub(super) async fn person(&self, login: &str, roles: &[Role]) -> Person<'_> {
        let account = self.add(login, roles).await;
        self.browser(&self.sessions, account).await
    }

    /// As [`Office::person`], signed in a while ago.
    pub(super) async fn person_of_before(&self, login: &str, roles: &[Role]) -> Person<'_> {
        let account = self.add(login, roles).await;
        let world = World { clock: Arc::new(Before), ..World::system() };
        self.browser(
            &Sessions::new(self.base.clone(), self.store.clone(), world, sessions::Settings::default()),
            account,
        )
        .await
    }

    pub(super) fn nobody(&self) -> Person<'_> {
        Person { office: self, account: AccountId(0), cookie: String::new() }
    }

    async fn add(&self, login: &str, roles: &[Role]) -> AccountId {
        let password = self.authenticator.hash(&Secret::new(PASSWORD.into()), [127, 0, 0, 1].into()).await.unwrap();
        let account = NewAccount {
            login: login.into(),
            address: None,
            kind: store::accounts::Kind::Individual,
            display_name: String::new(),
            person: None,
            postal_index: None,
            password,
        };
        let account = self.accounts.create(account).await.unwrap().id;
        self.grant(account, roles).await;
        account
    }

    async fn grant(&self, account: AccountId, roles: &[Role]) {
        for role in roles {
            let facility = role.needs_facility().then(|| "astana-1".parse().unwrap());
            self.sessions.grant(account, *role, facility.as_ref(), "command line", None).await.unwrap();
        }
    }

    async fn browser(&self, sessions: &Sessions, account: AccountId) -> Person<'_> {
        let browser = Browser { ip: [127, 0, 0, 1].into(), agent: "test".into() };
        let opened = sessions.open(account, Proof::Password, browser).await.unwrap();
        Person { office: self, account, cookie: format!("__Host-session={}", opened.token.expose()) }
    }

    async fn actions(&self) -> Vec<String> {
        let entries = self.store.read(|view| view.audit_entries(1000)).await.unwrap();
        entries.into_iter().rev().map(|entry| format!("{} {} {}", entry.actor, entry.action, entry.object)).collect()
    }
}

impl Person<'_> {
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    /// The browser keeps what an answer gave it.
    pub(super) fn keep(&mut self, headers: &HeaderMap) {
        let cookie = headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap();
        self.cookie = cookie.to_owned();
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().uri(path).header(COOKIE, &self.cookie).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Sends a form that the page at `path` shows.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        self.post_from(path, path, fields).await
    }

    /// Sends a form that the page at `from` shows to `path`.
    pub(super) async fn post_from(
        &self,
        from: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let (_, _, page) = self.get(from).await;
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let fields = [("csrf", token.as_str())].into_iter().chain(fields.iter().copied());
        let body =
            fields.map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect::<Vec<_>>().join("&");
        let request = Request::builder().method("POST").uri(path).header(COOKIE, &self.cookie);
        let request = request.header(header::HOST, "post.example");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let (parts, body) = self.office.router.clone().call(request).await.unwrap().into_parts();
        let body = to_bytes(body, 10 << 20).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }
}

const WHY: (&str, &str) = ("reason", "asked by telephone");

/// The pages of administrators alone that name nothing in their path.
fn pages() -> Vec<&'static str> {
    let is_theirs = |who: Who| who == Who::Staff(&[Role::Administrator]);
    let rows = table::all().filter(|row| row.method == "get" && is_theirs(row.who));
    rows.map(|row| row.path).filter(|path| !path.contains('{')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m6_pages_of_administrators_are_in_three_languages_and_every_text_is_there() {
    let office = office().await;
    let admin = office.signed_in(&[Role::Administrator]).await;
    let letter = format!("/admin/print/{}", office.send_letter().await);
    let (status, _) = office.call(upload("scan", &page(), None)).await;
    assert_eq!(status, StatusCode::CREATED);
    let account = format!("/admin/accounts/{}", office.account.0);
    let named = ["/audit", "/admin/devices/astana-1-a", account.as_str(), letter.as_str()];
    for path in pages().into_iter().chain(named) {
        for lang in ["kk", "ru", "en"] {
            let (status, headers, page) = admin.get(&format!("{path}?lang={lang}")).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(page.contains(&format!("<html lang=\"{lang}\">")), "{page}");
            assert!(!page.contains(">admin-") && !page.contains("\"admin-"), "a text is missing: {page}");
            assert!(headers.contains_key(SET_COOKIE), "the language is remembered");
            for inline in ["<style", " style=", "<script", "onclick"] {
                assert!(!page.contains(inline), "{inline} in {page}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_pages_of_administrators_are_for_nobody_else() {
    let office = office().await;
    let nobody = office.nobody();
    for path in pages().into_iter().chain(["/audit"]) {
        let (status, headers, _) = nobody.get(path).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert!(headers[LOCATION].to_str().unwrap().starts_with("/sign-in"));
    }
    let user = office.signed_in(&[]).await;
    for path in pages().into_iter().chain(["/audit"]) {
        assert_eq!(user.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    let others = office.signed_in(&[Role::Clerk, Role::FacilityHead, Role::Controller]).await;
    for path in pages() {
        assert_eq!(others.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(others.get("/audit").await.0, StatusCode::OK, "controllers read the audit");
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_what_an_administrator_sees_and_does_is_in_the_audit_before() {
    let office = office().await;
    let admin = office.signed_in(&[Role::Administrator]).await;
    let account = format!("/admin/accounts/{}", office.account.0);
    admin.get("/admin/accounts").await;
    let (status, headers, _) = admin.get("/admin/accounts?find=aliya").await;
    assert_eq!((status, headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, account.as_str()));
    let (_, _, page) = admin.get("/admin/accounts?find=nobody&lang=en").await;
    assert!(page.contains("There is no such account"), "{page}");
    let (_, _, page) = admin.get(&format!("{account}?lang=en")).await;
    assert!(
        page.contains("aliya@poshta.example") && page.contains("…0012") && !page.contains("061211600012"),
        "{page}"
    );
    let (_, _, page) =
        admin.post(&format!("{account}?lang=en"), &[("act", "quota"), ("mib", "100"), ("messages", ""), WHY]).await;
    assert!(page.contains("The limits are saved") && page.contains("100.0 MiB"), "{page}");
    let (_, _, page) = admin.post(&format!("{account}?lang=en"), &[("act", "quota"), ("mib", "many"), WHY]).await;
    assert!(page.contains("A limit is a whole number"), "{page}");
    let actions = office.actions().await;
    let of_account = |action: &str| format!("administrator aliya {action} account {}", office.account.0);
    assert!(actions.contains(&"administrator aliya account.list accounts".to_owned()), "{actions:#?}");
    for action in ["account.show", "account.quota"] {
        assert!(actions.contains(&of_account(action)), "{action}: {actions:#?}");
    }
    let (_, _, log) = admin.get("/audit?action=account.quota").await;
    assert!(log.contains("administrator aliya") && log.contains("account.quota"), "{log}");
    let newest = office.actions().await.pop().unwrap();
    assert_eq!(newest, "administrator aliya audit.read audit");
}

#[tokio::test(flavor = "multi_thread")]
async fn m8_an_account_is_closed_only_by_who_types_its_login() {
    let office = office().await;
    let admin = office.signed_in(&[Role::Administrator]).await;
    let path = format!("/admin/accounts/{}?lang=en", office.account.0);
    let (_, _, page) = admin.post(&path, &[("act", "close"), ("confirm", "aliyya"), WHY]).await;
    assert!(page.contains("not this account"), "{page}");
    let account = office.account;
    let is_open = async || office.store.read(move |view| view.account(account)).await.unwrap().unwrap().is_active();
    assert!(is_open().await);
    let forged = Request::builder().method("POST").uri(&path).header(COOKIE, &admin.cookie);
    let forged = forged.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (status, _, _) = admin.send(forged.body(Body::from("act=close&confirm=aliya&csrf=x")).unwrap()).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a form of another site closes nothing");
    assert!(is_open().await);
    admin.post(&path, &[("act", "close"), ("confirm", "aliya"), WHY]).await;
    assert!(!is_open().await);
    assert!(office.actions().await.iter().any(|entry| entry.contains("account.close")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_password_is_shown_once_opens_the_mailbox_and_ends_all_sessions() {
    let office = office().await;
    let admin = office.signed_in(&[Role::Administrator]).await;
    let path = format!("/admin/accounts/{}?lang=en", office.account.0);
    let (_, _, page) = admin.post(&path, &[("act", "password"), WHY]).await;
    let password = page.split("id=\"password-once\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(password.len(), 16);
    let from = [127, 0, 0, 1].into();
    assert!(office.authenticator.login("aliya", &Secret::new(password), from, Door::Pages).await.is_ok());
    assert!(office.authenticator.login("aliya", &Secret::new(PASSWORD.into()), from, Door::Pages).await.is_err());
    assert_eq!(admin.get("/admin").await.0, StatusCode::SEE_OTHER, "this one was the administrator's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_granted_and_taken_back_but_not_the_own_one() {
    let office = office().await;
    let admin = office.signed_in(&[Role::Administrator]).await;
    let grants = async || -> Vec<Grant> {
        let account = office.account;
        office.store.read(move |view| view.grants(account)).await.unwrap()
    };
    let said = async |fields: &[(&str, &str)]| admin.post("/admin/staff?lang=en", fields).await.2;
    let clerk = [("act", "grant"), ("login", "aliya"), ("role", "clerk"), WHY];
    assert!(said(&clerk).await.contains("Name the facility for this role"));
    let nowhere = [clerk[0], clerk[1], clerk[2], WHY, ("facility", "nowhere")];
    assert!(said(&nowhere).await.contains("There is no such facility"));
    let somewhere = [clerk[0], clerk[1], clerk[2], WHY, ("facility", "astana-1")];
    assert!(said(&somewhere).await.contains("The roles are changed"));
    assert_eq!(grants().await.len(), 2);
    assert!(
        said(&[("act", "revoke"), ("login", "aliya"), ("role", "clerk"), WHY]).await.contains("The roles are changed")
    );
    let own = said(&[("act", "revoke"), ("login", "aliya"), ("role", "administrator"), WHY]).await;
    assert!(own.contains("You cannot take the administrator"), "{own}");
    assert_eq!(grants().await.len(), 1);
}
