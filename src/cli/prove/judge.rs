//! Each mark of a message: its proof, when it came into the log, and what the closings of its device say. Nothing here
//! reads a file or opens a connection.

use std::io;

use crate::ids::ImpressionId;
use crate::message::headers;
use crate::postal::{Mark, MarkReport, MarksFile, proofs_in, verify};
use crate::tlog::Entry;
use crate::tlog::dating::{Judge, Opinion, Place, history};
use crate::tlog::monitor::{Alarm, Source};
use crate::tlog::proof::Proof;

use super::closings::Closings;
use super::report::{OfMark, Report, Verdict};

/// What is judged, and with what.
pub(super) struct Given<'a> {
    /// The message, with marks and proofs that stood elsewhere above it.
    pub(super) message: &'a [u8],
    /// The published keys of the operators.
    pub(super) keys: Option<&'a MarksFile>,
    /// The daily closings of devices that somebody has kept.
    pub(super) closings: Option<&'a Closings<'a>>,
    pub(super) judge: Judge<'a>,
    pub(super) asked: Asked,
}

/// What it means that there is no proof of a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// The log was asked: it does not have the mark.
    Log,
    /// Nobody was asked.
    FilesOnly,
}

pub(super) fn judge<S: Source<Error = io::Error>>(source: &mut S, given: &Given<'_>) -> Report {
    let verified = verify(given.message, given.keys);
    let fields = headers::fields(given.message).filter(|field| field.is("Postal-Mark"));
    let marks: Vec<Option<Mark>> = fields.map(|field| Mark::parse(&field.text()).ok()).collect();
    let mut bench = Bench { source, given, proofs: proofs_in(given.message) };
    // The report has a line for each mark, in the order of the fields, and one for all that are too many.
    let judged = verified.marks.into_iter().zip(marks).map(|(report, mark)| bench.judge(report, mark.as_ref()));
    Report {
        origin: given.judge.key.name().to_owned(),
        message: verified.verdict,
        marks: judged.collect(),
        is_signature_asked: given.keys.is_some(),
        faults: given.closings.map(Closings::faults),
    }
}

struct Bench<'a, S> {
    source: &'a mut S,
    given: &'a Given<'a>,
    proofs: Vec<(ImpressionId, String)>,
}

/// A mark without a proof that holds.
struct Unproved(Verdict, Option<String>);

impl<S: Source<Error = io::Error>> Bench<'_, S> {
    fn judge(&mut self, report: MarkReport, mark: Option<&Mark>) -> OfMark {
        let mut of_mark = OfMark::unread(report);
        // What has no id could not be read, or was not looked at.
        let Some(mark) = mark.filter(|_| of_mark.mark.id.is_some()) else { return of_mark };
        of_mark.log = mark.signature.as_ref().and_then(|tags| tags.log.clone());
        let place = match self.place(mark) {
            Ok(place) => place,
            Err(Unproved(verdict, problem)) => return OfMark { verdict, problem, ..of_mark },
        };
        of_mark.index = Some(place.index);
        of_mark.checkpoint_size = Some(place.head.size);
        let dated = self.date(mark, &place, of_mark);
        self.close(mark, &place, dated)
    }

    /// When it came into the log.
    fn date(&mut self, mark: &Mark, place: &Place, of_mark: OfMark) -> OfMark {
        let history = match history(self.source, place, mark.instant, &self.given.judge) {
            Ok(history) => history,
            Err(alarm) => {
                let is_contradiction = alarm.is_contradiction();
                let verdict = if is_contradiction { Verdict::Contradiction } else { Verdict::Unknown };
                return OfMark { verdict, problem: Some(alarm.to_string()), ..of_mark };
            }
        };
        let verdict = match history.opinion(mark.instant) {
            Opinion::Agrees => Verdict::Proved,
            Opinion::BackDated => Verdict::BackDated,
            Opinion::AfterStamp => Verdict::AfterStamp,
        };
        let (day, stamped) = history.stamp.unzip();
        OfMark {
            verdict,
            last_day_without: history.last_without.map(|day| day.to_string()),
            first_day: history.first_with.map(|day| day.to_string()),
            stamped_day: day.map(|day| day.to_string()),
            stamped_at: stamped.as_ref().map(|stamped| stamped.time.to_string()),
            authority: stamped.map(|stamped| stamped.authority),
            ..of_mark
        }
    }

    /// P31: whether it is among what its device made on that day. What the log says against it stays.
    fn close(&self, mark: &Mark, place: &Place, dated: OfMark) -> OfMark {
        let Some(closings) = self.given.closings else { return dated };
        let found = closings.judge(mark, self.given.judge.key.name(), place.index);
        let verdict = match dated.verdict {
            Verdict::Proved | Verdict::Unknown if found.answer.is_against() => Verdict::NotInClosing,
            other => other,
        };
        OfMark { verdict, closing: Some(found), ..dated }
    }

    /// Where the mark stands, by the first proof that holds: those that came with the message, then that of a file or of
    /// the log. Anybody can write a bad proof above a letter; it does not take away the good one.
    fn place(&mut self, mark: &Mark) -> Result<Place, Unproved> {
        let mut problem = None;
        for (_, text) in self.proofs.iter().filter(|(id, _)| *id == mark.id) {
            match self.verified(text, mark) {
                Ok(place) => return Ok(place),
                Err(why) => problem = problem.or(Some(why)),
            }
        }
        let path = format!("proof?i={}", mark.id);
        let verdict = match self.source.get(&path) {
            Ok(bytes) => match self.verified(&String::from_utf8_lossy(&bytes), mark) {
                Ok(place) => return Ok(place),
                Err(why) => return Err(Unproved(Verdict::BadProof, problem.or(Some(why)))),
            },
            Err(_) if problem.is_some() => Verdict::BadProof,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.absent(mark),
            Err(error) => {
                let alarm = Alarm::Unreachable { path, error: error.to_string() };
                return Err(Unproved(Verdict::Unknown, Some(alarm.to_string())));
            }
        };
        Err(Unproved(verdict, problem))
    }

    fn verified(&self, text: &str, mark: &Mark) -> Result<Place, String> {
        let proof: Proof = text.parse().map_err(|error: crate::tlog::proof::NotAProof| error.to_string())?;
        let checkpoint = proof.verify(&Entry(mark.digest().0), self.given.judge.key);
        let head = checkpoint.map_err(|error| error.to_string())?.head;
        Ok(Place { index: proof.index, head })
    }

    /// A mark that names another log need not be in this one.
    fn absent(&self, mark: &Mark) -> Verdict {
        let named = mark.signature.as_ref().and_then(|tags| tags.log.as_deref());
        let is_this = named.is_none_or(|log| log == self.given.judge.key.name());
        match self.given.asked {
            Asked::Log if is_this => Verdict::NotInLog,
            _ => Verdict::NoProof,
        }
    }
}

#[cfg(test)]
mod tests;
