//! What a person sees when a page cannot be shown. A [`Fault`] knows no language: the guard, which does, makes a page
//! of it. So handlers of pages can answer `Result<Response, Fault>` and use `?`.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::store;

use super::super::problem::Problem;
use super::{Asked, Frame, show_as};

/// A page that cannot be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Fault {
    status: StatusCode,
    title: &'static str,
    text: &'static str,
    retry_after_s: Option<u32>,
}

#[derive(Template)]
#[template(path = "fault.html")]
struct Page {
    frame: Frame,
    text: String,
}

impl Fault {
    /// A fault with the keys of its title and of the text that says what to do.
    pub(in crate::http) fn new(status: StatusCode, title: &'static str, text: &'static str) -> Self {
        Fault { status, title, text, retry_after_s: None }
    }

    /// The same, and says after how many seconds it is worth trying again (RFC 9110 §10.2.3).
    pub(in crate::http) fn after(self, seconds: u32) -> Self {
        Fault { retry_after_s: Some(seconds), ..self }
    }

    /// 404: not there, or not yours.
    pub(in crate::http) fn not_found() -> Self {
        Fault::new(StatusCode::NOT_FOUND, "page-missing", "page-missing-text")
    }

    /// 403: signed in, but not for this page.
    pub(in crate::http) fn wrong_role() -> Self {
        Fault::new(StatusCode::FORBIDDEN, "page-forbidden", "page-forbidden-text")
    }

    /// 403: a form that was not shown to this browser, or before somebody signed in or out.
    pub(in crate::http) fn stale_form() -> Self {
        Fault::new(StatusCode::FORBIDDEN, "page-stale", "page-stale-text")
    }

    /// 413: too much in a form.
    pub(in crate::http) fn too_large() -> Self {
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "page-large", "page-large-text")
    }

    /// 422: a form that no page of ours would send.
    pub(in crate::http) fn bad_form() -> Self {
        Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "page-bad-form", "page-bad-form-text")
    }

    /// 429: too many of them.
    pub(in crate::http) fn too_many(seconds: u32) -> Self {
        Fault::new(StatusCode::TOO_MANY_REQUESTS, "page-too-many", "page-too-many-text").after(seconds)
    }

    /// 408: a form that did not arrive in time.
    pub(in crate::http) fn too_slow() -> Self {
        Fault::new(StatusCode::REQUEST_TIMEOUT, "page-slow", "page-slow-text")
    }

    /// 503: later. The cause is logged, not told.
    pub(in crate::http) fn inside(cause: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%cause, "a page failed for now");
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "page-later", "page-later-text").after(5)
    }

    /// The page in the language of whoever asked.
    pub(super) fn page(&self, asked: Asked) -> Response {
        let frame = Frame::new(asked, self.title);
        let text = frame.text(self.text);
        let mut response = show_as(self.status, &frame.clone(), &Page { frame, text });
        let retry = self.retry_after_s.map(HeaderValue::from);
        response.headers_mut().extend(retry.map(|retry| (header::RETRY_AFTER, retry)));
        response
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for Fault {
    fn from(error: store::Error) -> Self {
        Fault::inside(&error)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        match problem.status() {
            StatusCode::NOT_FOUND => Fault::not_found(),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Fault::wrong_role(),
            StatusCode::PAYLOAD_TOO_LARGE => Fault::too_large(),
            StatusCode::UNPROCESSABLE_ENTITY => Fault::bad_form(),
            _ => Fault::inside(&"see the line before"),
        }
    }
}
