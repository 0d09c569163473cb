//! The letter that tells a user that the mailbox is nearly full, in Kazakh, Russian and English.
//!
//! It is owed by a row that stands in the commit that crossed the line and goes in the commit that accepts the
//! letter: a crash neither loses nor doubles it, and nobody looks through all accounts for it.

use std::time::Duration;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as MailAddress;
use mail_builder::headers::raw::Raw;
use tokio_util::sync::CancellationToken;

use super::Settings;
use crate::accounts::Account;
use crate::clock::World;
use crate::ids::{AccountId, ItemId};
use crate::intake::{Intake, Refusal};
use crate::locale::{self, Lang};
use crate::store::keys::AccountCounter;
use crate::store::quota::{Allowance, Usage, told};
use crate::store::{self, Batch, Store, Topic};

/// Entries of the queue that are looked at at once.
const BATCH: usize = 100;

/// What could not be sent is tried again after this time.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes the letters. Clones share it.
#[derive(Clone, Debug)]
pub struct Warnings {
    /// `[quota]`.
    pub settings: Settings,
    /// Where the queue is.
    pub store: Store,
    /// The way in for letters.
    pub intake: Intake,
    /// Time and randomness.
    pub world: World,
    /// Whose postmaster writes.
    pub mail_domain: String,
}

/// One mailbox of which its user is to be told.
struct Owed {
    account: AccountId,
    /// The counters that crossed their line.
    counters: Vec<AccountCounter>,
}

impl Warnings {
    /// Writes until the token is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let mut watcher = self.store.watch(Topic::Untold);
            let sent = tokio::select! {
                () = stop.cancelled() => return,
                sent = self.send_all() => sent,
            };
            if let Err(error) = &sent {
                tracing::warn!(%error, "warnings of full mailboxes cannot be sent now");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = tokio::time::sleep(PAUSE), if sent.is_err() => {}
            }
        }
    }

    /// Sends what is owed now; gives how many letters that were.
    ///
    /// # Errors
    /// Store; a temporary refusal of intake. The other letters are sent all the same.
    pub async fn send_all(&self) -> Result<u64, Refusal> {
        let mut sent = 0;
        loop {
            let untold = self.store.read(|view| view.untold(BATCH)).await?;
            if untold.is_empty() {
                return Ok(sent);
            }
            let mut failed = None;
            for owed in by_account(untold) {
                match self.send(&owed).await {
                    Ok(Outcome::Told) => sent += 1,
                    // It became calm, or crossed another line, at this moment: the next look tells.
                    Ok(Outcome::NotOwed) | Err(Refusal::Store(store::Error::Conflict(_))) => {}
                    Err(refusal) => failed = Some(refusal),
                }
            }
            if let Some(refusal) = failed {
                return Err(refusal);
            }
        }
    }

    async fn send(&self, owed: &Owed) -> Result<Outcome, Refusal> {
        let id = owed.account;
        let (account, held) = self.store.read(move |view| Ok((view.account(id)?, view.usage(id)?))).await?;
        let mut batch = Batch::new();
        told(&mut batch, id, &owed.counters);
        let account = account.filter(Account::is_active);
        let allowance = self.settings.allowance(account.as_ref());
        let Some(account) = account.filter(|_| allowance.warns_of(held)) else {
            self.store.commit(batch).await?;
            return Ok(Outcome::NotOwed);
        };
        let letter = self.letter(&account, &allowance, held);
        let receipt = self.intake.accept_system(&account.address, letter, batch).await?;
        tracing::info!(account = id.0, item = %receipt.item, bytes = held.bytes, "the mailbox is nearly full");
        metrics::counter!("poshta_quota_warnings_total").increment(1);
        Ok(Outcome::Told)
    }

    fn letter(&self, account: &Account, allowance: &Allowance, held: Usage) -> Vec<u8> {
        let percent = fullness(allowance, held).to_string();
        let subject = locale::in_all("quota-subject", &[("percent", &percent)], &Lang::ALL, " / ");
        let texts: Vec<String> = Lang::ALL.into_iter().map(|lang| text(lang, allowance, held)).collect();
        let (id, domain) = (ItemId::generate(&self.world), &self.mail_domain);
        MessageBuilder::new()
            .from(MailAddress::new_address(Some("Poshta"), format!("postmaster@{domain}")))
            .to(account.address.to_string())
            .subject(subject)
            .date(self.world.now().as_second())
            .message_id(format!("quota.{id}@{domain}"))
            // RFC 3834 §5: made by no person, answered by no machine.
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .text_body(texts.join("\r\n\r\n* * *\r\n\r\n") + "\r\n")
            .write_to_vec()
            .unwrap_or_default()
    }
}

/// What came of one entry.
enum Outcome {
    Told,
    NotOwed,
}

/// Both counters of an account stand beside each other in the queue: one letter tells of both.
fn by_account(untold: Vec<(AccountId, AccountCounter)>) -> Vec<Owed> {
    let mut owed: Vec<Owed> = Vec::new();
    for (account, counter) in untold {
        match owed.last_mut().filter(|last| last.account == account) {
            Some(last) => last.counters.push(counter),
            None => owed.push(Owed { account, counters: vec![counter] }),
        }
    }
    owed
}

/// How full the mailbox is, per cent: of what is nearest to its limit.
fn fullness(allowance: &Allowance, held: Usage) -> u64 {
    let share = |held: u64, most: Option<u64>| {
        let most = most.filter(|most| *most > 0)?;
        u64::try_from(u128::from(held) * 100 / u128::from(most)).ok()
    };
    share(held.bytes, allowance.bytes.most).max(share(held.messages, allowance.messages.most)).unwrap_or(0)
}

fn text(lang: Lang, allowance: &Allowance, held: Usage) -> String {
    let mut lines = vec![locale::text(lang, "quota-intro", &[])];
    if let Some(most) = allowance.bytes.most {
        let (used, most) = (locale::size(lang, held.bytes), locale::size(lang, most));
        lines.push(locale::text(lang, "quota-bytes", &[("used", &used), ("most", &most)]));
    }
    if let Some(most) = allowance.messages.most {
        let (used, most) = (held.messages.to_string(), most.to_string());
        lines.push(locale::text(lang, "quota-messages", &[("used", &used), ("most", &most)]));
    }
    lines.push(String::new());
    lines.push(locale::text(lang, "quota-help", &[]));
    lines.push(locale::text(lang, "quota-full", &[]));
    lines.join("\r\n")
}

#[cfg(test)]
mod tests;
