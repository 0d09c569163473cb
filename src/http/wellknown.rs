//! What everybody may read: the API's own description, and what is needed to verify a postmark.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use crate::devices::SentMarks;

use super::problem::Problem;
use super::tagged::{tag, tagged};
use super::{Api, routes};

/// `GET /api/v1/openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    Json(routes::openapi())
}

/// `GET /.well-known/poshta-marks.json`
pub(super) async fn marks(State(api): State<Api>, asked: HeaderMap) -> Result<Response, Problem> {
    let SentMarks { json, sha256 } = api.devices().sent_marks().map_err(|error| Problem::temporary(&error))?;
    Ok(tagged(&asked, &tag(&sha256), "application/json", json))
}
