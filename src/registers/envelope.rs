//! The question to a state register: SOAP 1.1, `SendMessage` of the gateway's synchronous channel (M25).
//!
//! What is signed is written in its canonical form (see `canonical`), each element with the declarations that it uses
//! itself: so the bytes that are signed are those that are sent.

use jiff::tz::TimeZone;

use super::canonical::escaped;
use crate::clock::Timestamp;

pub(super) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(super) const TYPES: &str = "http://bip.bee.kz/SyncChannel/v10/Types";
pub(super) const ENTITY: &str = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz";
pub(super) const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// Who asks what.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// Number of the question, a UUID; the answer refers to it.
    pub(super) id: &'a str,
    /// The service of the register.
    pub(super) service: &'a str,
    /// When.
    pub(super) at: Timestamp,
    /// The operator's name at the gateway.
    pub(super) sender: &'a str,
    /// And password.
    pub(super) password: &'a str,
}

/// What is asked about.
pub(super) enum Data<'a> {
    /// A person.
    Person { sender_code: &'a str, iin: &'a str, consent: Option<(&'a str, &'a str)> },
    /// A legal entity: the finished request, which is signed by itself and travels as text.
    Entity { request: &'a str },
}

/// The body, canonical, with this id.
pub(super) fn body(id: &str, message: Message<'_>, data: &Data<'_>) -> String {
    let date = date(message.at);
    let info = [
        element("messageId", message.id),
        element("correlationId", message.id),
        element("serviceId", message.service),
        element("messageDate", &date),
        wrap("sender", &(element("senderId", message.sender) + &element("password", message.password))),
        element("sessionId", message.id),
    ];
    let data = match data {
        Data::Person { sender_code, iin, consent } => {
            let consent =
                consent.map(|(token, key)| element("kdpToken", token) + &element("publicKey", key)).unwrap_or_default();
            element("messageId", message.id)
                + &element("messageDate", &date)
                + &element("senderCode", sender_code)
                + &element("iin", iin)
                + &consent
        }
        Data::Entity { request } => escaped(request),
    };
    let request = wrap("request", &(wrap("requestInfo", &info.concat()) + &wrap("requestData", &wrap("data", &data))));
    format!(
        "<soapenv:Body xmlns:soapenv=\"{SOAP}\" xmlns:wsu=\"{UTILITY}\" wsu:Id=\"{id}\"><typ:SendMessage \
         xmlns:typ=\"{TYPES}\">{request}</typ:SendMessage></soapenv:Body>"
    )
}

/// The request about a legal entity, canonical, without a signature.
pub(super) fn entity_request(requestor_bin: &str, bin: &str) -> String {
    let (requestor, bin) = (element("RequestorBIN", requestor_bin), element("BIN", bin));
    format!("<gbd:Request xmlns:gbd=\"{ENTITY}\">{requestor}{bin}</gbd:Request>")
}

/// `request` with the signature in its end.
pub(super) fn enclose(request: &str, signature: &str) -> String {
    const END: &str = "</gbd:Request>";
    request.strip_suffix(END).map_or_else(|| request.to_owned(), |open| format!("{open}{signature}{END}"))
}

/// The whole message.
pub(super) fn envelope(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{SOAP}\"><soapenv:Header>\
         {header}</soapenv:Header>{body}</soapenv:Envelope>"
    )
}

/// `xsd:dateTime` with milliseconds, UTC.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// An element with text.
pub(super) fn element(name: &str, text: &str) -> String {
    wrap(name, &escaped(text))
}

fn wrap(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
