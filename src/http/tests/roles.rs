//! Who gets past the guards: every row of both tables, asked for over a real socket by everybody there is. A row that is
//! added is asked for too; that it is the row of `docs/roles.md` is another test's.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::http::pages::table::{self, Who};
use crate::http::routes::ROUTES;
use crate::http::{Transport, serve};
use crate::identity::Role;
use crate::server::listener::{ConnectionIds, Drain, Gate, Limits, Listener};

/// What a guard did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Met {
    Past,
    SignIn,
    Unauthorized,
    Forbidden,
}

/// Somebody who asks.
struct Visitor {
    name: String,
    /// What the request carries besides.
    header: String,
    as_what: As,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum As {
    Nobody,
    /// Signed in to the pages, with this role or none.
    Person(Option<Role>),
    /// With a token, or a login and password of its own.
    Machine(Role),
}

impl As {
    fn at_page(self, who: Who) -> Met {
        match (who, self) {
            (Who::Everybody, _) => Met::Past,
            (_, As::Nobody | As::Machine(_)) => Met::SignIn,
            (Who::User, As::Person(_)) => Met::Past,
            (Who::Staff(roles), As::Person(Some(role))) if roles.contains(&role) => Met::Past,
            (Who::Staff(_), As::Person(_)) => Met::Forbidden,
        }
    }

    fn at_call(self, roles: &[Role]) -> Met {
        match self {
            _ if roles.is_empty() => Met::Past,
            As::Nobody | As::Person(_) => Met::Unauthorized,
            As::Machine(role) if roles.contains(&role) => Met::Past,
            As::Machine(_) => Met::Forbidden,
        }
    }
}

/// Everybody: nobody, a user, each role of staff with an account of its own, each role of machines.
async fn everybody(office: &Office) -> Vec<Visitor> {
    let mut all = vec![Visitor { name: "nobody".into(), header: String::new(), as_what: As::Nobody }];
    for role in [None].into_iter().chain(Role::OF_STAFF.map(Some)) {
        let login = format!("saule-{}", role.map_or("user", Role::name).replace('_', "-"));
        let person = office.person(&login, role.as_slice()).await;
        let header = format!("Cookie: {}\r\n", person.cookie());
        all.push(Visitor { name: format!("{login} in a browser"), header, as_what: As::Person(role) });
    }
    for (token, role) in office::TOKENS.map(|(token, role, _)| (token, role)) {
        let header = format!("Authorization: Bearer {token}\r\n");
        all.push(Visitor { name: format!("the token {token}"), header, as_what: As::Machine(role) });
    }
    let basic = STANDARD.encode(format!("aliya:{PASSWORD}"));
    let header = format!("Authorization: Basic {basic}\r\n");
    all.push(Visitor { name: "the owner of a mailbox".into(), header, as_what: As::Machine(Role::Sender) });
    let roles: Vec<Role> = all.iter().filter_map(|each| each.role()).collect();
    assert!(Role::ALL.iter().all(|role| roles.contains(role)), "somebody for each role");
    all
}

impl Visitor {
    fn role(&self) -> Option<Role> {
        match self.as_what {
            As::Nobody => None,
            As::Person(role) => role,
            As::Machine(role) => Some(role),
        }
    }
}

/// Asks, and closes the connection: status, where to, and the content.
async fn ask(at: SocketAddr, method: &str, path: &str, header: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Language: en\r\nConnection: close\r\n{length}{header}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, content) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let to = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status, to.to_owned(), content.to_owned())
}

/// A page that its own handler refuses, such as a form without its token, is one behind the guard.
fn met((status, to, content): &(u16, String, String), is_for_everybody: bool) -> Met {
    match status {
        401 => Met::Unauthorized,
        403 if content.contains("This page is not for you") || content.contains("\"wrong role\"") => Met::Forbidden,
        303 if !is_for_everybody && (to == "/sign-in" || to.starts_with("/sign-in?")) => Met::SignIn,
        _ => Met::Past,
    }
}

/// A path with something in the place of what it asks for.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_those_whom_the_tables_name_get_past_the_guards() {
    let settings = Settings { max_anonymous_forms_per_minute: 0, ..Settings::default() };
    let office = office_with(settings.clone()).await;
    let gate = Gate::new(Limits { count_loopback: false, ..Limits::default() });
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind("http", any, gate, ConnectionIds::default(), "").await.unwrap();
    let (at, drain) = (listener.address(), Drain::default());
    tokio::spawn(serve(listener, Transport::Plain, office.router.clone(), settings, drain.clone()));

    let everybody = everybody(&office).await;
    let mut wrong = Vec::new();
    for visitor in &everybody {
        let pages = table::all().map(|page| {
            let expected = visitor.as_what.at_page(page.who);
            (page.method.to_uppercase(), page.path, expected, page.who == Who::Everybody)
        });
        let calls = ROUTES.iter().map(|route| {
            (route.method.to_uppercase(), route.path, visitor.as_what.at_call(route.roles), route.roles.is_empty())
        });
        for (method, path, expected, is_for_everybody) in pages.chain(calls) {
            let answer = ask(at, &method, &filled(path), &visitor.header).await;
            let met = met(&answer, is_for_everybody);
            if met != expected {
                wrong.push(format!("{} at {method} {path}: {met:?} ({}), not {expected:?}", visitor.name, answer.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    drain.token().cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_has_opens_no_call() {
    let office = office().await;
    for route in ROUTES.iter().filter(|route| !route.roles.is_empty()) {
        let (method, path) = (route.method.to_uppercase(), filled(route.path));
        let (status, _) = office.call(request(&method, "guess", &path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(office.get("print", "/api/v1/nothing").await.0, StatusCode::NOT_FOUND);
}

/// RFC 9110 §12.5.1: a browser is shown a page, whatever it mistook; a program gets what programs can read.
#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_told_to_browsers_with_a_page() {
    let office = office().await;
    let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let nobody = office.nobody();
    for path in ["/nothing", "/api/v1/nothing", "/cabinet/nothing"] {
        for (accept, kind) in [(html, "text/html; charset=utf-8"), ("*/*", "application/problem+json")] {
            let request = Request::builder().uri(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
            let (status, headers, content) = nobody.send(request).await;
            assert_eq!(
                (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
                (StatusCode::NOT_FOUND, kind),
                "{path}"
            );
            assert_eq!(content.contains("<main"), accept == html, "{content}");
        }
    }
    let admin = office.person("saule", &[Role::Administrator]).await;
    let request = Request::builder().uri("/admin/accounts/none").header(header::ACCEPT, html);
    let request = request.header(header::COOKIE, admin.cookie()).body(Body::empty()).unwrap();
    let (status, _, content) = admin.send(request).await;
    assert_eq!((status, content.contains("<main")), (StatusCode::NOT_FOUND, true), "{content}");
}
