//! How the sender of a letter on paper hears of an event: by the receipt that is awaited (P18, RFC 3461), else by a
//! status message. Never by both.

use crate::ids::ItemId;
use crate::postal::Class;
use crate::store::items::ItemEvent;
use crate::store::print_jobs::{PrintJob, State, add_notice};
use crate::store::receipts::{self, Awaited, Details, Party, Place, ReceiptId, Stage};
use crate::store::{self, Batch, Slot, Store};

/// What is awaited of a letter on paper.
///
/// # Errors
/// Store.
pub(super) async fn awaited(store: &Store, item: ItemId) -> store::Result<Option<Awaited>> {
    store.read(move |view| view.awaited(Party::Paper, item)).await
}

/// An event that was put into the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct News<'a> {
    pub(super) job: &'a PrintJob,
    pub(super) state: State,
    pub(super) event: &'a ItemEvent,
    pub(super) number: Slot,
}

impl News<'_> {
    /// Puts into the batch of the event that the sender hears of it, where the sender is to.
    ///
    /// # Errors
    /// A row cannot be written.
    pub(super) fn tell(&self, batch: &mut Batch, awaited: Option<&Awaited>) -> store::Result<()> {
        let is_failure = matches!(self.state, State::Failed | State::CheckFailed | State::Returned);
        let is_wanted = awaited.is_none_or(|awaited| awaited.details.failure) || !is_failure;
        let stage = match self.state {
            State::Delivered => Some(Stage::Delivered),
            State::Returned => Some(Stage::Returned),
            _ => None,
        };
        match (awaited, stage) {
            (Some(awaited), Some(stage)) => {
                let is_owed = if stage == Stage::Delivered { awaited.details.success } else { awaited.details.failure };
                if is_owed {
                    self.owe(batch, awaited, stage)?;
                }
                awaited.end(batch);
            }
            _ if self.has_status_message() && is_wanted => add_notice(batch, self.job.item, self.number),
            _ => {}
        }
        if let (Some(awaited), State::CheckFailed | State::Lost) = (awaited, self.state) {
            // Nothing more will come.
            awaited.end(batch);
        }
        Ok(())
    }

    fn has_status_message(&self) -> bool {
        match self.state {
            State::HandedToPost | State::Failed | State::CheckFailed | State::Returned => true,
            // M7: that a letter was given to its addressee is told where the class promises it.
            State::Delivered => self.job.class != Class::Ordinary.name(),
            _ => false,
        }
    }

    fn owe(&self, batch: &mut Batch, awaited: &Awaited, stage: Stage) -> store::Result<()> {
        let mark = match &self.event.mark {
            None => Place::Nowhere,
            Some(value) => Place::Written(batch.record(format!("Postal-Mark: {value}\r\n").into_bytes())),
        };
        let happened_ms = u64::try_from(self.event.at_us.div_euclid(1000)).unwrap_or(0);
        let id = ReceiptId { item: awaited.item, recipient: awaited.details.number, stage };
        let details = Details { happened_ms, reason: self.event.reason.clone(), ..awaited.details.clone() };
        receipts::owe(batch, (id, happened_ms), awaited.places(mark), awaited.opener, &details)
    }
}
