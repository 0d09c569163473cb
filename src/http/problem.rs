//! Errors as `application/problem+json` (RFC 9457): the one place where an error becomes a status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::hybrid::queue::QueueError;
use crate::hybrid::scans::ScanError;
use crate::hybrid::workers::WorkerError;
use crate::intake::Refusal;
use crate::store;

/// An error on its way to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    retry_after_s: Option<u32>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem with this status.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Problem { status, title, detail: detail.into(), retry_after_s: None }
    }

    /// The same, and says after how many seconds it is worth trying again (RFC 9110 §10.2.3).
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Problem { retry_after_s: Some(seconds), ..self }
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// 401: who are you?
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "send Authorization: Bearer with a token of the configuration, or use a client certificate";
        Problem::new(StatusCode::UNAUTHORIZED, "token missing or wrong", detail)
    }

    /// 403: known, but not allowed.
    #[must_use]
    pub fn wrong_role(role: &str) -> Self {
        Problem::new(StatusCode::FORBIDDEN, "wrong role", format!("a token of role {role} may not do this"))
    }

    /// 404: not there, or not yours.
    #[must_use]
    pub fn not_found() -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not found", "there is no such thing here")
    }

    /// 422: the input makes no sense.
    #[must_use]
    pub fn bad_input(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad input", detail)
    }

    /// 503: later. The cause is logged, not told.
    #[must_use]
    pub fn temporary(cause: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%cause, "a request failed for now");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "try again later", "something inside failed for now")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body { kind: "about:blank", title: self.title, status: self.status.as_u16(), detail: &self.detail };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            // RFC 9110 §11.6.1: a 401 names the scheme.
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"poshta\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        headers.extend(self.retry_after_s.map(|seconds| (header::RETRY_AFTER, seconds.into())));
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Problem::temporary(&error)
    }
}

impl From<WorkerError> for Problem {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Crashed | WorkerError::TooLarge => Problem::bad_input(error.to_string()),
            WorkerError::Timeout(_) | WorkerError::Busy | WorkerError::Start(_) | WorkerError::NotBuilt(_) => {
                Problem::temporary(&error)
            }
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NotFound => Problem::not_found(),
            QueueError::Gone => Problem::new(StatusCode::GONE, "gone", error.to_string()),
            QueueError::NotSealed(_) => Problem::new(StatusCode::CONFLICT, "not sealed", error.to_string()),
            QueueError::StaleLease => Problem::new(StatusCode::CONFLICT, "not your lease", error.to_string()),
            QueueError::WrongState { .. } => Problem::new(StatusCode::CONFLICT, "wrong state", error.to_string()),
            QueueError::NotStamped(_) | QueueError::Device(_) | QueueError::NotSigned(_) => Problem::temporary(&error),
            QueueError::Store(error) => error.into(),
        }
    }
}

impl From<ScanError> for Problem {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Unsupported => {
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported document", error.to_string())
            }
            ScanError::Unreadable(_) | ScanError::TooLarge { .. } => Problem::bad_input(error.to_string()),
            ScanError::NotFound => Problem::not_found(),
            ScanError::Refused(refusal) => refusal.into(),
            ScanError::Worker(error) => error.into(),
            ScanError::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::Temporary(cause) => Problem::temporary(&cause),
            other => Problem::bad_input(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(Problem::unauthorized() => (401, true); "unauthorized")]
    #[test_case(Problem::wrong_role("facility") => (403, false); "wrong role")]
    #[test_case(Problem::from(QueueError::NotFound) => (404, false); "not found")]
    #[test_case(Problem::from(QueueError::StaleLease) => (409, false); "stale lease")]
    #[test_case(Problem::from(QueueError::Gone) => (410, false); "gone")]
    #[test_case(Problem::from(ScanError::Unsupported) => (415, false); "unsupported")]
    #[test_case(Problem::bad_input("x") => (422, false); "bad input")]
    #[test_case(Problem::from(store::Error::Closed) => (503, false); "an unknown error is temporary")]
    #[test_case(Problem::from(WorkerError::Crashed) => (422, false); "what kills a new worker is the document")]
    #[test_case(Problem::from(WorkerError::Timeout(60)) => (503, false); "slowness is temporary")]
    fn rfc9457_every_error_is_problem_json(problem: Problem) -> (u16, bool) {
        let response = problem.into_response();
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        (response.status().as_u16(), response.headers().contains_key(header::WWW_AUTHENTICATE))
    }

    #[tokio::test]
    async fn rfc9457_body_has_the_standard_members() {
        let response = Problem::bad_input("no fence").into_response();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"type": "about:blank", "title": "bad input", "status": 422, "detail": "no fence"})
        );
    }
}
