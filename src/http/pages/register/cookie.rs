//! Which application a browser filled in: its number and its secret.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::identity::application::ApplicationNumber;
use crate::people::registration::Prepared;

/// The prefix makes browsers refuse it from another host or without TLS (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-application";

/// What the cookie says, if there is one.
#[derive(Clone)]
pub(super) struct Held(pub(super) Option<(ApplicationNumber, String)>);

impl<S: Sync> FromRequestParts<S> for Held {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let held = pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, value)| {
            let (number, secret) = value.split_once('.')?;
            Some((number.parse().ok()?, secret.to_owned()))
        });
        Ok(Held(held))
    }
}

/// The answer, and the browser holds this application: not longer than until its window is closed.
pub(super) fn hold(mut response: Response, prepared: &Prepared) -> Response {
    let value = format!("{COOKIE}={}.{}; Path=/; Secure; HttpOnly; SameSite=Lax", prepared.number, prepared.secret);
    response.headers_mut().extend(HeaderValue::from_str(&value).ok().map(|value| (header::SET_COOKIE, value)));
    response
}
