//! Time stamps of daily checkpoints (RFC 3161): somebody who is not the operator says by when a checkpoint was there.
//!
//! A stamp is over the bytes of the signed note. It is kept and served beside the checkpoint, as the token that the
//! authority signed.

use std::io;

use jiff::civil::Date;

use super::checkpoint::Signed;
use super::monitor::{Alarm, Source, fetch_if_there, require_beginning};
use super::note::Verifier;
use super::tree::TreeHead;
use crate::clock::Timestamp;
use crate::identity::eds::{Certificate, Expected, Refusal, Token, Trust};

/// A stamp of a checkpoint that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamped {
    /// When the authority saw the checkpoint.
    pub time: Timestamp,
    /// The authority, in its own words.
    pub authority: String,
}

/// What a stamp has to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose stamps are believed.
    pub authorities: &'a [Certificate],
    /// The policy; `None`: any.
    pub policy: Option<&'a str>,
    /// The nonce of the question; `None` where it is not known any more.
    pub nonce: Option<&'a [u8]>,
}

/// Judges the stamp of a checkpoint.
///
/// # Errors
/// It is over something else, or of somebody else.
pub fn verify(note: &str, token: &[u8], wanted: &Wanted<'_>, now: Timestamp) -> Result<Stamped, Refusal> {
    let token = Token::read(token)?;
    token.require(&Expected { content: note.as_bytes(), nonce: wanted.nonce, policy: wanted.policy })?;
    let verified = token.verify(Trust { anchors: wanted.authorities, others: &[] }, now)?;
    Ok(Stamped { time: verified.info.time, authority: verified.signer.names().shown() })
}

/// What a look at the last days of a log came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Days {
    /// Days whose checkpoint has a stamp that holds.
    pub stamped: Vec<(Date, Stamped)>,
    /// Days whose checkpoint has none.
    pub unstamped: Vec<Date>,
}

/// Looks at the checkpoints of days, and their stamps, of a log whose tree is `head`. A day without a checkpoint is
/// left out: the log may be younger.
///
/// # Errors
/// A checkpoint is not of this log, or its stamp does not hold; or one of them cannot be read, which must not pass for a day
/// without.
pub fn look_at_days<S: Source<Error = io::Error>>(
    source: &mut S,
    (key, head): (&Verifier, TreeHead),
    days: impl IntoIterator<Item = Date>,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Days, Alarm> {
    let mut found = Days::default();
    for day in days {
        let Some(note) = fetch_if_there(source, &format!("daily/{day}"))? else { continue };
        let note = String::from_utf8(note).unwrap_or_default();
        require_beginning(source, Signed::open(&note, key)?.checkpoint.head, head)?;
        match fetch_if_there(source, &format!("daily/{day}.tst"))? {
            Some(token) => {
                let stamped = verify(&note, &token, wanted, now).map_err(|why| Alarm::Stamp { day, why })?;
                found.stamped.push((day, stamped));
            }
            None => found.unstamped.push(day),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::dating::tests::{Authority, Change, Served, begun, november, pass};
    use super::*;

    /// Ten days of a log, of which the 25th has a stamp.
    fn looked(change: Change) -> Result<Days, Alarm> {
        let dir = tempfile::tempdir().unwrap();
        let mut log = begun(dir.path());
        pass(&mut log, 21..=30);
        let authority = Authority::new();
        authority.stamp(&log, november(25), "2026-11-26T00:00:05Z");
        let view = log.view();
        let mut served = Served { change, ..Served::of(&log) };
        let days = [24, 25].map(november);
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        look_at_days(&mut served, (view.verifier(), view.checkpoint().head), days, &authority.wanted(), now)
    }

    #[test]
    fn rfc3161_days_with_and_without_a_stamp_are_told_apart() {
        let days = looked(|_, found| found).unwrap();
        assert_eq!(days.stamped.iter().map(|(day, _)| *day).collect::<Vec<_>>(), [november(25)]);
        assert_eq!(days.unstamped, [november(24)]);
    }

    #[test_case("daily/2026-11-25"; "the checkpoint")]
    #[test_case("daily/2026-11-25.tst"; "the stamp")]
    fn what_cannot_be_read_is_not_taken_for_a_day_without(path: &'static str) {
        let alarm = match path {
            "daily/2026-11-25" => looked(|path, found| refuse(path == "daily/2026-11-25", found)),
            _ => looked(|path, found| refuse(path == "daily/2026-11-25.tst", found)),
        };
        let alarm = alarm.unwrap_err();
        assert!(matches!(&alarm, Alarm::Unreachable { path: asked, .. } if asked == path), "{alarm}");
        assert!(!alarm.is_contradiction());
    }

    fn refuse(is_meant: bool, found: io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
        if is_meant { Err(io::Error::other("HTTP status 503")) } else { found }
    }
}
