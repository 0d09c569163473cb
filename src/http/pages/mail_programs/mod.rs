//! How mail programs are set up: a page for people, and the files in which programs look it up themselves.
//!
//! All of it is the same for every address, so nobody learns here who has a mailbox. Everything is TLS from the first
//! byte (RFC 8314 §3).

mod apple;
mod outlook;
#[cfg(test)]
mod tests;
mod thunderbird;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::people::MailServers;

use super::super::Api;
use super::fault::Fault;
use super::table::{Body, Page, Who};
use super::visitor::Visitor;
use super::{Asked, Frame, show};

const fn open(method: &'static str, path: &'static str, body: Body, handler: fn() -> MethodRouter<Api>) -> Page {
    Page { method, path, who: Who::Everybody, body, handler }
}

pub(super) const PAGES: &[Page] = &[
    open("get", "/mail-programs", Body::None, || get(page)),
    open("get", "/mail-programs/apple.mobileconfig", Body::None, || get(apple::profile)),
    open("get", "/mail/config-v1.1.xml", Body::None, || get(thunderbird::config)),
    open("get", "/.well-known/autoconfig/mail/config-v1.1.xml", Body::None, || get(thunderbird::config)),
    // Outlook asks for either.
    open("post", "/autodiscover/autodiscover.xml", Body::Foreign, || post(outlook::discover)),
    open("post", "/Autodiscover/Autodiscover.xml", Body::Foreign, || post(outlook::discover)),
];

#[derive(Template)]
#[template(path = "mail_programs/mail_programs.html")]
struct MailPrograms {
    frame: Frame,
    mail: MailServers,
    /// Of whoever is signed in.
    address: Option<String>,
    has_app_passwords: bool,
}

/// `GET /mail-programs`
async fn page(State(api): State<Api>, visitor: Visitor, asked: Asked) -> Response {
    let frame = Frame::new(asked, "mail-programs-title");
    let page = MailPrograms {
        frame: frame.clone(),
        mail: api.cabinet().mail.clone(),
        address: visitor.session.map(|session| session.address.to_string()),
        has_app_passwords: super::table::find("get", "/cabinet/app-passwords").is_some(),
    };
    show(&frame, &page)
}

/// A file for a program.
fn file(kind: &'static str, template: &impl Template) -> Result<Response, Fault> {
    let text = template.render().map_err(|error| Fault::inside(&error))?;
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
