//! Time stamps of daily checkpoints (RFC 3161): somebody who is not the operator says by when a checkpoint was there.
//!
//! A stamp is over the bytes of the signed note. It is kept and served beside the checkpoint, as the token that the
//! authority signed.

use jiff::civil::Date;

use super::checkpoint::Signed;
use super::monitor::{Alarm, Source, require_beginning};
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
    /// Days whose checkpoint has none, or none that could be read.
    pub unstamped: Vec<Date>,
}

/// Looks at the checkpoints of days, and their stamps, of a log whose tree is `head`. A day without a checkpoint is
/// left out: the log may be younger.
///
/// # Errors
/// A checkpoint is not of this log, or its stamp does not hold.
pub fn look_at_days<S: Source>(
    source: &mut S,
    (key, head): (&Verifier, TreeHead),
    days: impl IntoIterator<Item = Date>,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<Days, Alarm> {
    let mut found = Days::default();
    for day in days {
        let Ok(note) = source.get(&format!("daily/{day}")) else { continue };
        let note = String::from_utf8(note).unwrap_or_default();
        require_beginning(source, Signed::open(&note, key)?.checkpoint.head, head)?;
        match source.get(&format!("daily/{day}.tst")) {
            Ok(token) => {
                let stamped = verify(&note, &token, wanted, now).map_err(|why| Alarm::Stamp { day, why })?;
                found.stamped.push((day, stamped));
            }
            Err(_) => found.unstamped.push(day),
        }
    }
    Ok(found)
}
