//! Requests about the transparency log.

use serde_json::json;

use crate::ids::ImpressionId;
use crate::server::Services;

use super::execute::{blocking, item_id};
use super::{Answer, Failure};

pub(super) async fn show(services: &Services) -> Answer {
    blocking(services, |services| services.publisher.shown()).await
}

pub(super) async fn prove(services: &Services, impression: &str) -> Answer {
    let id: ImpressionId = item_id(impression)?;
    let publisher = services.publisher.clone();
    let found = tokio::task::spawn_blocking(move || publisher.prove(id)).await;
    let found = found.map_err(|error| Failure::from_error(&error))?.map_err(|error| Failure::from_error(&error))?;
    let missing = || Failure { message: format!("the impression {id} is not in the published log, or not yet") };
    let proof = found.ok_or_else(missing)?;
    let path: Vec<String> = proof.path.iter().map(ToString::to_string).collect();
    Ok(json!({ "index": proof.index, "path": path, "checkpoint": proof.note, "proof": proof.to_string() }))
}

pub(super) async fn check(services: &Services) -> Answer {
    blocking(services, |services| services.publisher.check()).await
}

pub(super) async fn resume(services: &Services, checkpoint: Option<String>) -> Answer {
    blocking(services, move |services| services.publisher.resume(checkpoint.as_deref())).await
}
