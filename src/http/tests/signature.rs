//! `/sign-in/signature` as a browser sees it: what is shown, what is sent, and who gets in.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::identity::eds::tests::build::Plan;
use crate::sessions::Proof;

const PAGE: &str = "/sign-in/signature";
const IIN: &str = "061211600012";

/// A browser, with the page that it saw last.
pub(super) struct Visitor<'a> {
    office: &'a Office,
    cookies: Vec<(String, String)>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) page: String,
}

impl<'a> Visitor<'a> {
    pub(super) fn of(office: &'a Office) -> Self {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Visitor { office, cookies: Vec::new(), status, headers, page: String::new() }
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: String) {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("host", "localhost").header(COOKIE, cookies.join("; "));
        let answer = self.office.router.clone().call(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        (self.status, self.headers) = (parts.status, parts.headers);
        self.page = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    }

    pub(super) async fn get(&mut self, path: &str) {
        self.send(Request::builder().uri(path), String::new()).await;
    }

    /// Sends the form of the page, with a signature in one of its fields.
    async fn upload(&mut self, field: &str, signature: &str) {
        let hidden = ["csrf", "next", "nonce", "issued"].map(|name| (name, self.hidden(name)));
        self.post_parts(PAGE, hidden.into_iter().chain([(field, signature.to_owned())])).await;
    }

    /// Sends a form with files.
    pub(super) async fn post_parts(&mut self, path: &str, parts: impl IntoIterator<Item = (&str, String)>) {
        let part = |(name, value): (&str, String)| {
            format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: String = parts.into_iter().map(part).collect();
        let request = Request::builder().method("POST").uri(path);
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=frontier");
        self.send(request, format!("{parts}--frontier--\r\n")).await;
    }

    fn after(&self, before: &str) -> String {
        self.page.split(before).nth(1).unwrap_or_else(|| panic!("{}", self.page)).split('"').next().unwrap().to_owned()
    }

    pub(super) fn hidden(&self, name: &str) -> String {
        self.after(&format!("name=\"{name}\" value=\""))
    }

    fn statement(&self) -> String {
        String::from_utf8(STANDARD.decode(self.after("data-statement=\"")).unwrap()).unwrap()
    }

    fn signed(&self, iin: &'static str) -> String {
        let plan = Plan {
            iin: Some(iin), until: "2099-12-31T00:00:00Z", ..Plan::person("Серікова Айгүл", "Root")
        };
        STANDARD.encode(self.office.authority.issue(&plan).sign_undated(&self.statement()))
    }

    fn to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.page);
        self.headers[LOCATION].to_str().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_the_text_of_the_page_is_in() {
    let office = office().await;
    let mut visitor = Visitor::of(&office);
    visitor.get("/sign-in?next=/cabinet/sign-ins").await;
    let link = visitor.after("<a href=\"/sign-in/signature");
    visitor.get(&format!("{PAGE}{}", link.replace("&#38;", "&"))).await;
    let policy = visitor.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("connect-src 'self' wss://127.0.0.1:13579;"), "{policy}");
    let statement = visitor.statement();
    assert!(statement.starts_with("poshta-sign-in: 1\npurpose: sign-in\ndomain: poshta.example\n"), "{statement}");
    // The same text as a file, for this browser and for no other.
    let path = visitor.after("href=\"/sign-in/signature/text").replace("&amp;", "&");
    let path = format!("/sign-in/signature/text{path}");
    let (mut same, mut other) = (Visitor::of(&office), Visitor::of(&office));
    same.cookies.clone_from(&visitor.cookies);
    same.get(&path).await;
    assert_eq!(same.page, statement);
    other.get(PAGE).await;
    other.get(&path).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    // What is no signature, and the signature of somebody without a mailbox.
    visitor.upload("file", "no signature").await;
    assert_eq!((visitor.status, visitor.statement()), (StatusCode::UNPROCESSABLE_ENTITY, statement.clone()));
    let stranger = visitor.signed("791028302728");
    visitor.upload("cms", &stranger).await;
    assert_eq!(visitor.status, StatusCode::FORBIDDEN);
    assert_ne!(visitor.statement(), statement, "it was signed, and cannot be again");
    let signature = visitor.signed(IIN);
    let before = visitor.page.clone();
    visitor.upload("file", &signature).await;
    assert_eq!(visitor.to(), "/cabinet/sign-ins");
    let sessions = office.sessions.list(office.account).await.unwrap();
    assert_eq!(sessions.iter().map(|listed| listed.session.proof).collect::<Vec<_>>(), [Proof::Signature]);
    visitor.get("/cabinet/second-factor").await;
    assert_eq!(visitor.status, StatusCode::OK, "what was proved just now is not asked for again");
    // A replay, in the browser that was shown the text.
    let mut again = Visitor::of(&office);
    again.cookies = visitor.cookies.iter().filter(|(name, _)| name == "__Host-form").cloned().collect();
    again.page = before;
    again.upload("cms", &signature).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.cookies.iter().all(|(name, _)| name != "__Host-session"), "{:?}", again.cookies);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_proves_it_with_a_signature() {
    let office = office().await;
    let browser = crate::sessions::Browser { ip: [127, 0, 0, 1].into(), agent: "test".into() };
    let opened = office.sessions.open(office.account, Proof::Password, browser).await.unwrap();
    let mut visitor = Visitor::of(&office);
    visitor.cookies.push(("__Host-session".into(), opened.token.expose().to_owned()));
    visitor.get("/sign-in/again?next=/cabinet/closing").await;
    let link = visitor.after("<a href=\"/sign-in/signature");
    visitor.get(&format!("{PAGE}{link}")).await;
    assert!(visitor.statement().contains("\npurpose: prove-again\n"), "{}", visitor.statement());
    let stranger = visitor.signed("791028302728");
    visitor.upload("cms", &stranger).await;
    assert_eq!(visitor.status, StatusCode::FORBIDDEN);
    let signature = visitor.signed(IIN);
    visitor.upload("cms", &signature).await;
    assert_eq!(visitor.to(), "/cabinet/closing");
    let sessions = office.sessions.list(office.account).await.unwrap();
    assert_eq!(sessions.iter().map(|listed| listed.session.proof).collect::<Vec<_>>(), [Proof::Signature]);
    assert_eq!(office.sessions.find(opened.token.expose()).await.unwrap(), None, "with a new secret");
}
