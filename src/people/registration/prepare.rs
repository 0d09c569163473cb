//! An application is filled in: it is checked as far as it can be without knowing who filled it in, its password is
//! hashed, and it is stored until it is signed.
//!
//! Whether a person has a mailbox already is not told here: only who signs is answered that.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::identity::application::{ApplicationNumber, Form, Statement};
use crate::people::agreements::instant;
use crate::people::passwords;
use crate::store::applications::{self as rows, Queue, State, StoredApplication};
use crate::store::{self, Batch};

use super::error::ApplyError;
use super::{Application, Filled, Inner, Prepared, Registration};

/// Applications that are removed at once.
const PIECE: usize = 100;

/// For what an application is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Its applicant signs it now.
    ToSign,
    /// Its applicant comes to a counter.
    Announced,
    /// A clerk registers it now.
    AtCounter,
}

impl Registration {
    /// Stores an application, to be signed within [`Settings::sign_within_s`](super::Settings::sign_within_s).
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn prepare(&self, application: Application, ip: IpAddr) -> Result<Prepared, ApplyError> {
        if !self.takes_signatures() {
            return Err(ApplyError::NotOnline);
        }
        self.inner.pace.application(ip, self.inner.now())?;
        let (stored, secret) = self.store_application(&application, Kind::ToSign, ip).await?;
        self.inner.prepared(&stored, secret)
    }

    /// Stores an application of somebody who means to sign it on paper, at a counter. The login is not reserved: who
    /// registers first has it.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn announce(&self, application: Application, ip: IpAddr) -> Result<Prepared, ApplyError> {
        self.inner.pace.application(ip, self.inner.now())?;
        let (stored, secret) = self.store_application(&application, Kind::Announced, ip).await?;
        self.inner.prepared(&stored, secret)
    }

    /// Stores an application that a clerk wrote for somebody who stands at the counter.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn write_down(&self, application: Application) -> Result<ApplicationNumber, ApplyError> {
        let counter = IpAddr::from([127, 0, 0, 1]);
        let (stored, _) = self.store_application(&application, Kind::Announced, counter).await?;
        Ok(stored.number)
    }

    /// The application that a browser has prepared, to be shown once more before it is signed.
    ///
    /// # Errors
    /// There is none for it; it is signed already, or its time is over.
    pub async fn prepared(&self, number: ApplicationNumber, secret: &str) -> Result<Prepared, ApplyError> {
        let stored = self.inner.own(number, secret).await?;
        self.inner.require_open(&stored)?;
        self.inner.prepared(&stored, secret.to_owned())
    }

    pub(super) async fn store_application(
        &self,
        application: &Application,
        kind: Kind,
        ip: IpAddr,
    ) -> Result<(StoredApplication, String), ApplyError> {
        let inner = &*self.inner;
        let parts = &inner.parts;
        parts.accounts.check_chosen(&application.login)?;
        let (login, _) = parts.accounts.address_of(&application.login)?;
        let current = parts.agreements.current().await?.hash;
        if application.agreement != current {
            return Err(ApplyError::OldAgreement { current });
        }
        passwords::check(&parts.authenticator, &application.password, &login)?;
        if !parts.accounts.is_free(&login).await? {
            return Err(ApplyError::LoginTaken(login));
        }
        // Who comes to a counter gets the code there: it counts for minutes.
        if kind == Kind::ToSign {
            inner.require_consent(&application.form, application.consent.as_ref())?;
        }
        let person = parts.accounts.person_key(&application.form.number()).await?;
        let password = parts.authenticator.hash(&application.password, ip).await?;
        let secret = URL_SAFE_NO_PAD.encode(parts.world.random::<18>());
        let now = inner.now();
        let filled = Filled { form: application.form.clone(), consent: application.consent.clone() };
        let application = rows::Application {
            year: u16::try_from(inner.date_at(now).year()).unwrap_or_default(),
            form: inner.seal(filled.encode()?)?,
            login,
            password: Some(password),
            agreement: application.agreement,
            lang: application.lang.tag().to_owned(),
            nonce: parts.world.random(),
            secret: *blake3::hash(secret.as_bytes()).as_bytes(),
            person,
            applied_us: now.as_microsecond(),
            state: State::Open { until_us: inner.until_us(now, kind), is_announced: kind == Kind::Announced },
        };
        let mut batch = Batch::new();
        let slot = rows::add(&mut batch, &application)?;
        let serial = parts.store.commit(batch).await?.number(slot);
        let serial = u32::try_from(serial).map_err(|_| ApplyError::Unavailable("no number is left".into()))?;
        let number = ApplicationNumber::new(application.year, serial);
        let stored = inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        Ok((stored, secret))
    }

    /// Nothing is left of an application from which nothing came.
    pub(super) async fn forget(&self, number: ApplicationNumber) {
        let parts = &self.inner.parts;
        let removed = async {
            let stored = self.inner.stored(number).await?;
            let Some(stored) = stored.filter(|stored| !matches!(stored.application.state, State::Registered { .. }))
            else {
                return Ok(());
            };
            let read = move |view: &store::View<'_>| Ok((view.evidence(number)?, view.activation(number)?));
            let (evidence, activation) = parts.store.read(read).await?;
            let mut batch = Batch::new();
            stored.remove(&mut batch);
            rows::remove_evidence(&mut batch, number, &evidence);
            // M21: a code for choosing the password of a mailbox that will never be.
            if let Some(activation) = activation {
                activation.finish(&mut batch);
            }
            parts.store.commit(batch).await.map(drop)
        };
        // What cannot be removed now is removed when its time is over.
        if let Err(error) = removed.await {
            let error: store::Error = error;
            tracing::warn!(application = %number, %error, "an application cannot be removed now");
        }
    }

    /// Removes applications whose time is over; tells how many.
    ///
    /// # Errors
    /// Store.
    pub async fn remove_over(&self) -> store::Result<usize> {
        let mut removed = 0;
        loop {
            let now_us = self.inner.now().as_microsecond();
            let read = move |view: &store::View<'_>| view.applications_due(Queue::Over, now_us, PIECE);
            let over = self.inner.parts.store.read(read).await?;
            for stored in &over {
                self.forget(stored.number).await;
            }
            removed += over.len();
            if over.len() < PIECE {
                return Ok(removed);
            }
        }
    }
}

impl Inner {
    fn until_us(&self, now: Timestamp, kind: Kind) -> i64 {
        let settings = &self.parts.settings;
        let seconds = match kind {
            Kind::ToSign | Kind::AtCounter => i64::from(settings.sign_within_s),
            Kind::Announced => i64::from(settings.announced_days) * 86_400,
        };
        now.as_microsecond().saturating_add(seconds.saturating_mul(1_000_000))
    }

    /// It can be signed, or filed at a counter.
    pub(super) fn require_open(&self, stored: &StoredApplication) -> Result<(), ApplyError> {
        match &stored.application.state {
            State::Open { until_us, .. } if *until_us > self.now().as_microsecond() => Ok(()),
            State::Open { .. } => Err(ApplyError::Over),
            State::Registered { .. } => Err(ApplyError::Accepted),
            State::Waiting { .. } | State::Refused { .. } => Err(ApplyError::Busy),
        }
    }

    fn prepared(&self, stored: &StoredApplication, secret: String) -> Result<Prepared, ApplyError> {
        let form = self.form(stored)?;
        let (_, address) = self.parts.accounts.address_of(&stored.application.login)?;
        let until = match stored.application.state {
            State::Open { until_us, .. } => instant(until_us),
            _ => self.now(),
        };
        let statement = self.statement(stored, &form)?;
        Ok(Prepared { number: stored.number, secret, statement, address, until })
    }

    /// What is signed: made anew from what is stored, never taken from the applicant.
    pub(super) fn statement(&self, stored: &StoredApplication, form: &Form) -> Result<String, ApplyError> {
        let application = &stored.application;
        let (login, address) = self.parts.accounts.address_of(&application.login)?;
        let statement = Statement {
            number: stored.number,
            nonce: application.nonce,
            form,
            login: &login,
            address: &address.to_string(),
            agreement: application.agreement,
        };
        Ok(statement.text())
    }
}
