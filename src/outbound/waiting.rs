//! What waits in the outbound queue, as people see and change it: commands and the administration page.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::ItemId;
use crate::store::queue::{Queued, milliseconds};
use crate::store::{self, Batch, Store};

/// Recipients of one letter that are changed at once.
const MAX_RECIPIENTS: usize = 10_000;

/// What is done to all that waits of a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueAction {
    /// Try now.
    Retry,
    /// Do not try until released.
    Hold,
    /// Try again.
    Release,
    /// Take it out, without a report.
    Drop,
}

impl QueueAction {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Retry, Self::Hold, Self::Release, Self::Drop];

    /// As rows of the audit and forms write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            QueueAction::Retry => "retry",
            QueueAction::Hold => "hold",
            QueueAction::Release => "release",
            QueueAction::Drop => "drop",
        }
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WaitingError {
    /// Nothing of this letter waits.
    #[error("nothing of {0} is in the queue; `poshta queue list` shows all")]
    Missing(ItemId),
    /// An attempt was faster.
    #[error("an attempt changed the letter at this moment; try again")]
    Busy,
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What waits of one letter.
///
/// # Errors
/// Nothing does; store.
pub async fn of_letter(store: &Store, item: ItemId) -> Result<Vec<Queued>, WaitingError> {
    let rows = store.read(move |view| view.outbound(Some(item), MAX_RECIPIENTS)).await?;
    if rows.is_empty() { Err(WaitingError::Missing(item)) } else { Ok(rows) }
}

/// Changes all that waits of one letter; tells how many recipients that is.
///
/// # Errors
/// See [`WaitingError`].
pub async fn change(store: &Store, now: Timestamp, item: ItemId, action: QueueAction) -> Result<usize, WaitingError> {
    let rows = of_letter(store, item).await?;
    let mut batch = Batch::new();
    for row in &rows {
        let mut details = row.details.clone();
        match action {
            QueueAction::Drop => {
                row.remove(&mut batch);
                continue;
            }
            QueueAction::Retry | QueueAction::Release => details.due_ms = Some(milliseconds(now)),
            QueueAction::Hold => details.due_ms = None,
        }
        row.change(&mut batch, &details)?;
    }
    match store.commit(batch).await {
        Ok(_) => Ok(rows.len()),
        Err(store::Error::Conflict(_)) => Err(WaitingError::Busy),
        Err(error) => Err(error.into()),
    }
}
