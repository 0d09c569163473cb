//! Which receipts a letter is owed (P18, RFC 3461), decided and written down in the commit that accepts it.
//!
//! Only a sender who is known hears anything: whose name strangers write under, nobody knows, and a receipt would go
//! to that name. Each receipt is about one recipient, so that it can be shown to that one without telling of others.

use crate::address::Address;
use crate::clock::Timestamp;
use crate::hybrid::{PaperPlan, Telling};
use crate::ids::{BodyId, ItemId};
use crate::message::{headers, ids};
use crate::postal::{Class, LetterOptions};
use crate::store::queue::milliseconds;
use crate::store::receipts::{self, Consent, Details, Opener, Party, Place, Places, ReceiptId, Stage};
use crate::store::{Batch, Owner, RecordSlot};

use super::item::Mailbox;
use super::policy::Routing;
use super::{Envelope, Notify, Origin, Recipient, Refusal, Route, Sender};

/// Of a header, as much comes back with a receipt.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// What the sender of a letter may hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Receipts {
    to: Address,
    envelope_id: Option<String>,
    message_id: Option<String>,
    class: Class,
    official: bool,
}

/// What the sender is to hear of one recipient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    /// That the letter was accepted.
    pub(super) acceptance: bool,
    /// That it was delivered.
    pub(super) delivery: bool,
    /// That it was not.
    failure: bool,
}

/// Where the parts of a letter lie in its batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) item: ItemId,
    pub(super) instant: Timestamp,
    pub(super) body: BodyId,
    pub(super) item_prefix: RecordSlot,
    pub(super) header: &'a [u8],
    /// The acceptance as the receipt has it, where that of the letter shows the date of a letter box (P24).
    pub(super) own_mark: Option<RecordSlot>,
    /// What becomes of it on paper.
    pub(super) paper: Option<&'a PaperPlan>,
}

/// Whether the addressees' consent matters: only for senders who may hear at all.
pub(super) fn may_hear(origin: &Origin) -> bool {
    matches!(origin.sender, Sender::Account { .. } | Sender::Peer { .. })
}

impl Receipts {
    /// `None` where nobody may hear anything.
    /// The class of a letter to more than `most_registered` recipients counts for nothing.
    pub(super) fn of(
        origin: &Origin,
        envelope: &Envelope,
        header: &[u8],
        message_id: Option<String>,
        most_registered: usize,
    ) -> Option<Self> {
        let to = envelope.reverse_path.address().filter(|_| may_hear(origin))?.clone();
        let message_id = message_id.or_else(|| {
            let text = headers::find(header, "Message-ID")?.text();
            ids::message_ids(&text).next().map(str::to_owned)
        });
        let official = matches!(origin.sender, Sender::Peer { official: true, .. });
        let envelope_id = envelope.wishes.envelope_id.clone();
        let is_for_few = envelope.recipients.len() <= most_registered;
        let class = if is_for_few { class_of(header) } else { Class::Ordinary };
        Some(Receipts { to, envelope_id, message_id, class, official })
    }

    /// What the sender is to hear of this recipient. A registered letter always has its receipts, unless the sender
    /// wants to hear nothing at all (RFC 3461 §4.1).
    pub(super) fn wanted(&self, recipient: &Recipient, route: &Route) -> Wanted {
        let notify = recipient.notify.unwrap_or_default();
        if notify == Notify::NEVER {
            return Wanted { acceptance: false, delivery: false, failure: false };
        }
        let is_registered = self.is_registered(recipient, route);
        // Into a mailbox here it is laid as it is accepted, and the receipt of that has the marks of both.
        let comes_later = !matches!(route, Route::Mailbox(_));
        Wanted {
            acceptance: is_registered || (notify.success && comes_later),
            delivery: is_registered || notify.success,
            failure: notify.failure,
        }
    }

    /// Whether anything is to be kept for what the sender hears of somebody, or is to hear of paper. That a letter could
    /// not be sent on is told from the queue.
    pub(super) fn are_due(&self, routing: &Routing) -> bool {
        let mut mailboxes = routing.mailboxes.iter();
        routing.routes.iter().any(|(recipient, route)| {
            let Wanted { acceptance, delivery, .. } = self.wanted(recipient, route);
            let hears_more = match route {
                Route::Mailbox(_) => {
                    mailboxes.next().is_some_and(|mailbox| self.hears_of_handing_over(recipient, mailbox.consent))
                }
                Route::Paper => true,
                Route::Remote(_) => false,
            };
            acceptance || delivery || hears_more
        })
    }

    /// How the sender of a letter on paper hears of it.
    pub(super) fn of_paper(&self, routes: &[(Recipient, Route)]) -> Telling {
        let Some((recipient, route)) = routes.iter().find(|(_, route)| *route == Route::Paper) else {
            return Telling::ByStatus;
        };
        match self.wanted(recipient, route) {
            Wanted { acceptance: true, .. } => Telling::ByReceipt,
            _ if recipient.notify == Some(Notify::NEVER) => Telling::Nothing,
            _ => Telling::ByStatus,
        }
    }

    fn is_registered(&self, recipient: &Recipient, route: &Route) -> bool {
        let class = match route {
            Route::Paper => {
                recipient.address.local().parse::<LetterOptions>().map(|options| options.class).unwrap_or_default()
            }
            Route::Mailbox(_) | Route::Remote(_) => self.class,
        };
        class != Class::Ordinary
    }

    /// Whether the sender is to hear that the addressee has fetched the letter (P6): where it is registered or
    /// official, or the addressee agrees (M7).
    fn hears_of_handing_over(&self, recipient: &Recipient, consent: Consent) -> bool {
        recipient.notify != Some(Notify::NEVER)
            && (self.class != Class::Ordinary || self.official || consent == Consent::Given)
    }

    /// Puts into the letter's batch what its sender is to hear. `routes` are those of the letter, `copies` its mailboxes
    /// in their order, each with the record of its prefix.
    pub(super) fn add_to_batch(
        &self,
        batch: &mut Batch,
        parts: Parts<'_>,
        routes: &[(Recipient, Route)],
        copies: &[(&Mailbox, RecordSlot)],
    ) -> Result<(), Refusal> {
        let mut writer = Writer { receipts: self, parts, opener: None, header: None };
        let mut copies = copies.iter();
        for (number, (recipient, route)) in (0..).zip(routes) {
            let wanted = self.wanted(recipient, route);
            let copy = if matches!(route, Route::Mailbox(_)) { copies.next() } else { None };
            if wanted.acceptance {
                writer.owe(batch, (Stage::Accepted, number), (recipient, route), None)?;
            }
            match (route, copy) {
                (Route::Mailbox(_), Some((mailbox, prefix))) => {
                    if wanted.delivery {
                        writer.owe(batch, (Stage::Delivered, number), (recipient, route), Some(*prefix))?;
                    }
                    if self.hears_of_handing_over(recipient, mailbox.consent) {
                        let party = Party::Mailbox(mailbox.account.id);
                        let details = writer.details(number, recipient, route);
                        let by_consent = self.class == Class::Ordinary && !self.official;
                        writer.wait(batch, party, Details { by_consent, ..details })?;
                    }
                }
                (Route::Paper, _) if wanted.delivery || recipient.notify.is_some() => {
                    let details = writer.details(number, recipient, route);
                    let (success, failure) = (wanted.delivery, wanted.failure);
                    writer.wait(batch, Party::Paper, Details { success, failure, ..details })?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes the rows of one letter; what they share is written once.
struct Writer<'a> {
    receipts: &'a Receipts,
    parts: Parts<'a>,
    opener: Option<Opener>,
    header: Option<RecordSlot>,
}

impl Writer<'_> {
    fn owe(
        &mut self,
        batch: &mut Batch,
        what: (Stage, u32),
        of: (&Recipient, &Route),
        copy: Option<RecordSlot>,
    ) -> Result<(), Refusal> {
        let (stage, number) = what;
        let header = self.header(batch);
        let places = Places { recipient: copy.map_or(Place::Nowhere, Place::Written), ..self.places(header) };
        let id = ReceiptId { item: self.parts.item, recipient: number, stage };
        let due_ms = milliseconds(self.parts.instant);
        let opener = self.opener(batch)?;
        receipts::owe(batch, (id, due_ms), places, opener, &self.details(number, of.0, of.1))?;
        Ok(())
    }

    fn wait(&mut self, batch: &mut Batch, party: Party, details: Details) -> Result<(), Refusal> {
        let places = match party {
            Party::Paper => {
                let header = self.header(batch);
                self.places(header)
            }
            // The message itself has all of it when it is fetched.
            Party::Mailbox(_) => Places::default(),
        };
        // M7: where the reader fetches it himself, the system needs no key to it.
        let opener = match party {
            Party::Paper => self.opener(batch)?,
            Party::Mailbox(_) => Opener { body: self.parts.body, key: None },
        };
        receipts::await_news(batch, (party, self.parts.item), places, opener, &details)?;
        Ok(())
    }

    fn places(&self, header: RecordSlot) -> Places {
        Places {
            recipient: Place::Nowhere,
            item: Place::Written(self.parts.item_prefix),
            header: Place::Written(header),
            mark: self.parts.own_mark.map_or(Place::Nowhere, Place::Written),
        }
    }

    fn header(&mut self, batch: &mut Batch) -> RecordSlot {
        let (body, header) = (self.parts.body, self.parts.header);
        *self.header.get_or_insert_with(|| batch.record_for(body, beginning(header).to_vec()))
    }

    fn opener(&mut self, batch: &Batch) -> Result<Opener, Refusal> {
        if let Some(opener) = self.opener {
            return Ok(opener);
        }
        let body = self.parts.body;
        let opener = Opener { body, key: batch.wrapped_key(body, Owner::System)? };
        self.opener = Some(opener);
        Ok(opener)
    }

    fn details(&self, number: u32, recipient: &Recipient, route: &Route) -> Details {
        let Receipts { to, envelope_id, message_id, .. } = self.receipts;
        let at_ms = milliseconds(self.parts.instant);
        let paper = self.parts.paper.filter(|_| *route == Route::Paper);
        // RFC 3464 §2.3.2; where it goes on paper is no mail address.
        let (address_type, final_recipient) = match paper {
            Some(plan) => ("x-postal", plan.index().to_string()),
            None => ("rfc822", recipient.address.to_string()),
        };
        Details {
            to: to.clone(),
            recipient: final_recipient,
            address_type: address_type.into(),
            original_recipient: recipient.original.clone(),
            envelope_id: envelope_id.clone(),
            message_id: message_id.clone(),
            s10: paper.map(|plan| plan.s10().to_string()),
            accepted_ms: at_ms,
            happened_ms: at_ms,
            reason: None,
            number,
            success: true,
            failure: true,
            by_consent: false,
        }
    }
}

/// The class that the sender asks for: the first word of `Postal-Class`. A word that is none is no wish.
fn class_of(header: &[u8]) -> Class {
    let value = headers::find(header, "Postal-Class").map(|field| field.text()).unwrap_or_default();
    let word = value.split(';').next().unwrap_or_default().trim();
    [Class::Registered, Class::Valued]
        .into_iter()
        .find(|class| word.eq_ignore_ascii_case(class.name()))
        .unwrap_or_default()
}

/// Whole lines of a header, as many as come back.
fn beginning(header: &[u8]) -> &[u8] {
    let Some(cut) = header.get(..MAX_HEADER_BYTES) else { return header };
    let end = cut.windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
    cut.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Subject: x\r\n\r\n" => Class::Ordinary; "nothing said")]
    #[test_case("Postal-Class: registered\r\n\r\n" => Class::Registered)]
    #[test_case("Postal-Class:  Registered; letter\r\n\r\n" => Class::Registered; "with a form")]
    #[test_case("Postal-Class: valued\r\n\r\n" => Class::Valued)]
    #[test_case("Postal-Class: golden\r\n\r\n" => Class::Ordinary; "an unknown word")]
    fn p18_class_of_a_letter(header: &str) -> Class {
        class_of(header.as_bytes())
    }

    #[test]
    fn a_long_header_comes_back_in_whole_lines() {
        let header = "X: y\r\n".repeat(MAX_HEADER_BYTES / 6 + 10);
        let kept = beginning(header.as_bytes());
        assert!(kept.len() <= MAX_HEADER_BYTES && kept.ends_with(b"\r\n") && kept.len() > MAX_HEADER_BYTES - 7);
    }
}
