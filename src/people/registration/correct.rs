//! What becomes of an application between being written and being accepted at a counter: a clerk corrects it, or puts in
//! the code with which a state register may be asked (M14, FACTS B7).
//!
//! The invariant: what was signed or seen to before a correction counts no more.

use crate::identity::application::{ApplicationNumber, Field, Form};
use crate::registers::ConsentToken;
use crate::store::applications::{self as rows, State, StoredApplication};
use crate::store::{self, Batch, View};

use super::error::ApplyError;
use super::{Filled, Inner, Registration, Written};

/// What a correction changed, by the names that fields have in forms.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Corrected(pub Vec<&'static str>);

impl Registration {
    /// Puts other fields, another login or language into the place of those of an application that was written for a
    /// counter. The documents that were scanned are gone with that, and so is what a first clerk has seen to (M14).
    /// `also` adds to the same batch. Where nothing differs nothing is done.
    ///
    /// # Errors
    /// See [`ApplyError`]; the application is left as it was.
    pub async fn correct(
        &self,
        number: ApplicationNumber,
        written: Written,
        also: impl FnOnce(&mut Batch, &Corrected) -> store::Result<()>,
    ) -> Result<Corrected, ApplyError> {
        let inner = &*self.inner;
        let parts = &inner.parts;
        let (stored, old) = inner.correctable(number).await?;
        let Written { form, login, agreement, lang } = written;
        parts.accounts.check_chosen(&login)?;
        let (login, _) = parts.accounts.address_of(&login)?;
        let current = parts.agreements.current().await?.hash;
        if agreement != current {
            return Err(ApplyError::OldAgreement { current });
        }
        let application = &stored.application;
        let corrected = Corrected::between((application, &old.form), (&form, &login, agreement, lang));
        if corrected.0.is_empty() {
            return Ok(corrected);
        }
        if login != application.login && !parts.accounts.is_free(&login).await? {
            return Err(ApplyError::LoginTaken(login));
        }
        let new = rows::Application {
            person: parts.accounts.person_key(&form.number()).await?,
            form: inner.seal(Filled { form, consent: old.consent }.encode()?)?,
            login,
            agreement,
            lang: lang.tag().to_owned(),
            // Whoever has a text of it that could be signed has one of another application.
            nonce: parts.world.random(),
            ..application.clone()
        };
        let mut batch = Batch::new();
        stored.change(&mut batch, &new)?;
        let evidence = parts.store.read(move |view: &View<'_>| view.evidence(number)).await?;
        rows::remove_evidence(&mut batch, number, &evidence);
        also(&mut batch, &corrected)?;
        inner.commit(batch).await?;
        Ok(corrected)
    }

    /// Keeps the code with which the register of persons may be asked about this applicant.
    ///
    /// # Errors
    /// The application was accepted or is over; a clerk has seen to it already; store.
    pub async fn keep_consent(&self, number: ApplicationNumber, consent: ConsentToken) -> Result<(), ApplyError> {
        let inner = &*self.inner;
        let (stored, old) = inner.correctable(number).await?;
        if inner.parts.store.read(move |view| view.desk_case(number)).await?.is_some() {
            return Err(ApplyError::Busy);
        }
        inner.replace_consent(&stored, old, consent).await
    }

    /// The same for the browser that filled an application in and is to sign it: its first code did not count.
    ///
    /// # Errors
    /// There is none for it; it is signed already, or its time is over; store.
    pub async fn consent_anew(
        &self,
        number: ApplicationNumber,
        secret: &str,
        consent: ConsentToken,
    ) -> Result<(), ApplyError> {
        let inner = &*self.inner;
        let stored = inner.own(number, secret).await?;
        inner.require_open(&stored)?;
        let old = inner.filled(&stored)?;
        inner.replace_consent(&stored, old, consent).await
    }
}

impl Inner {
    async fn replace_consent(
        &self,
        stored: &StoredApplication,
        old: Filled,
        consent: ConsentToken,
    ) -> Result<(), ApplyError> {
        let form = self.seal(Filled { consent: Some(consent), ..old }.encode()?)?;
        let mut batch = Batch::new();
        stored.change(&mut batch, &rows::Application { form, ..stored.application.clone() })?;
        self.commit(batch).await
    }

    /// An application that is for a counter, and that nobody has accepted.
    async fn correctable(&self, number: ApplicationNumber) -> Result<(StoredApplication, Filled), ApplyError> {
        let stored = self.stored(number).await?.ok_or(ApplyError::Missing)?;
        self.require_open(&stored)?;
        if !matches!(stored.application.state, State::Open { is_announced: true, .. }) {
            return Err(ApplyError::Busy);
        }
        let filled = self.filled(&stored)?;
        Ok((stored, filled))
    }
}

impl Corrected {
    fn between(
        (old, old_form): (&rows::Application, &Form),
        (form, login, agreement, lang): (&Form, &str, crate::identity::agreement::VersionHash, crate::locale::Lang),
    ) -> Self {
        let differs = |field: &Field| old_form.value(*field) != form.value(*field);
        let fields = form.sort().fields().iter().filter(|field| differs(field)).map(|field| field.name());
        let others = [
            ("login", old.login != login),
            ("agreement", old.agreement != agreement),
            ("language", old.lang != lang.tag()),
        ];
        let others = others.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name);
        Corrected(fields.chain(others).collect())
    }
}
