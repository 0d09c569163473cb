//! What changes seldom and is asked for often: whoever has it asks whether it is still the same, and is told of something
//! new at once (RFC 9110 §13.1.2).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// The entity tag of a content.
pub(super) fn tag_of(content: &[u8]) -> String {
    tag(&Sha256::digest(content))
}

/// The entity tag of what has this digest.
pub(super) fn tag(digest: &[u8]) -> String {
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// The content, or only that it is the one that the asker has.
pub(super) fn tagged(asked: &HeaderMap, tag: &str, kind: &'static str, content: impl IntoResponse) -> Response {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    let mut response = match known.any(|known| known == tag || known == "*") {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => content.into_response(),
    };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        fields.insert(header::ETAG, tag);
    }
    response
}
