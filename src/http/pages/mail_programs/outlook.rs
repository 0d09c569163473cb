//! Autodiscover for Outlook: plain old XML (MS-OXDSCLI §2.2.3, §2.2.4). The address comes back as the login that it is,
//! whether or not there is such a mailbox.

use askama::Template;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;

use crate::address::Address;
use crate::people::MailServers;

use super::super::super::Api;
use super::super::fault::Fault;
use super::file;

/// Bytes of a question.
const LONGEST: usize = 16 << 10;

/// The form of answer for Outlook; phones with ActiveSync ask for another.
const SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

const KIND: &str = "text/xml; charset=utf-8";

#[derive(Template)]
#[template(path = "mail_programs/autodiscover.xml")]
struct Settings<'a> {
    mail: &'a MailServers,
    login: String,
}

#[derive(Template)]
#[template(path = "mail_programs/autodiscover_error.xml")]
struct Refusal {
    time: String,
    code: u16,
    message: &'static str,
}

/// What was asked, or the code and text of the refusal.
pub(super) fn asked(body: &[u8]) -> Result<Address, (u16, &'static str)> {
    let text = std::str::from_utf8(body).map_err(|_| (600, "Invalid Request"))?;
    let schema = inside(text, "AcceptableResponseSchema");
    if schema.is_some_and(|schema| schema != SCHEMA) {
        return Err((601, "Provider is not available"));
    }
    inside(text, "EMailAddress").and_then(|address| address.parse().ok()).ok_or((600, "Invalid Request"))
}

pub(super) async fn discover(State(api): State<Api>, request: Request) -> Result<Response, Fault> {
    let body: Bytes = to_bytes(request.into_body(), LONGEST).await.map_err(|_| Fault::too_large())?;
    match asked(&body) {
        Ok(address) => file(KIND, &Settings { mail: &api.cabinet().mail, login: address.to_string() }),
        Err((code, message)) => {
            let time = api.now().strftime("%H:%M:%S.%f").to_string();
            file(KIND, &Refusal { time, code, message })
        }
    }
}

/// What stands in the first element of this name, which has no attributes and no elements in it.
fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inside.trim()).filter(|inside| !inside.contains(['<', '&']))
}
