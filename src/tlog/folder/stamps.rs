//! Time stamps beside the last checkpoints of days: `daily/<day>.tst`. They never change once they are there.

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;

use super::{DAILY, Error, Result, View, replace};

/// What follows the day in the name of a stamp.
pub(super) const EXTENSION: &str = "tst";

impl View {
    /// The time stamp of the last checkpoint of a day, as its authority sent it.
    ///
    /// # Errors
    /// I/O.
    pub fn stamp(&self, day: Date) -> Result<Option<Vec<u8>>> {
        let file = self.stamp_file(day);
        match std::fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| Error::Io { path: file, error }),
        }
    }

    /// Keeps the time stamp of a day's checkpoint; one that is there already stays.
    ///
    /// # Errors
    /// I/O.
    pub fn keep_stamp(&self, day: Date, token: &[u8]) -> Result<()> {
        if self.is_stamped(day)? {
            return Ok(());
        }
        replace(&self.stamp_file(day), token)
    }

    /// The newest day whose checkpoint has no time stamp yet.
    ///
    /// # Errors
    /// I/O.
    pub fn day_to_stamp(&self) -> Result<Option<Date>> {
        for day in self.days()?.into_iter().rev() {
            if !self.is_stamped(day)? {
                return Ok(Some(day));
            }
        }
        Ok(None)
    }

    fn is_stamped(&self, day: Date) -> Result<bool> {
        let file = self.stamp_file(day);
        file.try_exists().map_err(|error| Error::Io { path: file, error })
    }

    fn stamp_file(&self, day: Date) -> PathBuf {
        self.dir().join(DAILY).join(format!("{day}.{EXTENSION}"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::tests::{leaves, log_of};
    use super::super::{back_up, restore, view};
    use super::*;

    #[test]
    fn rfc3161_stamps_stay_and_go_into_a_backup_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mut log = log_of(&at("log"), 3);
        for day in 23..26 {
            log.append(&leaves(log.size(), 2)).unwrap();
            log.publish(None, date(2026, 11, day)).unwrap();
        }
        let there = log.view();
        let days = there.days().unwrap();
        let [.., before, last] = days[..] else { panic!("{days:?}") };
        assert_eq!(there.day_to_stamp().unwrap(), Some(last));
        there.keep_stamp(last, b"a stamp").unwrap();
        there.keep_stamp(last, b"another").unwrap();
        assert_eq!(there.stamp(last).unwrap().as_deref(), Some(b"a stamp".as_slice()));
        assert_eq!(there.day_to_stamp().unwrap(), Some(before));
        assert_eq!(there.days().unwrap(), days, "a stamp is no day");

        // An interrupted write is no stamp, and is left behind.
        std::fs::write(at("log").join(DAILY).join(format!("{before}.new")), "half").unwrap();
        assert_eq!(there.day_to_stamp().unwrap(), Some(before));
        back_up(&at("log"), &at("backup")).unwrap();
        restore(&at("backup"), &at("again"), "2026-11-25T10:00:00Z").unwrap();
        let again = view(&at("again")).unwrap().unwrap();
        assert_eq!(again.stamp(last).unwrap().as_deref(), Some(b"a stamp".as_slice()));
        assert_eq!(again.stamp(before).unwrap(), None);
        assert_eq!(again.days().unwrap(), days);
    }
}
