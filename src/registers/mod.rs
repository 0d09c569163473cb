//! State registers: is there such a person, such a legal entity, and is that its name? (M24, M25)
//!
//! A question has three outcomes. The register knows them so, and the proof of that is for the record; it knows them
//! otherwise, and which field differs can be told; or it did not answer, and then nothing is decided: the application
//! waits, nothing passes silently.
//!
//! Nothing of a person is kept here or logged; that a question was asked, by whom and how it ended, is a row of the
//! audit.

mod answer;
mod breaker;
mod canonical;
mod envelope;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod names;
mod settings;
mod signing;
pub mod standin;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

pub use self::settings::Settings;
pub use self::signing::KeyReference;
pub use self::xml::XmlLimits;

use self::breaker::Breaker;
use self::gateway::{Asked, Gateway};
use crate::clock::World;
use crate::identity::{Bin, Iin};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::{self, Batch, Store};

/// A question about a person.
#[derive(Clone, Copy, Debug)]
pub struct PersonAsked<'a> {
    /// The number.
    pub iin: &'a Iin,
    /// Surname, name and patronymic, as they were written.
    pub full_name: &'a str,
    /// Number of the identity document, where it is to be looked for too.
    pub document: Option<&'a str>,
    /// That the person allows the question.
    pub consent: Option<&'a ConsentToken>,
    /// Why it is asked.
    pub cause: Cause<'a>,
}

/// A question about a legal entity.
#[derive(Clone, Copy, Debug)]
pub struct EntityAsked<'a> {
    /// The number.
    pub bin: &'a Bin,
    /// The full name, as it was written.
    pub full_name: &'a str,
    /// Why it is asked.
    pub cause: Cause<'a>,
}

/// Why a register is asked: for the audit.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'a> {
    /// Who asks: the applicant, a clerk, the server that asks again.
    pub actor: &'a str,
    /// About what: the number of an application.
    pub object: &'a str,
}

/// What the state's service for consents gave for a question about a person (KDP): a code and the key with which the
/// register verifies it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct ConsentToken {
    token: String,
    public_key: String,
}

/// The text is no consent token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a consent code has letters, digits and punctuation without spaces, 4096 at most")]
pub struct NotAToken;

/// What a register says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It knows them so.
    Match(Proof),
    /// It knows them otherwise, or not at all.
    Mismatch {
        /// What differs.
        field: Field,
    },
    /// It did not answer, or not so that it could be believed. The reason tells nothing of anybody.
    Unavailable {
        /// Why.
        reason: String,
    },
    /// No register is configured.
    NotConfigured,
}

/// That a register confirmed something, for the record (M24: result, time, source).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The service of the register.
    pub source: String,
    /// When it answered, microseconds since 1970.
    pub at_us: i64,
    /// Number of the question.
    pub question_id: String,
    /// Number of the answer.
    pub answer_id: String,
    /// SHA-256 of the answer.
    pub digest: [u8; 32],
    /// Whether the answer was signed by a certificate that is trusted.
    pub is_signed: bool,
    /// The consent with which it was asked.
    pub consent: Option<ConsentToken>,
}

/// What a register knows otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Nobody has this IIN or BIN.
    Number,
    /// A person's surname.
    Surname,
    /// A person's name.
    Name,
    /// A person's patronymic.
    Patronymic,
    /// The name of a legal entity.
    FullName,
    /// The identity document: there is none with this number, or it is not valid (any more).
    Document,
    /// The person is not alive; the legal entity is not registered (any more).
    Status,
    /// The person has not allowed the question, or the consent counts no more.
    Consent,
}

impl Field {
    /// Key of the text that tells a person what differs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Field::Number => "register-field-number",
            Field::Surname => "register-field-surname",
            Field::Name => "register-field-name",
            Field::Patronymic => "register-field-patronymic",
            Field::FullName => "register-field-full-name",
            Field::Document => "register-field-document",
            Field::Status => "register-field-status",
            Field::Consent => "register-field-consent",
        }
    }

    /// As the audit has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Number => "number",
            Field::Surname => "surname",
            Field::Name => "name",
            Field::Patronymic => "patronymic",
            Field::FullName => "full_name",
            Field::Document => "document",
            Field::Status => "status",
            Field::Consent => "consent",
        }
    }
}

impl ConsentToken {
    /// Reads what the service for consents gave.
    ///
    /// # Errors
    /// Empty, too long, or with other characters.
    pub fn new(token: &str, public_key: &str) -> Result<Self, NotAToken> {
        let is_good = |text: &str| text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || !is_good(token) || !is_good(public_key) {
            return Err(NotAToken);
        }
        Ok(ConsentToken { token: token.to_owned(), public_key: public_key.to_owned() })
    }

    fn token(&self) -> &str {
        &self.token
    }

    fn public_key(&self) -> &str {
        &self.public_key
    }
}

impl TryFrom<(String, String)> for ConsentToken {
    type Error = NotAToken;

    fn try_from((token, public_key): (String, String)) -> Result<Self, NotAToken> {
        ConsentToken::new(&token, &public_key)
    }
}

impl From<ConsentToken> for (String, String) {
    fn from(consent: ConsentToken) -> Self {
        (consent.token, consent.public_key)
    }
}

impl fmt::Debug for ConsentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentToken(…)")
    }
}

/// What the registers are asked with.
#[derive(Debug)]
pub struct Parts {
    /// `[registers]`.
    pub settings: Settings,
    /// Where the audit is.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
}

/// Why the registers cannot be asked with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("registers.{key}: {what}")]
pub struct BadSettings {
    key: &'static str,
    what: String,
}

/// Asks state registers. Clones share what is known of them.
#[derive(Clone, Debug)]
pub struct Registers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    gateway: Option<Gateway>,
    persons: Mutex<Breaker>,
    entities: Mutex<Breaker>,
    places: Semaphore,
    store: Store,
    world: World,
}

impl Registers {
    /// Reads keys and certificates.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn new(parts: Parts) -> Result<Self, BadSettings> {
        let Parts { settings, store, world } = parts;
        let gateway = settings.is_configured().then(|| Gateway::open(&settings)).transpose();
        let breaker = || Mutex::new(Breaker::new(settings.max_failures, Duration::from_secs(settings.pause_s)));
        let inner = Inner {
            gateway: gateway.map_err(|(key, what)| BadSettings { key, what })?,
            persons: breaker(),
            entities: breaker(),
            places: Semaphore::new(settings.max_at_once),
            settings,
            store,
            world,
        };
        Ok(Registers { inner: Arc::new(inner) })
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.inner.gateway.is_some()
    }

    /// FACTS B7: whether the register of persons tells of somebody only with a consent code of that person.
    #[must_use]
    pub fn wants_consent(&self) -> bool {
        self.is_configured() && self.inner.settings.person_needs_consent
    }

    /// From whom the code comes, for people: the number of a text message, or a name.
    #[must_use]
    pub fn consent_sender(&self) -> &str {
        &self.inner.settings.consent_sender
    }

    /// Asks the register of persons (M24: IIN). However it ends, it ends within the deadline of its attempts.
    pub async fn person(&self, asked: PersonAsked<'_>) -> Answer {
        self.answer(Asked::Person(asked)).await
    }

    /// Asks the register of legal entities (M24: BIN).
    pub async fn entity(&self, asked: EntityAsked<'_>) -> Answer {
        self.answer(Asked::Entity(asked)).await
    }

    async fn answer(&self, asked: Asked<'_>) -> Answer {
        let Some(gateway) = &self.inner.gateway else { return Answer::NotConfigured };
        let id = uuid(self.inner.world.random());
        let answer = self.inner.ask(gateway, asked, &id).await;
        // Nobody's data was looked at without a row that says so; a question that cannot be written down is not
        // answered.
        match self.inner.write_down(asked, &id, &answer).await {
            Ok(()) => answer,
            Err(error) => Answer::Unavailable { reason: format!("the audit cannot be written: {error}") },
        }
    }
}

impl Inner {
    async fn ask(&self, gateway: &Gateway, asked: Asked<'_>, id: &str) -> Answer {
        let (register, breaker, consent) = match asked {
            Asked::Person(person) => (&self.settings.person_service, &self.persons, person.consent),
            Asked::Entity(_) => (&self.settings.entity_service, &self.entities, None),
        };
        let unavailable = |reason: &str| Answer::Unavailable { reason: reason.to_owned() };
        // Who cannot be asked now is not waited for either.
        let Ok(_place) = self.places.try_acquire() else { return unavailable("too many questions are under way") };
        let mut last = "it is left alone after failures in a row".to_owned();
        for attempt in 0..self.settings.attempts {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(self.settings.retry_after_ms)).await;
            }
            if !breaker.lock().admits(self.world.now()) {
                break;
            }
            match gateway.ask(asked, id, &self.settings, &self.world).await {
                Ok(answered) => {
                    breaker.lock().answered();
                    let proof = Proof {
                        source: register.clone(),
                        at_us: self.world.now().as_microsecond(),
                        question_id: id.to_owned(),
                        answer_id: answered.about.message_id,
                        digest: answered.digest,
                        is_signed: answered.is_signed,
                        consent: consent.cloned(),
                    };
                    return match answered.outcome {
                        Ok(()) => Answer::Match(proof),
                        Err(field) => Answer::Mismatch { field },
                    };
                }
                Err(reason) => {
                    let stops = breaker.lock().failed(self.world.now());
                    tracing::warn!(register, question = id, reason, stops, "a state register did not answer");
                    metrics::counter!("poshta_register_failures_total", "register" => register.clone()).increment(1);
                    last = reason;
                }
            }
        }
        Answer::Unavailable { reason: last }
    }

    async fn write_down(&self, asked: Asked<'_>, id: &str, answer: &Answer) -> store::Result<()> {
        let (action, cause) = match asked {
            Asked::Person(person) => ("register.person", person.cause),
            Asked::Entity(entity) => ("register.entity", entity.cause),
        };
        let outcome = match answer {
            Answer::Match(_) => "match".to_owned(),
            Answer::Mismatch { field } => format!("mismatch: {}", field.name()),
            Answer::Unavailable { reason } => format!("unavailable: {reason}"),
            Answer::NotConfigured => "not configured".to_owned(),
        };
        let mut batch = Batch::new();
        let entry = AuditEntry {
            at_us: self.world.now().as_microsecond(),
            actor: cause.actor.to_owned(),
            action: action.to_owned(),
            object: cause.object.to_owned(),
            details: Some(format!("{id} {outcome}")),
        };
        add_audit(&mut batch, &entry)?;
        self.store.commit(batch).await.map(drop)
    }
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn uuid(random: [u8; 16]) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = u128::from_be_bytes(random) & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62;
    let digits = format!("{bits:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
