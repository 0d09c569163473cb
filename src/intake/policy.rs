//! Who may send what to whom: the answers to MAIL and RCPT, and the routes of a whole envelope.

use std::collections::HashSet;

use crate::accounts::Accounts;
use crate::address::{Address, Domain, ReversePath};
use crate::ids::AccountId;
use crate::postal::LetterOptions;
use crate::store::Store;

use super::{Entrance, Envelope, Origin, Recipient, Refusal, Route, Sender, Settings, content};

/// The rules, with what they need to know.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) settings: Settings,
    /// The domain of letters on paper.
    pub(super) hybrid_domain: String,
    pub(super) accounts: Accounts,
    pub(super) store: Store,
}

impl Policy {
    /// Mail for this domain is to become paper.
    fn is_hybrid(&self, domain: &Domain) -> bool {
        domain.as_str() == self.hybrid_domain
    }

    fn is_paper(&self, recipient: &Address) -> bool {
        self.is_hybrid(recipient.domain()) && !is_postmaster(recipient)
    }

    /// The domain is ours or not abroad.
    pub(super) fn is_domestic(&self, domain: &Domain) -> bool {
        self.accounts.is_local(domain) || self.settings.is_domestic(domain)
    }

    /// MAIL: the reverse-path belongs to the sender, and there is room on the disk.
    pub(super) fn check_sender(&self, origin: &Origin, reverse_path: &ReversePath) -> Result<(), Refusal> {
        self.store.check_space()?;
        match (&origin.sender, reverse_path.address()) {
            (Sender::Account { address, .. }, Some(claimed)) if !self.is_same(address, claimed) => {
                Err(Refusal::SenderNotYours(claimed.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// RCPT: where the recipient's copy would go.
    pub(super) async fn check_recipient(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
    ) -> Result<Route, Refusal> {
        if self.is_paper(recipient) {
            return self.check_paper(origin, accepted, recipient);
        }
        if self.accounts.is_local(recipient.domain()) || self.is_hybrid(recipient.domain()) {
            return self.mailbox(recipient).await;
        }
        // INTERFACE: port 25 takes letters for local recipients only, whoever brings them.
        match (&origin.entrance, &origin.sender) {
            (Entrance::Submission | Entrance::System, Sender::Account { .. } | Sender::Operator) => {
                Ok(Route::Remote(recipient.domain().clone()))
            }
            _ => Err(Refusal::RelayDenied(recipient.clone())),
        }
    }

    /// The mailbox of an address here. The postmaster's is that of the main domain, also for letters to the
    /// postmaster of the domain of letters on paper (RFC 5321 §4.5.1).
    async fn mailbox(&self, recipient: &Address) -> Result<Route, Refusal> {
        let found = match self.accounts.main_domain() {
            Some(main) if self.is_hybrid(recipient.domain()) => {
                let postmaster = Address::new(recipient.local(), main.as_str());
                let postmaster = postmaster.map_err(|_| Refusal::NoSuchMailbox(recipient.clone()))?;
                self.accounts.find_address(&postmaster).await?
            }
            _ => self.accounts.find_address(recipient).await?,
        };
        match found {
            Some(account) => Ok(Route::Mailbox(Box::new(account))),
            // The postmaster is always there; that nobody made the account is the operator's mistake.
            None if is_postmaster(recipient) => Err(Refusal::Temporary(
                "there is no account for the postmaster; add the one that accounts.postmaster names".into(),
            )),
            None => Err(Refusal::NoSuchMailbox(recipient.clone())),
        }
    }

    /// Letters on paper: authenticated users and peers only, one such recipient a message.
    fn check_paper(&self, origin: &Origin, accepted: &[Recipient], recipient: &Address) -> Result<Route, Refusal> {
        // M2 and the law on post: the operator must know who sends a letter on paper.
        if !matches!(origin.sender, Sender::Account { .. } | Sender::Peer { .. }) {
            return Err(Refusal::PaperDenied);
        }
        if accepted.iter().any(|other| self.is_paper(&other.address)) {
            return Err(Refusal::OnePaperRecipient);
        }
        if recipient.local().parse::<LetterOptions>().is_err() {
            return Err(Refusal::NoSuchMailbox(recipient.clone()));
        }
        Ok(Route::Paper)
    }

    /// The routes of all recipients; each mailbox and each address elsewhere gets one copy, however often it is
    /// named.
    pub(super) async fn routes(
        &self,
        origin: &Origin,
        envelope: &Envelope,
    ) -> Result<Vec<(Recipient, Route)>, Refusal> {
        let mut routes: Vec<(Recipient, Route)> = Vec::with_capacity(envelope.recipients.len());
        let mut mailboxes: HashSet<AccountId> = HashSet::new();
        let mut elsewhere: HashSet<&Address> = HashSet::new();
        for (number, recipient) in envelope.recipients.iter().enumerate() {
            let accepted = envelope.recipients.get(..number).unwrap_or_default();
            let route = self.check_recipient(origin, accepted, &recipient.address).await?;
            let is_new = match &route {
                Route::Mailbox(account) => mailboxes.insert(account.id),
                Route::Remote(_) => elsewhere.insert(&recipient.address),
                Route::Paper => true,
            };
            if is_new {
                routes.push((recipient.clone(), route));
            }
        }
        Ok(routes)
    }

    /// Header `From` of a submission: a letter speaks in its sender's name only.
    pub(super) fn check_author(&self, origin: &Origin, header: &[u8]) -> Result<(), Refusal> {
        let Sender::Account { address, .. } = &origin.sender else { return Ok(()) };
        let authors = content::authors(header)?;
        if authors.is_empty() {
            return Err(Refusal::BadContent("the header has no From field with an address; add one".into()));
        }
        match authors.iter().find(|author| !self.is_same(address, author)) {
            Some(other) => Err(Refusal::SenderNotYours(other.to_string())),
            None => Ok(()),
        }
    }

    /// Look-alikes are the same address (M8).
    fn is_same(&self, one: &Address, other: &Address) -> bool {
        one == other || self.accounts.fold(&one.to_string()) == self.accounts.fold(&other.to_string())
    }
}

/// RFC 5321 §4.5.1: in any case.
fn is_postmaster(address: &Address) -> bool {
    address.local().eq_ignore_ascii_case("postmaster")
}
