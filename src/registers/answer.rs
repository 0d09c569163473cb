//! What a state register answered: who has the number, or that nobody has, or that it cannot say.

use roxmltree::{Document, Node};

use super::Field;
use super::envelope::{ENTITY, SOAP, TYPES};
use super::names::{PersonName, compare_person, is_one_of, is_same_number};
use super::xml::{self, XmlLimits, at, children, only, text_at};
use super::{EntityAsked, PersonAsked};
use crate::clock::Timestamp;

/// The gateway has done its part.
const PROCESSED: &str = "SCSS001";

/// The register of persons has found somebody, or has looked and not found.
const PERSON_FOUND: &str = "00000";

/// The register of legal entities likewise.
const ENTITY_FOUND: &str = "002";

/// A person who is alive.
const ALIVE: &str = "0";

/// A document that is valid.
const VALID: &str = "00";

/// What an answer says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    /// The register's own number of it.
    pub(super) message_id: String,
}

/// The outcome of a question that was answered.
pub(super) type Outcome = Result<(), Field>;

/// The part of an answer that says how it went, once the message in which it came is the answer to this question.
pub(super) fn response<'a, 'i>(body: Node<'a, 'i>, question: &str) -> Result<(About, Node<'a, 'i>), String> {
    if let Some(fault) = only(body, Some(SOAP), "Fault") {
        return Err(format!("the gateway answered with a fault: {}", code(&text_at(fault, &["faultcode"]))));
    }
    let response = only(body, Some(TYPES), "SendMessageResponse").and_then(|message| at(message, &["response"]));
    let response = response.ok_or("the answer has no response in it")?;
    let info = at(response, &["responseInfo"]).ok_or("the answer does not say how it went")?;
    // Gateways repeat the number of a question in one of these; an answer to another question is none.
    let repeated = ["correlationId", "messageId"].map(|name| text_at(info, &[name]));
    let in_data = text_at(response, &["responseData", "data", "requestId"]);
    if !repeated.iter().chain([&in_data]).any(|id| id == question) {
        return Err("the answer is one to another question".to_owned());
    }
    let status = text_at(info, &["status", "code"]);
    if status != PROCESSED {
        return Err(format!("the gateway answered with status {}", code(&status)));
    }
    let [_, message_id] = repeated;
    Ok((About { message_id: message_id.chars().take(100).collect() }, response))
}

/// Whether the register of persons knows this one so.
pub(super) fn person(
    response: Node<'_, '_>,
    asked: &PersonAsked<'_>,
    rules: &PersonRules<'_>,
    now: Timestamp,
) -> Result<Outcome, String> {
    let data = at(response, &["responseData", "data"]).ok_or("the answer has no data")?;
    let result = text_at(data, &["messageResult", "code"]);
    if rules.not_found.contains(&result) {
        return Ok(Err(Field::Number));
    }
    if rules.no_consent.contains(&result) {
        return Ok(Err(Field::Consent));
    }
    if result != PERSON_FOUND {
        return Err(format!("the register answered with code {}", code(&result)));
    }
    let Some(person) = at(data, &["persons"]).and_then(|persons| only(persons, None, "person")) else {
        let several = at(data, &["persons"]).is_some_and(|persons| children(persons, None, "person").count() > 1);
        return if several { Err("the register answered with several persons".into()) } else { Ok(Err(Field::Number)) };
    };
    if text_at(person, &["iin"]) != asked.iin.expose() {
        return Err("the answer is about another person".to_owned());
    }
    if text_at(person, &["removed"]) == "true" {
        return Ok(Err(Field::Number));
    }
    let life = text_at(person, &["lifeStatus", "code"]);
    if !life.is_empty() && life != ALIVE {
        return Ok(Err(Field::Status));
    }
    let [surname, name, patronymic] = ["surname", "name", "patronymic"].map(|part| text_at(person, &[part]));
    let known = PersonName { surname: &surname, name: &name, patronymic: &patronymic };
    if let Err(field) = compare_person(asked.full_name, known) {
        return Ok(Err(field));
    }
    Ok(asked.document.map_or(Ok(()), |number| document(person, number, now)))
}

/// Whether the register has the document, and it is valid; a register that has none of anybody says nothing.
fn document(person: Node<'_, '_>, number: &str, now: Timestamp) -> Outcome {
    let Some(documents) = at(person, &["documents"]) else { return Ok(()) };
    let mut all = children(documents, None, "document").peekable();
    if all.peek().is_none() {
        return Ok(());
    }
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let is_valid = |document: Node<'_, '_>| {
        let end: Option<jiff::civil::Date> = text_at(document, &["endDate"]).get(..10).and_then(|end| end.parse().ok());
        let status = text_at(document, &["status", "code"]);
        (status.is_empty() || status == VALID) && end.is_none_or(|end| end >= today)
    };
    let mut same = all.filter(|document| is_same_number(&text_at(*document, &["number"]), number));
    if same.any(is_valid) { Ok(()) } else { Err(Field::Document) }
}

/// Whether the register of legal entities knows this one so.
pub(super) fn entity(
    response: Node<'_, '_>,
    asked: &EntityAsked<'_>,
    rules: &EntityRules<'_>,
    limits: &XmlLimits,
) -> Result<Outcome, String> {
    let data = at(response, &["responseData", "data"]).ok_or("the answer has no data")?;
    if let Some(inside) = only(data, Some(ENTITY), "responseDataType") {
        return entity_in(inside, asked, rules);
    }
    // The register signs its answer by itself and sends it as text.
    let text = xml::text(data);
    let document: Document<'_> = xml::read(text.as_bytes(), limits)?;
    let root = document.root_element();
    if !root.has_tag_name((ENTITY, "responseDataType")) {
        return Err("the answer of the register of legal entities is of another kind".to_owned());
    }
    entity_in(root, asked, rules)
}

/// How answers about persons are read.
pub(super) struct PersonRules<'a> {
    /// Codes that say that there is nobody with this number.
    pub(super) not_found: &'a [String],
    /// Codes that say that the person does not allow the question.
    pub(super) no_consent: &'a [String],
}

/// How answers about legal entities are read.
pub(super) struct EntityRules<'a> {
    /// Codes that say that there is none.
    pub(super) not_found: &'a [String],
    /// Names of the state in which one may have a mailbox.
    pub(super) registered: &'a [String],
}

fn entity_in(data: Node<'_, '_>, asked: &EntityAsked<'_>, rules: &EntityRules<'_>) -> Result<Outcome, String> {
    let result = text_at(data, &["Status", "Code"]);
    if rules.not_found.contains(&result) {
        return Ok(Err(Field::Number));
    }
    if result != ENTITY_FOUND {
        return Err(format!("the register answered with code {}", code(&result)));
    }
    let Some(organization) = at(data, &["Organization"]) else { return Ok(Err(Field::Number)) };
    if text_at(organization, &["BIN"]) != asked.bin.expose() {
        return Err("the answer is about another legal entity".to_owned());
    }
    let states = ["NameRu", "NameKz"].map(|name| text_at(organization, &["RegStatus", name]));
    let is_known = states.iter().any(|state| !state.is_empty());
    let registered: Vec<&str> = rules.registered.iter().map(String::as_str).collect();
    if is_known && !states.iter().any(|state| is_one_of(state, &registered)) {
        return Ok(Err(Field::Status));
    }
    let [russian, kazakh] = ["FullNameRu", "FullNameKz"].map(|name| text_at(organization, &[name]));
    Ok(if is_one_of(asked.full_name, &[&russian, &kazakh]) { Ok(()) } else { Err(Field::FullName) })
}

/// A code of others as it may stand in a log: a few letters and digits.
fn code(text: &str) -> String {
    let code: String =
        text.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_.:-".contains(*letter)).take(40).collect();
    if code.is_empty() { "none".to_owned() } else { code }
}
