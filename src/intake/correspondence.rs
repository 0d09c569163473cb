//! M22: official correspondence is for users who confirmed their data with an electronic signature.
//!
//! Letters of peers of class `official` come in for such users only, and letters to the domains of state bodies go out
//! from such users only. Both are asked at RCPT, where one recipient can be refused without the others. Mailboxes
//! without data of a user (those that the operator made by command, for services of its own) have nothing to confirm
//! and are not asked.

use crate::accounts::Account;
use crate::address::Address;
use crate::store::{self, View};

use super::policy::Policy;
use super::{Entrance, Origin, Refusal, Sender};

impl Policy {
    /// The addressee of a letter of this origin has to have confirmed.
    pub(super) fn asks_addressee(&self, origin: &Origin) -> bool {
        self.settings.official_needs_confirmation && matches!(origin.sender, Sender::Peer { official: true, .. })
    }

    pub(super) fn addressee_unconfirmed(&self, recipient: &Address) -> Refusal {
        Refusal::AddresseeUnconfirmed { recipient: recipient.clone(), page: self.confirm_page.clone() }
    }

    /// Whether this sender may write to this recipient, if it is a state body.
    pub(super) async fn check_correspondent(&self, origin: &Origin, recipient: &Address) -> Result<(), Refusal> {
        let is_asked = self.settings.official_needs_confirmation
            && origin.entrance == Entrance::Submission
            && self.settings.is_official(recipient.domain());
        let &Sender::Account { id, .. } = &origin.sender else { return Ok(()) };
        if !is_asked {
            return Ok(());
        }
        let may = self.store.read(move |view| match view.account(id)? {
            Some(account) => is_open_to(view, &account),
            None => Ok(false),
        });
        if may.await? {
            return Ok(());
        }
        Err(Refusal::SenderUnconfirmed { recipient: recipient.clone(), page: self.confirm_page.clone() })
    }
}

/// Official letters come to and from this user.
pub(super) fn is_open_to(view: &View<'_>, account: &Account) -> store::Result<bool> {
    Ok(account.eds_confirmed || view.profile(account.id)?.is_none())
}
