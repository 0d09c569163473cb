//! How the sender of a letter on paper hears of an event: by the receipt that is awaited (P18, RFC 3461), else by a
//! status message. Never by both.

use crate::ids::ItemId;
use crate::postal::{Class, Kind, Mark};
use crate::store::items::ItemEvent;
use crate::store::print_jobs::{PrintJob, State, add_notice};
use crate::store::receipts::{self, Awaited, Details, Party, Place, ReceiptId, Stage};
use crate::store::{self, Batch, Slot, Store, View};

/// What is awaited of a letter on paper.
#[derive(Debug)]
pub(super) struct Expected {
    awaited: Awaited,
    /// The marks of its way behind the acceptance, the newest first. P24: the acceptance is told as receipts show it.
    marks: Vec<String>,
}

/// What is awaited of a letter on paper.
///
/// # Errors
/// Store.
pub(super) async fn expected(store: &Store, item: ItemId) -> store::Result<Option<Expected>> {
    let read = move |view: &View<'_>| {
        let Some(awaited) = view.awaited(Party::Paper, item)? else { return Ok(None) };
        let marks = view.item_events(item)?.into_iter().rev().filter_map(|(_, event)| event.mark);
        let is_behind = |mark: &String| Mark::parse(mark).is_ok_and(|mark| mark.kind != Kind::Accept);
        Ok(Some(Expected { awaited, marks: marks.filter(is_behind).collect() }))
    };
    store.read(read).await
}

impl Expected {
    /// Nothing more will come.
    pub(super) fn end(&self, batch: &mut Batch) {
        self.awaited.end(batch);
    }
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
    pub(super) fn tell(&self, batch: &mut Batch, expected: Option<&Expected>) -> store::Result<()> {
        let is_failure = matches!(self.state, State::Failed | State::CheckFailed | State::Returned | State::Lost);
        let is_wanted = expected.is_none_or(|expected| expected.awaited.details.failure) || !is_failure;
        let stage = match self.state {
            State::Delivered => Some(Stage::Delivered),
            State::Returned => Some(Stage::Returned),
            _ => None,
        };
        match (expected, stage) {
            (Some(expected), Some(stage)) => {
                let details = &expected.awaited.details;
                let is_owed = if stage == Stage::Delivered { details.success } else { details.failure };
                if is_owed {
                    self.owe(batch, expected, stage)?;
                }
                expected.end(batch);
            }
            _ if self.has_status_message() && is_wanted => add_notice(batch, self.job.item, self.number),
            _ => {}
        }
        if let (Some(expected), State::CheckFailed | State::Failed | State::Lost) = (expected, self.state) {
            expected.end(batch);
        }
        Ok(())
    }

    fn has_status_message(&self) -> bool {
        match self.state {
            State::HandedToPost | State::Failed | State::CheckFailed | State::Returned | State::Lost => true,
            // M7: that a letter was given to its addressee is told where the class promises it.
            State::Delivered => self.job.class != Class::Ordinary.name(),
            _ => false,
        }
    }

    fn owe(&self, batch: &mut Batch, expected: &Expected, stage: Stage) -> store::Result<()> {
        let awaited = &expected.awaited;
        let marks = self.event.mark.iter().chain(&expected.marks);
        let block: String = marks.map(|value| format!("Postal-Mark: {value}\r\n")).collect();
        let marks = match block.is_empty() {
            true => Place::Nowhere,
            false => Place::Written(batch.record(block.into_bytes())),
        };
        let happened_ms = u64::try_from(self.event.at_us.div_euclid(1000)).unwrap_or(0);
        let id = ReceiptId { item: awaited.item, recipient: awaited.details.number, stage };
        let details = Details { happened_ms, reason: self.event.reason.clone(), ..awaited.details.clone() };
        receipts::owe(batch, (id, happened_ms), awaited.places(marks), awaited.opener, &details)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::hybrid::status::tests::job;
    use crate::ids::BodyId;
    use crate::store::items::add_event;
    use crate::store::receipts::{Opener, Places, await_news};

    fn awaited_details() -> Details {
        Details {
            to: "aigul@poshta.example".parse().unwrap(),
            recipient: "010000".into(),
            address_type: "x-postal".into(),
            original_recipient: None,
            envelope_id: None,
            message_id: None,
            s10: None,
            accepted_ms: 5,
            happened_ms: 5,
            reason: None,
            number: 0,
            success: true,
            failure: true,
            by_consent: false,
        }
    }

    #[test_case(State::HandedToPost => (true, 0, 1); "more will come")]
    #[test_case(State::InTransit => (true, 0, 0); "no news")]
    #[test_case(State::Delivered => (false, 1, 0))]
    #[test_case(State::Returned => (false, 1, 0))]
    #[test_case(State::Failed => (false, 0, 1); "told by a status message")]
    #[test_case(State::CheckFailed => (false, 0, 1); "so is this")]
    #[test_case(State::Lost => (false, 0, 1); "and what is lost")]
    fn nothing_is_awaited_behind_a_final_state(state: State) -> (bool, usize, usize) {
        let dir = tempfile::tempdir().unwrap();
        let settings = crate::store::Settings { watermark_bytes: 0, ..Default::default() };
        let store = Store::open(dir.path(), &crate::store::tests::as_chosen(settings)).unwrap();
        let job = job();
        let opener = Opener { body: BodyId([0; 32]), key: None };
        let mut batch = Batch::new();
        let letter = (Party::Paper, job.item);
        await_news(&mut batch, letter, Places::default(), opener, &awaited_details()).unwrap();
        store.commit_blocking(batch).unwrap();
        let awaited = || store.read_blocking(|view| view.awaited(Party::Paper, job.item)).unwrap();

        let event = ItemEvent {
            at_us: 7_000,
            name: state.name().into(),
            actor: "server".into(),
            reason: None,
            sheets: None,
            mark: None,
        };
        let mut batch = Batch::new();
        let number = add_event(&mut batch, job.item, &event).unwrap();
        let expected = awaited().map(|awaited| Expected { awaited, marks: Vec::new() });
        News { job: &job, state, event: &event, number }.tell(&mut batch, expected.as_ref()).unwrap();
        store.commit_blocking(batch).unwrap();
        let owed = store.read_blocking(|view| view.owed_receipts(7, None, 10)).unwrap();
        let told = store.read_blocking(|view| view.notices(10)).unwrap();
        (awaited().is_some(), owed.len(), told.len())
    }
}
