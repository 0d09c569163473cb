//! Trash and Junk and the folders below them are emptied of what has lain there for long, and closed accounts of
//! everything when their time is over.
//!
//! How long a letter has lain in a folder is its SAVEDATE (RFC 8514). UIDs ascend with it, so a look at a folder
//! ends at the first letter that is younger: nothing is scanned that stays. Letters go as they go by EXPUNGE, with
//! everything that sessions are told of that.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};
use crate::ids::{AccountId, FolderId, Uid};
use crate::store::accounts::{Account, State};
use crate::store::mailboxes::{Condemned, Folder, MessagePage, SpecialUse};
use crate::store::{self, Done, Store, View};

/// Accounts read at a time.
const PAGE: usize = 200;

/// Letters that are looked at, and go, at a time.
const CHUNK: usize = 500;

/// `[retention]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long letters stay in Trash, days; 0 is for ever.
    pub trash_days: u32,
    /// How long letters stay in Junk, days; 0 is for ever.
    pub junk_days: u32,
    /// How long the letters of a closed account and their key stay, days; 0 is no longer than the account.
    pub closed_days: u32,
    /// How often the server looks, seconds; 0 is never.
    pub check_every_s: u64,
    /// How many accounts the server looks at in a second; 0 is as fast as it goes.
    pub max_accounts_per_s: u32,
    /// How many letters the server removes in a second; 0 is as fast as it goes.
    pub max_messages_per_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            trash_days: 30,
            junk_days: 30,
            closed_days: 0,
            check_every_s: 21_600,
            max_accounts_per_s: 200,
            max_messages_per_s: 500,
        }
    }
}

impl Settings {
    /// Letters in this one of an account's folders go when they came before this.
    fn end(&self, folder: &Folder, folders: &[Folder], now: Timestamp) -> Option<Timestamp> {
        let days = match folder.purpose(folders) {
            Some(SpecialUse::Trash) => self.trash_days,
            Some(SpecialUse::Junk) => self.junk_days,
            _ => 0,
        };
        let end = before(now, days).filter(|_| days > 0)?;
        // A folder that was thrown away as a whole lies there since then, however old its letters are.
        let is_new = folder.special_use.is_none() && folder.moved.is_some_and(|moved| moved >= end);
        (!is_new).then_some(end)
    }

    /// The letters of an account that was closed at this instant stay until then.
    #[must_use]
    pub fn closed_until(&self, closed: Timestamp) -> Timestamp {
        closed.checked_add(days_long(self.closed_days)).unwrap_or(Timestamp::MAX)
    }
}

/// So many days ago; `None` is before all time.
fn before(now: Timestamp, days: u32) -> Option<Timestamp> {
    now.checked_sub(days_long(days)).ok()
}

fn days_long(days: u32) -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(i64::from(days) * 24)
}

/// Whether what is found goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is removed.
    Remove,
    /// It is counted.
    Count,
}

/// How fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speed {
    /// As `[retention]` says.
    Gentle,
    /// As fast as it goes.
    Full,
}

/// What was removed, or would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Expired {
    /// Accounts that were looked at.
    pub accounts: u64,
    /// Folders in which something was found.
    pub folders: u64,
    /// Letters.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Does it. Clones share it.
#[derive(Clone, Debug)]
pub struct Retention {
    settings: Settings,
    store: Store,
    world: World,
}

/// A folder in which letters go.
#[derive(Clone, Copy, Debug)]
struct Bin {
    account: AccountId,
    folder: FolderId,
    /// What came before this goes.
    end: Timestamp,
}

/// Letters of a folder whose time is over.
struct Due {
    uids: Vec<Uid>,
    bytes: u64,
    /// Where to look on.
    next: Option<Uid>,
}

/// One look through all accounts.
struct Sweep<'a, P> {
    retention: &'a Retention,
    mode: Mode,
    pace: Pace,
    progress: P,
    expired: Expired,
}

impl Retention {
    /// Over a store.
    #[must_use]
    pub fn new(settings: Settings, store: Store, world: World) -> Self {
        Retention { settings, store, world }
    }

    /// Looks again and again, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        if self.settings.check_every_s == 0 {
            return;
        }
        let every = Duration::from_secs(self.settings.check_every_s);
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            let go_on = |_| if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            match self.sweep(Mode::Remove, Speed::Gentle, go_on).await {
                Ok(done) => tracing::info!(
                    accounts = done.accounts,
                    folders = done.folders,
                    messages = done.messages,
                    bytes = done.bytes,
                    "Trash, Junk and closed accounts were looked through"
                ),
                Err(store::Error::Stopped) => {}
                Err(error) => {
                    tracing::warn!(%error, "emptying Trash, Junk and closed accounts is not possible now; it is tried later");
                }
            }
        }
    }

    /// Looks through all accounts once; `progress` hears the bytes that go, and may end it.
    ///
    /// # Errors
    /// `Stopped`; store. What was removed until then is gone.
    pub async fn sweep(
        &self,
        mode: Mode,
        speed: Speed,
        progress: impl FnMut(Done) -> ControlFlow<()> + Send,
    ) -> store::Result<Expired> {
        let pace = Pace::new(&self.settings, speed);
        let mut sweep = Sweep { retention: self, mode, pace, progress, expired: Expired::default() };
        sweep.accounts().await?;
        Ok(sweep.expired)
    }

    /// The folders of an account in which letters may go.
    async fn bins(&self, account: AccountId) -> store::Result<Vec<Bin>> {
        let now = self.world.now();
        let folders = self.store.read(move |view| view.folders(account)).await?;
        let bin =
            |folder: &Folder| Some(Bin { account, folder: folder.id, end: self.settings.end(folder, &folders, now)? });
        Ok(folders.iter().filter_map(bin).collect())
    }

    /// The oldest letters of a folder from `from` on, as far as their time is over.
    async fn due(&self, bin: Bin, from: Uid) -> store::Result<Due> {
        let read = move |view: &View<'_>| view.readable_messages(bin.account, bin.folder, from, CHUNK);
        let MessagePage { messages, next, .. } = self.store.read(read).await?;
        let old = messages.iter().take_while(|message| message.save_date < bin.end);
        let mut due = Due { uids: Vec::new(), bytes: 0, next: None };
        for message in old {
            due.uids.push(message.uid);
            due.bytes += message.size();
        }
        due.next = next.filter(|_| due.uids.len() == messages.len());
        Ok(due)
    }
}

impl<P: FnMut(Done) -> ControlFlow<()> + Send> Sweep<'_, P> {
    async fn accounts(&mut self) -> store::Result<()> {
        let mut after = None;
        loop {
            let page = self.retention.store.read(move |view| view.accounts(after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for account in &page {
                match self.account(account).await {
                    // One that cannot be read does not keep the others full.
                    Err(store::Error::Damaged(what)) => {
                        tracing::error!(account = account.id.0, what, "what is old in this account stays");
                    }
                    looked => looked?,
                }
                self.expired.accounts += 1;
                self.pace.account().await;
            }
        }
    }

    async fn account(&mut self, account: &Account) -> store::Result<()> {
        let settings = &self.retention.settings;
        match account.state {
            State::Active if settings.trash_days > 0 || settings.junk_days > 0 => self.open(account.id).await,
            State::Closed { at } if settings.closed_until(at) <= self.retention.world.now() => {
                self.closed(account.id).await
            }
            State::Active | State::Closed { .. } => Ok(()),
        }
    }

    /// Everything goes, its key first.
    async fn closed(&mut self, account: AccountId) -> store::Result<()> {
        let store = &self.retention.store;
        let read = move |view: &View<'_>| Ok((view.folders(account)?.len(), view.usage(account)?));
        let (folders, held) = store.read(read).await?;
        if folders > 0 {
            if self.mode == Mode::Remove {
                store.destroy_letters(account).await?;
            }
            self.count(folders, held.messages, held.bytes);
            self.pace.messages(held.messages).await;
        }
        self.go_on()
    }

    async fn open(&mut self, account: AccountId) -> store::Result<()> {
        for bin in self.retention.bins(account).await? {
            let before = self.expired.messages;
            let mut from = Uid::new(1);
            while let Some(start) = from {
                self.go_on()?;
                let due = self.retention.due(bin, start).await?;
                self.remove(bin, &due).await?;
                from = due.next;
            }
            self.expired.folders += u64::from(self.expired.messages > before);
        }
        self.go_on()
    }

    async fn remove(&mut self, bin: Bin, due: &Due) -> store::Result<()> {
        let gone = match self.mode {
            Mode::Count => due.uids.len(),
            Mode::Remove if due.uids.is_empty() => 0,
            Mode::Remove => {
                let condemned = Condemned::SavedBefore(bin.end);
                let store = &self.retention.store;
                store.remove_condemned(bin.account, bin.folder, &due.uids, condemned).await?.len()
            }
        };
        let gone = u64::try_from(gone).unwrap_or(u64::MAX);
        self.count(0, gone, due.bytes);
        self.pace.messages(gone).await;
        Ok(())
    }

    fn count(&mut self, folders: usize, messages: u64, bytes: u64) {
        self.expired.folders += u64::try_from(folders).unwrap_or(u64::MAX);
        self.expired.messages += messages;
        self.expired.bytes += bytes;
        if self.mode == Mode::Remove {
            metrics::counter!("poshta_expired_messages_total").increment(messages);
            metrics::counter!("poshta_expired_bytes_total").increment(bytes);
        }
    }

    /// Says how far it has come, and hears whether it shall go on.
    fn go_on(&mut self) -> store::Result<()> {
        match (self.progress)(Done { bytes: self.expired.bytes, of: 0 }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(store::Error::Stopped),
        }
    }
}

/// Keeps the work gentle: those who are served come first.
struct Pace {
    /// How long one account and one letter take at least.
    account: Duration,
    message: Duration,
    begun: Instant,
    spent: Duration,
}

impl Pace {
    fn new(settings: &Settings, speed: Speed) -> Self {
        let each = |per_s: u32| match speed {
            Speed::Gentle => Duration::from_secs(1).checked_div(per_s).unwrap_or_default(),
            Speed::Full => Duration::ZERO,
        };
        let (account, message) = (each(settings.max_accounts_per_s), each(settings.max_messages_per_s));
        Pace { account, message, begun: Instant::now(), spent: Duration::ZERO }
    }

    async fn account(&mut self) {
        self.spend(self.account).await;
    }

    async fn messages(&mut self, count: u64) {
        self.spend(self.message.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))).await;
    }

    async fn spend(&mut self, time: Duration) {
        self.spent += time;
        let early = self.spent.saturating_sub(self.begun.elapsed());
        // Shorter sleeps cost more than they give.
        if early >= Duration::from_millis(50) {
            tokio::time::sleep(early).await;
        }
    }
}

#[cfg(test)]
mod tests;
