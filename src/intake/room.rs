//! Whose mailbox has room for which letter.
//!
//! At RCPT a full mailbox is refused for itself. The content is answered once for all recipients (RFC 5321 §4.1.1.4),
//! and there the committer decides, exactly. One full mailbox must not keep the letter from the others again and
//! again, so with several recipients a mailbox that had room for anything gets the letter as its last one. With one
//! recipient too, up to a tenth above the limit: else a mailbox that holds more than it may would tell its user that the
//! last letter had others (FACTS E: nothing reveals blind copies). Where the limit is more than ten of the largest
//! letters there is no difference.

use crate::accounts::Account;
use crate::address::Address;
use crate::ids::AccountId;
use crate::quota::{self, WhenFull};
use crate::store;
use crate::store::quota::{Allowance, Usage};

use super::{Entrance, Origin, Recipient, Refusal, Route, Sender};

/// The rules, with what they need to know.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) settings: quota::Settings,
}

/// A letter for one mailbox, before its content came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) origin: &'a Origin,
    pub(super) recipient: &'a Address,
    pub(super) account: &'a Account,
    pub(super) announced_bytes: Option<u64>,
}

/// Whom the answer to the content is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// One recipient.
    Single,
    /// Several.
    Shared,
}

/// The mailboxes of a letter, for the answer when one of them is full.
#[derive(Debug)]
pub(super) struct Mailboxes {
    addresses: Vec<(AccountId, Address)>,
    official: bool,
    pub(super) answer: Answer,
}

impl Mailboxes {
    pub(super) fn of(origin: &Origin, routes: &[(Recipient, Route)]) -> Self {
        let address = |(recipient, route): &(Recipient, Route)| match route {
            Route::Mailbox(account) => Some((account.id, recipient.address.clone())),
            Route::Remote(_) | Route::Paper => None,
        };
        let answer = if routes.len() > 1 { Answer::Shared } else { Answer::Single };
        Mailboxes { addresses: routes.iter().filter_map(address).collect(), official: is_official(origin), answer }
    }
}

impl Room {
    /// What the account may hold when a letter of this origin comes.
    ///
    /// A scan and the system's own mail are never refused: the paper is opened already, and a warning must get in.
    /// An official letter (a summons, a court order) counts from its delivery, and nobody shall escape it with a
    /// full mailbox: a reserve above the quota is for such letters alone. When that is used up too, the authority's
    /// server is told to wait, never that the letter cannot be delivered: it is not lost without a person's doing.
    pub(super) fn allowance(&self, origin: &Origin, account: &Account) -> Allowance {
        let allowance = self.settings.allowance(Some(account));
        match &origin.entrance {
            Entrance::Scan { .. } | Entrance::System => allowance.open(),
            Entrance::Mx | Entrance::Submission if is_official(origin) => {
                allowance.raised(self.settings.official_reserve())
            }
            Entrance::Mx | Entrance::Submission => allowance,
        }
    }

    /// Whether there is room for it beside what the mailbox holds.
    pub(super) fn check(&self, arrival: &Arrival<'_>, held: Usage) -> Result<(), Refusal> {
        let Arrival { origin, recipient, account, announced_bytes } = *arrival;
        let allowance = self.allowance(origin, account);
        // Without an announcement: has it room for anything?
        let letter = Usage { bytes: announced_bytes.unwrap_or(1).max(1), messages: 1 };
        if allowance.has_room(held, letter) {
            return Ok(());
        }
        let again = if is_official(origin) { WhenFull::Later } else { self.settings.when_full };
        Err(full(account.id, recipient.clone(), is_official(origin), again))
    }

    /// What a failed commit means.
    pub(super) fn refusal(&self, error: store::Error, mailboxes: Mailboxes) -> Refusal {
        let Mailboxes { addresses, official, answer } = mailboxes;
        match error {
            store::Error::OverQuota(account) => {
                let Some((id, recipient)) = addresses.into_iter().find(|(id, _)| *id == account) else {
                    return Refusal::Store(store::Error::OverQuota(account));
                };
                // What is said of one mailbox would count for all: they get it when the sender tries again.
                let later = official || answer == Answer::Shared;
                full(id, recipient, official, if later { WhenFull::Later } else { self.settings.when_full })
            }
            other => Refusal::Store(other),
        }
    }
}

fn full(account: AccountId, recipient: Address, official: bool, again: WhenFull) -> Refusal {
    metrics::counter!("poshta_over_quota_total", "door" => "smtp").increment(1);
    if official {
        tracing::warn!(account = account.0, "an official letter finds neither quota nor reserve; see to this mailbox");
    }
    Refusal::MailboxFull { recipient, again }
}

/// Letters of an authority that `peers.toml` calls official. What the sender writes into the header does not count:
/// anybody could.
fn is_official(origin: &Origin) -> bool {
    matches!(&origin.sender, Sender::Peer { official: true, .. })
}
