//! Messages into a folder, many to a commit.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::labels::Labels;
use super::{Error, Result, Services};
use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, EmailId, ThreadId, Uid};
use crate::message::headers::find;
use crate::message::ids::{MessageIdHash, message_id_hash, reference_hashes};
use crate::message::{Scanner, Summary};
use crate::store::mailboxes::{
    Flags, Folder, FolderError, Message, NewMessage, Origin, Prefix, SpecialUse, Subscription, add_message,
};
use crate::store::quota::{Allowance, Usage};
use crate::store::vault::{LetterKey, Sharing};
use crate::store::{self, Batch, BodyWriter, Precondition, StagedBody, View, keys};

/// Messages and bytes of one commit: what is lost when the import is stopped, and what waits in memory.
const MESSAGES_A_COMMIT: u64 = 500;
const BYTES_A_COMMIT: u64 = 8 << 20;

/// Rows read at a time.
const CHUNK: usize = 500;

/// A message that is being read.
#[derive(Debug)]
pub(super) struct Incoming {
    writer: BodyWriter,
    scanner: Scanner,
    limit: u64,
}

/// How a message is labelled.
pub(super) enum Labelling {
    /// The file says so.
    Given(Labels),
    /// By the fields of its header, as in an mbox of another program.
    OfHeader,
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It waits for the commit of its batch.
    Added,
    /// As `Added`, without some keywords: the folder cannot have more.
    AddedWithout(FolderError),
    /// An earlier import brought it.
    AlreadyThere,
    /// No message at all: a note that some program keeps in its mbox.
    NoMessage,
    /// Over the limit, bytes.
    TooLarge(u64),
    /// The mailbox has no room for it.
    NoRoom,
}

/// The open folder.
pub(super) struct Deposit<'a> {
    services: &'a Services,
    account: AccountId,
    folder: Folder,
    /// How often each message was there when the import began.
    present: HashMap<u128, u32>,
    batch: Batch,
    messages: u64,
    bytes: u64,
    allowance: Allowance,
    /// What the account held when the batch was begun.
    held: Usage,
    /// Threads of messages that are not committed yet.
    threads: HashMap<MessageIdHash, ThreadId>,
    pub(super) done: Tally,
}

/// What has been committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Incoming {
    /// What is over the limit is counted, not kept.
    pub(super) fn feed(&mut self, bytes: &[u8], seen: &mut u64) -> Result<()> {
        *seen += bytes.len() as u64;
        if *seen <= self.limit {
            self.scanner.push(bytes);
            self.writer.write(bytes)?;
        }
        Ok(())
    }
}

impl<'a> Deposit<'a> {
    /// Opens a folder of the account, and makes it when there is none.
    pub(super) fn open(
        services: &'a Services,
        account: AccountId,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<Self> {
        let folder = find_or_create(services, account, name, special_use)?;
        let present = present(services, account, &folder)?;
        let owner = services.store.read_blocking(|view| view.account(account))?;
        Ok(Deposit {
            services,
            account,
            folder,
            present,
            batch: Batch::new(),
            messages: 0,
            bytes: 0,
            allowance: services.quota.allowance(owner.as_ref()),
            held: Usage::default(),
            threads: HashMap::new(),
            done: Tally::default(),
        })
    }

    /// A place for the bytes of the next message.
    pub(super) fn incoming(&self) -> Incoming {
        let scanner = Scanner::new(self.services.caps.clone());
        Incoming { writer: self.services.store.stage(), scanner, limit: self.services.max_message_bytes }
    }

    /// Takes a complete message; `seen` are its bytes.
    pub(super) fn add(
        &mut self,
        incoming: Incoming,
        seen: u64,
        labelling: Labelling,
        date: Timestamp,
    ) -> Result<Outcome> {
        if seen > incoming.limit {
            return Ok(Outcome::TooLarge(incoming.limit));
        }
        let body = incoming.writer.finish()?;
        let structure = incoming.scanner.finish();
        // A message that is all header would be in memory as a whole.
        let header_bytes = usize::try_from(structure.facts.header_bytes).unwrap_or(usize::MAX);
        let header = body.read_at(0, header_bytes.min(self.services.caps.max_header_bytes))?;
        let labels = match labelling {
            Labelling::OfHeader if is_internal_data(&header) => return Ok(Outcome::NoMessage),
            Labelling::OfHeader => Labels::of_header(&header),
            Labelling::Given(labels) => labels,
        };
        let key = self.services.store.letter_key(&body, Sharing::Again(self.account))?;
        // One that came before encryption was turned on or off is known by its other name.
        for id in [Some(body.id()), key.as_ref().map(LetterKey::body)].into_iter().flatten() {
            if let Some(count) = self.present.get_mut(&name_of(id, date)).filter(|count| **count > 0) {
                *count -= 1;
                return Ok(Outcome::AlreadyThere);
            }
        }
        if !self.has_room(body.len())? {
            return Ok(Outcome::NoRoom);
        }
        let (keywords, refused) = self.keywords(labels.keywords)?;
        let summary = Summary::of(&[], &structure, &header).encode();
        self.put(body, key, Facts { flags: labels.flags, keywords, date, summary, header: &header })?;
        Ok(refused.map_or(Outcome::Added, Outcome::AddedWithout))
    }

    /// The mailbox has room for a message of so many bytes beside those that wait.
    fn has_room(&mut self, bytes: u64) -> Result<bool> {
        if self.messages == 0 {
            self.held = self.services.store.read_blocking(|view| view.usage(self.account))?;
        }
        let more = Usage { bytes: self.bytes.saturating_add(bytes), messages: self.messages + 1 };
        Ok(self.allowance.has_room(self.held, more))
    }

    fn put(&mut self, body: StagedBody, key: Option<LetterKey>, facts: Facts<'_>) -> Result<()> {
        if self.messages == 0 {
            self.services.store.check_space()?;
            self.batch.require(Precondition::Present(keys::folder(self.account, self.folder.id)));
        }
        let message_id = message_id_hash(facts.header);
        let thread = self.thread(message_id, facts.header)?;
        let world = &self.services.world;
        let none = Prefix { record: None, len: 0 };
        let body_bytes = body.len();
        let message = NewMessage {
            account: self.account,
            folder: self.folder.id,
            flags: facts.flags,
            keywords: facts.keywords,
            internal_date: facts.date,
            save_date: world.now(),
            item: None,
            email: EmailId::generate(world),
            thread,
            message_id,
            // P19: no stamping of a user's materials.
            origin: Origin::Deposited,
            recipient_prefix: none,
            item_prefix: none,
            body: self.batch.letter(body, key),
            body_bytes,
            summary: facts.summary,
        };
        add_message(&mut self.batch, &message)?;
        self.messages += 1;
        self.bytes += body_bytes;
        if self.messages >= MESSAGES_A_COMMIT || self.bytes >= BYTES_A_COMMIT { self.commit() } else { Ok(()) }
    }

    /// Commits what waits.
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.messages == 0 {
            return Ok(());
        }
        // What others bring meanwhile counts too.
        self.allowance.bound(&mut self.batch, self.account);
        match self.services.store.commit_blocking(std::mem::take(&mut self.batch)) {
            Err(store::Error::Conflict(_)) => return Err(Error::NoFolder(self.folder.name.clone())),
            committed => committed?,
        };
        self.done.messages += std::mem::take(&mut self.messages);
        self.done.bytes += std::mem::take(&mut self.bytes);
        self.threads.clear();
        Ok(())
    }

    /// The thread of the nearest relative; a message that is here already is a member of its own thread.
    fn thread(&mut self, own: Option<MessageIdHash>, header: &[u8]) -> Result<ThreadId> {
        let family = own.into_iter().chain(reference_hashes(header));
        let (account, threads) = (self.account, &self.threads);
        let known = |view: &View<'_>| {
            for hash in family {
                let found = threads.get(&hash).copied();
                if let Some(thread) =
                    found.map_or_else(|| view.thread_of(account, &[hash]), |thread| Ok(Some(thread)))?
                {
                    return Ok(Some(thread));
                }
            }
            Ok(None)
        };
        let thread = self.services.store.read_blocking(known)?;
        let thread = thread.unwrap_or_else(|| ThreadId::generate(&self.services.world));
        if let Some(own) = own {
            self.threads.insert(own, thread);
        }
        Ok(thread)
    }

    /// The numbers of keywords in this folder. Those that it cannot have are left out, and it says why.
    fn keywords(&mut self, names: Vec<String>) -> Result<(SmallVec<[u16; 4]>, Option<FolderError>)> {
        let (mut numbers, mut refused) = (SmallVec::new(), None);
        for name in names {
            if self.folder.keyword(&name).is_none() {
                let (store, id) = (&self.services.store, self.folder.id);
                match self.services.runtime.block_on(store.with_keywords(self.account, id, vec![name.clone()])) {
                    Ok((folder, _)) => self.folder = folder,
                    Err(FolderError::Store(error)) => return Err(error.into()),
                    Err(FolderError::Missing(_)) => return Err(Error::NoFolder(self.folder.name.clone())),
                    Err(error) => refused = Some(error),
                }
            }
            numbers.extend(self.folder.keyword(&name));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok((numbers, refused))
    }
}

struct Facts<'a> {
    flags: Flags,
    keywords: SmallVec<[u16; 4]>,
    date: Timestamp,
    summary: Vec<u8>,
    header: &'a [u8],
}

fn find_or_create(
    services: &Services,
    account: AccountId,
    name: &str,
    special_use: Option<SpecialUse>,
) -> Result<Folder> {
    let find = || {
        services.store.read_blocking(|view| {
            let folders = view.folders(account)?;
            let of_use = folders.iter().position(|folder| special_use.is_some() && folder.special_use == special_use);
            match of_use.and_then(|at| folders.into_iter().nth(at)) {
                Some(folder) => Ok(Some(folder)),
                None => view.folder_named(account, name),
            }
        })
    };
    if let Some(folder) = find()? {
        return Ok(folder);
    }
    let why = |why| Error::Folder { name: name.to_owned(), why };
    let folder = match services.runtime.block_on(services.store.create_folder(account, name, special_use)) {
        // Somebody else made it at this moment.
        Err(FolderError::Exists(_)) => return find()?.ok_or_else(|| Error::NoFolder(name.to_owned())),
        created => created.map_err(why)?,
    };
    let subscribed = services.store.set_subscription(account, &folder.name, Subscription::On);
    services.runtime.block_on(subscribed).map_err(why)?;
    Ok(folder)
}

/// The messages that an import put into the folder before, so that it can be run again after it was stopped.
fn present(services: &Services, account: AccountId, folder: &Folder) -> Result<HashMap<u128, u32>> {
    let mut present = HashMap::new();
    let mut from = Uid::new(1);
    while let Some(first) = from {
        let messages = services.store.read_blocking(|view| view.messages(account, folder.id, first, CHUNK))?;
        let deposited = |message: &&Message| message.origin == Origin::Deposited && message.prefix_len() == 0;
        for message in messages.iter().filter(deposited) {
            *present.entry(name_of(message.body, message.internal_date)).or_default() += 1;
        }
        let last = messages.last().filter(|_| messages.len() == CHUNK);
        from = last.and_then(|last| Uid::new(last.uid.get().checked_add(1)?));
    }
    Ok(present)
}

/// What makes two messages the same for an import: their bytes and their date.
fn name_of(body: BodyId, date: Timestamp) -> u128 {
    let hash = blake3::Hasher::new().update(&body.0).update(&date.as_microsecond().to_be_bytes()).finalize();
    hash.as_bytes().first_chunk().map_or(0, |short| u128::from_be_bytes(*short))
}

/// UW-IMAP, Pine and Dovecot keep their own facts in a first message that no client shows.
fn is_internal_data(header: &[u8]) -> bool {
    let is_theirs = find(header, "X-IMAP").is_some() || find(header, "X-IMAPbase").is_some();
    is_theirs && find(header, "Subject").is_some_and(|subject| subject.text().contains("FOLDER INTERNAL DATA"))
}
