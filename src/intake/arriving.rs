//! Marks that a letter has when it comes from another server. Those that hold by the keys of a configured operator
//! stay as they are (INTERFACE, Headers), and what was found of each is said in `Authentication-Results`.

use std::sync::Arc;

use bytes::Bytes;

use crate::message::headers;
use crate::postal::{self, BodyHash, Finding, Judgement, MarkReport, MarksFile};

use super::{Entrance, Origin, Refusal};

/// Marks of which something is said.
const MAX_RESULTS: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct ArrivingMarks {
    /// Where fields begin that can be believed.
    pub(super) genuine: Vec<usize>,
    results: Vec<String>,
}

impl ArrivingMarks {
    /// Judges the marks of a letter from another server; on other ways in nobody else's marks are looked at.
    pub(super) async fn judge(
        origin: &Origin,
        header: &Bytes,
        body: BodyHash,
        keys: impl FnOnce() -> Arc<MarksFile>,
    ) -> Result<Self, Refusal> {
        if origin.entrance != Entrance::Mx || headers::find(header, "Postal-Mark").is_none() {
            return Ok(ArrivingMarks::default());
        }
        let (keys, header) = (keys(), header.clone());
        // Up to a hundred signatures over a header of any size.
        let judged = tokio::task::spawn_blocking(move || postal::judge(&header, body, Some(&keys)));
        let Judgement { report, genuine } = judged.await.map_err(|error| Refusal::Temporary(error.to_string()))?;
        Ok(ArrivingMarks { genuine, results: report.marks.iter().take(MAX_RESULTS).map(result).collect() })
    }

    /// A field of its own, complete; nothing when there were no marks.
    pub(super) fn field(&self, authserv_id: &str) -> String {
        if self.results.is_empty() {
            return String::new();
        }
        format!("Authentication-Results: {authserv_id};\r\n\t{}\r\n", self.results.join(";\r\n\t"))
    }
}

/// RFC 8601 §2.2, §2.7.6: a method by private agreement until it is registered. Its properties are tags of the mark.
fn result(mark: &MarkReport) -> String {
    let result = match mark.findings.as_slice() {
        [] => "pass",
        findings if findings.iter().any(Finding::is_forgery) => "fail",
        _ if mark.id.is_none() => "permerror",
        _ => "neutral",
    };
    let id = mark.id.as_ref().map(|id| format!(" header.i={id}")).unwrap_or_default();
    let kind = mark.kind.map(|kind| format!(" header.k={kind}")).unwrap_or_default();
    format!("x-postal-mark={result}{id}{kind}")
}
