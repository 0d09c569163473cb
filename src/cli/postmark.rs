//! `poshta postmark`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

use crate::locale::Lang;
use crate::postal::{Language, MarksFile, verify};

use super::target::Target;
use super::{Outcome, WrongUse, facility, output};

#[derive(Debug, Subcommand)]
pub(super) enum PostmarkCommand {
    /// Judge the marks of a message: status 0 every mark is valid, 1 one is not, 3 there is none.
    Verify {
        /// The message; `-` is the standard input.
        file: PathBuf,
        /// The published marks of the operators (poshta-marks.json): nothing else is needed. Without it those of
        /// the configuration, if one is named.
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// Language of the answer.
        #[arg(long, value_enum, default_value_t = Answer::En)]
        language: Answer,
        #[command(flatten)]
        target: Target,
    },
}

/// Languages of the answer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Answer {
    /// Kazakh.
    Kk,
    /// Russian.
    Ru,
    /// English.
    En,
}

pub(super) fn run(command: &PostmarkCommand) -> Outcome {
    let PostmarkCommand::Verify { file, keys, language, target } = command;
    let marks = match keys {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let parsed = serde_json::from_str::<MarksFile>(&text);
            Some(parsed.map_err(|error| WrongUse(format!("{}: no file of published marks: {error}", file.display())))?)
        }
        None if target.is_given() => Some(facility::published(target)?),
        None => None,
    };
    let report = verify(&read(file)?, marks.as_ref());
    if target.json {
        output::thing(&serde_json::to_value(&report)?, true)?;
    } else {
        output::line(&report.text((*language).into()))?;
    }
    Ok(ExitCode::from(report.exit_code()))
}

impl From<Answer> for Language {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Kk => Language::Kk,
            Answer::Ru => Language::Ru,
            Answer::En => Language::En,
        }
    }
}

impl From<Answer> for Lang {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Kk => Lang::Kk,
            Answer::Ru => Lang::Ru,
            Answer::En => Lang::En,
        }
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut message = Vec::new();
        std::io::stdin().read_to_end(&mut message).context("cannot read the standard input")?;
        return Ok(message);
    }
    std::fs::read(file).with_context(|| file.display().to_string())
}
