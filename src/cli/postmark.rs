//! `poshta postmark`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};

use crate::postal::{Language, MarksFile, verify, with_marks};

use super::draw::{self, DrawArgs};
use super::prove::{self, ProveArgs};
use super::target::Target;
use super::{Outcome, WrongUse, facility, output};

#[derive(Debug, Subcommand)]
pub(super) enum PostmarkCommand {
    /// Judge the marks of a message: status 0 every mark is valid, 1 one is not, 3 there is none.
    Verify {
        #[command(flatten)]
        message: MarkedMessage,
        /// Language of the answer.
        #[arg(long, value_enum, default_value_t = Answer::En)]
        language: Answer,
        #[command(flatten)]
        target: Target,
    },
    /// Prove the marks of a message to be in the transparency log, and compare their instants with what others have seen
    /// of it: status 0 every mark is proved, 1 one is not, 3 there is none.
    Prove(Box<ProveArgs>),
    /// Draw the marks of a message as stamps, status as of verify; or the face of a device, as a specimen.
    Draw(DrawArgs),
}

/// A message, its marks, and what they are judged with.
#[derive(Clone, Debug, Args)]
pub(super) struct MarkedMessage {
    /// The message; `-` is the standard input.
    pub(super) file: PathBuf,
    /// Marks that stand elsewhere: a report about the letter, or a file of fields. Those of the paper way are only there.
    #[arg(long, value_name = "FILE")]
    pub(super) marks: Option<PathBuf>,
    /// The published marks of the operators (poshta-marks.json): nothing else is needed. Without it those of
    /// the configuration, if one is named.
    #[arg(long, value_name = "FILE")]
    pub(super) keys: Option<PathBuf>,
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
    let (message, language, target) = match command {
        PostmarkCommand::Verify { message, language, target } => (message, *language, target),
        PostmarkCommand::Prove(args) => return prove::run(args),
        PostmarkCommand::Draw(args) => return draw::run(args),
    };
    let report = verify(&message.read()?, message.keys(target)?.as_ref());
    if target.json {
        output::thing(&serde_json::to_value(&report)?, true)?;
    } else {
        output::line(&report.text(language.into()))?;
    }
    Ok(ExitCode::from(report.exit_code()))
}

impl MarkedMessage {
    /// The message with all its marks.
    pub(super) fn read(&self) -> anyhow::Result<Vec<u8>> {
        let message = read(&self.file)?;
        Ok(match &self.marks {
            Some(marks) => with_marks(&message, &read(marks)?),
            None => message,
        })
    }

    /// What operators publish.
    pub(super) fn keys(&self, target: &Target) -> anyhow::Result<Option<MarksFile>> {
        let Some(file) = &self.keys else {
            return if target.is_given() { facility::published(target).map(Some) } else { Ok(None) };
        };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = serde_json::from_str::<MarksFile>(&text);
        let wrong = |error| WrongUse(format!("{}: no file of published marks: {error}", file.display()));
        Ok(Some(parsed.map_err(wrong)?))
    }
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

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut message = Vec::new();
        std::io::stdin().read_to_end(&mut message).context("cannot read the standard input")?;
        return Ok(message);
    }
    std::fs::read(file).with_context(|| file.display().to_string())
}
