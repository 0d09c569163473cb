//! The bytes of a message: recipient prefix, item prefix, body, as one (DESIGN 7).

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::Message;
use crate::ids::BodyId;
use crate::store::bodies::BodyRow;
use crate::store::queue::Queued;
use crate::store::{DataKey, RecordRef, Result, Store, View, WrappedKey, keys};

/// Bytes of a message that is suspected to be damaged, read at a time.
const LOOK_BYTES: usize = 1 << 20;

/// The bytes of one message: recipient prefix, item prefix and body, read by range.
#[derive(Clone, Debug)]
pub struct MessageBytes {
    recipient_prefix: RecordRef,
    item_prefix: RecordRef,
    body: BodyId,
    body_bytes: u64,
    /// Where the body may lie.
    body_hint: RecordRef,
    /// Opens the records, if they are sealed.
    key: Key,
    store: Store,
}

/// What opens sealed records.
#[derive(Clone, Debug)]
enum Key {
    /// As the row has it, if they are sealed.
    InRow(Option<WrappedKey>),
    Open(Option<DataKey>),
}

impl MessageBytes {
    /// The same bytes for one who has the key itself.
    #[must_use]
    pub fn with_key(self, key: Option<DataKey>) -> Self {
        MessageBytes { key: Key::Open(key), ..self }
    }

    /// Length of the whole message.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::from(self.recipient_prefix.len()) + u64::from(self.item_prefix.len()) + self.body_bytes
    }

    /// A message of no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to `len` bytes from `offset`; shorter only at the end. Reads on the bounded pool.
    ///
    /// # Errors
    /// `Damaged` when a record's checksum does not fit or the key does not open it; `Sealed`; I/O.
    pub async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let bytes = self.clone();
        self.store.read(move |view| bytes.read_in(view, offset, len)).await
    }

    /// Makes sure that a range can be read, before anybody is told that it comes: its beginning, and all of it if
    /// something of the message was found damaged before. So a damaged message breaks at most one answer off. Answers
    /// up to `len` bytes of that beginning, so that they need not be read again.
    ///
    /// # Errors
    /// As [`MessageBytes::read_at`].
    pub async fn look_at(&self, range: Range<u64>, len: usize) -> Result<Bytes> {
        let bytes = self.clone();
        self.store.read(move |view| bytes.look_in(view, range, len)).await
    }

    fn look_in(&self, view: &View<'_>, range: Range<u64>, len: usize) -> Result<Bytes> {
        let beginning = self.read_in(view, range.start, len.min(usize_of(range.end - range.start)))?;
        let packs = &view.store.inner.packs;
        if !packs.has_suspects() {
            return Ok(beginning);
        }
        let body = view.get(&keys::body(self.body))?.map(|row| BodyRow::decode(&row)).transpose()?;
        let mut places = [self.recipient_prefix, self.item_prefix].into_iter().chain(body.map(|body| body.place));
        let mut at = range.start;
        if !places.any(|place| packs.is_suspect(place)) {
            return Ok(beginning);
        }
        while at < range.end {
            let piece = self.read_in(view, at, LOOK_BYTES.min(usize_of(range.end - at)))?;
            at += piece.len().max(1) as u64;
        }
        Ok(beginning)
    }

    /// [`MessageBytes::read_at`] for callers that are on a blocking thread already.
    ///
    /// # Errors
    /// As [`MessageBytes::read_at`].
    pub fn read_at_blocking(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.store.read_blocking(|view| self.read_in(view, offset, len))
    }

    fn read_in(&self, view: &View<'_>, offset: u64, len: usize) -> Result<Bytes> {
        let end = self.len().min(offset.saturating_add(len as u64));
        let key = match &self.key {
            Key::InRow(wrapped) => view.data_key(self.body, wrapped.as_ref())?,
            Key::Open(key) => key.clone(),
        };
        let body_at = u64::from(self.recipient_prefix.len()) + u64::from(self.item_prefix.len());
        if offset >= body_at {
            return self.read_body(view, offset - body_at, len, key.as_ref());
        }
        let mut bytes = BytesMut::new();
        let mut begin = 0;
        for prefix in [self.recipient_prefix, self.item_prefix] {
            let (from, until) = (offset.max(begin) - begin, end.saturating_sub(begin));
            if from < u64::from(prefix.len()) && from < until {
                let packs = &view.store.inner.packs;
                bytes.extend_from_slice(&packs.read(prefix, from..until, key.as_ref())?);
            }
            begin += u64::from(prefix.len());
        }
        if end > body_at {
            bytes.extend_from_slice(&self.read_body(view, 0, usize_of(end - body_at), key.as_ref())?);
        }
        Ok(bytes.freeze())
    }

    /// A piece of the body: from where it lay when the message's row was made, if that is still this body, whole and of
    /// the same length. Else from where its own row says, and whatever is wrong with it is told of that place. What
    /// looking in vain costs is told at `Packs::read_body`.
    fn read_body(&self, view: &View<'_>, offset: u64, len: usize, key: Option<&DataKey>) -> Result<Bytes> {
        if u64::from(self.body_hint.len()) == self.body_bytes {
            let range = offset..offset.saturating_add(len as u64);
            if let Some(bytes) = view.store.inner.packs.read_body(self.body_hint, self.body, range, key) {
                return Ok(bytes);
            }
        }
        view.body(self.body, offset, len, key)
    }
}

fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

impl Store {
    /// The bytes of a message.
    #[must_use]
    pub fn message_bytes(&self, message: &Message) -> MessageBytes {
        MessageBytes {
            recipient_prefix: message.recipient_prefix,
            item_prefix: message.item_prefix,
            body: message.body,
            body_bytes: message.body_bytes,
            body_hint: message.body_hint,
            key: Key::InRow(message.data_key),
            store: self.clone(),
        }
    }

    /// The bytes of an item as it travels on: item prefix and body, without any recipient's prefix.
    #[must_use]
    pub fn item_bytes(&self, queued: &Queued) -> MessageBytes {
        MessageBytes {
            recipient_prefix: RecordRef::default(),
            item_prefix: queued.item_prefix,
            body: queued.body,
            body_bytes: queued.body_bytes,
            body_hint: RecordRef::default(),
            key: Key::InRow(queued.data_key),
            store: self.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
