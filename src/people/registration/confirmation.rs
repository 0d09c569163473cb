//! The document that confirms a registration (M13): one page, PDF/A, with the number of the application, what was
//! registered, and a code that leads to where it can be checked. It lies in the first letter of the mailbox, whose
//! postmark is signed over it.

use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::address::Address;
use crate::clock::Timestamp;
use crate::hybrid::receipt::ReceiptPage;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::hybrid::workers::WorkerError;
use crate::identity::application::ApplicationNumber;
use crate::locale::{self, Lang};
use crate::people::agreements::instant;
use crate::postal::FacilityId;
use crate::store::applications::{Act, State, StoredApplication};

use super::error::ApplyError;
use super::{Inner, Registration};

/// What is confirmed.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The number.
    pub number: ApplicationNumber,
    /// In which language the applicant reads.
    pub lang: Lang,
    /// The operator's name.
    pub operator: String,
    /// The user's name.
    pub name: String,
    /// IIN or BIN: all but the last four digits are hidden.
    pub personal_number: String,
    /// The address of the mailbox.
    pub address: Address,
    /// The version of the agreement.
    pub agreement: u32,
    /// Its hash.
    pub agreement_hash: String,
    /// When the application was accepted, on the clock of the facility.
    pub accepted: String,
    /// When the mailbox was created.
    pub created: String,
    /// The facility, where it was filed at a counter.
    pub facility: Option<String>,
    /// Serial number of the certificate, where it was signed online.
    pub certificate: Option<String>,
    accepted_at: Timestamp,
    is_open: bool,
    url: String,
}

impl std::fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Confirmation({})", self.number)
    }
}

impl Confirmation {
    /// The address, while the mailbox is open.
    #[must_use]
    pub fn open_address(&self) -> Option<Address> {
        self.is_open.then(|| self.address.clone())
    }

    /// Label and value, in a language.
    #[must_use]
    pub fn facts(&self, lang: Lang) -> Vec<(String, String)> {
        self.labelled(&|key| locale::text(lang, key, &[]))
    }

    fn labelled(&self, label: &dyn Fn(&str) -> String) -> Vec<(String, String)> {
        let mut facts = vec![
            (label("confirmation-number"), self.number.to_string()),
            (label("confirmation-name"), self.name.clone()),
            (label("confirmation-personal-number"), self.personal_number.clone()),
            (label("confirmation-address"), self.address.to_string()),
            (label("confirmation-accepted"), self.accepted.clone()),
            (label("confirmation-created"), self.created.clone()),
            (label("confirmation-agreement"), format!("{} · {}", self.agreement, self.agreement_hash)),
        ];
        facts.extend(self.facility.iter().map(|facility| (label("confirmation-facility"), facility.clone())));
        facts.extend(self.certificate.iter().map(|serial| (label("confirmation-certificate"), serial.clone())));
        facts
    }

    fn page(&self) -> ReceiptPage {
        let in_each = |key: &str| Lang::ALL.into_iter().map(|lang| locale::text(lang, key, &[])).collect();
        ReceiptPage {
            operator: self.operator.clone(),
            titles: in_each("confirmation-title"),
            facts: self.labelled(&|key| locale::in_all(key, &[], &Lang::ALL, " · ")),
            stamps: Vec::new(),
            proof_url: format!("{}/verify", self.url),
            proof_notes: in_each("confirmation-proof"),
            item_id: self.document_id(),
            accepted_unix: self.accepted_at.as_second(),
        }
    }

    /// The same for the same confirmation: 26 characters, as the page has room for.
    fn document_id(&self) -> String {
        let digest = Sha256::digest(format!("{} {}", self.number, self.address));
        let digits: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        digits.chars().take(26).collect()
    }
}

impl Registration {
    /// The confirmation of a registration, for its browser or the desk.
    ///
    /// # Errors
    /// There is no such registration; store.
    pub async fn confirmation(&self, number: ApplicationNumber) -> Result<Confirmation, ApplyError> {
        let stored = self.inner.stored(number).await?.ok_or(ApplyError::Missing)?;
        self.inner.confirmation(&stored).await
    }

    /// M13: the confirmation as one page of PDF/A; nothing where this build cannot draw.
    ///
    /// # Errors
    /// All workers are busy.
    pub async fn draw(&self, confirmation: &Confirmation) -> Result<Option<Vec<u8>>, ApplyError> {
        let request = Request::Receipt(Box::new(confirmation.page()));
        match self.inner.parts.workers.perform(&request).await {
            Ok(Answer::Pdf(pdf)) => Ok(Some(pdf)),
            Ok(Answer::Failed(failure)) => {
                tracing::error!(%failure, application = %confirmation.number, "a confirmation goes without its page");
                Ok(None)
            }
            Err(error @ (WorkerError::Busy | WorkerError::Start(_))) => Err(ApplyError::Unavailable(error.to_string())),
            // This build cannot draw.
            Err(WorkerError::NotBuilt(_)) => Ok(None),
            Ok(_) | Err(_) => {
                tracing::error!(application = %confirmation.number, "a confirmation goes without its page");
                Ok(None)
            }
        }
    }
}

impl Inner {
    pub(super) async fn confirmation(&self, stored: &StoredApplication) -> Result<Confirmation, ApplyError> {
        let State::Registered { act, account, accepted_us, created_us, .. } = &stored.application.state else {
            return Err(ApplyError::Missing);
        };
        let form = self.form(stored)?;
        let account = self.parts.accounts.get(*account).await?.ok_or(ApplyError::Missing)?;
        let versions = self.parts.agreements.versions().await?;
        let agreement = versions.iter().find(|version| version.hash == stored.application.agreement);
        let digits = match form.number() {
            crate::identity::PersonalNumber::Iin(iin) => iin.expose(),
            crate::identity::PersonalNumber::Bin(bin) => bin.expose(),
        };
        let (facility, certificate) = match act {
            Act::Counter { facility, .. } => (Some(self.facility_name(facility, instant(*accepted_us))), None),
            Act::Online { certificate, .. } => (None, Some(certificate.clone())),
        };
        Ok(Confirmation {
            number: stored.number,
            lang: Lang::ALL.into_iter().find(|lang| lang.tag() == stored.application.lang).unwrap_or(Lang::Kk),
            operator: self.parts.registry.operators().first().map(|one| one.name_kk.clone()).unwrap_or_default(),
            name: form.display_name(),
            personal_number: format!("••••••••{}", digits.chars().skip(8).collect::<String>()),
            address: account.address.clone(),
            agreement: agreement.map_or(0, |version| version.number),
            agreement_hash: stored.application.agreement.to_string(),
            accepted: self.shown(instant(*accepted_us)),
            created: self.shown(instant(*created_us)),
            facility,
            certificate,
            accepted_at: instant(*accepted_us),
            is_open: account.is_active(),
            url: self.parts.url.clone(),
        })
    }

    fn facility_name(&self, facility: &str, at: Timestamp) -> String {
        let id: Option<FacilityId> = facility.parse().ok();
        let found = id.and_then(|id| self.parts.registry.facility(&id, at));
        found.map_or_else(|| facility.to_owned(), |facility| facility.name_kk.clone())
    }

    /// An instant on the clock of the operator's facility.
    pub(super) fn shown(&self, at: Timestamp) -> String {
        let facility: Option<FacilityId> = self.parts.facility.parse().ok();
        let facility = facility.and_then(|id| self.parts.registry.facility(&id, at));
        let offset = facility.map_or(jiff::tz::Offset::UTC, |facility| facility.zone.offset_at(at));
        at.to_zoned(TimeZone::fixed(offset)).strftime("%d.%m.%Y %H:%M:%S %:z").to_string()
    }
}
