//! The bytes of a message: recipient prefix, item prefix, body, as one (DESIGN 7).

use bytes::{Bytes, BytesMut};

use super::Message;
use crate::ids::BodyId;
use crate::store::{RecordRef, Result, Store, View};

/// The bytes of one message: recipient prefix, item prefix and body, read by range.
#[derive(Clone, Debug)]
pub struct MessageBytes {
    recipient_prefix: RecordRef,
    item_prefix: RecordRef,
    body: BodyId,
    body_bytes: u64,
    store: Store,
}

impl MessageBytes {
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
    /// `Damaged` when a record's checksum does not fit; I/O.
    pub async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let bytes = self.clone();
        self.store.read(move |view| bytes.read_in(view, offset, len)).await
    }

    /// The same for callers that are on a blocking thread already.
    ///
    /// # Errors
    /// As [`MessageBytes::read_at`].
    pub fn read_at_blocking(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.store.read_blocking(|view| self.read_in(view, offset, len))
    }

    fn read_in(&self, view: &View<'_>, offset: u64, len: usize) -> Result<Bytes> {
        let end = self.len().min(offset.saturating_add(len as u64));
        let body_at = u64::from(self.recipient_prefix.len()) + u64::from(self.item_prefix.len());
        if offset >= body_at {
            return view.body(self.body, offset - body_at, len);
        }
        let mut bytes = BytesMut::new();
        let mut begin = 0;
        for prefix in [self.recipient_prefix, self.item_prefix] {
            let (from, until) = (offset.max(begin) - begin, end.saturating_sub(begin));
            if from < u64::from(prefix.len()) && from < until {
                let packs = &view.store.inner.packs;
                bytes.extend_from_slice(&packs.read(prefix, from, usize_of(until - from))?);
            }
            begin += u64::from(prefix.len());
        }
        if end > body_at {
            bytes.extend_from_slice(&view.body(self.body, 0, usize_of(end - body_at))?);
        }
        Ok(bytes.freeze())
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
            store: self.clone(),
        }
    }

    /// The bytes of an item as it travels on: item prefix and body, without any recipient's prefix.
    #[must_use]
    pub fn item_bytes(&self, item_prefix: RecordRef, body: BodyId, body_bytes: u64) -> MessageBytes {
        MessageBytes { recipient_prefix: RecordRef::default(), item_prefix, body, body_bytes, store: self.clone() }
    }
}
