//! Requests about named devices.

use std::path::PathBuf;

use serde_json::json;

use crate::server::Services;

use super::{Answer, Failure};

pub(super) async fn rotate(services: &Services, device: &str, key_file: Option<PathBuf>) -> Answer {
    let key = services.devices.rotate(device, key_file).await.map_err(|error| Failure::from_error(&error))?;
    Ok(json!({
        "device": key.device, "selector": key.selector, "algorithm": key.algorithm, "public_key": key.public_key,
    }))
}
