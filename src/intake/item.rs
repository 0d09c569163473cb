//! One item on its way into the store: everything that must exist when the client sees `250`, in one batch.

use crate::accounts::Account;
use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::{BodyId, EmailId, FolderId, ItemId, ThreadId};
use crate::message::{Structure, Summary};
use crate::postal::SignedImpression;
use crate::store::mailboxes::{Flags, NewMessage, Origin as Kept, Prefix, add_message};
use crate::store::queue::{self, Details, NewQueued, QueueId, milliseconds};
use crate::store::quota::{Allowance, Usage};
use crate::store::receipts::Consent;
use crate::store::{Batch, Precondition, RecordSlot, keys};
use crate::trust::ascii_address;

use super::receipts::Wanted;
use super::room::Answer;
use super::{Envelope, Notify, Recipient, Refusal};

/// What all copies of an item have in common.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: ItemId,
    pub(super) instant: Timestamp,
    pub(super) envelope: Envelope,
    pub(super) prefix: SharedPrefix,
    pub(super) body: BodyId,
    pub(super) body_bytes: u64,
    /// Envelope and structure of item prefix and body together.
    pub(super) summary: Summary,
    /// Hash of its Message-ID.
    pub(super) message_id: Option<[u8; 16]>,
    pub(super) email: EmailId,
}

/// The prefix that all copies of an item have below their own: the marks of its acceptance, and what stands below them.
#[derive(Debug)]
pub(super) enum SharedPrefix {
    /// In a record of its own, for copies, the queue and receipts to name; and its length.
    Beside(RecordSlot, u32),
    /// Nobody needs it but the only copy: it goes into that one's record.
    Within(Vec<u8>),
}

impl SharedPrefix {
    /// Its record, for somebody else than a copy.
    pub(super) fn record(&self, batch: &mut Batch, body: BodyId) -> RecordSlot {
        match self {
            SharedPrefix::Beside(record, _) => *record,
            SharedPrefix::Within(prefix) => batch.record_for(body, prefix.clone()),
        }
    }
}

/// A mailbox that gets a copy.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) account: Account,
    pub(super) recipient: Address,
    pub(super) inbox: FolderId,
    /// The thread that it belongs to there, if the account knows it.
    pub(super) thread: Option<ThreadId>,
    /// Whether senders may hear that its user has fetched their letters.
    pub(super) consent: Consent,
}

/// A recipient at another server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Onward<'a> {
    /// The place in the envelope.
    pub(super) number: u32,
    pub(super) recipient: &'a Recipient,
    pub(super) wanted: Option<Wanted>,
    /// Not named in `To` or `Cc`.
    pub(super) is_blind: bool,
}

/// How much the mailbox may hold with the copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) allowance: Allowance,
    pub(super) answer: Answer,
}

impl Bound {
    /// The limit for a copy of this size: it was the last that began below; alone in its letter by no more than a tenth
    /// above.
    fn with(self, bytes: u64) -> Allowance {
        match self.answer {
            Answer::Single => self.allowance.for_the_last(bytes),
            // Messages were counted at RCPT; whoever came between is refused there when the letter comes again.
            Answer::Shared => self.allowance.raised(Usage { bytes, messages: 0 }),
        }
    }
}

impl Item {
    /// Adds the copy for a mailbox, with its receipt and delivery; gives the record of its prefix.
    pub(super) fn deliver(
        &self,
        batch: &mut Batch,
        mailbox: &Mailbox,
        arrival: &[SignedImpression; 2],
        bound: Bound,
    ) -> Result<RecordSlot, Refusal> {
        let mut prefix = super::prefix::recipient_prefix(&self.envelope.reverse_path, &mailbox.recipient, arrival);
        let summary = Summary {
            envelope: self.summary.envelope.clone(),
            structure: self.summary.structure.clone().shifted_by_prefix(prefix.len() as u64),
        };
        let shared = match &self.prefix {
            SharedPrefix::Beside(record, len) => Prefix { record: Some(*record), len: *len },
            SharedPrefix::Within(shared) => {
                prefix.extend_from_slice(shared);
                Prefix { record: None, len: 0 }
            }
        };
        let len = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
        let record = batch.record_for(self.body, prefix);
        batch.require(Precondition::Present(keys::account(mailbox.account.id)));
        let message = NewMessage {
            account: mailbox.account.id,
            folder: mailbox.inbox,
            flags: Flags::default(),
            keywords: Default::default(),
            internal_date: self.instant,
            save_date: self.instant,
            item: Some(self.id),
            email: self.email,
            thread: mailbox.thread.unwrap_or(ThreadId(self.email.0)),
            message_id: self.message_id,
            origin: Kept::Transmitted,
            recipient_prefix: Prefix { record: Some(record), len },
            item_prefix: shared,
            body: self.body,
            body_bytes: self.body_bytes,
            summary: summary.encode(),
        };
        add_message(batch, &message)?;
        let bytes = u64::from(len) + u64::from(shared.len) + self.body_bytes;
        bound.with(bytes).bound(batch, mailbox.account.id);
        for impression in arrival {
            batch.journal_with(|line| impression.write_journal_line(line));
        }
        Ok(record)
    }

    /// Adds a row of the outbound queue.
    pub(super) fn send_on(&self, batch: &mut Batch, to: &Onward<'_>, content: &Structure) -> Result<(), Refusal> {
        let Onward { number, recipient, wanted, is_blind } = *to;
        let facts = &content.facts;
        let notify = recipient.notify.unwrap_or_default();
        // A registered letter has its receipt also where another server is to give it; RFC 3461 §5.2.1: but what the
        // sender said is passed on as it is.
        let success = notify.success || (recipient.notify.is_none() && wanted.is_some_and(|wanted| wanted.delivery));
        let now_ms = milliseconds(self.instant);
        let details = Details {
            reverse_path: self.envelope.reverse_path.clone(),
            recipient: recipient.address.clone(),
            // RFC 6531 §3.4: needed for such senders and local parts, and for UTF-8 in the header.
            smtputf8: ascii_address(&recipient.address).is_none()
                || self.envelope.reverse_path.address().is_some_and(Address::is_internationalized)
                || (self.envelope.smtputf8 && facts.eight_bit_header),
            eight_bit: facts.eight_bit_body || facts.eight_bit_header,
            accepted_ms: now_ms,
            due_ms: Some(now_ms),
            attempts: 0,
            delay_reported: false,
            last_error: None,
            notify: Notify { success, ..notify },
            envelope_id: self.envelope.wishes.envelope_id.clone(),
            original_recipient: recipient.original.clone(),
            returned: self.envelope.wishes.returned,
            is_blind,
        };
        let id = QueueId { item: self.id, recipient: number };
        let (item_prefix, body, body_bytes) = (self.prefix.record(batch, self.body), self.body, self.body_bytes);
        queue::add(batch, &NewQueued { id, item_prefix, body, body_bytes, details })?;
        Ok(())
    }
}
