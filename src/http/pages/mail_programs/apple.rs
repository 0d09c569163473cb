//! A configuration profile for Apple's Mail (Apple, Configuration Profile Reference, "Mail"). It is not signed, so the
//! device shows it as such; nothing secret is in it, and the password is asked for when it is installed.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::people::MailServers;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::visitor::Visitor;
use super::file;

#[derive(Template)]
#[template(path = "mail_programs/apple.xml")]
pub(super) struct Profile<'a> {
    pub(super) mail: &'a MailServers,
    /// Of whoever is signed in; others are asked by the device.
    pub(super) address: Option<String>,
}

impl Profile<'_> {
    /// The same for the same server: a profile that is installed again takes the place of the old one.
    pub(super) fn uuid(&self, part: &str) -> String {
        let name = format!("{part} {} {}", self.mail.host, self.address.as_deref().unwrap_or_default());
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(blake3::hash(name.as_bytes()).as_bytes()) {
            *to = *from;
        }
        // RFC 9562 §5.8: version 8, whose bits are the maker's own.
        let number = (u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62)) | (0x8 << 76) | (0x2 << 62);
        let digits = format!("{number:032X}");
        let group = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
        [group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32)].join("-")
    }
}

pub(super) async fn profile(State(api): State<Api>, visitor: Visitor) -> Result<Response, Fault> {
    let address = visitor.session.map(|session| session.address.to_string());
    let profile = Profile { mail: &api.cabinet().mail, address };
    let mut response = file("application/x-apple-aspen-config", &profile)?;
    let name = HeaderValue::from_static("attachment; filename=\"mail.mobileconfig\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
