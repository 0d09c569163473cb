//! The letter that greets a new user, in the user's language, with the confirmation of the registration (M13): the first
//! letter in the mailbox, accepted and postmarked like any other.
//!
//! It is owed by a row that stands in the commit that made the mailbox and goes in the commit that accepts the letter: a
//! crash neither loses nor doubles it.

use std::time::Duration;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as MailAddress;
use mail_builder::headers::raw::Raw;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::ids::ItemId;
use crate::intake::Refusal;
use crate::locale;
use crate::store::applications::{self as rows, StoredApplication};
use crate::store::{self, Batch, Topic};

use super::error::ApplyError;
use super::{Confirmation, Registration};

/// Letters that are looked at at once.
const BATCH: usize = 50;

/// How often applications whose time is over are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(600);

impl Registration {
    /// Sends confirmations, asks registers again and removes applications whose time is over, until the token is
    /// cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let letters = self.clone().send_letters(stop.clone());
        let again = self.clone().ask_again(stop.clone());
        tokio::join!(letters, again, self.tidy(stop));
    }

    async fn send_letters(self, stop: CancellationToken) {
        let retry = Duration::from_secs(self.settings().retry_s.into());
        loop {
            let mut watcher = self.inner.parts.store.watch(Topic::Welcome);
            let sent = tokio::select! {
                () = stop.cancelled() => return,
                sent = self.welcome_all() => sent,
            };
            let all_sent = match sent {
                Ok(all_sent) => all_sent,
                Err(error) => {
                    tracing::warn!(%error, "confirmations of registrations cannot be read now");
                    false
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = tokio::time::sleep(retry), if !all_sent => {}
            }
        }
    }

    async fn tidy(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.remove_over().await {
                tracing::warn!(%error, "applications whose time is over cannot be removed now");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
        }
    }

    /// Sends every confirmation that is owed; tells whether all went.
    ///
    /// # Errors
    /// Store.
    pub async fn welcome_all(&self) -> store::Result<bool> {
        let owed = self.inner.parts.store.read(|view| view.unwelcomed(BATCH)).await?;
        let is_last = owed.len() < BATCH;
        let mut all_sent = true;
        for stored in owed {
            match self.welcome(&stored).await {
                Ok(()) | Err(ApplyError::Store(store::Error::Conflict(_))) => {}
                Err(error) => {
                    all_sent = false;
                    tracing::warn!(application = %stored.number, %error, "a confirmation cannot be sent now");
                }
            }
        }
        if all_sent && !is_last { Box::pin(self.welcome_all()).await } else { Ok(all_sent) }
    }

    async fn welcome(&self, stored: &StoredApplication) -> Result<(), ApplyError> {
        let parts = &self.inner.parts;
        let confirmation = self.inner.confirmation(stored).await?;
        let mut batch = Batch::new();
        rows::welcomed(&mut batch, stored.number);
        let Some(address) = confirmation.open_address() else {
            // Closed before the letter went: nobody is there to read it.
            parts.store.commit(batch).await?;
            return Ok(());
        };
        let pdf = self.draw(&confirmation).await?;
        let message = self.letter(&confirmation, &address, pdf)?;
        match parts.intake.accept_system(&address, message, batch).await {
            Ok(receipt) => {
                tracing::info!(application = %stored.number, item = %receipt.item, "a confirmation was sent");
                Ok(())
            }
            Err(Refusal::Store(error)) => Err(error.into()),
            Err(refusal) => Err(ApplyError::Unavailable(refusal.to_string())),
        }
    }

    fn letter(&self, confirmation: &Confirmation, to: &Address, pdf: Option<Vec<u8>>) -> Result<Vec<u8>, ApplyError> {
        let parts = &self.inner.parts;
        let lang = confirmation.lang;
        let (number, address) = (confirmation.number.to_string(), to.to_string());
        let args = [("number", number.as_str()), ("address", address.as_str()), ("url", parts.url.as_str())];
        let text = |key: &str| locale::text(lang, key, &args);
        let mut body = format!("{}\n\n{}\n\n", text("welcome-greeting"), text("welcome-text"));
        for (label, value) in confirmation.facts(lang) {
            body.push_str(&format!("  {label}: {value}\n"));
        }
        body.push_str(&format!("\n{}\n", text("welcome-next")));
        let id = ItemId::generate(&parts.world);
        let sender = format!("postmaster@{}", parts.mail_domain);
        let name = confirmation.operator.clone();
        let mut builder = MessageBuilder::new()
            .from(MailAddress::new_address(Some(name), sender))
            .to(MailAddress::new_address(Some(confirmation.name.clone()), address.clone()))
            .subject(text("welcome-subject"))
            .date(parts.world.now().as_second())
            .message_id(format!("welcome.{id}@{}", parts.mail_domain))
            // RFC 3834 §5: made by no person, answered by no machine.
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .header("Content-Language", Raw::new(lang.tag()))
            .text_body(body);
        if let Some(pdf) = pdf {
            builder = builder.attachment("application/pdf", format!("confirmation-{number}.pdf"), pdf);
        }
        builder.write_to_vec().map_err(|error| ApplyError::Unavailable(error.to_string()))
    }
}
