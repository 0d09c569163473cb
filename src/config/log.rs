//! `[log]` of the configuration.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::Problem;

/// `[log]` of the configuration. Logs go to the standard error stream and never hold bodies, passwords or full
/// IINs (DESIGN 18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, or by part: `info,poshta::smtp=debug`.
    pub level: String,
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { level: "info".into(), format: LogFormat::Text }
    }
}

impl LogSettings {
    /// The filter that `level` describes; `None` when it is none.
    #[must_use]
    pub fn filter(&self) -> Option<EnvFilter> {
        EnvFilter::try_new(&self.level).ok()
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        match self.filter() {
            Some(_) => Vec::new(),
            None => {
                let what = format!("{:?} is no level", self.level);
                vec![Problem::new("log.level", what, "write error, warn, info, debug or trace")]
            }
        }
    }
}
