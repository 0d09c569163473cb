//! `poshta facility`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::clock::World;
use crate::postal::{Facility, MarksFile, Registry};

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
            output::list(&Value::Array(rows), columns, target.json);
        }
        FacilityCommand::Show { id, target } => {
            let registry = target.configuration()?.registry(now)?;
            let marks = MarksFile::of(&registry);
            let facility = marks.operators.iter().find_map(|operator| operator.facility(id));
            let facility =
                facility.with_context(|| format!("there is no facility {id:?}; `poshta facility list` shows all"))?;
            output::thing(&serde_json::to_value(facility)?, target.json);
        }
        FacilityCommand::Import { file, target } => {
            let config = target.configuration()?;
            let imported = import(file, &config.postal.facilities_file)?;
            let problems = config.postal.problems(&imported, now);
            for (key, problem) in &problems {
                eprintln!("postal.{key}: {problem}");
            }
            let count = imported.facilities(now).count();
            output::thing(&json!({ "facilities": count, "problems": problems.len() }), target.json);
            return Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the new file in the old one's place in one step, so that no reader ever meets half of it.
fn import(from: &Path, to: &Path) -> anyhow::Result<Registry> {
    let text = std::fs::read_to_string(from).with_context(|| from.display().to_string())?;
    let registry = Registry::parse(&text).with_context(|| from.display().to_string())?;
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
