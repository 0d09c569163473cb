//! S10 numbers for letters on paper: each range is used once, in order, in blocks that are reserved durably
//! before the first number of a block is given out. A crash loses what is left of a block and re-uses nothing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::postal::{S10, S10Range};
use crate::store::{self, Batch, Store, keys};

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct S10Numbers {
    store: Store,
    block: u32,
    /// What is left of the current block of each range: next and end, counted from 0.
    blocks: Arc<Mutex<HashMap<String, (u64, u64)>>>,
}

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub(super) enum S10Exhausted {
    /// The range is used up.
    #[error("the S10 numbers of service {0} are used up; configure a new range")]
    UsedUp(String),
    /// The range in the configuration is none.
    #[error("the S10 range of service {service}: {source}")]
    BadRange {
        /// Its service indicator.
        service: String,
        /// What is wrong.
        source: crate::postal::S10Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl S10Numbers {
    /// Numbers in blocks of `block`.
    #[must_use]
    pub(super) fn new(store: Store, block: u32) -> Self {
        S10Numbers { store, block: block.max(1), blocks: Arc::default() }
    }

    /// The next number of a range; nobody will ever get it again.
    ///
    /// # Errors
    /// See [`S10Exhausted`].
    pub(super) async fn take(&self, range: &S10Range) -> Result<S10, S10Exhausted> {
        let name = format!("s10 {} {}", range.service, range.first);
        let mut blocks = self.blocks.lock().await;
        let (next, end) = blocks.entry(name.clone()).or_insert((0, 0));
        if next >= end {
            let mut batch = Batch::new();
            let slot = batch.allocate(keys::fact(&name), self.block);
            let first = self.store.commit(batch).await?.number(slot);
            // Counters begin at 1.
            *next = first.saturating_sub(1);
            *end = *next + u64::from(self.block);
        }
        let number =
            range.number(*next).map_err(|source| S10Exhausted::BadRange { service: range.service.clone(), source })?;
        *next += 1;
        number.ok_or_else(|| S10Exhausted::UsedUp(range.service.clone()))
    }
}
