//! `poshta postmark`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::clock::World;
use crate::postal::{MarksFile, verify};

use super::target::Target;
use super::{Outcome, WrongUse, output};

#[derive(Debug, Subcommand)]
pub(super) enum PostmarkCommand {
    /// Judge the marks of a message: status 0 every mark is valid, 1 one is not, 3 there is none.
    Verify {
        /// The message; `-` is the standard input.
        file: PathBuf,
        /// The published marks of the operators (poshta-marks.json); without it those of the configuration,
        /// if one is named.
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(command: &PostmarkCommand) -> Outcome {
    let PostmarkCommand::Verify { file, keys, target } = command;
    let marks = match keys {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let parsed = serde_json::from_str(&text);
            Some(parsed.map_err(|error| WrongUse(format!("{}: no file of published marks: {error}", file.display())))?)
        }
        None if target.is_given() => Some(MarksFile::of(&target.configuration()?.registry(World::system().now())?)),
        None => None,
    };
    let report = verify(&read(file)?, marks.as_ref());
    let shown = serde_json::to_value(&report)?;
    output::thing(&shown, target.json)?;
    Ok(ExitCode::from(report.exit_code()))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut message = Vec::new();
        std::io::stdin().read_to_end(&mut message).context("cannot read the standard input")?;
        return Ok(message);
    }
    std::fs::read(file).with_context(|| file.display().to_string())
}
