//! The hot row of a message, laid out by hand so that the committer finds its holes (DESIGN 9).
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 1 | version |
//! | 1 | 8 | MODSEQ |
//! | 9 | 16 | place of the recipient prefix |
//! | 25 | 16 | place of the item prefix |
//! | 41 | 16 | place of the body when the row was made |
//! | 57 | 1 | system flags |
//! | 58 | 1 | traits: deposited, has an item, has a data key |
//! | 59 | 8 | INTERNALDATE, microseconds since 1970 |
//! | 67 | 8 | SAVEDATE, the same |
//! | 75 | 16 | EMAILID |
//! | 91 | 16 | THREADID |
//! | 107 | 32 | body |
//! | 139 | 8 | its length |
//! | 147 | 1 | number of keywords, then two bytes each |
//! | … | 16 | item, if it has one |
//! | … | 52 | key id and wrapped data key, if it has one |
//!
//! A typical row has 164 bytes. The UID is in the key.
//!
//! The place of the body is a hint: who reads the letter looks there first and need not look for the body's row, which
//! lies anywhere among the rows. Only that row is right. The hint says nothing of what a pack must keep, goes wrong when
//! the body moves without the prefixes, and whoever follows it believes only a record that says itself that it is this
//! body.
//! Rows of version 1 do not have it: what stands behind it begins at 41 there.

use super::{Flags, Message, Origin};
use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, EmailId, FolderId, ItemId, ModSeq, ThreadId, Uid};
use crate::store::{Error, Hole, Owner, RecordRef, RecordSlot, Result, Template, WrappedKey};

const VERSION: u8 = 2;

/// See the module's text.
const WITHOUT_HINT: u8 = 1;

/// Where the hint stands.
const HINT: usize = 41;

/// Where the places of the two prefixes stand.
pub(in crate::store) const PLACES: [usize; 2] = [9, 25];

/// Keywords that one message may carry.
pub(super) const MAX_MESSAGE_KEYWORDS: usize = u8::MAX as usize;

const DEPOSITED: u8 = 1;
const HAS_ITEM: u8 = 2;
const HAS_DATA_KEY: u8 = 4;

/// Where a record lies, or will lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    At(RecordRef),
    Written(RecordSlot),
    /// Where this body lies, which is there or comes with the batch.
    OfBody(BodyId),
}

/// What a row says of where its records lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) recipient_prefix: Place,
    pub(super) item_prefix: Place,
    pub(super) body: Place,
}

impl Places {
    /// Where the row of the message says that they are.
    pub(super) fn of(message: &Message) -> Self {
        let Message { recipient_prefix, item_prefix, body_hint, .. } = message;
        Places {
            recipient_prefix: Place::At(*recipient_prefix),
            item_prefix: Place::At(*item_prefix),
            body: Place::At(*body_hint),
        }
    }
}

/// Where in this row the hint stands, if it can have one.
pub(in crate::store) fn hint_in(row: &[u8]) -> Option<usize> {
    (row.first() == Some(&VERSION)).then_some(HINT)
}

/// The row of `message` with the MODSEQ and the places left to the committer.
pub(super) fn template(message: &Message, modseq: Hole, places: Places) -> Template {
    let row = Template::from(vec![VERSION]).hole(modseq);
    let row = place(place(place(row, places.recipient_prefix), places.item_prefix), places.body);
    let mut rest = vec![message.flags.0, traits(message)];
    rest.extend(message.internal_date.as_microsecond().to_be_bytes());
    rest.extend(message.save_date.as_microsecond().to_be_bytes());
    rest.extend(message.email.to_bytes());
    rest.extend(message.thread.to_bytes());
    rest.extend(message.body.0);
    rest.extend(message.body_bytes.to_be_bytes());
    let keywords = message.keywords.iter().take(MAX_MESSAGE_KEYWORDS);
    rest.push(keywords.len() as u8);
    keywords.for_each(|keyword| rest.extend(keyword.to_be_bytes()));
    if let Some(item) = message.item {
        rest.extend(item.to_bytes());
    }
    if let Some(wrapped) = message.data_key {
        rest.extend(wrapped.key_id.to_be_bytes());
        rest.extend(wrapped.bytes);
    }
    row.bytes(&rest)
}

fn place(row: Template, place: Place) -> Template {
    match place {
        Place::At(place) => row.bytes(&place.to_bytes()),
        Place::Written(slot) => row.hole(Hole::Record(slot)),
        Place::OfBody(body) => row.hole(Hole::Body(body)),
    }
}

fn traits(message: &Message) -> u8 {
    let deposited = if message.origin == Origin::Deposited { DEPOSITED } else { 0 };
    let item = if message.item.is_some() { HAS_ITEM } else { 0 };
    let key = if message.data_key.is_some() { HAS_DATA_KEY } else { 0 };
    deposited | item | key
}

/// Reads a row and, at both ends of its key, the account and the UID.
pub(in crate::store) fn decode(key: &[u8], row: &[u8]) -> Result<Message> {
    let uid = uid_of(key)?;
    let account = key.get(1..).and_then(<[u8]>::first_chunk).map(|id| AccountId(u64::from_be_bytes(*id)));
    let message = account.and_then(|account| read(Owner::Account(account), uid, row));
    message.ok_or_else(|| Error::Damaged(format!("row of message {}", uid.get())))
}

/// Account, folder and UID of the key of a message.
pub(in crate::store) fn place_of(key: &[u8]) -> Result<(AccountId, FolderId, Uid)> {
    let fields = key.get(1..).and_then(|rest| rest.split_first_chunk());
    let fields = fields.and_then(|(account, rest)| Some((account, rest.split_first_chunk()?)));
    match fields {
        Some((account, (folder, [_, _, _, _]))) => {
            Ok((AccountId(u64::from_be_bytes(*account)), FolderId(u32::from_be_bytes(*folder)), uid_of(key)?))
        }
        _ => Err(Error::Damaged("key of a message".into())),
    }
}

/// The UID at the end of a key.
pub(super) fn uid_of(key: &[u8]) -> Result<Uid> {
    key.last_chunk()
        .and_then(|bytes| Uid::new(u32::from_be_bytes(*bytes)))
        .ok_or_else(|| Error::Damaged("key of a message".into()))
}

/// The flags in a row, whoever's it is; `None` when it is damaged.
pub(super) fn flags(uid: Uid, row: &[u8]) -> Option<Flags> {
    read(Owner::System, uid, row).map(|message| message.flags)
}

/// Reads a row; `None` when it is damaged.
fn read(owner: Owner, uid: Uid, row: &[u8]) -> Option<Message> {
    let mut fields = Fields(row);
    let has_hint = match fields.u8()? {
        WITHOUT_HINT => false,
        VERSION => true,
        _ => return None,
    };
    let modseq = ModSeq(fields.u64()?);
    let recipient_prefix = RecordRef::from_bytes(fields.take()?);
    let item_prefix = RecordRef::from_bytes(fields.take()?);
    let body_hint = if has_hint { RecordRef::from_bytes(fields.take()?) } else { RecordRef::default() };
    let flags = Flags(fields.u8()?);
    let traits = fields.u8()?;
    let internal_date = fields.instant()?;
    let save_date = fields.instant()?;
    let email = EmailId(fields.u128()?);
    let thread = ThreadId(fields.u128()?);
    let body = BodyId(fields.take()?);
    let body_bytes = fields.u64()?;
    let keywords = (0..fields.u8()?).map(|_| fields.take().map(u16::from_be_bytes)).collect::<Option<_>>()?;
    let item = if traits & HAS_ITEM == 0 { None } else { Some(ItemId(fields.u128()?)) };
    let data_key = match traits & HAS_DATA_KEY {
        0 => None,
        _ => Some(WrappedKey { owner, key_id: u32::from_be_bytes(fields.take()?), bytes: fields.take()? }),
    };
    let origin = if traits & DEPOSITED == 0 { Origin::Transmitted } else { Origin::Deposited };
    fields.0.is_empty().then_some(Message {
        uid,
        modseq,
        flags,
        keywords,
        internal_date,
        save_date,
        item,
        email,
        thread,
        origin,
        recipient_prefix,
        item_prefix,
        body,
        body_bytes,
        body_hint,
        data_key,
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().map(u128::from_be_bytes)
    }

    fn instant(&mut self) -> Option<Timestamp> {
        Timestamp::from_microsecond(i64::from_be_bytes(self.take()?)).ok()
    }
}
