//! What everybody may read: the API's own description, and what is needed to verify a postmark.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::postal::MarksFile;

use super::{Api, routes};

/// `GET /api/v1/openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    Json(routes::openapi())
}

/// `GET /.well-known/poshta-marks.json`
pub(super) async fn marks(State(api): State<Api>) -> Json<MarksFile> {
    Json(api.devices().marks())
}
