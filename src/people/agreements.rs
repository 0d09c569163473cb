//! The versions of the user agreement and who consented to which (M9-M11).
//!
//! The invariant: what was published stays for ever under its number and its hash; the version in force is the newest
//! whose time has come. The first one comes with the program and is published by whoever needs it first.

use crate::clock::{Timestamp, World};
use crate::identity::agreement::{AgreementError, AgreementText, VersionHash};
use crate::ids::AccountId;
use crate::store::agreements::{self as rows, AgreementConsent, AgreementVersion, Channel, ConsentEvidence};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::{self, Batch, Store};

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Agreements {
    store: Store,
    world: World,
    domain: String,
}

/// A version with its texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// Which.
    pub version: AgreementVersion,
    /// In three languages.
    pub text: AgreementText,
}

/// Why a version is not published, or a consent not taken.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The texts are not right.
    #[error(transparent)]
    Text(#[from] AgreementError),
    /// Somebody may have consented to what is in force in the meantime.
    #[error("a version is in force from now or later on, not from {0}")]
    Past(Timestamp),
    /// Later versions come later.
    #[error("version {number} is in force from {from}; the next one comes after it")]
    BeforeOther {
        /// The last version.
        number: u32,
        /// From when it is in force.
        from: Timestamp,
    },
    /// The same wording.
    #[error("this wording is published already")]
    Same,
    /// Consent is given to what is in force.
    #[error("this is not the version in force; read the new one")]
    NotCurrent,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Agreements {
    /// The service of an operator with this domain.
    #[must_use]
    pub fn new(store: Store, world: World, domain: String) -> Self {
        Agreements { store, world, domain }
    }

    /// Every version, the first one first.
    ///
    /// # Errors
    /// Store.
    pub async fn versions(&self) -> store::Result<Vec<AgreementVersion>> {
        let versions = self.store.read(|view| view.agreement_versions()).await?;
        if !versions.is_empty() {
            return Ok(versions);
        }
        self.publish_first().await?;
        self.store.read(|view| view.agreement_versions()).await
    }

    /// The version in force now.
    ///
    /// # Errors
    /// Store.
    pub async fn current(&self) -> store::Result<AgreementVersion> {
        let versions = self.versions().await?;
        let now = self.now_us();
        let in_force = versions.into_iter().rfind(|version| version.from_us <= now);
        in_force.ok_or_else(|| store::Error::Damaged("no version of the agreement is in force".into()))
    }

    /// A version with its texts.
    ///
    /// # Errors
    /// Store.
    pub async fn published(&self, number: u32) -> store::Result<Option<Published>> {
        let versions = self.versions().await?;
        let Some(version) = versions.into_iter().find(|version| version.number == number) else { return Ok(None) };
        let text = self.store.read(move |view| view.agreement_text(number)).await?;
        Ok(text.map(|text| Published { version, text }))
    }

    /// M11: publishes the next version, in force from an instant or from now on; `texts` are in Kazakh, Russian and English.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(
        &self,
        texts: [&str; 3],
        from: Option<Timestamp>,
        actor: &str,
    ) -> Result<AgreementVersion, PublishError> {
        let text = AgreementText::written(texts, &self.domain)?;
        let versions = self.versions().await?;
        let (hash, now) = (text.hash(), self.now_us());
        let from = from.unwrap_or(instant(now));
        if versions.iter().any(|version| version.hash == hash) {
            return Err(PublishError::Same);
        }
        if from.as_microsecond() < now {
            return Err(PublishError::Past(from));
        }
        let mut number = 1;
        if let Some(last) = versions.last() {
            if from.as_microsecond() <= last.from_us {
                return Err(PublishError::BeforeOther { number: last.number, from: instant(last.from_us) });
            }
            number = last.number + 1;
        }
        let version = AgreementVersion { number, hash, from_us: from.as_microsecond(), published_us: now };
        self.write(&version, &text, actor).await?;
        Ok(version)
    }

    /// The consents of an account, the oldest first.
    ///
    /// # Errors
    /// Store.
    pub async fn consents(&self, account: AccountId) -> store::Result<Vec<AgreementConsent>> {
        self.store.read(move |view| view.agreement_consents(account)).await
    }

    /// M10: the version in force, where the account has not consented to it yet.
    ///
    /// # Errors
    /// Store.
    pub async fn asked_of(&self, account: AccountId) -> store::Result<Option<AgreementVersion>> {
        let current = self.current().await?;
        let consents = self.consents(account).await?;
        Ok((!consents.iter().any(|consent| consent.hash == current.hash)).then_some(current))
    }

    /// M10: the user of an account consents in the cabinet to the version that they read.
    ///
    /// # Errors
    /// Another version is in force by now; store.
    pub async fn consent(
        &self,
        account: AccountId,
        hash: VersionHash,
        evidence: ConsentEvidence,
    ) -> Result<(), PublishError> {
        if self.current().await?.hash != hash {
            return Err(PublishError::NotCurrent);
        }
        let at_us = self.now_us();
        let mut batch = Batch::new();
        rows::consent(&mut batch, account, &AgreementConsent { hash, at_us, channel: Channel::Cabinet, evidence })?;
        let who = format!("account {}", account.0);
        let entry = AuditEntry {
            at_us,
            actor: who.clone(),
            action: "agreement.consent".into(),
            object: who,
            details: Some(hash.to_string()),
        };
        add_audit(&mut batch, &entry)?;
        self.store.commit(batch).await?;
        Ok(())
    }

    /// What comes with the program. Two who need it first publish it once.
    async fn publish_first(&self) -> store::Result<()> {
        let text = AgreementText::built_in(&self.domain);
        let now = self.now_us();
        let version = AgreementVersion { number: 1, hash: text.hash(), from_us: now, published_us: now };
        match self.write(&version, &text, "poshta").await {
            Ok(()) | Err(store::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, version: &AgreementVersion, text: &AgreementText, actor: &str) -> store::Result<()> {
        let mut batch = Batch::new();
        rows::publish(&mut batch, version, text)?;
        let entry = AuditEntry {
            at_us: version.published_us,
            actor: actor.to_owned(),
            action: "agreement.publish".into(),
            object: format!("agreement {}", version.number),
            details: Some(format!("{} in force from {}", version.hash, instant(version.from_us))),
        };
        add_audit(&mut batch, &entry)?;
        self.store.commit(batch).await.map(drop)
    }

    fn now_us(&self) -> i64 {
        self.world.now().as_microsecond()
    }
}

/// An instant as rows keep it.
#[must_use]
pub fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}
