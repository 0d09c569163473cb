//! Forms that people send: bounded, and only those that this server showed to the same browser. Another site can make
//! a browser send a form, but cannot know the token that stands in ours (CSRF).

use axum::body::{Bytes, to_bytes};
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::super::Api;
use super::fault::Fault;
use super::visitor::Known;

/// The field with the token; `frame.csrf()` writes it.
pub(super) const TOKEN: &str = "csrf";

/// Bytes of a token in a form with files.
const LONGEST_TOKEN: usize = 100;

/// The fields of a form (`application/x-www-form-urlencoded`) of this browser. `T` may leave the field `csrf` out, but
/// must not deny unknown fields; a `Vec<(String, String)>` holds what comes more than once.
#[derive(Debug)]
pub(in crate::http) struct Checked<T>(pub(in crate::http) T);

/// A form with files (`multipart/form-data`) of this browser, part by part. Its first field is the token: put
/// `frame.csrf()` first into the form.
#[derive(Debug)]
pub(in crate::http) struct CheckedUpload {
    parts: Multipart,
}

/// One field or file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Part {
    /// The name of the field.
    pub(in crate::http) name: String,
    /// The name that the file had, if it is one: not to be trusted with anything.
    pub(in crate::http) file_name: Option<String>,
    /// What the browser takes it for.
    pub(in crate::http) content_type: Option<String>,
    /// What is in it.
    pub(in crate::http) bytes: Bytes,
}

impl<T: DeserializeOwned> FromRequest<Api> for Checked<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let known = known(&request)?;
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(Fault::bad_form());
        }
        let body = to_bytes(request.into_body(), api.settings().max_form_bytes).await;
        let body = body.map_err(|_| Fault::too_large())?;
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).map_err(|_| Fault::bad_form())?;
        let token = fields.iter().find(|(name, _)| name == TOKEN);
        if !token.is_some_and(|(_, token)| known.is_form_token(token)) {
            return Err(Fault::stale_form());
        }
        serde_urlencoded::from_bytes(&body).map(Checked).map_err(|error| {
            tracing::debug!(%error, "a form that no page of ours sends");
            Fault::bad_form()
        })
    }
}

impl FromRequest<Api> for CheckedUpload {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Fault> {
        let known = known(&request)?;
        let mut parts = Multipart::from_request(request, api).await.map_err(|_| Fault::bad_form())?;
        let first = parts.next_field().await.map_err(|_| Fault::bad_form())?;
        let first = first.filter(|field| field.name() == Some(TOKEN)).ok_or_else(Fault::stale_form)?;
        let token = read(first, LONGEST_TOKEN).await?;
        if !std::str::from_utf8(&token).is_ok_and(|token| known.is_form_token(token)) {
            return Err(Fault::stale_form());
        }
        Ok(CheckedUpload { parts })
    }
}

impl CheckedUpload {
    /// The next field or file, of at most so many bytes; no more than that is ever held.
    ///
    /// # Errors
    /// It is larger, or was cut off.
    pub(in crate::http) async fn next(&mut self, max_bytes: usize) -> Result<Option<Part>, Fault> {
        let Some(field) = self.parts.next_field().await.map_err(|_| Fault::too_large())? else { return Ok(None) };
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().map(str::to_owned);
        let bytes = read(field, max_bytes).await?;
        Ok(Some(Part { name, file_name, content_type, bytes }))
    }
}

impl Part {
    /// The text of a field.
    ///
    /// # Errors
    /// It is none.
    pub(in crate::http) fn text(&self) -> Result<&str, Fault> {
        std::str::from_utf8(&self.bytes).map_err(|_| Fault::bad_form())
    }
}

async fn read(mut field: Field<'_>, max_bytes: usize) -> Result<Bytes, Fault> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| Fault::too_large())? {
        if bytes.len() + piece.len() > max_bytes {
            return Err(Fault::too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn known(request: &Request) -> Result<Known, Fault> {
    if is_from_elsewhere(request.headers()) {
        return Err(Fault::stale_form());
    }
    request.extensions().get::<Known>().cloned().ok_or_else(|| Fault::inside(&"a form without its guard"))
}

/// W3C, Fetch Metadata Request Headers §2.3: a current browser says itself that another site sends a form.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}
