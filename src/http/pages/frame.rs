//! What stands around every page, and the headers that go with it.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::locale::{self, Lang};

use super::super::problem::Problem;
use super::form::TOKEN;
use super::language::{Asked, COOKIE};
use super::table::{self, Who};

/// Nothing but this server's own files is loaded, nothing stands inside the page that could run, nothing of it can be
/// framed, and forms go nowhere else. W3C, Content Security Policy Level 3.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page; a page may tell of a person, so that no cache keeps it.
const HEADERS: [(&str, &str); 7] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("vary", "accept-language, cookie"),
];

/// What a page says of itself to the frame around it.
#[derive(Clone, Debug)]
pub(in crate::http) struct Frame {
    asked: Asked,
    /// Key of its title.
    title: &'static str,
    /// Where besides this server a script of the page connects to.
    connects: Option<String>,
}

/// A language to change to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Choice {
    /// Its tag.
    pub(in crate::http) tag: &'static str,
    /// Its own name.
    pub(in crate::http) name: String,
    /// The same page in it.
    pub(in crate::http) href: String,
    /// The page is in it already.
    pub(in crate::http) is_current: bool,
}

/// A link to a part of the pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Link {
    pub(in crate::http) href: &'static str,
    pub(in crate::http) text: String,
    /// The page is in that part.
    pub(in crate::http) is_current: bool,
}

/// The parts, and the keys of their names. Those whose page there is, and is for whoever looks, are shown.
const PARTS: &[(&str, &str)] = &[
    ("/", "page-part-home"),
    ("/agreement", "page-part-agreement"),
    ("/verify", "page-part-verify"),
    ("/cabinet", "page-part-cabinet"),
    ("/desk", "page-part-desk"),
    ("/admin", "page-part-admin"),
    ("/closings", "closing-list"),
    ("/audit", "admin-audit"),
];

impl Frame {
    /// The frame of a page whose title has this key.
    pub(in crate::http) fn new(asked: Asked, title: &'static str) -> Self {
        Frame { asked, title, connects: None }
    }

    /// A page whose script speaks with one more origin, such as a program on the person's own computer.
    #[must_use]
    pub(in crate::http) fn connecting(self, origin: &str) -> Self {
        Frame { connects: Some(origin.to_owned()), ..self }
    }

    /// The policy of this page.
    fn policy(&self) -> Option<HeaderValue> {
        let origin = self.connects.as_ref()?;
        HeaderValue::from_str(&POLICY.replace("connect-src 'self'", &format!("connect-src 'self' {origin}"))).ok()
    }

    /// The text under a key, in the page's language.
    pub(in crate::http) fn text(&self, key: &str) -> String {
        locale::text(self.asked.lang, key, &[])
    }

    /// As [`Frame::text`], with arguments filled in.
    pub(in crate::http) fn text_with(&self, key: &str, args: &[(&str, &str)]) -> String {
        locale::text(self.asked.lang, key, args)
    }

    /// A day as people write it, in Kazakhstan's time (UTC+5 since 1 March 2024, FACTS B3).
    pub(in crate::http) fn day(&self, at: &Timestamp) -> String {
        at.to_zoned(TimeZone::fixed(jiff::tz::offset(5))).strftime("%d.%m.%Y").to_string()
    }

    /// A moment as people write it, in Kazakhstan's time.
    pub(in crate::http) fn moment(&self, at: &Timestamp) -> String {
        locale::moment(*at)
    }

    /// M16: planned work that people are told of: when it is, and what it is.
    pub(in crate::http) fn planned(&self) -> Vec<(String, &str)> {
        let lang = self.asked.lang;
        self.asked.planned.iter().map(|planned| (planned.period(lang), planned.text(lang))).collect()
    }

    /// The language of the page.
    pub(in crate::http) fn lang(&self) -> Lang {
        self.asked.lang
    }

    pub(in crate::http) fn tag(&self) -> &'static str {
        self.asked.lang.tag()
    }

    pub(in crate::http) fn title(&self) -> String {
        self.text(self.title)
    }

    /// The field that makes a form one of this browser; stands first inside every form, as `frame.csrf()|safe`.
    pub(in crate::http) fn csrf(&self) -> String {
        format!("<input type=\"hidden\" name=\"{TOKEN}\" value=\"{}\">", self.asked.known.form_token())
    }

    /// The login of whoever is signed in.
    pub(in crate::http) fn login(&self) -> Option<&str> {
        self.asked.known.session().map(|session| session.login.as_str())
    }

    /// The path of the page.
    pub(in crate::http) fn path(&self) -> &str {
        &self.asked.path
    }

    /// The page is the one for signing in.
    pub(in crate::http) fn is_sign_in(&self) -> bool {
        self.asked.path.starts_with("/sign-in")
    }

    pub(in crate::http) fn parts(&self) -> Vec<Link> {
        let is_in = |href: &str| {
            let rest = self.asked.path.strip_prefix(href);
            rest.is_some_and(|rest| rest.is_empty() || (href != "/" && rest.starts_with('/')))
        };
        let shown = PARTS.iter().filter(|(href, _)| self.may(href));
        shown.map(|(href, key)| Link { href, text: self.text(key), is_current: is_in(href) }).collect()
    }

    /// Whether whoever asks may see the page with this path.
    pub(in crate::http) fn may(&self, path: &str) -> bool {
        table::find("get", path).is_some_and(|page| match page.who {
            Who::Everybody => true,
            Who::User => self.login().is_some(),
            Who::Staff(roles) => self.asked.known.staff(roles).is_some(),
        })
    }

    pub(in crate::http) fn choices(&self) -> Vec<Choice> {
        let choice = |lang: Lang| Choice {
            tag: lang.tag(),
            name: locale::text(lang, "page-language", &[]),
            href: match self.asked.query.as_str() {
                "" => format!("{}?lang={}", self.asked.path, lang.tag()),
                query => format!("{}?{query}&lang={}", self.asked.path, lang.tag()),
            },
            is_current: lang == self.asked.lang,
        };
        Lang::ALL.into_iter().map(choice).collect()
    }
}

/// The answer with a page in its frame.
pub(in crate::http) fn show(frame: &Frame, page: &impl Template) -> Response {
    show_as(StatusCode::OK, frame, page)
}

/// As [`show`], with another status: a form that comes back with what is wrong in it, a page that is not there.
pub(in crate::http) fn show_as(status: StatusCode, frame: &Frame, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => return Problem::temporary(&error).into_response(),
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // In the place of the other one: of two policies each holds.
    if let Some(policy) = frame.policy() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(frame.tag()));
    headers.extend(frame.asked.known.form_cookie().map(|cookie| (header::SET_COOKIE, cookie)));
    if frame.asked.is_chosen {
        // A year; no script needs it, and no other site may send it along.
        let cookie = format!("{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; Secure; HttpOnly", frame.tag());
        headers.extend(HeaderValue::from_str(&cookie).ok().map(|cookie| (header::SET_COOKIE, cookie)));
    }
    response
}
