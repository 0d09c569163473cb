//! `/admin`: what administrators of the operator see and do (M6, M18). Nothing that the commands cannot do too; all of
//! it is in the audit; never a letter (M7).

mod accounts;
mod devices;
mod log;
mod queues;
mod staff;

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};

use crate::administration::AdministrationError;
use crate::auth::{AuthError, Door, Secret};
use crate::clock::Timestamp;
use crate::store::Batch;

use super::super::access::Role;
use super::super::{Api, closings};
use super::fault::Fault;
use super::table::{Body, Page, Who};
use super::visitor::Staff;
use super::{Asked, Frame, show};

const WHO: Who = Who::Staff(&[Role::Administrator]);

/// Those who control read the audit; administrators may, and are in it.
const READERS: Who = Who::Staff(&[Role::Controller, Role::Administrator]);

/// P32: who reads the daily closings.
const HEADS: Who = Who::Staff(&[Role::Controller, Role::FacilityHead]);

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/admin", who: WHO, body: Body::None, handler: || get(overview) },
    Page { method: "get", path: "/admin/accounts", who: WHO, body: Body::None, handler: || get(accounts::list) },
    Page { method: "get", path: "/admin/accounts/{id}", who: WHO, body: Body::None, handler: || get(accounts::show) },
    Page { method: "post", path: "/admin/accounts/{id}", who: WHO, body: Body::Form, handler: || post(accounts::act) },
    Page { method: "get", path: "/admin/queues", who: WHO, body: Body::None, handler: || get(queues::show) },
    Page { method: "post", path: "/admin/queues", who: WHO, body: Body::Form, handler: || post(queues::act) },
    Page { method: "get", path: "/admin/devices", who: WHO, body: Body::None, handler: || get(devices::show) },
    Page { method: "get", path: "/admin/staff", who: WHO, body: Body::None, handler: || get(staff::show) },
    Page { method: "post", path: "/admin/staff", who: WHO, body: Body::Form, handler: || post(staff::act) },
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

/// How long the store may take to answer that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct Overview {
    frame: Frame,
    /// Why no letters can be taken in; nothing when they can.
    problems: Vec<String>,
    facts: Vec<(&'static str, String)>,
}

/// `GET /admin`: is it well?
async fn overview(State(api): State<Api>, asked: Asked, _: Staff) -> Result<Response, Fault> {
    let mut problems: Vec<String> = Vec::new();
    problems.extend(api.store().check_space().err().map(|error| error.to_string()));
    // P31: without an impression no letter is accepted.
    problems.extend(api.devices().clock_problem());
    match tokio::time::timeout(PATIENCE, api.store().commit(Batch::new())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => problems.push(error.to_string()),
        Err(_) => problems.push("the store does not answer".to_owned()),
    }
    let (head, next_due) = api.store().read(|view| Ok((view.audit_head()?, view.outbound_next_due()?))).await?;
    let next_due = next_due.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
    let facts = vec![
        ("admin-version", env!("CARGO_PKG_VERSION").to_owned()),
        ("admin-time", shown_time(api.now())),
        ("admin-free", shown_bytes(api.store().free_bytes()?)),
        ("admin-next-due", next_due.map_or_else(|| "—".to_owned(), shown_time)),
        ("admin-audit-entries", head.number.to_string()),
    ];
    let frame = Frame::new(asked, "admin-title");
    Ok(show(&frame, &Overview { frame: frame.clone(), problems, facts }))
}

/// Whether it is really the administrator who asks for something that cannot be taken back: signed in or proved lately,
/// or with the own password in the form. `Err` carries the key of what to say.
async fn prove(api: &Api, staff: &Staff, password: &str) -> Result<(), &'static str> {
    let signed_in = &staff.signed_in;
    if api.sessions().is_freshly_proved(signed_in.proved_at) {
        return Ok(());
    }
    let password = Secret::new(password.to_owned());
    match api.authenticator().login(&signed_in.login, &password, signed_in.ip, Door::Pages).await {
        Ok(identity) if identity.account == signed_in.account => Ok(()),
        Ok(_) | Err(AuthError::Wrong | AuthError::WrongAppPassword) => Err("admin-wrong-password"),
        Err(AuthError::Throttled { .. }) => Err("page-too-many-text"),
        Err(AuthError::Busy) => Err("sign-in-busy"),
    }
}

/// What stands in the audit for what is done on these pages.
fn actor(staff: &Staff) -> String {
    format!("{} {}", staff.role.name(), staff.signed_in.login)
}

fn shown_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
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
}
