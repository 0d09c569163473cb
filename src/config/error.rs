//! A configuration that cannot be used, in words that say where and what to write instead.

use std::fmt;
use std::path::PathBuf;

use crate::postal;

/// Why a configuration cannot be used. One line a problem.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}; name the file with --config, or make one from conf/poshta.toml", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file says something that cannot be.
    #[error("{}", lines(file, problems))]
    Refused {
        /// Which file.
        file: PathBuf,
        /// What and where, in the order of the file.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong in a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line, counted from 1; `None` when the key stands nowhere in the file (its default is the problem).
    pub line: Option<usize>,
    /// The key with its sections, such as `smtp.max_message_bytes`; empty when the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write instead; may be empty when `what` says it.
    pub remedy: String,
}

impl Problem {
    /// A problem with the value of a key.
    #[must_use]
    pub fn new(key: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem { line: None, key: key.into(), what: what.into(), remedy: remedy.into() }
    }
}

impl From<postal::Problem> for Problem {
    fn from(problem: postal::Problem) -> Self {
        let postal::Problem { line, table, key, text } = problem;
        Problem { line: Some(line), ..Problem::new(format!("{table}, {key}"), text, "") }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

fn lines(file: &std::path::Path, problems: &[Problem]) -> String {
    let line = |problem: &Problem| match problem.line {
        Some(line) => format!("{}:{line}: {problem}", file.display()),
        None => format!("{}: {problem}", file.display()),
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
