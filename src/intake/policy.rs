//! Who may send what to whom: the answers to MAIL and RCPT, and the routes of a whole envelope.

use std::collections::HashSet;

use crate::accounts::{Account, Accounts, AddressLookup};
use crate::address::{Address, Domain, ReversePath};
use crate::ids::{FolderId, ThreadId};
use crate::postal::LetterOptions;
use crate::store::mailboxes::INBOX;
use crate::store::quota::Usage;
use crate::store::receipts::Consent;
use crate::store::vault::Sharing;
use crate::store::{self, Store, View};

use super::item::Mailbox;
use super::named::Named;
use super::{
    Entrance, Envelope, Origin, Recipient, Refusal, Route, Sender, Settings, content, correspondence, receipts,
};

/// The rules, with what they need to know.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) settings: Settings,
    /// The domain of letters on paper.
    pub(super) hybrid_domain: String,
    /// Where users confirm their data (M22).
    pub(super) confirm_page: String,
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

    /// RCPT: where the recipient's copy would go, and what the mailbox there holds.
    pub(super) async fn check_recipient(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
    ) -> Result<(Route, Usage), Refusal> {
        let destination = self.destination(origin, accepted, recipient)?;
        self.check_correspondent(origin, recipient).await?;
        match destination {
            Destination::Known(route) => Ok((route, Usage::default())),
            Destination::Mailbox(lookup) => {
                let is_official = self.asks_addressee(origin);
                let find = move |view: &View<'_>| {
                    let Some(account) = lookup.find(view)? else { return Ok(None) };
                    let held = view.usage(account.id)?;
                    let may_get = !is_official || correspondence::is_open_to(view, &account)?;
                    Ok(Some((account, held, may_get)))
                };
                let (account, held, may_get) = mailbox_of(recipient, self.store.read(find).await?)?;
                if !may_get {
                    return Err(self.addressee_unconfirmed(recipient));
                }
                Ok((Route::Mailbox(Box::new(account)), held))
            }
        }
    }

    fn destination(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
    ) -> Result<Destination, Refusal> {
        if self.is_paper(recipient) {
            return self.check_paper(origin, accepted, recipient).map(Destination::Known);
        }
        if self.accounts.is_local(recipient.domain()) || self.is_hybrid(recipient.domain()) {
            return self.lookup(recipient).map(Destination::Mailbox);
        }
        // INTERFACE: port 25 takes letters for local recipients only, whoever brings them.
        match (&origin.entrance, &origin.sender) {
            (
                Entrance::Submission | Entrance::System | Entrance::Scan { .. },
                Sender::Account { .. } | Sender::Operator,
            ) if recipient.domain().is_literal() => Err(Refusal::AddressLiteral(recipient.clone())),
            // M2: what was scanned may go to whichever e-mail address its addressee has.
            (
                Entrance::Submission | Entrance::System | Entrance::Scan { .. },
                Sender::Account { .. } | Sender::Operator,
            ) => Ok(Destination::Known(Route::Remote(recipient.domain().clone()))),
            _ => Err(Refusal::RelayDenied(recipient.clone())),
        }
    }

    /// How to find the mailbox of an address here. The postmaster's is that of the main domain, also for letters to
    /// the postmaster of the domain of letters on paper (RFC 5321 §4.5.1).
    fn lookup(&self, recipient: &Address) -> Result<AddressLookup, Refusal> {
        let unknown = || Refusal::NoSuchMailbox(recipient.clone());
        match self.accounts.main_domain() {
            Some(main) if self.is_hybrid(recipient.domain()) => {
                let postmaster = Address::new(recipient.local(), main.as_str()).map_err(|_| unknown())?;
                self.accounts.lookup(&postmaster).ok_or_else(unknown)
            }
            _ => self.accounts.lookup(recipient).ok_or_else(unknown),
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

    /// The routes of all recipients, found in one reading; each mailbox and each address elsewhere gets one copy,
    /// however often it is named. `references` are the letters that this one belongs with.
    pub(super) async fn routing(
        &self,
        origin: &Origin,
        envelope: &Envelope,
        references: Vec<[u8; 16]>,
    ) -> Result<Routing, Refusal> {
        let mut destinations = Vec::with_capacity(envelope.recipients.len());
        let mut lookups = Vec::new();
        for (number, recipient) in envelope.recipients.iter().enumerate() {
            let accepted = envelope.recipients.get(..number).unwrap_or_default();
            destinations.push(match self.destination(origin, accepted, &recipient.address)? {
                Destination::Known(route) => Some(route),
                Destination::Mailbox(lookup) => {
                    lookups.push(lookup);
                    None
                }
            });
        }
        let mut found = self.find_mailboxes(origin, lookups, references).await?.into_iter();
        let mut routing = Routing::default();
        let mut elsewhere: HashSet<&Address> = HashSet::new();
        for (recipient, destination) in envelope.recipients.iter().zip(destinations) {
            let route = match destination {
                Some(Route::Remote(domain)) if elsewhere.insert(&recipient.address) => Route::Remote(domain),
                Some(Route::Remote(_)) => continue,
                Some(route) => route,
                None => {
                    let found = mailbox_of(&recipient.address, found.next().flatten())?;
                    if routing.mailboxes.iter().any(|other| other.account.id == found.account.id) {
                        continue;
                    }
                    let account = found.account.clone();
                    routing.mailboxes.push(found.named(&recipient.address)?);
                    Route::Mailbox(Box::new(account))
                }
            };
            routing.routes.push((recipient.clone(), route));
        }
        Ok(routing)
    }

    /// Each mailbox with its inbox, and the thread there.
    async fn find_mailboxes(
        &self,
        origin: &Origin,
        lookups: Vec<AddressLookup>,
        references: Vec<[u8; 16]>,
    ) -> Result<Vec<Option<Found>>, Refusal> {
        if lookups.is_empty() {
            return Ok(Vec::new());
        }
        let hears = receipts::may_hear(origin);
        let find = move |view: &View<'_>| {
            let found = lookups.iter().map(|lookup| {
                let Some(account) = lookup.find(view)? else { return Ok(None) };
                let inbox = view.folder_named(account.id, INBOX)?.map(|folder| folder.id);
                let thread = view.thread_of(account.id, &references)?;
                let consent = if hears { view.consent(account.id)? } else { Consent::Withheld };
                Ok(Some(Found { account, inbox, thread, consent }))
            });
            found.collect::<store::Result<_>>()
        };
        Ok(self.store.read(find).await?)
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

/// Where the copies of a letter go.
#[derive(Debug, Default)]
pub(super) struct Routing {
    pub(super) routes: Vec<(Recipient, Route)>,
    /// What there is to know of the mailboxes among them, in their order.
    pub(super) mailboxes: Vec<Mailbox>,
}

impl Routing {
    /// Who else may share the stored body.
    pub(super) fn sharing(&self) -> Sharing {
        match (self.mailboxes.as_slice(), self.routes.len()) {
            ([mailbox], 1) => Sharing::One(mailbox.account.id),
            _ => Sharing::Many,
        }
    }

    /// The routes that every recipient knows of. What is the same in all copies may follow from these alone: else it would
    /// tell of blind copies.
    pub(super) fn shown(&self, header: &[u8]) -> impl Iterator<Item = &(Recipient, Route)> {
        let named = Named::in_header(header);
        self.routes.iter().filter(move |(recipient, _)| named.has(&recipient.address))
    }
}

enum Destination {
    Known(Route),
    Mailbox(AddressLookup),
}

struct Found {
    account: Account,
    inbox: Option<FolderId>,
    thread: Option<ThreadId>,
    consent: Consent,
}

impl Found {
    fn named(self, recipient: &Address) -> Result<Mailbox, Refusal> {
        let Found { account, inbox, thread, consent } = self;
        let without_inbox = || Refusal::Temporary(format!("account {} has no inbox", account.id.0));
        Ok(Mailbox { inbox: inbox.ok_or_else(without_inbox)?, account, recipient: recipient.clone(), thread, consent })
    }
}

fn mailbox_of<T>(recipient: &Address, found: Option<T>) -> Result<T, Refusal> {
    match found {
        Some(found) => Ok(found),
        // The postmaster is always there; that nobody made the account is the operator's mistake.
        None if is_postmaster(recipient) => Err(Refusal::Temporary(
            "there is no account for the postmaster; add the one that accounts.postmaster names".into(),
        )),
        None => Err(Refusal::NoSuchMailbox(recipient.clone())),
    }
}

/// RFC 5321 §4.5.1: in any case.
fn is_postmaster(address: &Address) -> bool {
    address.local().eq_ignore_ascii_case("postmaster")
}
