//! The gateway to the state registers: asks one question and reads the answer, or says why there is none.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::answer::{self, About, EntityRules, Outcome, PersonRules};
use super::envelope::{self, Data, Message, SOAP};
use super::settings::Settings;
use super::signing::{Lifetime, Part, Signer};
use super::verify::{self, PublicKey};
use super::xml;
use super::{EntityAsked, PersonAsked};
use crate::clock::{Timestamp, World};
use crate::remote::{self, Address, Question};

/// SOAP 1.1 §6.1.1 wants it; the gateway has one operation.
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// Everything that is needed to ask.
pub(super) struct Gateway {
    address: Address,
    client: Option<Arc<ClientConfig>>,
    signer: Signer,
    /// Empty: answers need no signature.
    trusted: Vec<PublicKey>,
    password: Zeroizing<String>,
}

/// What is asked about.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    Person(PersonAsked<'a>),
    Entity(EntityAsked<'a>),
}

/// An answer, read.
pub(super) struct Answered {
    pub(super) about: About,
    pub(super) outcome: Outcome,
    /// SHA-256 of the message.
    pub(super) digest: [u8; 32],
    pub(super) is_signed: bool,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).field("signer", &self.signer).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Reads the files that the settings name; the key that is wrong, and what is.
    pub(super) fn open(settings: &Settings) -> Result<Self, (&'static str, String)> {
        let address = Address::parse(&settings.url).map_err(|what| ("url", what))?;
        let client = address.is_tls().then(|| remote::trusting(&settings.tls_authorities_file)).transpose();
        let signer = Signer::load(&settings.key_file, &settings.certificate_file, settings.key_reference);
        Ok(Gateway {
            address,
            client: client.map_err(|what| ("tls_authorities_file", what))?,
            signer: signer.map_err(|what| ("key_file", what))?,
            trusted: keys(&settings.answer_certificates_file).map_err(|what| ("answer_certificates_file", what))?,
            password: password(&settings.password_file).map_err(|what| ("password_file", what))?,
        })
    }

    /// Asks once.
    pub(super) async fn ask(
        &self,
        asked: Asked<'_>,
        id: &str,
        settings: &Settings,
        world: &World,
    ) -> Result<Answered, String> {
        let message = self.message(asked, id, settings, world.now())?;
        let question = Question {
            body: Some(message.into_bytes()),
            headers: &[(header::CONTENT_TYPE, "text/xml; charset=utf-8"), (SOAP_ACTION, "\"\"")],
            // SOAP 1.1 §6.2: a fault comes with 500.
            statuses: &[StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR],
            deadline: Duration::from_secs(settings.deadline_s),
            max_bytes: settings.xml.max_bytes,
        };
        let answer = self.address.ask(question, self.client.as_ref()).await?;
        self.read(&answer, asked, id, settings, world.now())
    }

    fn message(&self, asked: Asked<'_>, id: &str, settings: &Settings, now: Timestamp) -> Result<String, String> {
        let service = match asked {
            Asked::Person(_) => &settings.person_service,
            Asked::Entity(_) => &settings.entity_service,
        };
        let message = Message { id, service, at: now, sender: &settings.sender_id, password: &self.password };
        let body_id = format!("body-{id}");
        let body = match asked {
            Asked::Person(person) => {
                let iin = person.iin.expose();
                let consent = person.consent.map(|consent| (consent.token(), consent.public_key()));
                envelope::body(
                    &body_id,
                    message,
                    &Data::Person { sender_code: &settings.sender_code, iin: &iin, consent },
                )
            }
            Asked::Entity(entity) => {
                let request = envelope::entity_request(&settings.requestor_bin, &entity.bin.expose());
                let request = envelope::enclose(&request, &self.signer.enveloped(&request)?);
                envelope::body(&body_id, message, &Data::Entity { request: &request })
            }
        };
        let seconds = jiff::SignedDuration::from_secs(i64::try_from(settings.timestamp_s).unwrap_or(i64::MAX));
        let expires = now.checked_add(seconds).unwrap_or(Timestamp::MAX);
        let lifetime = (settings.timestamp_s > 0).then_some(Lifetime { created: now, expires });
        let header = self.signer.security(Part { id: &body_id, canonical: &body }, lifetime)?;
        Ok(envelope::envelope(&header, &body))
    }

    fn read(
        &self,
        answer: &[u8],
        asked: Asked<'_>,
        id: &str,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Answered, String> {
        let document = xml::read(answer, &settings.xml)?;
        let body = if self.trusted.is_empty() {
            xml::only(document.root_element(), Some(SOAP), "Body").ok_or("the answer is no SOAP message")?
        } else {
            verify::body(&document, &self.trusted, now).map_err(|why| why.to_string())?
        };
        let (about, response) = answer::response(body, id)?;
        let outcome = match asked {
            Asked::Person(person) => {
                let rules = PersonRules {
                    not_found: &settings.person_not_found_codes,
                    no_consent: &settings.person_no_consent_codes,
                };
                answer::person(response, &person, &rules, now)?
            }
            Asked::Entity(entity) => {
                let rules = EntityRules {
                    not_found: &settings.entity_not_found_codes,
                    registered: &settings.entity_registered_states,
                };
                answer::entity(response, &entity, &rules, &settings.xml)?
            }
        };
        Ok(Answered { about, outcome, digest: Sha256::digest(answer).into(), is_signed: !self.trusted.is_empty() })
    }
}

pub(super) fn keys(file: &Path) -> Result<Vec<PublicKey>, String> {
    if file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let at = |error: &dyn fmt::Display| format!("{}: {error}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    let certificates = certificates.map_err(|error| at(&error))?;
    if certificates.is_empty() {
        return Err(at(&"there is no certificate in it"));
    }
    certificates.iter().map(|der| PublicKey::of_certificate(der).map_err(|error| at(&error))).collect()
}

fn password(file: &Path) -> Result<Zeroizing<String>, String> {
    if file.as_os_str().is_empty() {
        return Ok(Zeroizing::default());
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
