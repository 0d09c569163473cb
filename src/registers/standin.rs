//! A register that stands in for those of the state, where there is none: in the demo and in tests. It speaks the same
//! envelope, verifies the signatures of questions as a gateway does, and signs its answers.
//!
//! Whom it knows, and whether it answers at all, stands in a file that is read for each question: so whoever tries the
//! system out can let it fail, or know somebody otherwise, while everything runs.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use roxmltree::Node;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::canonical::escaped;
use super::envelope::{self, ENTITY, SOAP, TYPES, UTILITY, date, element};
use super::gateway::keys;
use super::settings::Settings;
use super::signing::{KeyReference, Part, Signer};
use super::verify::{self, PublicKey};
use super::xml::{self, XmlLimits, at, only, text_at};
use crate::clock::World;

/// What a stand-in knows, and how it behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Known {
    /// Whether it answers.
    pub behaviour: Behaviour,
    /// Persons.
    pub persons: Vec<KnownPerson>,
    /// Legal entities.
    pub entities: Vec<KnownEntity>,
    /// A person is only told of with a consent code.
    pub needs_consent: bool,
    /// The codes that count then; any, where none is named.
    pub consent_codes: Vec<String>,
}

/// Whether and how a stand-in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// At once.
    #[default]
    Answer,
    /// Connections are closed without an answer.
    Down,
    /// HTTP status 503.
    Unavailable,
    /// The gateway says that the register did not answer it.
    Failing,
    /// With a message that is not what was signed.
    Altered,
    /// After this time, milliseconds.
    SlowMs(u64),
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnownPerson {
    /// Number.
    pub iin: String,
    /// As registers write it, in capitals.
    pub surname: String,
    /// Likewise.
    pub name: String,
    /// Likewise; empty or "-" for none.
    pub patronymic: String,
    /// Not alive any more.
    pub is_dead: bool,
    /// Numbers of identity documents that are valid.
    pub documents: Vec<String>,
}

/// A legal entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnownEntity {
    /// Number.
    pub bin: String,
    /// Full name in Russian.
    pub name_ru: String,
    /// Full name in Kazakh.
    pub name_kk: String,
    /// Not registered any more.
    pub is_liquidated: bool,
}

/// What the stand-in says of a person without a consent that counts.
pub const NO_CONSENT: &str = "00012";

impl Known {
    fn is_consent(&self, code: &str) -> bool {
        !code.is_empty() && (self.consent_codes.is_empty() || self.consent_codes.iter().any(|known| known == code))
    }
}

/// What goes back to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A message, after a while.
    Message {
        /// The XML.
        xml: String,
        /// It is a fault (SOAP 1.1 §6.2: HTTP status 500).
        is_fault: bool,
        /// Milliseconds.
        after_ms: u64,
    },
    /// HTTP status 503.
    Unavailable,
    /// The connection is closed.
    Nothing,
}

/// The stand-in.
#[derive(Debug)]
pub struct StandIn {
    known_file: PathBuf,
    signer: Signer,
    trusted: Vec<PublicKey>,
    settings: Settings,
    world: World,
}

/// Files of a stand-in.
#[derive(Clone, Debug)]
pub struct Files<'a> {
    /// [`Known`], as JSON.
    pub known: &'a Path,
    /// Its key, PKCS#8.
    pub key: &'a Path,
    /// Its certificate.
    pub certificate: &'a Path,
    /// Certificates of those whose questions it answers.
    pub askers: &'a Path,
}

impl StandIn {
    /// A stand-in for what is asked with these settings.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn new(files: &Files<'_>, settings: Settings, world: World) -> Result<Self, String> {
        Ok(StandIn {
            known_file: files.known.to_owned(),
            signer: Signer::load(files.key, files.certificate, KeyReference::KeyIdentifier)?,
            trusted: keys(files.askers)?,
            settings,
            world,
        })
    }

    /// Whom it knows now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn known(&self) -> Result<Known, String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.known_file.display());
        let text = std::fs::read(&self.known_file).map_err(|error| at(&error))?;
        serde_json::from_slice(&text).map_err(|error| at(&error))
    }

    /// The answer to a message.
    #[must_use]
    pub fn answer(&self, message: &[u8]) -> Reply {
        let known = match self.known() {
            Ok(known) => known,
            Err(error) => return fault(&error),
        };
        let after_ms = match known.behaviour {
            Behaviour::Down => return Reply::Nothing,
            Behaviour::Unavailable => return Reply::Unavailable,
            Behaviour::SlowMs(milliseconds) => milliseconds,
            Behaviour::Answer | Behaviour::Failing | Behaviour::Altered => 0,
        };
        match self.response(message, &known) {
            Ok(xml) => Reply::Message { xml, is_fault: false, after_ms },
            Err(what) => fault(&what),
        }
    }

    fn response(&self, message: &[u8], known: &Known) -> Result<String, String> {
        let limits = XmlLimits::default();
        let document = xml::read(message, &limits)?;
        let body = verify::body(&document, &self.trusted, self.world.now()).map_err(|why| why.to_string())?;
        let request = only(body, Some(TYPES), "SendMessage").and_then(|message| at(message, &["request"]));
        let request = request.ok_or("no request")?;
        let info = at(request, &["requestInfo"]).ok_or("no requestInfo")?;
        let question = text_at(info, &["messageId"]);
        if text_at(info, &["sender", "senderId"]) != self.settings.sender_id {
            return self.message(&question, "SCSE002", "");
        }
        if known.behaviour == Behaviour::Failing {
            return self.message(&question, "SCSE008", "");
        }
        let data = at(request, &["requestData", "data"]).ok_or("no data")?;
        let service = text_at(info, &["serviceId"]);
        let found = if service == self.settings.person_service {
            person(data, known)
        } else if service == self.settings.entity_service {
            self.entity(data, known, &limits)?
        } else {
            return self.message(&question, "SCSE001", "");
        };
        let signed = self.message(&question, "SCSS001", &found)?;
        let is_altered = known.behaviour == Behaviour::Altered;
        Ok(if is_altered { signed.replacen("SCSS001", "SCSS001 ", 1) } else { signed })
    }

    fn entity(&self, data: Node<'_, '_>, known: &Known, limits: &XmlLimits) -> Result<String, String> {
        let text = xml::text(data);
        let request = xml::read(text.as_bytes(), limits)?;
        let root = request.root_element();
        verify::enveloped(root, &self.trusted, self.world.now()).map_err(|why| why.to_string())?;
        let bin = text_at(root, &["BIN"]);
        let found = match known.entities.iter().find(|entity| entity.bin == bin) {
            None => wrap("Status", &element("Code", "031")),
            Some(entity) => {
                let state =
                    if entity.is_liquidated { "Ликвидирован" } else { "Зарегистрирован" };
                let organization = element("BIN", &bin)
                    + &wrap("RegStatus", &element("NameRu", state))
                    + &element("FullNameRu", &entity.name_ru)
                    + &element("FullNameKz", &entity.name_kk);
                wrap("Status", &element("Code", "002")) + &wrap("Organization", &organization)
            }
        };
        Ok(escaped(&format!("<ns3:responseDataType xmlns:ns3=\"{ENTITY}\">{found}</ns3:responseDataType>")))
    }

    /// A signed message with this in its data, which is XML.
    fn message(&self, question: &str, status: &str, data: &str) -> Result<String, String> {
        let (now, id) = (self.world.now(), super::uuid(self.world.random()));
        let info = element("messageId", &id)
            + &element("correlationId", question)
            + &element("responseDate", &date(now))
            + &wrap("status", &(element("code", status) + &element("message", "")))
            + &element("sessionId", &id);
        let response = wrap("responseInfo", &info) + &wrap("responseData", &wrap("data", data));
        let body = format!(
            "<soapenv:Body xmlns:soapenv=\"{SOAP}\" xmlns:wsu=\"{UTILITY}\" wsu:Id=\"answer\">\
             <ns2:SendMessageResponse xmlns:ns2=\"{TYPES}\">{}</ns2:SendMessageResponse></soapenv:Body>",
            wrap("response", &response)
        );
        let header = self.signer.security(Part { id: "answer", canonical: &body }, None)?;
        Ok(envelope::envelope(&header, &body))
    }
}

impl StandIn {
    /// Answers on this address until the listener is dropped.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn listen(self, address: SocketAddr) -> io::Result<Listening> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stand_in = Arc::new(self);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stand_in = Arc::clone(&stand_in);
                let service = service_fn(move |request| serve(Arc::clone(&stand_in), request));
                tokio::spawn(async move {
                    // Whoever goes away early has no answer, and says so himself.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Listening { address, task })
    }
}

/// A stand-in that listens.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stand_in: Arc<StandIn>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
    let body = Limited::new(request.into_body(), XmlLimits::default().max_bytes).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    let mut response = Response::new(Full::default());
    match stand_in.answer(&body) {
        Reply::Nothing => return Err(io::Error::other("down")),
        Reply::Unavailable => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
        Reply::Message { xml, is_fault, after_ms } => {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            if is_fault {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
            *response.body_mut() = Full::new(Bytes::from(xml));
        }
    }
    Ok(response)
}

fn person(data: Node<'_, '_>, known: &Known) -> String {
    let result = |code: &str| wrap("messageResult", &element("code", code));
    if known.needs_consent && !known.is_consent(&text_at(data, &["kdpToken"])) {
        return result(NO_CONSENT);
    }
    let iin = text_at(data, &["iin"]);
    let Some(person) = known.persons.iter().find(|person| person.iin == iin) else {
        return result("00000") + "<persons></persons>";
    };
    let document = |number: &String| {
        let state = wrap("status", &element("code", "00"));
        wrap("document", &(element("number", number) + &element("endDate", "2099-12-31") + &state))
    };
    let documents: String = person.documents.iter().map(document).collect();
    let content = element("iin", &iin)
        + &element("surname", &person.surname)
        + &element("name", &person.name)
        + &element("patronymic", &person.patronymic)
        + &wrap("lifeStatus", &element("code", if person.is_dead { "1" } else { "0" }))
        + &wrap("documents", &documents)
        + &element("removed", "false");
    result("00000") + &wrap("persons", &wrap("person", &content))
}

fn fault(what: &str) -> Reply {
    let fault = element("faultcode", "soapenv:Client") + &element("faultstring", what);
    let body = format!("<soapenv:Body xmlns:soapenv=\"{SOAP}\"><soapenv:Fault>{fault}</soapenv:Fault></soapenv:Body>");
    Reply::Message { xml: envelope::envelope("", &body), is_fault: true, after_ms: 0 }
}

fn wrap(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
