//! The folder tree of an account.
//!
//! A folder is a row under its id and a row under its name. A name that has folders below it but no row is a
//! name only: LIST shows it as `\NonExistent` (or `\Noselect`), see [`implied_parents`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::names::{self, INBOX, SEPARATOR};
use super::{Folder, FolderError, SpecialUse, Subscription};
use crate::clock::Timestamp;
use crate::ids::{AccountId, FolderId, UidValidity};
use crate::store::check::Claims;
use crate::store::keys::{self, AccountCounter};
use crate::store::{Batch, Committed, Error, Hole, Precondition, Result, Slot, Store, Template, Topic, View, rows};

/// How often a change is tried anew when somebody else was faster.
pub(super) const MAX_ATTEMPTS: usize = 16;

/// Version of a folder row: UIDVALIDITY (four bytes, filled in by the committer), then [`FolderRow`].
const VERSION: u8 = 1;

/// The same with eight bytes behind it: when it was renamed.
const MOVED_VERSION: u8 = 2;
const NAME_VERSION: u8 = 1;
const SUBSCRIPTION_VERSION: u8 = 1;

/// The folders that every new account has (RFC 6154).
const STANDARD: &[(&str, Option<SpecialUse>)] = &[
    (INBOX, None),
    ("Sent", Some(SpecialUse::Sent)),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Junk", Some(SpecialUse::Junk)),
    ("Trash", Some(SpecialUse::Trash)),
    ("Archive", Some(SpecialUse::Archive)),
];

#[derive(Serialize, Deserialize)]
struct FolderRow {
    name: String,
    special_use: Option<SpecialUse>,
    keywords: Vec<String>,
}

/// What a new folder will be called by.
#[derive(Clone, Copy, Debug)]
pub struct CreatedFolder {
    id: Slot,
    uid_validity: Slot,
}

impl CreatedFolder {
    /// Its id, once committed.
    #[must_use]
    pub fn id(&self, committed: &Committed) -> Option<FolderId> {
        u32::try_from(committed.number(self.id)).ok().map(FolderId)
    }

    /// Its UIDVALIDITY, once committed.
    #[must_use]
    pub fn uid_validity(&self, committed: &Committed) -> Option<UidValidity> {
        u32::try_from(committed.number(self.uid_validity)).ok()?.try_into().ok().map(UidValidity)
    }
}

/// Puts the standard folders of a new account (INBOX, Sent, Drafts, Junk, Trash, Archive), subscribed, into the
/// batch that makes the account.
///
/// # Errors
/// None in practice: see [`rows::encode`].
pub fn add_standard_folders(batch: &mut Batch, account: AccountId) -> Result<()> {
    for (name, special_use) in STANDARD {
        create_folder_in(batch, account, name, *special_use)?;
        batch.put(keys::subscription(account, name), vec![SUBSCRIPTION_VERSION]);
    }
    Ok(())
}

/// Puts a new folder with this canonical name into a batch; it fails with `Conflict` if the name is taken.
///
/// # Errors
/// None in practice: see [`rows::encode`].
pub fn create_folder_in(
    batch: &mut Batch,
    account: AccountId,
    name: &str,
    special_use: Option<SpecialUse>,
) -> Result<CreatedFolder> {
    let id = batch.allocate(keys::account_counter(account, AccountCounter::Folders), 1);
    let uid_validity = batch.allocate(keys::account_counter(account, AccountCounter::UidValidity), 1);
    let name_key = keys::folder_name(account, name);
    batch.require(Precondition::Absent(name_key.clone()));
    batch.put(name_key, Template::from(vec![NAME_VERSION]).hole(Hole::U32(id, 0)));
    let row = FolderRow { name: name.into(), special_use, keywords: Vec::new() };
    let row = rows::encode(VERSION, &row)?;
    batch.put(
        Template::from(keys::folders(account)).hole(Hole::U32(id, 0)),
        Template::from(vec![VERSION]).hole(Hole::U32(uid_validity, 0)).bytes(&row),
    );
    batch.publish(Topic::Account(account));
    Ok(CreatedFolder { id, uid_validity })
}

/// The names that are parents of folders without being folders, in order.
#[must_use]
pub fn implied_parents(folders: &[Folder]) -> Vec<String> {
    let names: BTreeSet<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
    let parents: BTreeSet<&str> = names.iter().flat_map(|name| names::parents(name)).collect();
    parents.difference(&names).map(ToString::to_string).collect()
}

/// The row of a folder.
pub(in crate::store) fn encode(folder: &Folder) -> Result<Vec<u8>> {
    let row =
        FolderRow { name: folder.name.clone(), special_use: folder.special_use, keywords: folder.keywords.clone() };
    let mut bytes = vec![if folder.moved.is_some() { MOVED_VERSION } else { VERSION }];
    bytes.extend(folder.uid_validity.0.get().to_be_bytes());
    bytes.extend(rows::encode(VERSION, &row)?);
    bytes.extend(folder.moved.iter().flat_map(|at| at.as_microsecond().to_be_bytes()));
    Ok(bytes)
}

pub(in crate::store) fn decode(key: &[u8], row: &[u8]) -> Result<Folder> {
    let damaged = || Error::Damaged("row of a folder".into());
    let id = FolderId(u32::from_be_bytes(*key.last_chunk().ok_or_else(damaged)?));
    let (rest, moved) = match row {
        [VERSION, rest @ ..] => (rest, None),
        [MOVED_VERSION, rest @ ..] => {
            let (rest, at_us) = rest.split_last_chunk().ok_or_else(damaged)?;
            (rest, Some(Timestamp::from_microsecond(i64::from_be_bytes(*at_us)).map_err(|_| damaged())?))
        }
        _ => return Err(damaged()),
    };
    let (uid_validity, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    let uid_validity = u32::from_be_bytes(*uid_validity).try_into().map_err(|_| damaged())?;
    let FolderRow { name, special_use, keywords } = rows::decode(VERSION, rest)?;
    Ok(Folder { id, name, uid_validity: UidValidity(uid_validity), special_use, keywords, moved })
}

/// A subscription stands alone: it may outlive its folder (RFC 9051 §6.3.7).
pub(in crate::store) fn inspect_subscription(_: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    match (key.get(1..).and_then(|rest| rest.split_first_chunk::<8>()), row) {
        (Some((_, [_, ..])), [SUBSCRIPTION_VERSION]) => Ok(Claims::default()),
        _ => Err(Error::Damaged("row of a subscription".into())),
    }
}

/// The row under the name of a folder.
pub(in crate::store) fn name_row(id: FolderId) -> Vec<u8> {
    [&[NAME_VERSION], &id.0.to_be_bytes()[..]].concat()
}

/// The id in a row under a name.
pub(in crate::store) fn decode_name(row: &[u8]) -> Result<FolderId> {
    match row {
        [NAME_VERSION, id @ ..] => id.try_into().map(u32::from_be_bytes).map(FolderId).ok(),
        _ => None,
    }
    .ok_or_else(|| Error::Damaged("row of a folder name".into()))
}

impl View<'_> {
    /// The folders of an account, by name.
    ///
    /// # Errors
    /// Engine.
    pub fn folders(&self, account: AccountId) -> Result<Vec<Folder>> {
        let prefix = keys::folders(account);
        let rows = self.range(&prefix, &keys::after(&prefix), usize::MAX)?;
        let mut folders = rows.iter().map(|(key, row)| decode(key, row)).collect::<Result<Vec<_>>>()?;
        folders.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(folders)
    }

    /// The folder with this exact name (`INBOX` in any case).
    ///
    /// # Errors
    /// Engine.
    pub fn folder_named(&self, account: AccountId, name: &str) -> Result<Option<Folder>> {
        match self.get(&keys::folder_name(account, &names::canonical(name)))? {
            Some(row) => self.folder(account, decode_name(&row)?),
            None => Ok(None),
        }
    }

    /// The folder with this id.
    ///
    /// # Errors
    /// Engine.
    pub fn folder(&self, account: AccountId, folder: FolderId) -> Result<Option<Folder>> {
        let key = keys::folder(account, folder);
        self.get(&key)?.map(|row| decode(&key, &row)).transpose()
    }

    /// The names an account is subscribed to.
    ///
    /// # Errors
    /// Engine.
    pub fn subscriptions(&self, account: AccountId) -> Result<Vec<String>> {
        let prefix = keys::subscription(account, "");
        let rows = self.range(&prefix, &keys::after(&prefix), usize::MAX)?;
        Ok(rows
            .iter()
            .map(|(key, _)| String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into())
            .collect())
    }
}

impl Store {
    /// CREATE, with missing parents.
    ///
    /// # Errors
    /// The name is taken or not allowed; store.
    pub async fn create_folder(
        &self,
        account: AccountId,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> std::result::Result<Folder, FolderError> {
        // RFC 9051 §6.3.4: a separator at the end declares that names will be created below; it is no level.
        let name = names::checked(name.strip_suffix(SEPARATOR).unwrap_or(name), self.settings())?;
        for _ in 0..MAX_ATTEMPTS {
            let folders = self.read(move |view| view.folders(account)).await?;
            if folders.iter().any(|folder| folder.name == name) {
                return Err(FolderError::Exists(name));
            }
            if special_use.is_some() && folders.iter().any(|folder| folder.special_use == special_use) {
                return Err(FolderError::NotAllowed("there is a folder for this special use already"));
            }
            let mut batch = Batch::new();
            self.create_missing(&mut batch, account, &folders, names::parents(&name), 1)?;
            let created = create_folder_in(&mut batch, account, &name, special_use)?;
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    let fields = created.id(&committed).zip(created.uid_validity(&committed));
                    let (id, uid_validity) = fields.ok_or_else(|| Error::Engine("no numbers were given".into()))?;
                    return Ok(Folder { id, name, uid_validity, special_use, keywords: Vec::new(), moved: None });
                }
            }
        }
        Err(busy().into())
    }

    /// Adds those of `names` that are no folders yet, if there is room for them and `more`.
    fn create_missing<'a>(
        &self,
        batch: &mut Batch,
        account: AccountId,
        folders: &[Folder],
        names: impl Iterator<Item = &'a str>,
        more: usize,
    ) -> std::result::Result<(), FolderError> {
        let mut count = folders.len() + more;
        for name in names.filter(|name| folders.iter().all(|folder| folder.name != **name)) {
            create_folder_in(batch, account, name, None)?;
            count += 1;
        }
        if count > self.settings().max_folders {
            return Err(FolderError::NotAllowed("too many folders"));
        }
        Ok(())
    }

    /// RENAME, with everything below; renaming INBOX moves its messages into a new folder (RFC 9051 §6.3.6).
    ///
    /// # Errors
    /// Missing, taken, not allowed; store.
    pub async fn rename_folder(
        &self,
        account: AccountId,
        from: &str,
        to: &str,
        now: Timestamp,
    ) -> std::result::Result<(), FolderError> {
        let from = names::canonical(from);
        let to = names::checked(to.strip_suffix(SEPARATOR).unwrap_or(to), self.settings())?;
        if from == INBOX {
            return self.rename_inbox(account, &to, now).await;
        }
        if to == from || names::is_below(&to, &from) {
            return Err(FolderError::NotAllowed("a folder cannot become its own child"));
        }
        for _ in 0..MAX_ATTEMPTS {
            let folders = self.read(move |view| view.folders(account)).await?;
            let batch = self.renaming(account, &folders, (&from, &to), now)?;
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
        Err(busy().into())
    }

    fn renaming(
        &self,
        account: AccountId,
        folders: &[Folder],
        (from, to): (&str, &str),
        now: Timestamp,
    ) -> std::result::Result<Batch, FolderError> {
        if folders.iter().any(|folder| folder.name == to) {
            return Err(FolderError::Exists(to.into()));
        }
        let moved: Vec<_> =
            folders.iter().filter(|folder| folder.name == from || names::is_below(&folder.name, from)).collect();
        if moved.is_empty() {
            return Err(FolderError::Missing(from.into()));
        }
        let mut batch = Batch::new();
        self.create_missing(&mut batch, account, folders, names::parents(to), 0)?;
        for folder in moved {
            let rest = folder.name.strip_prefix(from).unwrap_or_default();
            let name = names::checked(&format!("{to}{rest}"), self.settings())?;
            if folders.iter().any(|other| other.name == name && name != from && !names::is_below(&name, from)) {
                return Err(FolderError::Exists(name));
            }
            let id = name_row(folder.id);
            let (old_key, new_key) = (keys::folder_name(account, &folder.name), keys::folder_name(account, &name));
            let key = keys::folder(account, folder.id);
            batch.require(Precondition::Equals(key.clone(), encode(folder)?));
            batch.require(Precondition::Absent(new_key.clone()));
            batch.delete(old_key);
            batch.put(new_key, id);
            batch.put(key, encode(&Folder { name, moved: Some(now), ..folder.clone() })?);
        }
        batch.publish(Topic::Account(account));
        Ok(batch)
    }

    async fn rename_inbox(&self, account: AccountId, to: &str, now: Timestamp) -> std::result::Result<(), FolderError> {
        let target = self.create_folder(account, to, None).await?;
        let inbox = self.read(move |view| view.folder_named(account, INBOX)).await?;
        let inbox = inbox.ok_or_else(|| FolderError::Missing(INBOX.into()))?.id;
        let uids: Vec<_> = self.read(move |view| view.uids(account, inbox)).await?.iter().collect();
        for chunk in uids.chunks(self.settings().max_copy_messages.max(1)) {
            self.move_messages(account, inbox, chunk.to_vec(), target.id, now).await?;
        }
        Ok(())
    }

    /// SUBSCRIBE and UNSUBSCRIBE.
    ///
    /// # Errors
    /// Too many subscriptions, or a name that no folder can have; store.
    pub async fn set_subscription(
        &self,
        account: AccountId,
        name: &str,
        subscribed: Subscription,
    ) -> std::result::Result<(), FolderError> {
        let key = keys::subscription(account, &names::canonical(name));
        if subscribed == Subscription::On {
            names::checked(name, self.settings())?;
            let known = self.read(move |view| view.subscriptions(account)).await?;
            if known.len() >= self.settings().max_folders {
                return Err(FolderError::NotAllowed("too many subscriptions"));
            }
        }
        let mut batch = Batch::new();
        match subscribed {
            Subscription::On => batch.put(key, vec![SUBSCRIPTION_VERSION]),
            Subscription::Off => batch.delete(key),
        }
        batch.publish(Topic::Account(account));
        self.commit(batch).await?;
        Ok(())
    }
}

/// Somebody else was faster too often.
pub(super) fn busy() -> Error {
    Error::Engine("the folder is changed by too many at once".into())
}
