//! M7: whatever the staff opens, in whatever role, no letter is in it.

use super::*;
use crate::http::audited::tests::PEOPLE;
use crate::http::pages::table::{self, Who};
use crate::http::routes::ROUTES;
use crate::identity::Role;
use crate::locale::Lang;
use crate::people::registration::{Application, Applied, Way};

/// Stands in the subject, the text and the attachment of every letter here, and nowhere else.
const SECRET: &str = "zhasyryn7soz";

/// Pages of staff that are there only when more has happened than here.
const LATER: [&str; 2] = ["/desk/applications/{number}/confirmation.pdf", "/desk/applications/{number}/scans/{place}"];

/// What stands in the paths.
struct Named {
    account: String,
    item: String,
    application: String,
}

impl Named {
    /// The path of something that there is; a new kind of path has to say what that is.
    fn fill(&self, path: &str) -> String {
        let kinds = [
            ("/admin/accounts/{id}", "{id}", self.account.as_str()),
            ("/api/v1/items/", "{item_id}", &self.item),
            ("/admin/print/", "{item}", &self.item),
            ("/desk/applications/", "{number}", &self.application),
            ("/desk/applications/", "{place}", "1"),
            ("", "{device}", "astana-1-a"),
            ("", "{day}", daily::DAY),
        ];
        let path = kinds
            .into_iter()
            .filter(|(begin, ..)| path.starts_with(begin))
            .fold(path.to_owned(), |path, (_, name, value)| path.replace(name, value));
        assert!(!path.contains('{'), "say what stands in {path}");
        path
    }
}

fn letter(to: &str) -> String {
    format!(
        "From: aliya@poshta.example\r\nTo: {to}\r\nSubject: {SECRET}\r\nMessage-ID: <{to}.1@poshta.example>\r\n\
         Postal-To: Aigul; Abai 12; 010000 Astana\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{SECRET}\r\n\
         --b\r\nContent-Type: text/plain; name=\"{SECRET}.txt\"\r\n\
         Content-Disposition: attachment; filename=\"{SECRET}.txt\"\r\n\r\n{SECRET}\r\n--b--\r\n"
    )
}

/// Letters everywhere: in a mailbox, on the way to another server, on paper, as a scan that nobody has yet; and an
/// application at the counter.
async fn filled_office() -> (Office, Named) {
    let office = daily::with_history().await;
    office.send(&letter("aliya@poshta.example"), "aliya@poshta.example").await;
    office.send(&letter("somebody@elsewhere.example"), "somebody@elsewhere.example").await;
    let item = office.send(&letter("letter@hat.poshta.example"), "letter@hat.poshta.example").await;
    let scan = [page(), SECRET.as_bytes().to_vec()].concat();
    let (status, _) = office.call(upload("scan", &scan, None)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(office.inbox().await.iter().any(|text| text.matches(SECRET).count() >= 4), "it is in the letter");

    let application = Application {
        consent: None,
        form: crate::people::registration::tests::person_form("791028302728"),
        login: "aigul".into(),
        password: Secret::new("көктем келді 2026".into()),
        agreement: office.registration.agreements().current().await.unwrap().hash,
        lang: Lang::Kk,
    };
    let applied = office.registration.apply(application, Way::Announced { ip: [127, 0, 0, 1].into() }).await.unwrap();
    let Applied::Waiting { number, .. } = applied else { panic!("{applied:?}") };
    let named = Named { account: office.account.0.to_string(), item, application: number.to_string() };
    (office, named)
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_no_page_of_staff_shows_a_letter() {
    let (office, named) = filled_office().await;
    for role in Role::OF_STAFF {
        let person = office.person(&format!("saule-{}", role.name().replace('_', "-")), &[role]).await;
        let is_theirs = |who: Who| matches!(who, Who::Staff(roles) if roles.contains(&role));
        for row in table::all().filter(|row| row.method == "get" && is_theirs(row.who)) {
            let path = named.fill(row.path);
            let request = Request::builder().uri(&path).header(header::COOKIE, person.cookie());
            let (status, bytes) = office.bytes(request.body(Body::empty()).unwrap()).await;
            let expected = if LATER.contains(&row.path) { StatusCode::NOT_FOUND } else { StatusCode::OK };
            assert_eq!(status, expected, "{path} for {}", role.name());
            assert!(!holds_secret(&bytes), "{path} shows a letter to {}", role.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_no_call_of_people_shows_a_letter() {
    let (office, named) = filled_office().await;
    for (token, role) in office::TOKENS.map(|(token, role, _)| (token, role)) {
        let is_theirs = |roles: &[Role]| PEOPLE.contains(&role) && roles.contains(&role);
        for route in ROUTES.iter().filter(|route| route.method == "get" && is_theirs(route.roles)) {
            let path = named.fill(route.path);
            let (status, bytes) = office.bytes(request("GET", token, &path).body(Body::empty()).unwrap()).await;
            assert_eq!(status, StatusCode::OK, "{path} for {token}");
            assert!(!holds_secret(&bytes), "{path} shows a letter to {token}");
        }
    }
}

fn holds_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}
