//! Requests about named devices.

use std::path::PathBuf;

use serde_json::json;

use crate::clock::Timestamp;
use crate::devices::Handling;
use crate::server::Services;

use super::{ACTOR, Answer, Failure};

pub(super) async fn rotate(services: &Services, device: &str, key_file: Option<PathBuf>) -> Answer {
    let key = services.devices.rotate(device, key_file).await.map_err(|error| Failure::from_error(&error))?;
    Ok(json!({
        "device": key.device, "selector": key.selector, "algorithm": key.algorithm, "public_key": key.public_key,
    }))
}

pub(super) async fn handle(services: &Services, device: &str, handling: Handling) -> Answer {
    let act = services.devices.handle(device, handling, ACTOR).await.map_err(|error| Failure::from_error(&error))?;
    Ok(json!({
        "device": act.device, "act": act.act, "at": Timestamp::from_microsecond(act.at_us).ok().map(|at| at.to_string()),
        "node": act.node, "holder": act.holder, "role": act.role, "reason": act.reason,
    }))
}

pub(super) async fn unlock(services: &Services, device: &str, reason: &str) -> Answer {
    let until = services.devices.unlock(device, reason, ACTOR).await.map_err(|error| Failure::from_error(&error))?;
    Ok(json!({ "device": device, "unlocked_until": until.to_string() }))
}
