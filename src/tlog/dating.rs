//! When a leaf came into the log, by what others could see of it: the last checkpoints of days (UTC), and their time
//! stamps.
//!
//! A mark names its own instant, and the order of leaves within a checkpoint says nothing (they are shuffled). So only
//! checkpoints count: the last one of a day has the leaf or has it not, and what an authority stamped was there by then.
//! Each checkpoint that is used is signed by the log and is consistent with that of the leaf's proof.

use std::io;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use super::checkpoint::Signed;
use super::monitor::{Alarm, Source, fetch_if_there};
use super::note::Verifier;
use super::stamps::{Stamped, Wanted, verify};
use super::tree::{Hash, TreeHead, verify_consistency};
use crate::clock::Timestamp;
use crate::identity::eds::{Refusal, token_of_response};

/// A mark that was made just before midnight is in the first checkpoint after it, so the last one of its own day need not
/// have it. That of the next day does: as a rule a log is seconds behind.
const DAYS_BEHIND: i64 = 1;

/// RFC 3161 §2.4.2: authorities state how exact their clocks are, and the operator's is allowed to drift (P31). Clocks that
/// are so far apart contradict nobody.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// So many days in a row without a checkpoint are searched for an earlier one that has the leaf.
const LONGEST_GAP: i64 = 7;

/// Most days before the named one that are asked for.
const MOST_DAYS_BACK: i64 = 400;

/// An authority that was silent stamps later days first. So many days behind the first are looked at for a stamp.
const DAYS_TO_STAMP: i64 = 7;

/// Where a leaf stands, as a proof says that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// From 0.
    pub index: u64,
    /// The tree of the proof.
    pub head: TreeHead,
}

/// What days and stamps are judged with.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The key of the log.
    pub key: &'a Verifier,
    /// What a stamp has to be; without it stamps are not looked at.
    pub stamps: Option<Wanted<'a>>,
    /// The clock of who looks.
    pub now: Timestamp,
}

/// When a leaf came into the log, as far as days and stamps tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The newest day that was looked at whose last checkpoint does not have it.
    pub last_without: Option<Date>,
    /// The first day whose last checkpoint has it.
    pub first_with: Option<Date>,
    /// The first time stamp of a checkpoint that has it, and its day.
    pub stamp: Option<(Date, Stamped)>,
}

/// What a history says of the instant that a mark names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opinion {
    /// Nothing against it.
    Agrees,
    /// The last checkpoint of the day after it, or of a later one, does not have the leaf.
    BackDated,
    /// An authority has seen the leaf in the log before it.
    AfterStamp,
}

impl History {
    /// Whether a mark with this history can have been made when it says.
    #[must_use]
    pub fn opinion(&self, instant: Timestamp) -> Opinion {
        let behind = day_of(instant).checked_add(DAYS_BEHIND.days());
        let is_late = self.last_without.is_some_and(|without| behind.is_ok_and(|behind| without >= behind));
        let is_early = |stamp: &(Date, Stamped)| instant.duration_since(stamp.1.time) > CLOCKS_APART;
        match self.stamp.as_ref() {
            _ if is_late => Opinion::BackDated,
            Some(stamp) if is_early(stamp) => Opinion::AfterStamp,
            _ => Opinion::Agrees,
        }
    }
}

/// Looks at the days around the instant that a mark names, for when its leaf came into the log. A file that is not there
/// ([`io::ErrorKind::NotFound`]) says nothing: a day may have no checkpoint, and a checkpoint no stamp yet.
///
/// # Errors
/// The log contradicts itself, or cannot be read.
pub fn history<S: Source<Error = io::Error>>(
    source: &mut S,
    place: &Place,
    instant: Timestamp,
    judge: &Judge<'_>,
) -> Result<History, Alarm> {
    let today = day_of(judge.now);
    let named = day_of(instant).min(today);
    let mut days = Days { source, place, judge };
    let mut history = days.before(named)?;
    if history.first_with.is_none() {
        days.onward(named, today, &mut history)?;
    }
    if let (Some(first), Some(wanted)) = (history.first_with, &judge.stamps) {
        history.stamp = days.stamp(first, today, wanted)?;
    }
    Ok(history)
}

/// The day of the log: that of UTC.
#[must_use]
pub fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

/// Whether the last checkpoint of a day has the leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Day {
    Without,
    With {
        /// The note.
        note: String,
    },
}

struct Days<'a, S> {
    source: &'a mut S,
    place: &'a Place,
    judge: &'a Judge<'a>,
}

impl<S: Source<Error = io::Error>> Days<'_, S> {
    /// Backwards, as long as the days before have the leaf too: a mark may name a later instant than that of its making.
    fn before(&mut self, named: Date) -> Result<History, Alarm> {
        let (mut history, mut gap) = (History::default(), 0);
        for back in 1..=MOST_DAYS_BACK {
            let Ok(date) = named.checked_sub(back.days()) else { break };
            match self.look(date)? {
                None => gap += 1,
                Some(Day::With { .. }) => (history.first_with, gap) = (Some(date), 0),
                Some(Day::Without) => {
                    history.last_without = Some(date);
                    break;
                }
            }
            if gap == LONGEST_GAP {
                break;
            }
        }
        Ok(history)
    }

    /// Forwards, to the first day that has the leaf: as a rule it is the named one or the next.
    fn onward(&mut self, named: Date, today: Date, history: &mut History) -> Result<(), Alarm> {
        for date in days_of(named, today, LONGEST_GAP) {
            match self.look(date)? {
                None => {}
                Some(Day::Without) => history.last_without = Some(date),
                Some(Day::With { .. }) => {
                    history.first_with = Some(date);
                    return Ok(());
                }
            }
        }
        match named.checked_add(LONGEST_GAP.days()) {
            Ok(first) => self.search(first, today, history),
            Err(_) => Ok(()),
        }
    }

    /// The first day that has the leaf among many: a log only grows, so halves of them can be left out. Where no day has a
    /// checkpoint for long the log is taken to be younger.
    fn search(&mut self, mut first: Date, mut last: Date, history: &mut History) -> Result<(), Alarm> {
        while first <= last {
            let between = first.until(last).map_or(0, |span| span.get_days());
            let Ok(middle) = first.checked_add((between / 2).days()) else { break };
            let (mut seen, mut next) = (None, middle);
            for date in days_of(middle, last, LONGEST_GAP) {
                seen = self.look(date)?.map(|day| (date, day));
                next = date;
                if seen.is_some() {
                    break;
                }
            }
            if let Some((date, Day::With { .. })) = seen {
                history.first_with = Some(date);
                let Ok(before) = middle.yesterday() else { break };
                last = before;
            } else {
                history.last_without = seen.map(|(date, _)| date).or(history.last_without);
                let Ok(behind) = next.tomorrow() else { break };
                first = behind;
            }
        }
        Ok(())
    }

    /// The first stamp from this day on.
    fn stamp(&mut self, first: Date, today: Date, wanted: &Wanted<'_>) -> Result<Option<(Date, Stamped)>, Alarm> {
        for day in days_of(first, today, DAYS_TO_STAMP) {
            let Some(token) = self.token(day)? else { continue };
            let Some(Day::With { note }) = self.look(day)? else { continue };
            let stamped = token.and_then(|token| verify(&note, &token, wanted, self.judge.now));
            return Ok(Some((day, stamped.map_err(|why| Alarm::Stamp { day, why })?)));
        }
        Ok(None)
    }

    /// The token of a day: itself, or in the answer of its authority, as other programs keep it.
    fn token(&mut self, day: Date) -> Result<Option<Result<Vec<u8>, Refusal>>, Alarm> {
        if let Some(token) = self.find(&format!("daily/{day}.tst"))? {
            return Ok(Some(Ok(token)));
        }
        let answer = self.find(&format!("daily/{day}.tsr"))?;
        Ok(answer.map(|answer| token_of_response(&answer)))
    }

    fn look(&mut self, day: Date) -> Result<Option<Day>, Alarm> {
        let Some(note) = self.find(&format!("daily/{day}"))? else { return Ok(None) };
        let note = String::from_utf8(note).unwrap_or_default();
        let head = Signed::open(&note, self.judge.key)?.checkpoint.head;
        self.require_one_log(head)?;
        Ok(Some(if head.size > self.place.index { Day::With { note } } else { Day::Without }))
    }

    /// The tree of a day and that of the proof: one is the beginning of the other. Only then the leaf stands at its index
    /// in both of them, or is not in the smaller one.
    fn require_one_log(&mut self, head: TreeHead) -> Result<(), Alarm> {
        let proved = self.place.head;
        let (from, to) = if head.size <= proved.size { (head, proved) } else { (proved, head) };
        if from.size == to.size && from.root != to.root {
            return Err(Alarm::Split(from.size));
        }
        let path = if from.size == 0 || from.size == to.size { Vec::new() } else { self.path(from.size, to.size)? };
        verify_consistency(from, to, &path).map_err(|why| Alarm::Rewritten { from: from.size, to: to.size, why })
    }

    /// RFC 6962 §2.1.2; a hash a line.
    fn path(&mut self, from: u64, to: u64) -> Result<Vec<Hash>, Alarm> {
        let path = format!("consistency?from={from}&to={to}");
        let unreadable = |error: &str| Alarm::Unreachable { path: path.clone(), error: error.to_owned() };
        let bytes = self.find(&path)?.ok_or_else(|| unreadable("it is not there"))?;
        let text = String::from_utf8(bytes).unwrap_or_else(|_| "?".to_owned());
        let hashes: Result<Vec<Hash>, _> = text.lines().map(str::parse).collect();
        hashes.map_err(|_| unreadable("no hashes, one a line"))
    }

    fn find(&mut self, path: &str) -> Result<Option<Vec<u8>>, Alarm> {
        fetch_if_there(self.source, path)
    }
}

/// The days from one to another, both of them among them, and no more than `most`.
fn days_of(first: Date, last: Date, most: i64) -> impl Iterator<Item = Date> {
    (0..most).map_while(move |on| first.checked_add(on.days()).ok().filter(|day| *day <= last))
}

#[cfg(test)]
pub(crate) mod tests;
