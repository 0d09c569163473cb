//! Documents in the packs that a row names and seals for somebody: what proves a confirmation, what a receipt shows. The
//! row holds where the document lies, and its key.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::check::Claims;
use super::vault::DocumentKey;
use super::{Batch, Hole, Owner, RecordRef, Result, Store, Template, View, WrappedKey, rows};
use crate::ids::BodyId;

const VERSION: u8 = 1;

/// Where in such a row the record stands.
pub(super) const PLACE: [usize; 1] = [1];

/// A document for a batch.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// What the key is bound to.
    sha256: [u8; 32],
    /// What seals it.
    key: Option<DocumentKey>,
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    sha256: [u8; 32],
    key: Option<WrappedKey>,
}

impl Store {
    /// A document, sealed for its owner. `told_by` is what tells it from the same bytes stored before: those are two
    /// documents with two keys.
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged`, I/O; there is no randomness.
    pub async fn new_document(&self, owner: Owner, told_by: &[u8], bytes: Vec<u8>) -> Result<NewDocument> {
        if let Owner::Account(account) = owner {
            self.ready_keys(vec![account]).await?;
        }
        let sha256 = Sha256::new().chain_update(told_by).chain_update(&bytes).finalize().into();
        let key = self.document_key(owner, sha256)?;
        Ok(NewDocument { sha256, key, bytes })
    }
}

impl NewDocument {
    /// Puts the document and its row into a batch.
    pub(super) fn put(self, batch: &mut Batch, at: Vec<u8>) -> Result<()> {
        let NewDocument { sha256, key, bytes } = self;
        let (key, wrapped) = key.map_or((None, None), |key| (Some(key.key), Some(key.wrapped)));
        let record = batch.record_beside(key.as_ref(), bytes);
        let rest = rows::encode(VERSION, &Row { sha256, key: wrapped })?;
        batch.put(at, Template::from(vec![VERSION]).hole(Hole::Record(record)).bytes(&rest));
        Ok(())
    }
}

impl View<'_> {
    /// The document of a row.
    pub(super) fn document(&self, row: &[u8]) -> Result<Vec<u8>> {
        let (record, Row { sha256, key }) = split(row)?;
        let key = self.data_key(BodyId(sha256), key.as_ref())?;
        Ok(self.record(record, key.as_ref())?.to_vec())
    }
}

/// What a row names.
pub(super) fn claims(row: &[u8]) -> Result<Claims> {
    let (record, Row { sha256, key }) = split(row)?;
    let mut claims = Claims::default();
    claims.records.push(record);
    claims.opens(BodyId(sha256), key);
    Ok(claims)
}

fn split(row: &[u8]) -> Result<(RecordRef, Row)> {
    let (record, rest) = rows::split_place(VERSION, row)?;
    Ok((record, rows::decode(VERSION, rest)?))
}
