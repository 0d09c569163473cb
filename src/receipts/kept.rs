//! Receipts that users find again in the cabinet: what each shows is kept beside the letter that brings it, so that its
//! page can be drawn again when that letter is gone.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::hybrid::receipt::ReceiptPage;
use crate::ids::AccountId;
use crate::store::receipts::{Owed, ReceiptId};
use crate::store::{self, Batch, Owner, Store, View, papers, rows};

use super::letter::{instant, stage_name};

const VERSION: u8 = 1;

/// What a receipt shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptReceipt {
    /// The recipient that it is about.
    pub recipient: String,
    /// The S10 number of a letter on paper.
    pub s10: Option<String>,
    /// When what it tells of happened, milliseconds since 1970.
    happened_ms: u64,
    /// The page.
    pub page: ReceiptPage,
}

impl KeptReceipt {
    pub(super) fn of(owed: &Owed, page: ReceiptPage) -> Self {
        let details = &owed.details;
        KeptReceipt {
            recipient: details.recipient.clone(),
            s10: details.s10.clone(),
            happened_ms: details.happened_ms,
            page,
        }
    }

    /// When what it tells of happened.
    #[must_use]
    pub fn happened(&self) -> Timestamp {
        instant(self.happened_ms)
    }

    /// Puts it into the batch that brings it to the user.
    pub(super) async fn keep(
        &self,
        store: &Store,
        batch: &mut Batch,
        account: AccountId,
        id: ReceiptId,
    ) -> store::Result<()> {
        let name = name(id);
        let shown = store.new_document(Owner::Account(account), name.as_bytes(), rows::encode(VERSION, self)?).await?;
        papers::add_receipt(batch, account, id, shown)
    }
}

/// Up to `limit` receipts of an account before `before`, that of the newest letter first.
///
/// # Errors
/// Store.
pub fn kept(
    view: &View<'_>,
    account: AccountId,
    before: Option<ReceiptId>,
    limit: usize,
) -> store::Result<Vec<(ReceiptId, KeptReceipt)>> {
    let found = view.receipts_of(account, before, limit)?;
    found.into_iter().map(|(id, bytes)| Ok((id, rows::decode(VERSION, &bytes)?))).collect()
}

/// A receipt of an account.
///
/// # Errors
/// Store.
pub fn kept_one(view: &View<'_>, account: AccountId, id: ReceiptId) -> store::Result<Option<KeptReceipt>> {
    let found = view.receipt_of(account, id)?;
    found.map(|bytes| rows::decode(VERSION, &bytes)).transpose()
}

/// As addresses of pages and names of files have it: `01K…-1-accepted`.
#[must_use]
pub fn name(id: ReceiptId) -> String {
    format!("{}-{}-{}", id.item, id.recipient, stage_name(id.stage))
}

/// The receipt of this name.
#[must_use]
pub fn named(name: &str) -> Option<ReceiptId> {
    use store::receipts::Stage;
    let (item, rest) = name.split_once('-')?;
    let (recipient, stage) = rest.split_once('-')?;
    let stages = [Stage::Accepted, Stage::Delivered, Stage::Handed, Stage::Returned];
    let stage = stages.into_iter().find(|known| stage_name(*known) == stage)?;
    Some(ReceiptId { item: item.parse().ok()?, recipient: recipient.parse().ok()?, stage })
}
