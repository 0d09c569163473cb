//! `/admin`: what administrators of the operator see and do (M6, M18). Nothing that the commands cannot do too; all of
//! it is in the audit with name and reason; never a letter (M7). Whoever changes something proved lately who it is.

mod accounts;
mod applications;
mod devices;
mod log;
mod notices;
mod overview;
mod print;
mod queues;
mod scans;
mod staff;

use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::administration::{AdministrationError, By};
use crate::clock::Timestamp;

use super::super::access::Role;
use super::super::{Api, closings, reason_of};
use super::Frame;
use super::fault::Fault;
use super::path::encoded;
use super::table::{Body, Page, Who};
use super::visitor::Staff;

const WHO: Who = Who::Staff(&[Role::Administrator]);

/// Those who control read the audit; administrators may, and are in it.
const READERS: Who = Who::Staff(&[Role::Controller, Role::Administrator]);

/// P32: who reads the daily closings.
const HEADS: Who = Who::Staff(&[Role::Controller, Role::FacilityHead]);

/// Rows of one page.
const PAGE: usize = 50;

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/admin", who: WHO, body: Body::None, handler: || get(overview::show) },
    Page { method: "get", path: "/admin/accounts", who: WHO, body: Body::None, handler: || get(accounts::list) },
    Page { method: "get", path: "/admin/accounts/{id}", who: WHO, body: Body::None, handler: || get(accounts::show) },
    Page { method: "post", path: "/admin/accounts/{id}", who: WHO, body: Body::Form, handler: || post(accounts::act) },
    Page {
        method: "get",
        path: "/admin/applications",
        who: WHO,
        body: Body::None,
        handler: || get(applications::list),
    },
    Page {
        method: "post",
        path: "/admin/applications",
        who: WHO,
        body: Body::Form,
        handler: || post(applications::act),
    },
    Page { method: "get", path: "/admin/queues", who: WHO, body: Body::None, handler: || get(queues::show) },
    Page { method: "post", path: "/admin/queues", who: WHO, body: Body::Form, handler: || post(queues::act) },
    Page { method: "get", path: "/admin/print", who: WHO, body: Body::None, handler: || get(print::list) },
    Page { method: "get", path: "/admin/print/{item}", who: WHO, body: Body::None, handler: || get(print::show) },
    Page { method: "post", path: "/admin/print/{item}", who: WHO, body: Body::Form, handler: || post(print::cancel) },
    Page { method: "get", path: "/admin/scans", who: WHO, body: Body::None, handler: || get(scans::list) },
    Page { method: "post", path: "/admin/scans", who: WHO, body: Body::Form, handler: || post(scans::act) },
    Page { method: "get", path: "/admin/devices", who: WHO, body: Body::None, handler: || get(devices::list) },
    Page { method: "get", path: "/admin/devices/{device}", who: WHO, body: Body::None, handler: || get(devices::show) },
    Page {
        method: "post",
        path: "/admin/devices/{device}",
        who: WHO,
        body: Body::Form,
        handler: || post(devices::act),
    },
    Page { method: "get", path: "/admin/staff", who: WHO, body: Body::None, handler: || get(staff::show) },
    Page { method: "post", path: "/admin/staff", who: WHO, body: Body::Form, handler: || post(staff::act) },
    Page { method: "get", path: "/admin/notices", who: WHO, body: Body::None, handler: || get(notices::show) },
    Page { method: "post", path: "/admin/notices", who: WHO, body: Body::Form, handler: || post(notices::act) },
    Page { method: "get", path: "/closings", who: HEADS, body: Body::None, handler: || get(closings::list_page) },
    Page {
        method: "get",
        path: "/closings/{device}/{day}",
        who: HEADS,
        body: Body::None,
        handler: || get(closings::show_page),
    },
    Page { method: "get", path: "/audit", who: READERS, body: Body::None, handler: || get(log::show) },
];

/// What a page says of what was just done: the key of a text, and what is filled in as `value`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Said {
    key: Option<&'static str>,
    value: String,
    is_wrong: bool,
}

impl Said {
    fn done(key: &'static str) -> Self {
        Said { key: Some(key), ..Said::default() }
    }

    fn wrong(key: &'static str) -> Self {
        Said { key: Some(key), is_wrong: true, ..Said::default() }
    }

    fn with(self, value: String) -> Self {
        Said { value, ..self }
    }

    /// RFC 9110 §15.5.21: a form that comes back because something in it is wrong.
    fn status(&self) -> StatusCode {
        if self.is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

/// What every page with acts has around them.
struct Shell {
    error: Option<String>,
    said: Option<String>,
    /// Whoever did not prove lately who it is does that first, and comes back.
    is_proved: bool,
    /// Where they come back to, as it stands behind `next=`.
    here: String,
}

impl Shell {
    fn new(api: &Api, frame: &Frame, staff: &Staff, here: &str, said: &Said) -> Self {
        let text = said.key.map(|key| frame.text_with(key, &[("value", &said.value)]));
        let (error, said) = if said.is_wrong { (text, None) } else { (None, text) };
        let is_proved = api.sessions().is_freshly_proved(staff.signed_in.proved_at);
        Shell { error, said, is_proved, here: encoded(here) }
    }
}

/// What stands in the audit for what is done on these pages.
fn actor(staff: &Staff) -> String {
    format!("{} {}", staff.role.name(), staff.signed_in.login)
}

/// Why an administrator does something; without that nothing is done.
fn reason(text: &str) -> Result<String, Said> {
    reason_of(Some(text.to_owned())).map_err(|_| Said::wrong("admin-needs-reason"))
}

/// Writes down what an administrator is about to see, or to do where the service has no entry of its own.
async fn note(api: &Api, by: By<'_>, action: &str, object: &str) -> Result<(), Fault> {
    let details = (!by.why.is_empty()).then(|| by.why.to_owned());
    api.audit().note(by.who, action, object, details).await.map_err(|error| Fault::inside(&error))
}

/// As [`note`], for what is only looked at.
async fn note_look(api: &Api, staff: &Staff, action: &str, object: &str) -> Result<(), Fault> {
    note(api, By { who: &actor(staff), why: "" }, action, object).await
}

fn shown_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time as rows keep it, microseconds since 1970.
fn shown_us(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| "—".to_owned(), shown_time)
}

/// A time as queues keep it, milliseconds since 1970.
fn shown_ms(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "—".to_owned(), shown_time)
}

/// With a prefix of powers of 1024, one digit behind the point.
fn shown_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or("B");
    while tenths >= 10_240
        && let Some(next) = units.next()
    {
        tenths /= 1024;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

/// What was not given.
fn or_dash(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "—".to_owned())
}

impl From<AdministrationError> for Fault {
    fn from(error: AdministrationError) -> Self {
        Fault::inside(&error)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    #[test_case(0 => "0 B")]
    #[test_case(1023 => "1023 B")]
    #[test_case(1024 => "1.0 KiB")]
    #[test_case(1_572_864 => "1.5 MiB")]
    #[test_case(u64::MAX => "16777215.9 TiB")]
    fn bytes_are_shown_as_people_read_them(bytes: u64) -> String {
        super::shown_bytes(bytes)
    }

    #[test_case("" => false; "nothing")]
    #[test_case(" \t" => false; "blanks")]
    #[test_case("lost\nand found" => false; "a second line of the audit")]
    #[test_case("the user asked by telephone" => true; "a reason")]
    fn m20_nothing_is_done_without_a_reason(text: &str) -> bool {
        super::reason(text).is_ok()
    }
}
