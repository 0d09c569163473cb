//! Judges the marks in the header of a message: what `poshta postmark verify` says.
//!
//! Only the message's own header is read. Marks inside an attached message belong to that message and are never
//! looked at (P19).

mod elsewhere;
mod finding;
mod published;
mod signatures;

use serde::Serialize;

use crate::message::headers;

use super::{BodyHash, BodyHasher, Handover, Kind, Mark, MarkError, MarksFile};

pub use elsewhere::with_marks;
pub use finding::{Detail, Finding, Language, words};
use signatures::Letter;

/// More marks than any way through several operators leaves.
const MAX_MARKS: usize = 100;

/// What is to be said about a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Its `Postal-Item-Id`; with several operators on its way that of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Its marks, newest first.
    pub marks: Vec<MarkReport>,
    /// Fields that claimed to be marks when the message came in, and were not believed.
    pub untrusted: usize,
}

/// The answer in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every mark is valid.
    Valid,
    /// A mark is unsigned, unreadable or cannot be judged; none is proved false.
    NotValid,
    /// A mark is false, or is not on the message that it was made on.
    Forged,
    /// There is no mark, and nothing says that there was one.
    Absent,
    /// There is no mark, yet the message has passed a postal operator: marks were taken off.
    Stripped,
}

/// One mark.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct MarkReport {
    /// Tag `i`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Tag `k`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Tag `op`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// P17: what the operator is called, if it publishes its keys here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_name: Option<String>,
    /// Tag `f`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// Tag `fn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility_name: Option<String>,
    /// Tag `pl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Tag `dv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Tag `ts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Tag `t`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instant: Option<String>,
    /// What is wrong with it; nothing for a valid mark.
    pub findings: Vec<Finding>,
}

/// A report, and where in the header the fields stand that can be believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// What is to be said.
    pub report: Report,
    /// Where ([`headers::Field::start`]) valid marks begin, and the item ids that they sign.
    pub genuine: Vec<usize>,
}

/// Judges the marks of a message; with `keys`, also their signatures and what their operators publish.
#[must_use]
pub fn verify(message: &[u8], keys: Option<&MarksFile>) -> Report {
    let end = headers::fields(message).map(|field| field.start + field.raw.len()).last().unwrap_or(0);
    let (header, rest) = message.split_at(end.min(message.len()));
    let mut body = BodyHasher::default();
    // The empty line belongs to neither.
    body.update(rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest));
    judge(header, body.finish(), keys).report
}

/// As [`verify`], for a header block and the hash of the body below it.
#[must_use]
pub fn judge(header: &[u8], body: BodyHash, keys: Option<&MarksFile>) -> Judgement {
    let traces = Traces::read(header);
    let marks: Vec<Examined> = traces.marks.iter().take(MAX_MARKS).map(Examined::read).collect();
    let letter = Letter { header, body, item_ids: traces.item_ids.len() };
    let signatures = signatures::check(&marks, &letter, keys);
    let mut reports = Vec::new();
    for (mark, signature) in marks.iter().zip(&signatures) {
        reports.push(mark.report(signature, &marks, keys));
    }
    mark_duplicates(&mut reports);
    let genuine = genuine_fields(&traces, &marks, &reports);
    if traces.marks.len() > MAX_MARKS {
        reports.push(MarkReport { findings: vec![Finding::TooMany], ..MarkReport::default() });
    }
    let verdict = verdict(&reports, &traces, keys);
    let item_id = traces.item_ids.first().map(|(_, id)| id.clone());
    Judgement { report: Report { verdict, item_id, marks: reports, untrusted: traces.untrusted }, genuine }
}

fn verdict(reports: &[MarkReport], traces: &Traces, keys: Option<&MarksFile>) -> Verdict {
    let mut findings = reports.iter().flat_map(|mark| &mark.findings).peekable();
    match reports.is_empty() {
        true if traces.was_ours(keys) => Verdict::Stripped,
        true => Verdict::Absent,
        false if findings.peek().is_none() => Verdict::Valid,
        false if findings.any(Finding::is_forgery) => Verdict::Forged,
        false => Verdict::NotValid,
    }
}

impl Report {
    /// Exit code of `poshta postmark verify`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Valid => 0,
            Verdict::NotValid | Verdict::Forged => 1,
            Verdict::Absent | Verdict::Stripped => 3,
        }
    }
}

/// What the header of a message says, as far as marks go.
#[derive(Default)]
struct Traces {
    /// Where each field stands, and its value.
    marks: Vec<(usize, String)>,
    item_ids: Vec<(usize, String)>,
    received_by: Vec<String>,
    untrusted: usize,
}

impl Traces {
    fn read(header: &[u8]) -> Self {
        let mut traces = Traces::default();
        for field in headers::fields(header) {
            match field.name.to_ascii_lowercase().as_slice() {
                b"postal-mark" => traces.marks.push((field.start, field.text())),
                b"postal-mark-untrusted" => traces.untrusted += 1,
                b"postal-item-id" => traces.item_ids.push((field.start, field.text())),
                b"received" => traces.received_by.extend(received_by(&field.text())),
                _ => {}
            }
        }
        traces
    }

    /// True when the message bears another trace of a postal operator.
    fn was_ours(&self, keys: Option<&MarksFile>) -> bool {
        let operators = keys.map(|keys| keys.operators.as_slice()).unwrap_or_default();
        let domains = || operators.iter().flat_map(|operator| &operator.domains);
        let is_in = |host: &str, domain: &str| {
            host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        };
        let was_received = self.received_by.iter().any(|host| domains().any(|domain| is_in(host, domain)));
        !self.item_ids.is_empty() || was_received
    }
}

/// The host behind `by` in a `Received` field (RFC 5321 §4.4).
fn received_by(value: &str) -> Option<String> {
    let mut words = value.split_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("by"))?;
    words.next().map(|host| host.trim_end_matches([';', '.']).to_ascii_lowercase())
}

/// A mark as it was read.
struct Examined {
    start: usize,
    mark: Result<Mark, MarkError>,
}

impl Examined {
    fn read((start, value): &(usize, String)) -> Self {
        Examined { start: *start, mark: Mark::parse(value) }
    }

    fn report(&self, signature: &[Finding], all: &[Examined], keys: Option<&MarksFile>) -> MarkReport {
        let mark = match &self.mark {
            Ok(mark) => mark,
            Err(error) => {
                return MarkReport { findings: vec![Finding::from(error.clone())], ..MarkReport::default() };
            }
        };
        let mut findings = signature.to_vec();
        if mark.signature.is_some() && !is_chained(mark, all) {
            findings.push(Finding::BrokenChain);
        }
        if let Some(keys) = keys {
            published::judge(mark, keys, &mut findings);
        }
        let operators = keys.into_iter().flat_map(|keys| &keys.operators);
        let operator = operators.into_iter().find(|operator| operator.id == mark.operator.as_str());
        MarkReport {
            id: Some(mark.id.to_string()),
            kind: Some(mark.kind.tag()),
            operator: Some(mark.operator.to_string()),
            operator_name: operator.map(|operator| operator.name_kk.clone()),
            facility: Some(mark.facility.to_string()),
            facility_name: Some(mark.facility_name.clone()),
            place: mark.place.clone(),
            device: mark.device.as_ref().map(|device| device.as_str().to_owned()),
            token: Some(mark.token.to_string()),
            instant: Some(mark.instant.to_string()),
            findings,
        }
    }
}

/// FACTS E: a receipt points to an acceptance and a delivery to a receipt of this message, a handing over (P6) also to
/// the delivery before it; what is pointed to is always there. So is the acceptance to which a cancellation or a
/// surcharge points.
fn is_chained(mark: &Mark, all: &[Examined]) -> bool {
    let previous = mark.signature.as_ref().and_then(|signature| signature.previous.as_deref());
    let is_pointed_to = |other: &&Mark| previous == Some(other.digest().0.as_slice());
    let target = all.iter().filter_map(|other| other.mark.as_ref().ok()).find(is_pointed_to).map(|other| other.kind);
    match (mark.kind, target) {
        (Kind::Receive, target) => target == Some(Kind::Accept),
        (Kind::Deliver(Handover::Handed), Some(Kind::Deliver(Handover::Delivered))) => true,
        (Kind::Deliver(_), target) => target == Some(Kind::Receive),
        (Kind::Accept, _) => previous.is_none(),
        // P2, P7: payment is cancelled, or found missing, at the acceptance. P9: what is sealed was marked before.
        (Kind::Cancel | Kind::Surcharge | Kind::Seal, target) => target == Some(Kind::Accept),
    }
}

/// A duplicate `i` makes every mark that has it invalid.
fn mark_duplicates(marks: &mut [MarkReport]) {
    let ids: Vec<Option<String>> = marks.iter().map(|mark| mark.id.clone()).collect();
    for mark in marks.iter_mut().filter(|mark| mark.id.is_some()) {
        if ids.iter().filter(|id| **id == mark.id).count() > 1 {
            mark.findings.push(Finding::DuplicateId);
        }
    }
}

/// Valid marks, and as many item ids, from the bottom, as one of them signs.
fn genuine_fields(traces: &Traces, marks: &[Examined], reports: &[MarkReport]) -> Vec<usize> {
    let valid = || marks.iter().zip(reports).filter(|(_, report)| report.findings.is_empty()).map(|(mark, _)| mark);
    let signed = valid().filter_map(|mark| mark.mark.as_ref().ok()).map(signatures::item_ids_signed).max();
    let item_ids = traces.item_ids.iter().rev().take(signed.unwrap_or(0)).map(|(start, _)| *start);
    valid().map(|mark| mark.start).chain(item_ids).collect()
}
