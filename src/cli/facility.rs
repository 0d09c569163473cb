//! `poshta facility`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::clock::{Timestamp, World};
use crate::outbound::dkim::zone_line;
use crate::postal::{self, Facility, MarksFile, Registry};
use crate::server::control::Request;

use super::closing::{self, ClosingCommand};
use super::device::{self, DeviceCommand};
use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum FacilityCommand {
    /// The facilities of today.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// One facility with all its versions and devices.
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// The keys of all devices as records for the DNS of the operator's domain.
    Dns {
        #[command(flatten)]
        target: Target,
    },
    /// A named device.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// The daily closings of named devices.
    #[command(subcommand)]
    Closing(ClosingCommand),
    /// Check a facilities file and put it in the place of the configured one; a running server reads it at its
    /// next start.
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(command: &FacilityCommand) -> Outcome {
    let now = World::system().now();
    match command {
        FacilityCommand::List { target } => {
            let registry = target.configuration()?.registry(now)?;
            let rows: Vec<Value> = registry.facilities(now).map(row).collect();
            let columns = &["id", "kind", "index", "number", "name", "latin"];
            output::list(&Value::Array(rows), columns, target.json)?;
        }
        FacilityCommand::Show { id, target } => {
            let marks = published(target)?;
            let facility = marks.operators.iter().find_map(|operator| operator.facility(id));
            let facility =
                facility.with_context(|| format!("there is no facility {id:?}; `poshta facility list` shows all"))?;
            output::thing(&with_states(serde_json::to_value(facility)?, target)?, target.json)?;
        }
        FacilityCommand::Dns { target } => {
            let records = published(target)?.dns();
            if target.json {
                let record = |(name, text)| json!({ "name": name, "type": "TXT", "text": text });
                output::list(&records.into_iter().map(record).collect(), &[], true)?;
            } else {
                records.iter().try_for_each(|(name, text)| output::line(&zone_line(&format!("{name}."), text)))?;
            }
        }
        FacilityCommand::Device(command) => device::run(command)?,
        FacilityCommand::Closing(command) => return closing::run(command),
        FacilityCommand::Import { file, target } => {
            let imported = import(file, &target.configuration()?.postal, now)?;
            output::thing(&json!({ "facilities": imported.facilities(now).count() }), target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is published of facilities, devices and keys. Before the server's first start there are no keys.
pub(super) fn published(target: &Target) -> anyhow::Result<MarksFile> {
    let config = target.configuration()?;
    if !config.server.dir.is_dir() {
        return Ok(MarksFile::of(&config.registry(World::system().now())?));
    }
    Ok(serde_json::from_value(target.ask(Request::PublishedMarks)?)?)
}

/// A facility with where its devices are, what is engraved on them, and what the clock of the node shows (P31).
fn with_states(mut facility: Value, target: &Target) -> anyhow::Result<Value> {
    if !target.configuration()?.server.dir.is_dir() {
        return Ok(facility);
    }
    let states = target.ask(Request::DeviceStates)?;
    for device in facility.get_mut("devices").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = device.get("id").and_then(Value::as_str).unwrap_or_default();
        let state = states.pointer(&format!("/devices/{id}")).and_then(Value::as_object).cloned();
        if let (Some(device), Some(state)) = (device.as_object_mut(), state) {
            device.extend(state.into_iter().filter(|(_, value)| !value.is_null()));
        }
    }
    if let (Some(facility), Some(clock)) = (facility.as_object_mut(), states.get("clock")) {
        facility.insert("clock".into(), clock.clone());
    }
    Ok(facility)
}

/// Puts the new file in the old one's place in one step, so that no reader ever meets half of it; a file with
/// which the server would not start is refused.
fn import(from: &Path, settings: &postal::Settings, now: Timestamp) -> anyhow::Result<Registry> {
    let text = std::fs::read_to_string(from).with_context(|| from.display().to_string())?;
    let registry = Registry::parse(&text).with_context(|| from.display().to_string())?;
    if let Some((key, problem)) = settings.problems(&registry, now).first() {
        anyhow::bail!("{}: postal.{key} of the configuration would not fit it: {problem}", from.display());
    }
    let to = &settings.facilities_file;
    let new = to.with_extension("new");
    std::fs::write(&new, &text).with_context(|| new.display().to_string())?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(&new, to).with_context(|| to.display().to_string())?;
    Ok(registry)
}

fn row(facility: &Facility) -> Value {
    json!({
        "id": facility.id.to_string(), "kind": facility.kind, "index": facility.index.to_string(),
        "number": facility.number, "name": facility.name_kk, "latin": facility.name_lat,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lacks_a_configured_facility_leaves_the_old_one_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("facilities.toml"), folder.path().join("other.toml"));
        let sample = include_str!("../../conf/facilities.toml");
        std::fs::write(&old, "as it was").unwrap();
        std::fs::write(&new, sample).unwrap();
        let mut settings = postal::Settings { facilities_file: old.clone(), ..postal::Settings::default() };
        settings.mx_facility = "nowhere".into();
        let now = "2026-11-21T04:15:00Z".parse().unwrap();
        let refusal = import(&new, &settings, now).unwrap_err().to_string();
        assert!(refusal.contains("postal.mx_facility") && refusal.contains("nowhere"), "{refusal}");
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "as it was");
        settings.mx_facility = "astana-2".into();
        import(&new, &settings, now).unwrap();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), sample);
    }
}
