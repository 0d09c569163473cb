//! Where a logged-in user's commands are carried out: the services, the account, the selected folder and the
//! way out. The verbs borrow it one after another; nothing here is shared between sessions.

use std::sync::Arc;

use crate::auth::Identity;
use crate::ids::Uid;
use crate::store::mailboxes::{FlagChange, Folder, Message};
use crate::store::quota::{Allowance, Usage};

use super::chosen::Chosen;
use super::fault::Fault;
use super::output::Output;
use super::proto::command::{Access, MailboxName, NumberedBy, SequenceSet};
use super::proto::response::{Dialect, Status, write_exists, write_expunge};
use super::rows::{self, Need};
use super::server::Services;
use super::view::{Own, PAGE, Place, Selected, Standing, TellUid};

/// One user's session as the verbs see it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) services: Arc<Services>,
    pub(super) identity: Identity,
    pub(super) dialect: Dialect,
    pub(super) selected: Option<Selected>,
    pub(super) output: Output,
    /// Changes of the running command that were answered already.
    pub(super) own: Own,
}

/// Whether EXPUNGE may be sent now (RFC 9051 §7.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expunges {
    /// The client expects it: numbers may change.
    Told,
    /// FETCH, STORE and SEARCH by sequence number: numbers must stay.
    Held,
}

/// How a verb ends: with the tagged OK, or with a fault that knows its answer.
pub(super) type Answer = Result<Status, Fault>;

impl Desk {
    /// The desk of a user who just logged in.
    pub(super) fn new(services: Arc<Services>, identity: Identity, output: Output) -> Self {
        Desk { services, identity, dialect: Dialect::REV1, selected: None, output, own: Own::new() }
    }

    /// The selected folder. The session lets nobody come here without one.
    pub(super) fn selected(&self) -> Result<&Selected, Fault> {
        self.selected.as_ref().ok_or(Fault::NothingSelected)
    }

    /// The same, to change it.
    pub(super) fn selected_mut(&mut self) -> Result<&mut Selected, Fault> {
        self.selected.as_mut().ok_or(Fault::NothingSelected)
    }

    /// The selected folder, if it may be changed.
    pub(super) fn writable(&self) -> Result<&Selected, Fault> {
        let selected = self.selected()?;
        match selected.access {
            Access::ReadWrite => Ok(selected),
            Access::ReadOnly => Err(Fault::ReadOnly),
        }
    }

    /// The messages that a set names; those the session does not know are left out.
    pub(super) fn choose(&self, set: &SequenceSet, by: NumberedBy) -> Result<Chosen, Fault> {
        let selected = self.selected()?;
        let numbers = match by {
            NumberedBy::Sequence => {
                // RFC 9051 §9 `seq-number`: a number above the count of messages is an error. `*` in an empty
                // folder is one too by the letter, but `1:*` is how clients say "all there is".
                let empty = selected.exists() == 0 && set.names_largest();
                if set.largest_number() > selected.exists() && !empty {
                    return Err(Fault::Bad("there is no message with this number"));
                }
                set.resolve(selected.exists(), &selected.seqs_of(selected.saved.ranges()))
            }
            NumberedBy::Uid => {
                let largest = selected.uids().last().map_or(0, Uid::get);
                let uids = set.resolve(largest, &selected.saved.ranges().collect());
                selected.seqs_of(uids.ranges().iter().cloned())
            }
        };
        Ok(Chosen::of(&numbers, selected))
    }

    /// Those of `places` that are there and cannot be read.
    pub(super) async fn damaged_among(&self, places: Vec<Place>) -> Result<Vec<Uid>, Fault> {
        let selected = self.selected()?;
        let at = (selected.account, selected.folder);
        let read = self.services.store.read(move |view| rows::read(view, at, &places, Need::Hot));
        Ok(read.await?.damaged)
    }

    /// A folder that the command is about.
    pub(super) async fn folder(&self, name: &MailboxName) -> Result<Folder, Fault> {
        self.find(name).await?.ok_or(Fault::NoSuchFolder)
    }

    /// A folder that messages go to: when it is missing the client is told that CREATE may help
    /// (RFC 9051 §6.3.12, §6.4.7).
    pub(super) async fn target(&self, name: &MailboxName) -> Result<Folder, Fault> {
        self.find(name).await?.ok_or(Fault::TryCreate)
    }

    /// What the account may hold, and what it holds.
    pub(super) async fn quota(&self) -> Result<(Allowance, Usage), Fault> {
        let id = self.identity.account;
        let read = self.services.store.read(move |view| Ok((view.account(id)?, view.usage(id)?)));
        let (account, held) = read.await?;
        Ok((self.services.quota.allowance(account.as_ref()), held))
    }

    async fn find(&self, name: &MailboxName) -> Result<Option<Folder>, Fault> {
        let (account, name) = (self.identity.account, name.name.clone());
        Ok(self.services.store.read(move |view| view.folder_named(account, &name)).await?)
    }

    /// Takes in what happened in the selected folder, without telling.
    pub(super) async fn take_in(&mut self) -> Result<(), Fault> {
        let own = std::mem::take(&mut self.own);
        let Some(selected) = self.selected.as_mut() else { return Ok(()) };
        match selected.refresh(&self.services.store, &own).await? {
            Standing::Present => Ok(()),
            Standing::Deleted => Err(Fault::FolderGone),
        }
    }

    /// Changes flags; the caller tells them (or was asked not to), so they will not be told again as news.
    /// Keywords that the client does not know yet are announced here, so that the caller can name them.
    pub(super) async fn change_flags(&mut self, uids: Vec<Uid>, change: FlagChange) -> Result<Vec<Message>, Fault> {
        let selected = self.selected()?;
        let (account, folder, known) = (selected.account, selected.folder, selected.keywords.len());
        let (messages, _) = self.services.store.store_flags(account, folder, uids, change, None).await?;
        for message in &messages {
            self.own.entry(message.modseq).or_default().insert(message.uid);
        }
        let unknown = |message: &Message| message.keywords.iter().any(|keyword| usize::from(*keyword) >= known);
        if messages.iter().any(unknown) {
            self.take_in().await?;
            self.tell_keywords();
        }
        Ok(messages)
    }

    /// Tells what happened in the selected folder, in the order that keeps every number right: what is gone,
    /// how many there are, new keywords, then flags.
    pub(super) async fn tell(&mut self, expunges: Expunges) -> Result<(), Fault> {
        self.take_in().await?;
        let Some(selected) = self.selected.as_mut() else { return Ok(()) };
        if expunges == Expunges::Told {
            for seq in selected.take_expunged() {
                write_expunge(seq, self.output.buffer());
                self.output.ease().await?;
            }
        }
        if let Some(exists) = selected.take_exists() {
            write_exists(exists, self.output.buffer());
        }
        self.tell_keywords();
        self.tell_flags().await
    }

    /// The same, if anything happened at all.
    pub(super) async fn tell_if_changed(&mut self, expunges: Expunges) -> Result<(), Fault> {
        let news = self.selected.as_mut().is_some_and(Selected::has_news);
        if news || !self.own.is_empty() { self.tell(expunges).await } else { Ok(()) }
    }

    /// `FLAGS` and PERMANENTFLAGS, if the folder has keywords that the client does not know.
    fn tell_keywords(&mut self) {
        let Some(selected) = self.selected.as_mut() else { return };
        if selected.take_keywords() {
            selected.write_folder_flags(self.output.buffer());
        }
    }

    async fn tell_flags(&mut self) -> Result<(), Fault> {
        let Some(selected) = self.selected.as_mut() else { return Ok(()) };
        let at = (selected.account, selected.folder);
        let mut flagged = selected.take_flagged();
        loop {
            let places = flagged.next_page(selected, PAGE);
            if places.is_empty() {
                return Ok(());
            }
            let page = self.services.store.read(move |view| rows::read(view, at, &places, Need::Hot)).await?;
            for row in page.rows {
                // Nobody asked for these; the UID says beyond doubt which message is meant.
                selected.write_flags(self.output.buffer(), row.place, TellUid::Yes, &row.message);
                self.output.ease().await?;
            }
        }
    }
}
