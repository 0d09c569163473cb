//! What the browser says of the moment (§5.8.1).

use serde::Deserialize;

use super::{PasskeyError, Site};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    pub(super) challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl ClientData {
    pub(super) fn read(json: &[u8]) -> Result<Self, PasskeyError> {
        serde_json::from_slice(json).map_err(|_| PasskeyError::Malformed)
    }

    /// §7.1 steps 7 to 9, §7.2 steps 11 to 13.
    pub(super) fn check(&self, kind: &str, challenge: &str, site: &Site) -> Result<(), PasskeyError> {
        if self.kind != kind {
            return Err(PasskeyError::WrongKind);
        }
        if self.challenge != challenge {
            return Err(PasskeyError::WrongChallenge);
        }
        // Pages of ours stand in no frame of another site.
        if self.origin != site.origin || self.cross_origin {
            return Err(PasskeyError::WrongSite);
        }
        Ok(())
    }
}
