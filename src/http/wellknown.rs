//! What everybody may read: the API's own description, and what is needed to verify a postmark.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::problem::Problem;
use super::{Api, routes};

/// `GET /api/v1/openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    Json(routes::openapi())
}

/// `GET /.well-known/poshta-marks.json`
pub(super) async fn marks(State(api): State<Api>) -> Result<Response, Problem> {
    let json = api.devices().marks_json().map_err(|error| Problem::temporary(&error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
