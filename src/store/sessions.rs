//! Who is signed in to the pages (class `E`): one row a session, under the hash of what the browser holds, and an index
//! by account. Whoever reads the directory finds nothing that signs in, and where rows are sealed not from where somebody
//! did. `rebuild` makes no sessions again: people sign in once more.

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::vault::Personal;
use super::{Batch, Precondition, Result, View, rows};

const VERSION: u8 = 2;

/// Class of the rows; its second byte says what a row is.
const CLASS: u8 = b'E';
const SESSIONS: u8 = 1;
const BY_ACCOUNT: u8 = 2;

/// The BLAKE3 hash of the secret in the browser: what a session is called everywhere else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 32]);

/// How somebody proved who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Proof {
    /// With the password.
    Password,
    /// With the password and a code of an authenticator, or a recovery code.
    PasswordAndCode,
    /// With the password and a passkey.
    PasswordAndPasskey,
    /// With a passkey alone, which asked for its own PIN or finger.
    Passkey,
    /// With an electronic digital signature.
    Signature,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stage {
    /// Signed in.
    Open,
    /// The password was right and a second factor is still to come; so many tries failed.
    Half {
        /// Wrong second factors.
        failures: u8,
    },
}

/// One session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionRow {
    /// Whose.
    pub account: AccountId,
    /// Version of the main password when it was opened: with another one it is over.
    pub password_version: u32,
    /// How far.
    pub stage: Stage,
    /// How it was proved last.
    pub proof: Proof,
    /// When it was opened, microseconds since 1970.
    pub opened_us: i64,
    /// When who it is was proved last.
    pub proved_us: i64,
    /// When a page was last asked for; exact to some seconds, so that pages do not cost a write.
    pub seen_us: i64,
    /// From where and with what it was opened, as the service above wrote it, sealed for the account.
    pub browser: Personal,
}

fn session(id: &SessionId) -> Vec<u8> {
    Key::of(CLASS).u8(SESSIONS).raw(&id.0).done()
}

fn of_account(account: AccountId) -> Key {
    Key::of(CLASS).u8(BY_ACCOUNT).u64(account.0)
}

/// Adds a session.
///
/// # Errors
/// It cannot be written as a row.
pub fn add(batch: &mut Batch, id: &SessionId, row: &SessionRow) -> Result<()> {
    batch.require(Precondition::Absent(session(id)));
    batch.put(session(id), rows::encode(VERSION, row)?);
    batch.put(of_account(row.account).raw(&id.0).done(), vec![VERSION]);
    Ok(())
}

/// Replaces `old` by `new`, provided that nobody else changed it.
///
/// # Errors
/// A row cannot be encoded.
pub fn replace(batch: &mut Batch, id: &SessionId, old: &SessionRow, new: &SessionRow) -> Result<()> {
    batch.require(Precondition::Equals(session(id), rows::encode(VERSION, old)?));
    batch.put(session(id), rows::encode(VERSION, new)?);
    Ok(())
}

/// Ends a session, provided that it has not ended meanwhile: of two who renew it one wins.
pub fn take(batch: &mut Batch, id: &SessionId, account: AccountId) {
    batch.require(Precondition::Present(session(id)));
    remove(batch, id, account);
}

/// Ends a session, whether or not it has ended meanwhile.
pub fn remove(batch: &mut Batch, id: &SessionId, account: AccountId) {
    batch.delete(session(id));
    batch.delete(of_account(account).raw(&id.0).done());
}

/// The keys of everything of the class: rows of another version say too much, and nobody reads them.
pub(super) fn keys_of_all(view: &View<'_>, limit: usize) -> Result<Vec<Vec<u8>>> {
    let found = view.range(&[CLASS], &keys::after(&[CLASS]), limit)?;
    Ok(found.into_iter().map(|(key, _)| key).collect())
}

impl View<'_> {
    /// A session.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn session(&self, id: &SessionId) -> Result<Option<SessionRow>> {
        self.get(&session(id))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }

    /// Up to `limit` sessions of an account, in no order.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn sessions_of(&self, account: AccountId, limit: usize) -> Result<Vec<(SessionId, SessionRow)>> {
        let prefix = of_account(account).done();
        let index = self.range(&prefix, &keys::after(&prefix), limit)?;
        let ids = index.iter().filter_map(|(key, _)| Some(SessionId(*key.get(prefix.len()..)?.first_chunk()?)));
        let read = |id: SessionId| Ok(self.session(&id)?.map(|row| (id, row)));
        ids.map(read).filter_map(Result::transpose).collect()
    }

    /// Up to `limit` sessions behind `after`.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn sessions(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<(SessionId, SessionRow)>> {
        let prefix = [CLASS, SESSIONS];
        let from = after.map_or_else(|| prefix.to_vec(), |id| [session(&id), vec![0]].concat());
        let found = self.range(&from, &keys::after(&prefix), limit)?;
        let read = |(key, row): &(Vec<u8>, Vec<u8>)| {
            let id = key.get(2..).and_then(|id| id.try_into().ok()).ok_or_else(|| bad_key("a session"))?;
            Ok((SessionId(id), rows::decode(VERSION, row)?))
        };
        found.iter().map(read).collect()
    }
}

/// Whether a session is in the index of its account, and an entry of the index leads to a session.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    let id = |at: usize| key.get(at..).and_then(|id| id.try_into().ok()).map(SessionId);
    match key.get(1) {
        Some(&SESSIONS) => {
            let id = id(2).ok_or_else(|| bad_key("a session"))?;
            let read: SessionRow = rows::decode(VERSION, row)?;
            let entry = view.get(&of_account(read.account).raw(&id.0).done())?;
            claims.require(entry.is_some(), || format!("a session of {:?} is not in its list", read.account));
        }
        Some(&BY_ACCOUNT) => {
            let id = id(10).ok_or_else(|| bad_key("a list of sessions"))?;
            let leads = view.session(&id)?.is_some_and(|read| of_account(read.account).raw(&id.0).done() == key);
            claims.require(leads, || "an entry of a list of sessions leads to none".to_owned());
        }
        _ => return Err(bad_key("a session")),
    }
    Ok(claims)
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionId(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not the name of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a session is named by 64 hexadecimal digits")]
pub struct NotASession;

impl std::str::FromStr for SessionId {
    type Err = NotASession;

    fn from_str(text: &str) -> std::result::Result<Self, NotASession> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotASession);
        }
        let mut id = [0; 32];
        for (at, byte) in id.iter_mut().enumerate() {
            let digits = text.get(at * 2..at * 2 + 2).ok_or(NotASession)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotASession)?;
        }
        Ok(SessionId(id))
    }
}
