//! What is done for a batch before its turn comes: its records are compressed and sealed by whoever brings it,
//! and large bodies are written, so that the committer has only bytes to write.

use std::sync::Arc;

use super::super::batch::{Batch, NewBody};
use super::super::bodies::full_or_io;
use super::super::packs::{Compression, Encoded, RecordRef};
use super::super::{Error, Result, Store, keys};
use crate::ids::BodyId;

/// Batches with less than this to be compressed and sealed are made ready by who brings them, also on a thread that
/// serves others: it takes less than passing it on.
const MAX_PASSING_BYTES: u64 = 64 << 10;

/// The bytes of a batch, ready to be written.
#[derive(Debug, Default)]
pub(in crate::store) struct Ready {
    /// In the order of the batch.
    pub(in crate::store) records: Vec<Encoded>,
    pub(in crate::store) bodies: Vec<ReadyBody>,
}

/// A body on its way to the committer.
#[derive(Debug)]
pub(in crate::store) enum ReadyBody {
    /// Coded in memory.
    Encoded(Encoded),
    /// On stable storage already. If its pack has gone when its turn comes it is written again.
    Written(RecordRef, NewBody),
    /// The same body was there; if it has gone when its turn comes it is written after all.
    There(NewBody),
}

impl Ready {
    /// The batch brings nothing for the packs.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.bodies.is_empty()
    }
}

impl ReadyBody {
    pub(super) fn id(&self) -> BodyId {
        match self {
            ReadyBody::Encoded(record) => BodyId(record.id()),
            ReadyBody::Written(_, body) | ReadyBody::There(body) => body.id(),
        }
    }
}

impl Store {
    /// Makes a batch ready; away from the threads that serve everybody when that takes long.
    pub(in crate::store) async fn prepare(&self, mut batch: Batch) -> Result<(Batch, Ready)> {
        let is_large = batch.bodies.iter().any(|body| body.staged.is_large());
        let records = batch.records.iter().map(|(bytes, _)| bytes.len() as u64);
        let bytes: u64 = records.chain(batch.bodies.iter().map(|body| body.staged.len())).sum();
        if !is_large && bytes <= MAX_PASSING_BYTES {
            let ready = self.encode(&mut batch, LookUp::No)?;
            return Ok((batch, ready));
        }
        let turn = match is_large {
            true => Some(Arc::clone(&self.inner.large_turn).acquire_owned().await.map_err(|_| Error::Closed)?),
            false => None,
        };
        let store = self.clone();
        let preparing = tokio::task::spawn_blocking(move || {
            let prepared = store.prepare_blocking(batch);
            drop(turn);
            prepared
        });
        preparing.await.map_err(|_| Error::Closed)?
    }

    /// [`Store::prepare`] on the caller's thread.
    pub(in crate::store) fn prepare_blocking(&self, mut batch: Batch) -> Result<(Batch, Ready)> {
        let ready = self.encode(&mut batch, LookUp::Yes)?;
        Ok((batch, ready))
    }

    fn encode(&self, batch: &mut Batch, look_up: LookUp) -> Result<Ready> {
        let compression = Compression::of(&self.inner.settings);
        let encode = |(bytes, seal): (Vec<u8>, _)| Encoded::bytes(&bytes, compression, Option::as_ref(&seal));
        let records = std::mem::take(&mut batch.records).into_iter().map(encode).collect::<Result<_>>()?;
        let bodies = std::mem::take(&mut batch.bodies).into_iter();
        let bodies = bodies.map(|body| self.encode_body(body, compression, look_up)).collect::<Result<_>>()?;
        Ok(Ready { records, bodies })
    }

    fn encode_body(&self, body: NewBody, compression: Compression, look_up: LookUp) -> Result<ReadyBody> {
        if look_up == LookUp::Yes && self.inner.versions.newest(&keys::body(body.id()))?.is_some() {
            return Ok(ReadyBody::There(body));
        }
        if !body.staged.is_large() {
            let bytes = body.staged.read_at(0, usize::MAX >> 1)?;
            let encoded = Encoded::body(body.id(), &bytes, compression, body.seal.as_ref());
            return encoded.map(ReadyBody::Encoded);
        }
        // Written and synced now. If the batch then fails, the bytes lie in the pack unnamed until it is compacted.
        self.check_space()?;
        let place = self.inner.large.lock().write_body(&body).map_err(|error| match error {
            Error::Io(error) => full_or_io(error),
            other => other,
        })?;
        Ok(ReadyBody::Written(place, body))
    }
}

/// Whether the rows are asked if a body is there already. They must not be on a thread that serves others
/// (DESIGN 3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum LookUp {
    Yes,
    No,
}
