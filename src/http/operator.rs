//! The operator's own listener: is it alive, may it get letters, how is it doing.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::devices::Devices;
use crate::store::{Batch, Store};

/// What this listener asks.
#[derive(Clone)]
pub struct Operator {
    /// Whether letters can be stored.
    pub store: Store,
    /// Whether the clock is right.
    pub devices: Devices,
    /// The numbers.
    pub metrics: PrometheusHandle,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").finish_non_exhaustive()
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
pub fn router(operator: Operator) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(operator)
}

/// Ready: there is space, the devices may stamp, and the committer answers.
async fn ready(State(operator): State<Operator>) -> Response {
    const PATIENCE: Duration = Duration::from_secs(2);
    if let Err(error) = operator.store.check_space() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")).into_response();
    }
    // P31: without an impression no letter is accepted.
    if let Some(problem) = operator.devices.clock_problem() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {problem}\n")).into_response();
    }
    match tokio::time::timeout(PATIENCE, operator.store.commit(Batch::new())).await {
        Ok(Ok(_)) => "ready\n".into_response(),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the store does not answer\n").into_response(),
    }
}

/// The text format of Prometheus, version 0.0.4.
async fn metrics(State(operator): State<Operator>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, operator.metrics.render()).into_response()
}
