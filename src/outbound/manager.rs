//! The queue manager: takes what is due, bounds how much runs at once, and settles what came of it.
//!
//! An attempt is recorded before it is made: a crash in the middle of one costs a wait, never a storm of
//! attempts. It can be killed at any instruction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::attempt::{Diagnosis, Fate, Means, attempt};
use super::client::Reports;
use super::dkim::Dkim;
use super::report::{self, Action, Reported};
use crate::address::Domain;
use crate::clock::World;
use crate::ids::ItemId;
use crate::intake::{Intake, Refusal};
use crate::store::queue::{QueueId, Queued, milliseconds};
use crate::store::{self, Batch, Store, Topic, View};
use crate::trust::Dns;

/// What the manager is built from.
#[derive(Debug)]
pub struct Services {
    /// `[outbound]`.
    pub settings: Settings,
    /// The queue and the letters.
    pub store: Store,
    /// Takes the reports.
    pub intake: Intake,
    /// MX records.
    pub dns: Dns,
    /// For STARTTLS; opportunistic, so it takes any certificate.
    pub tls: Arc<ClientConfig>,
    /// Signs the letters.
    pub dkim: Dkim,
    /// Our host name, for EHLO and reports.
    pub host_name: String,
    /// The domain of our postmaster, who signs the reports.
    pub mail_domain: String,
    /// Time and randomness.
    pub world: World,
}

/// The queue manager. Clones share it.
#[derive(Clone, Debug)]
pub struct Outbound {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    means: Means,
    intake: Intake,
    world: World,
    running: Mutex<Running>,
    finished: Notify,
}

/// What is being attempted right now.
#[derive(Debug, Default)]
struct Running {
    rows: HashSet<QueueId>,
    attempts: usize,
    by_domain: HashMap<Domain, usize>,
}

/// Rows of one item for one domain: one transaction.
struct Group {
    domain: Domain,
    rows: Vec<Queued>,
}

/// Who shares a transaction with whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Together {
    /// Those whom every copy names.
    Named,
    /// Blind ones, each by itself.
    Alone(u32),
    /// More of them than [`MAX_ALONE`].
    Blind,
}

/// A group that is being attempted; its place is given back however the attempt ends.
struct Place {
    inner: Arc<Inner>,
    group: Group,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.give_back(&self.group);
    }
}

/// Rows read at a time.
const PAGE_ROWS: usize = 500;
/// Pages looked through for something that the limits allow.
const MAX_PAGES: usize = 20;
/// Blind recipients of a letter in one domain that get a transaction each. What is sent to more of them nobody takes for a
/// letter to himself, and a thousand transactions would hold up others.
const MAX_ALONE: usize = 20;
/// The queue is looked at so often even if nothing happens, milliseconds.
const LONGEST_PAUSE_MS: u64 = 60_000;
/// How often an outcome is judged anew because somebody changed a row.
const MAX_CONFLICTS: usize = 3;
/// What an attempt is given on top of its deadline before its rows are due again.
const LEASE_MARGIN: Duration = Duration::from_secs(60);

impl Outbound {
    /// Builds the manager; nothing runs before [`Outbound::run`].
    #[must_use]
    pub fn new(services: Services) -> Self {
        let means = Means {
            settings: Arc::new(services.settings),
            dns: services.dns,
            tls: services.tls,
            dkim: Arc::new(services.dkim),
            our_name: services.host_name.into(),
            mail_domain: services.mail_domain.into(),
            store: services.store,
        };
        let (intake, world) = (services.intake, services.world);
        Outbound { inner: Arc::new(Inner { means, intake, world, running: Mutex::default(), finished: Notify::new() }) }
    }

    /// Works until `stop`; then waits for the attempts that are under way.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut changed = self.inner.means.store.watch(Topic::Outbound);
        while !stop.is_cancelled() {
            let pause = match self.inner.begin_what_is_due(&tasks).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the outbound queue cannot be read");
                    Duration::from_secs(10)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = changed.changed() => {}
                () = self.inner.finished.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

impl Inner {
    /// Starts an attempt for every group that the limits allow; says how long nothing else becomes due.
    async fn begin_what_is_due(self: &Arc<Self>, tasks: &TaskTracker) -> store::Result<Duration> {
        let now_ms = milliseconds(self.world.now());
        let mut last: Option<Queued> = None;
        // What waits for a slow domain stands first in the queue and must not hide the others.
        for _ in 0..MAX_PAGES {
            let after = last.take();
            let read = move |view: &View<'_>| view.outbound_due(now_ms, after.as_ref(), PAGE_ROWS);
            let due = self.means.store.read(read).await?;
            let is_last_page = due.len() < PAGE_ROWS;
            last = due.last().cloned();
            for group in self.groups(due) {
                if self.take(&group) {
                    let place = Place { inner: self.clone(), group };
                    tasks.spawn(async move { place.inner.run_group(&place.group).await });
                }
            }
            if is_last_page || self.is_full() {
                break;
            }
        }
        let next = self.means.store.read(|view| view.outbound_next_due()).await?;
        let wait_ms = match next {
            // What is due already waits for a place, and is told when there is one.
            Some(next) if next > now_ms => (next - now_ms).min(LONGEST_PAUSE_MS),
            Some(_) => 1000,
            None => LONGEST_PAUSE_MS,
        };
        Ok(Duration::from_millis(wait_ms))
    }

    fn is_full(&self) -> bool {
        self.running.lock().attempts >= self.means.settings.max_attempts_at_once
    }

    /// Rows that are not being attempted, by item and domain. Those that need RFC 6531 go by themselves: a server
    /// without it must not fail the others. So do blind ones, RFC 5321 §7.2: what the other server writes of a
    /// transaction, as `for` in `Received`, tells of its recipients.
    fn groups(&self, due: Vec<Queued>) -> Vec<Group> {
        let running = self.running.lock();
        let kind = |row: &Queued| (row.id.item, row.details.recipient.domain().clone(), row.details.smtputf8);
        let due: Vec<Queued> = due.into_iter().filter(|row| !running.rows.contains(&row.id)).collect();
        let mut blind: HashMap<(ItemId, Domain, bool), usize> = HashMap::new();
        due.iter().filter(|row| row.details.is_blind).for_each(|row| *blind.entry(kind(row)).or_default() += 1);
        let mut groups: Vec<Group> = Vec::new();
        let mut open = HashMap::new();
        for row in due {
            let kind = kind(&row);
            let together = match blind.get(&kind) {
                Some(count) if row.details.is_blind && *count <= MAX_ALONE => Together::Alone(row.id.recipient),
                Some(_) if row.details.is_blind => Together::Blind,
                _ => Together::Named,
            };
            let domain = kind.1.clone();
            let place = open.entry((kind, together)).or_insert(groups.len());
            match groups.get_mut(*place) {
                Some(group) if group.rows.len() < self.means.settings.max_recipients_per_attempt => {
                    group.rows.push(row);
                }
                _ => {
                    *place = groups.len();
                    groups.push(Group { domain, rows: vec![row] });
                }
            }
        }
        groups
    }

    fn take(&self, group: &Group) -> bool {
        let mut running = self.running.lock();
        let to_domain = running.by_domain.get(&group.domain).copied().unwrap_or(0);
        let settings = &self.means.settings;
        if running.attempts >= settings.max_attempts_at_once || to_domain >= settings.max_attempts_per_domain {
            return false;
        }
        running.attempts += 1;
        *running.by_domain.entry(group.domain.clone()).or_default() += 1;
        running.rows.extend(group.rows.iter().map(|row| row.id));
        true
    }

    fn give_back(&self, group: &Group) {
        let mut running = self.running.lock();
        running.attempts = running.attempts.saturating_sub(1);
        if let Some(count) = running.by_domain.get_mut(&group.domain) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                running.by_domain.remove(&group.domain);
            }
        }
        group.rows.iter().for_each(|row| {
            running.rows.remove(&row.id);
        });
        drop(running);
        self.finished.notify_one();
    }

    async fn run_group(&self, group: &Group) {
        let rows = match self.record_attempt(&group.rows).await {
            Ok(rows) => rows,
            Err(store::Error::Conflict(_)) => return,
            Err(error) => return tracing::error!(%error, "an attempt cannot be recorded"),
        };
        let attempt = attempt(&self.means, &self.world, &group.domain, &rows);
        let fates = match timeout(self.longest_attempt(), attempt).await {
            Ok(fates) => fates,
            Err(_) => {
                let diagnosis = Diagnosis::new("4.4.2", None, "the conversation took too long");
                vec![Fate::Deferred(diagnosis); rows.len()]
            }
        };
        if let Err(error) = self.settle(rows, fates).await {
            tracing::error!(domain = %group.domain, %error, "the outcome of an attempt cannot be recorded");
        }
    }

    /// Until an attempt must be over, whatever the server does.
    fn longest_attempt(&self) -> Duration {
        let settings = &self.means.settings;
        let connecting = settings.connect_timeout_s.saturating_mul(10);
        let commands = settings.command_timeout_s.saturating_mul(5);
        Duration::from_secs(connecting.saturating_add(commands).saturating_add(settings.end_of_data_timeout_s))
    }

    /// Counts the attempt and moves the rows out of the way for as long as it can take.
    async fn record_attempt(&self, rows: &[Queued]) -> store::Result<Vec<Queued>> {
        let mut batch = Batch::new();
        let lease = self.longest_attempt().saturating_add(LEASE_MARGIN);
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let until = milliseconds(self.world.now()).saturating_add(lease_ms);
        let claimed: Vec<Queued> = rows
            .iter()
            .map(|row| {
                let attempts = row.details.attempts.saturating_add(1);
                row.change(&mut batch, &store::queue::Details { attempts, due_ms: Some(until), ..row.details.clone() })
            })
            .collect::<store::Result<_>>()?;
        self.means.store.commit(batch).await?;
        Ok(claimed)
    }

    /// Records what became of the rows. Where somebody changed a row during the attempt, the outcome holds for the
    /// row as it is now: a letter that was delivered must not go out again because of it.
    async fn settle(&self, mut rows: Vec<Queued>, mut fates: Vec<Fate>) -> Result<(), Refusal> {
        rows.iter().zip(&fates).for_each(|(row, fate)| log(row, fate));
        let lease = rows.first().and_then(|row| row.details.due_ms);
        for _ in 0..MAX_CONFLICTS {
            match self.record_outcome(&rows, &fates, lease).await {
                Err(Refusal::Store(store::Error::Conflict(_))) => {
                    (rows, fates) = self.as_they_are_now(rows, fates).await?
                }
                outcome => return outcome,
            }
        }
        self.record_outcome(&rows, &fates, lease).await
    }

    /// The rows that are still in the queue, with their fates.
    async fn as_they_are_now(&self, rows: Vec<Queued>, fates: Vec<Fate>) -> store::Result<(Vec<Queued>, Vec<Fate>)> {
        let ids: Vec<QueueId> = rows.iter().map(|row| row.id).collect();
        let read = move |view: &View<'_>| ids.iter().map(|id| view.queued(*id)).collect::<store::Result<Vec<_>>>();
        let now = self.means.store.read(read).await?;
        Ok(now.into_iter().zip(fates).filter_map(|(row, fate)| Some((row?, fate))).unzip())
    }

    /// `lease` is when the rows would be due again if the attempt had not ended.
    async fn record_outcome(&self, rows: &[Queued], fates: &[Fate], lease: Option<u64>) -> Result<(), Refusal> {
        let mut silent = Batch::new();
        let (mut failed, mut late, mut relayed) = (Vec::new(), Vec::new(), Vec::new());
        for (row, fate) in rows.iter().zip(fates) {
            match self.judge(row, fate, lease) {
                Verdict::Done => row.remove(&mut silent),
                Verdict::Relayed(diagnosis) => relayed.push((row, diagnosis)),
                Verdict::Failed(diagnosis) => failed.push((row, diagnosis)),
                Verdict::Wait { due_ms, diagnosis, tell: false } => {
                    row.change(&mut silent, &waiting(row, due_ms, &diagnosis))?;
                }
                Verdict::Wait { due_ms, diagnosis, tell: true } => late.push((row, due_ms, diagnosis)),
            }
        }
        self.means.store.commit(silent).await?;
        for (action, over) in [(Action::Relayed, &relayed), (Action::Failed, &failed)] {
            if over.is_empty() {
                continue;
            }
            let batch = || {
                let mut batch = Batch::new();
                over.iter().for_each(|(row, _)| row.remove(&mut batch));
                Ok(batch)
            };
            let reported = over.iter().map(|(row, diagnosis)| Reported { row, diagnosis }).collect();
            self.report(action, reported, batch).await?;
        }
        if !late.is_empty() {
            let batch = || {
                let mut batch = Batch::new();
                for (row, due_ms, diagnosis) in &late {
                    let details = store::queue::Details { delay_reported: true, ..waiting(row, *due_ms, diagnosis) };
                    row.change(&mut batch, &details)?;
                }
                Ok(batch)
            };
            let reported = late.iter().map(|(row, _, diagnosis)| Reported { row, diagnosis }).collect();
            self.report(Action::Delayed, reported, batch).await?;
        }
        Ok(())
    }

    fn judge(&self, row: &Queued, fate: &Fate, lease: Option<u64>) -> Verdict {
        let settings = &self.means.settings;
        let now_ms = milliseconds(self.world.now());
        let age_s = now_ms.saturating_sub(row.details.accepted_ms) / 1000;
        let pause_ms = settings.wait_after(row.details.attempts).saturating_mul(1000);
        match fate {
            // RFC 3461 §5.2.2: where nobody will tell of the delivery, the sender hears that the letter left us.
            Fate::Delivered { host, said, reports: Reports::Ours, .. } if row.details.notify.success => {
                Verdict::Relayed(Diagnosis::new("2.0.0", Some(host), said))
            }
            Fate::Delivered { .. } => Verdict::Done,
            Fate::Failed(diagnosis) => Verdict::Failed(diagnosis.clone()),
            // RFC 3463 §3.5: delivery time expired.
            Fate::Deferred(diagnosis) if age_s >= settings.give_up_after_s => {
                Verdict::Failed(Diagnosis { status: "5.4.7".into(), ..diagnosis.clone() })
            }
            Fate::Deferred(diagnosis) => Verdict::Wait {
                // What an operator decided meanwhile (on hold, at once) stands.
                due_ms: if row.details.due_ms == lease {
                    Some(now_ms.saturating_add(pause_ms))
                } else {
                    row.details.due_ms
                },
                tell: age_s >= settings.report_delay_after_s && !row.details.delay_reported && row.details.notify.delay,
                diagnosis: diagnosis.clone(),
            },
        }
    }

    /// Commits the rows' change together with the report to the sender, if there is anybody to report to.
    async fn report(
        &self,
        action: Action,
        mut reported: Vec<Reported<'_>>,
        rows: impl Fn() -> store::Result<Batch>,
    ) -> Result<(), Refusal> {
        // RFC 3461 §4.1: the sender may not want to know.
        reported.retain(|reported| action != Action::Failed || reported.row.details.notify.failure);
        let first = reported.first();
        // RFC 5321 §4.5.5: nobody is told of a report that cannot be delivered.
        let sender = first.and_then(|first| first.row.details.reverse_path.address().cloned());
        let (Some(first), Some(sender)) = (first, sender) else {
            self.means.store.commit(rows()?).await?;
            return Ok(());
        };
        let message = report::compose(&self.means, &self.world, action, &sender, &reported).await;
        match self.intake.accept_system(&sender, message, rows()?).await {
            Ok(receipt) => tracing::info!(item = %first.row.id.item, report = %receipt.item, "reported to the sender"),
            // The letter is with the other server: better no report of it than the letter twice.
            Err(refusal) if action == Action::Relayed && !is_conflict(&refusal) => {
                tracing::warn!(item = %first.row.id.item, %refusal, "the sender is not told that a letter was passed on");
                self.means.store.commit(rows()?).await?;
            }
            Err(Refusal::Store(error)) => return Err(error.into()),
            Err(refusal @ Refusal::Temporary(_)) => return Err(refusal),
            Err(refusal) => {
                tracing::warn!(item = %first.row.id.item, %refusal, "the sender cannot be told");
                self.means.store.commit(rows()?).await?;
            }
        }
        Ok(())
    }
}

/// Somebody else changed the rows meanwhile.
fn is_conflict(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Store(store::Error::Conflict(_)))
}

enum Verdict {
    Done,
    Relayed(Diagnosis),
    Failed(Diagnosis),
    Wait { due_ms: Option<u64>, diagnosis: Diagnosis, tell: bool },
}

fn waiting(row: &Queued, due_ms: Option<u64>, diagnosis: &Diagnosis) -> store::queue::Details {
    store::queue::Details {
        due_ms,
        last_error: Some(format!("{} {}", diagnosis.status, diagnosis.text)),
        ..row.details.clone()
    }
}

fn log(row: &Queued, fate: &Fate) {
    let (item, domain, attempts) = (row.id.item, row.details.recipient.domain(), row.details.attempts);
    match fate {
        Fate::Delivered { host, said, tls, .. } => {
            let tls = tls.as_deref().unwrap_or("none");
            tracing::info!(%item, %domain, %host, %said, tls, attempts, "delivered");
        }
        Fate::Deferred(why) => {
            tracing::info!(%item, %domain, status = %why.status, why = %why.text, attempts, "deferred")
        }
        Fate::Failed(why) => tracing::warn!(%item, %domain, status = %why.status, why = %why.text, attempts, "failed"),
    }
    let outcome = match fate {
        Fate::Delivered { .. } => "delivered",
        Fate::Deferred(_) => "deferred",
        Fate::Failed(_) => "failed",
    };
    metrics::counter!("poshta_outbound_attempts_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests;
