//! Walks along the chain over the audit and names what was changed, removed, added or moved.

use serde::Serialize;

use super::super::{Error, Result, View, keys, rows};
use super::chain::{Head, Link, entry_key, place_of};
use super::{AuditEntry, CLASS, VERSION};
use crate::clock::Timestamp;

/// Links read at a time.
const CHUNK: usize = 2_000;

/// Problems that are told one by one; the rest is only counted.
const MAX_PROBLEMS: usize = 1_000;

/// What a walk along the chain found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Walked {
    /// Entries that are what they were.
    pub entries: u64,
    /// What is wrong, one sentence each; at most a thousand.
    pub problems: Vec<String>,
    /// How many problems there are.
    pub problem_count: u64,
}

impl Walked {
    /// Notes one more problem.
    pub fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(text);
        }
    }
}

impl View<'_> {
    /// Reads every entry of the audit and compares it with the chain. Blocks.
    ///
    /// # Errors
    /// Engine, I/O; what does not fit is in the answer.
    pub fn walk_audit(&self) -> Result<Walked> {
        let mut walk = Walk { view: self, walked: Walked::default(), before: Head::default() };
        walk.links()?;
        walk.strays()?;
        walk.end()?;
        Ok(walk.walked)
    }
}

struct Walk<'a> {
    view: &'a View<'a>,
    walked: Walked,
    /// The chain as far as it was walked.
    before: Head,
}

impl Walk<'_> {
    fn links(&mut self) -> Result<()> {
        loop {
            let links = self.view.audit_links(self.before.number.saturating_add(1), CHUNK)?;
            if links.is_empty() {
                return Ok(());
            }
            for (number, link) in links {
                self.gap_before(number);
                match link {
                    Ok(link) => self.entry(number, link)?,
                    Err(Error::Damaged(what)) => {
                        self.walked.problem(format!("the link of entry {number} is damaged: {what}"));
                        self.before.number = number;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Numbers are given out one after the other.
    fn gap_before(&mut self, number: u64) {
        match (self.before.number.saturating_add(1), number.saturating_sub(1)) {
            (first, last) if first > last => {}
            (first, last) if first == last => self.walked.problem(format!("entry {first} was removed, with its link")),
            (first, last) => {
                let count = last - first;
                self.walked.problem(format!("entries {first} to {last} were removed, with their links"));
                self.walked.problem_count += count;
            }
        }
    }

    fn entry(&mut self, number: u64, link: Link) -> Result<()> {
        match self.view.get_raw(&entry_key(link.at_us, number))? {
            None => {
                let at = shown_time(link.at_us);
                self.walked.problem(format!("entry {number} of {at} was removed, or its time was changed"));
            }
            Some(row) if self.before.hash_of(number, link.at_us, &row) == link.hash => self.walked.entries += 1,
            Some(_) => {
                let row = self.view.get(&entry_key(link.at_us, number))?.unwrap_or_default();
                let shown = shown(number, link.at_us, &row);
                self.walked.problem(format!("{shown} was changed, or does not follow the entry before it"));
            }
        }
        // Once something is wrong the rest is still compared: with what stands there.
        self.before = Head { number, hash: link.hash };
        Ok(())
    }

    /// Entries that the chain does not know.
    fn strays(&mut self) -> Result<()> {
        let mut from = vec![CLASS];
        loop {
            let rows = self.view.range(&from, &keys::after(&[CLASS]), CHUNK)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = [&last[..], &[0]].concat();
            for (key, row) in &rows {
                let Some((at_us, number)) = place_of(key) else {
                    self.walked.problem("an entry under a key that is none".to_owned());
                    continue;
                };
                let link = self.view.audit_link(number).ok().flatten();
                if link.is_none_or(|link| link.at_us != at_us) {
                    self.walked.problem(format!("{} was added, or moved in time", shown(number, at_us, row)));
                }
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        let head = match self.view.audit_head() {
            Ok(head) => head,
            Err(Error::Damaged(what)) => {
                self.walked.problem(format!("the head is damaged: {what}"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let given = self.view.counter(&keys::fact(super::COUNTER))?;
        let given = u64::try_from(given).unwrap_or_default();
        let last = head.number.max(given);
        if last > self.before.number {
            let first = self.before.number + 1;
            self.walked.problem(format!("entries {first} to {last} were cut off at the end"));
        } else if head != self.before {
            self.walked.problem(format!("the chain goes on behind its head, entry {}", head.number));
        }
        Ok(())
    }
}

fn shown(number: u64, at_us: u64, row: &[u8]) -> String {
    let at = shown_time(at_us);
    match rows::decode::<AuditEntry>(VERSION, row) {
        Ok(entry) => format!("entry {number} of {at} ({} {} {})", entry.actor, entry.action, entry.object),
        Err(_) => format!("entry {number} of {at} (unreadable)"),
    }
}

fn shown_time(at_us: u64) -> String {
    let at = i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    at.map_or_else(|| "an impossible time".to_owned(), |at| at.to_string())
}
