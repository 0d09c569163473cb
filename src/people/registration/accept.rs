//! An application is accepted: whoever filed it is known, the registers have been asked, and the mailbox comes into being
//! in one batch with everything that belongs to it (M15).

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use crate::accounts::NewAccount;
use crate::clock::Timestamp;
use crate::identity::PersonalNumber;
use crate::identity::application::{ApplicationNumber, DocumentKind, Form, number_in};
use crate::identity::base::{Beginning, Filed};
use crate::ids::AccountId;
use crate::people::agreements::instant;
use crate::people::signatures::{MAY_SIGN, SignatureError, Signatures, Signer, SignerRules};
use crate::people::{base, profile};
use crate::registers::Cause;
use crate::store::agreements::{self, AgreementConsent, Channel, ConsentEvidence};
use crate::store::applications::{self as rows, Act, NewEvidence, State, StoredApplication};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::profiles::{self, ProfileRow};
use crate::store::{self, Batch, Owner};

use super::error::{ApplyError, DECLINED};
use super::registers::{Checked, encode};
use super::{
    Applied, DocumentCheck, Evidence, EvidenceKind, Filled, Inner, NUMBERS_AT_ONCE, Registration, WaitingFor, Way,
};
use crate::identity::eds::{Refusal, Use};

/// How an application was filed, and what proves it.
struct Filing {
    act: Act,
    evidence: Vec<Evidence>,
    /// Who did it, for the audit.
    actor: String,
}

impl Registration {
    /// M13: the applicant signs what was prepared.
    ///
    /// # Errors
    /// See [`ApplyError`]. What the applicant can do better is left as it is, to be signed again; when the login or the
    /// person has a mailbox already, nothing is left.
    pub async fn sign(
        &self,
        number: ApplicationNumber,
        secret: &str,
        cms: Vec<u8>,
        ip: IpAddr,
    ) -> Result<Applied, ApplyError> {
        let inner = &*self.inner;
        let stored = inner.own(number, secret).await?;
        inner.require_open(&stored)?;
        if !self.takes_signatures() {
            return Err(ApplyError::NotOnline);
        }
        inner.pace.signature(ip, inner.now())?;
        inner.require_current(&stored).await?;
        let form = inner.form(&stored)?;
        let signer = inner.signer(&stored, &form, &cms).await?;
        let act = Act::Online { from: ip.to_string(), certificate: signer.serial, issuer: signer.issuer };
        let evidence = vec![Evidence {
            what: EvidenceKind::Signature,
            media_type: "application/pkcs7-signature".into(),
            bytes: cms,
        }];
        let filing = Filing { act, evidence, actor: format!("applicant {ip}") };
        let result = inner.file(&stored, &form, filing).await;
        if let Err(ApplyError::LoginTaken(_) | ApplyError::PersonTaken | ApplyError::Mismatch(_)) = &result {
            self.forget(number).await;
        }
        result
    }

    /// M14: whether [`Registration::accept`] would take this, as far as it can be said without the registers: for a first
    /// clerk, whom a second one confirms.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn require_acceptable(
        &self,
        number: ApplicationNumber,
        check: &DocumentCheck,
        evidence: &[Evidence],
    ) -> Result<(), ApplyError> {
        let inner = &*self.inner;
        let stored = inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        inner.require_open(&stored)?;
        inner.require_current(&stored).await?;
        let Filled { form, consent } = inner.filled(&stored)?;
        inner.require_consent(&form, consent.as_ref())?;
        require_document(&form, check)?;
        require_signed(evidence)
    }

    /// Puts documents of an application into a batch.
    ///
    /// # Errors
    /// Store.
    pub fn keep(&self, batch: &mut Batch, number: ApplicationNumber, evidence: Vec<Evidence>) -> store::Result<()> {
        rows::add_evidence(batch, number, self.inner.sealed(number, evidence)?)
    }

    /// M14: the clerk registers an application that is stored: one that was announced, or that the clerk filled in.
    ///
    /// # Errors
    /// See [`ApplyError`]; the application is left as it was.
    pub async fn accept(&self, number: ApplicationNumber, way: Way) -> Result<Applied, ApplyError> {
        let Way::Counter { clerk, facility, evidence, document_checked, second } = way else {
            return Err(ApplyError::NoEvidence);
        };
        let inner = &*self.inner;
        let stored = inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        inner.require_open(&stored)?;
        inner.require_current(&stored).await?;
        let Filled { form, consent } = inner.filled(&stored)?;
        inner.require_consent(&form, consent.as_ref())?;
        require_document(&form, &document_checked)?;
        require_signed(&evidence)?;
        let document = inner.seal(document_checked.document.number.into_bytes())?;
        let actor = format!("account {}", clerk.0);
        let act = Act::Counter { clerk, facility: facility.to_string(), document, second };
        inner.file(&stored, &form, Filing { act, evidence, actor }).await
    }

    /// Asks the registers again about an application that waits for them.
    ///
    /// # Errors
    /// See [`ApplyError`]; one that the registers contradict is refused, and says so to its applicant.
    pub async fn retry(&self, number: ApplicationNumber) -> Result<Applied, ApplyError> {
        let inner = &*self.inner;
        let stored = inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        let State::Waiting { act, since_us, .. } = stored.application.state.clone() else {
            return Err(ApplyError::Busy);
        };
        let form = inner.form(&stored)?;
        // Nobody waits for ever for a register that has gone away.
        let lasts_us = i64::from(inner.parts.settings.ask_for_h) * 3_600 * 1_000_000;
        if since_us.saturating_add(lasts_us) <= inner.now().as_microsecond() {
            let error = ApplyError::RegisterSilent;
            inner.refuse(&stored, &Why::of(&error)).await?;
            return Err(error);
        }
        // The documents are there already.
        let filing = || Filing { act: act.clone(), evidence: Vec::new(), actor: "poshta".into() };
        let result = inner.file(&stored, &form, filing()).await;
        match &result {
            Ok(_) | Err(ApplyError::Busy | ApplyError::Accepted) => {}
            Err(error @ (ApplyError::LoginTaken(_) | ApplyError::PersonTaken | ApplyError::Mismatch(_))) => {
                inner.refuse(&stored, &Why::of(error)).await?;
            }
            // Something else is in the way: it is not tried again at once.
            Err(_) => inner.wait(&stored, filing()).await?,
        }
        result
    }

    /// The operator refuses an application that waits: for a register, or for a second clerk. Its applicant reads the
    /// reason.
    ///
    /// # Errors
    /// There is none, or it does not wait; somebody was faster; store.
    pub async fn decline(&self, number: ApplicationNumber, reason: &str, by: &str) -> Result<(), ApplyError> {
        let inner = &*self.inner;
        let stored = inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        let is_prepared = inner.parts.store.read(move |view| view.desk_case(number)).await?.is_some();
        match stored.application.state {
            State::Waiting { .. } => {}
            State::Open { .. } if is_prepared => {}
            _ => return Err(ApplyError::Busy),
        }
        inner.refuse(&stored, &Why { code: DECLINED, field: Some(reason), by }).await
    }
}

/// Why an application is refused, and by whom.
struct Why<'a> {
    code: &'static str,
    field: Option<&'a str>,
    by: &'a str,
}

impl<'a> Why<'a> {
    /// What the service itself finds.
    fn of(error: &'a ApplyError) -> Self {
        let field = match error {
            ApplyError::Mismatch(field) => Some(field.0.as_str()),
            _ => None,
        };
        Why { code: error.code(), field, by: "poshta" }
    }
}

impl Inner {
    /// M10: nobody joins a version that is not in force any more.
    async fn require_current(&self, stored: &StoredApplication) -> Result<(), ApplyError> {
        let current = self.parts.agreements.current().await?.hash;
        if stored.application.agreement == current { Ok(()) } else { Err(ApplyError::OldAgreement { current }) }
    }

    /// M13, M26, M27: the signature is over exactly this application, by the person, or by somebody who may sign for the
    /// legal entity.
    async fn signer(&self, stored: &StoredApplication, form: &Form, cms: &[u8]) -> Result<Signer, ApplyError> {
        let statement = self.statement(stored, form)?;
        let number = form.number();
        let roles = match number {
            PersonalNumber::Iin(_) => &[][..],
            PersonalNumber::Bin(_) => MAY_SIGN,
        };
        let wanted = SignerRules { number: Some(number), roles, usage: Use::Document };
        let judged = self.parts.signatures.verify(cms, statement.as_bytes(), self.now(), wanted).await;
        judged.map_err(|error| match error {
            SignatureError::Refused(Refusal::OtherContent | Refusal::MessageDigest) => {
                let signed = Signatures::content(cms).and_then(|content| number_in(&content));
                match signed {
                    Some(other) if other != stored.number => ApplyError::Replayed,
                    _ => ApplyError::Altered,
                }
            }
            other => ApplyError::Signature(other),
        })
    }

    /// The registers first, then the one batch.
    async fn file(&self, stored: &StoredApplication, form: &Form, filing: Filing) -> Result<Applied, ApplyError> {
        let accepted = self.now();
        let number = stored.number;
        // Cheap, and it spares the registers a question; what counts is the precondition of the batch.
        let login = &stored.application.login;
        if !self.parts.accounts.is_free(login).await? {
            return Err(ApplyError::LoginTaken(login.clone()));
        }
        let consent = self.filled(stored)?.consent;
        let object = format!("application {number}");
        let cause = Cause { actor: &filing.actor, object: &object };
        let proof = match self.ask_registers(form, consent.as_ref(), cause).await? {
            Checked::Confirmed(proof) => proof.map(|proof| encode(&proof)).transpose()?,
            Checked::Unavailable => {
                self.wait(stored, filing).await?;
                return Ok(Applied::Waiting { number, why: WaitingFor::Register });
            }
        };
        self.register(stored, form, filing, accepted, proof).await
    }

    async fn register(
        &self,
        stored: &StoredApplication,
        form: &Form,
        filing: Filing,
        accepted: Timestamp,
        proof: Option<Vec<u8>>,
    ) -> Result<Applied, ApplyError> {
        let id = self.next_account().await?;
        let password = stored.application.password.clone().ok_or(ApplyError::Busy)?;
        let new = NewAccount {
            login: stored.application.login.clone(),
            address: None,
            kind: match form {
                Form::Individual(_) => store::accounts::Kind::Individual,
                Form::Legal(_) => store::accounts::Kind::Legal,
            },
            display_name: form.display_name(),
            person: Some(form.number()),
            postal_index: form.postal_index().map(ToString::to_string),
            password,
        };
        let mut batch = Batch::new();
        let account = self.parts.accounts.describe(&mut batch, id, new).await?;
        let data = profile::seal(&self.parts.store, id, form).await?;
        let created_us = account.created.as_microsecond();
        profiles::add(&mut batch, id, &ProfileRow { data, changed_us: created_us, confirmed: None })?;
        let channel = channel(&filing.act);
        let consent = AgreementConsent {
            hash: stored.application.agreement,
            at_us: accepted.as_microsecond(),
            channel,
            evidence: ConsentEvidence::Application(stored.number.serial()),
        };
        agreements::consent(&mut batch, id, &consent)?;
        rows::add_evidence(&mut batch, stored.number, self.sealed(stored.number, filing.evidence)?)?;
        let registered = rows::Application {
            password: None,
            state: State::Registered {
                act: filing.act,
                account: id,
                accepted_us: accepted.as_microsecond(),
                created_us,
                proof: proof.map(|proof| self.seal(proof)).transpose()?,
            },
            ..stored.application.clone()
        };
        stored.change(&mut batch, &registered)?;
        // M23: the mailbox begins its way into the unified base.
        let filed = Filed::new(instant(stored.application.applied_us), accepted);
        base::created(&mut batch, id, Beginning::filed(filed, account.created))?;
        let details = format!("application {}, {}", stored.number, channel_name(channel));
        add_audit(
            &mut batch,
            &entry(&filing.actor, "account.register", &format!("account {}", id.0), details, created_us),
        )?;
        match self.parts.store.commit(batch).await {
            Ok(_) => {
                tracing::info!(application = %stored.number, account = id.0, "a mailbox was registered");
                metrics::counter!("poshta_registrations_total", "way" => channel_name(channel)).increment(1);
                Ok(Applied::Registered { number: stored.number, account: id, address: account.address })
            }
            Err(store::Error::Conflict(key)) => Err(self.conflict(&account, key)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever was faster has it; the batch has told which fact it was about.
    fn conflict(&self, account: &crate::accounts::Account, key: Vec<u8>) -> ApplyError {
        match crate::accounts::AccountError::from_conflict(account, key) {
            crate::accounts::AccountError::Store(store::Error::Conflict(_)) => ApplyError::Accepted,
            other => other.into(),
        }
    }

    async fn wait(&self, stored: &StoredApplication, filing: Filing) -> Result<(), ApplyError> {
        let settings = &self.parts.settings;
        let now_us = self.now().as_microsecond();
        let (since_us, tries) = match &stored.application.state {
            State::Waiting { since_us, tries, .. } => (*since_us, tries.saturating_add(1)),
            _ => (now_us, 1),
        };
        let doubled = i64::from(settings.ask_again_s).saturating_mul(1 << (tries - 1).min(20));
        let pause_s = doubled.min(settings.max_ask_again_s.into());
        let again_us = now_us.saturating_add(pause_s.saturating_mul(1_000_000));
        let mut batch = Batch::new();
        rows::add_evidence(&mut batch, stored.number, self.sealed(stored.number, filing.evidence)?)?;
        let state = State::Waiting { act: filing.act, since_us, again_us, tries };
        stored.change(&mut batch, &rows::Application { state, ..stored.application.clone() })?;
        if tries == 1 {
            let object = format!("application {}", stored.number);
            let details = "a state register does not answer".to_owned();
            add_audit(&mut batch, &entry(&filing.actor, "application.wait", &object, details, now_us))?;
        }
        self.commit(batch).await
    }

    /// An application that waited, and that cannot be accepted: its applicant reads why.
    async fn refuse(&self, stored: &StoredApplication, why: &Why<'_>) -> Result<(), ApplyError> {
        let now_us = self.now().as_microsecond();
        let kept_us = i64::from(self.parts.settings.announced_days) * 86_400 * 1_000_000;
        let (code, field) = (why.code.to_owned(), why.field.map(str::to_owned));
        let state = State::Refused { code, field, until_us: now_us.saturating_add(kept_us) };
        let mut batch = Batch::new();
        stored.change(&mut batch, &rows::Application { state, password: None, ..stored.application.clone() })?;
        let object = format!("application {}", stored.number);
        let details = match why.field {
            Some(reason) if why.code == DECLINED => format!("{DECLINED}; {reason}"),
            _ => why.code.to_owned(),
        };
        add_audit(&mut batch, &entry(why.by, "application.refuse", &object, details, now_us))?;
        self.commit(batch).await
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), ApplyError> {
        match self.parts.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(store::Error::Conflict(_)) => Err(ApplyError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Each is named by the application and the instant too: the same document, filed twice, is two with two keys.
    fn sealed(&self, number: ApplicationNumber, evidence: Vec<Evidence>) -> store::Result<Vec<NewEvidence>> {
        let filed = Sha256::new()
            .chain_update(number.serial().to_be_bytes())
            .chain_update(self.now().as_microsecond().to_be_bytes());
        let seal = |evidence: Evidence| {
            let Evidence { what, media_type, bytes } = evidence;
            let sha256 = filed.clone().chain_update(what.name()).chain_update(&bytes).finalize().into();
            let key = self.parts.store.document_key(Owner::System, sha256)?;
            Ok(NewEvidence { what: what.name().to_owned(), media_type, sha256, key, bytes })
        };
        evidence.into_iter().map(seal).collect()
    }

    /// Numbers are taken many at a time, so that a registration is one commit.
    async fn next_account(&self) -> store::Result<AccountId> {
        let take = |numbers: &mut (u64, u32)| {
            let (next, left) = *numbers;
            let left = left.checked_sub(1)?;
            *numbers = (next + 1, left);
            Some(AccountId(next))
        };
        if let Some(id) = take(&mut self.numbers.lock()) {
            return Ok(id);
        }
        let first = self.parts.accounts.next_numbers(NUMBERS_AT_ONCE).await?;
        // What somebody else fetched meanwhile is lost; numbers may be.
        *self.numbers.lock() = (first.0 + 1, NUMBERS_AT_ONCE - 1);
        Ok(first)
    }
}

/// M10, M14: no mailbox without the signed paper.
fn require_signed(evidence: &[Evidence]) -> Result<(), ApplyError> {
    let is_signed =
        |evidence: &Evidence| evidence.what == EvidenceKind::SignedApplication && !evidence.bytes.is_empty();
    if evidence.iter().any(is_signed) { Ok(()) } else { Err(ApplyError::NoEvidence) }
}

/// M14: the person who stands there is the one in the form. For a legal entity it is a representative, whose right to
/// sign is on paper.
fn require_document(form: &Form, seen: &DocumentCheck) -> Result<(), ApplyError> {
    let plain =
        |number: &str| number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect::<String>();
    let is_same =
        |kind: DocumentKind, number: &str| kind == seen.document.kind && plain(number) == plain(&seen.document.number);
    match form {
        Form::Individual(form) if !is_same(form.document.kind, &form.document.number) => Err(ApplyError::OtherDocument),
        _ => Ok(()),
    }
}

fn channel(act: &Act) -> Channel {
    match act {
        Act::Online { .. } => Channel::Online,
        Act::Counter { .. } => Channel::Counter,
    }
}

fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Online => "online",
        Channel::Counter => "counter",
        Channel::Cabinet => "cabinet",
    }
}

fn entry(actor: &str, action: &str, object: &str, details: String, at_us: i64) -> AuditEntry {
    AuditEntry {
        at_us,
        actor: actor.to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        details: Some(details),
    }
}
