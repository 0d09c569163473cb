//! Who of the accounts is staff, and as what. Grants and takes back, as the command does.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::identity::Role;
use crate::postal::FacilityId;
use crate::sessions::{StaffError, Staffed};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in};
use super::{actor, prove, shown_time};
use crate::clock::Timestamp;

/// Most accounts of staff that are shown: an operator has some thousands.
const MAX_STAFF: usize = 10_000;

#[derive(Template)]
#[template(path = "admin/staff.html")]
struct StaffPage {
    frame: Frame,
    rows: Vec<Row>,
    roles: Vec<(&'static str, String)>,
    needs_password: bool,
    error: Option<String>,
    said: Option<String>,
}

struct Row {
    id: u64,
    login: String,
    role: &'static str,
    role_name: String,
    facility: String,
    by: String,
    at: String,
}

/// `GET /admin/staff`
pub(super) async fn show(State(api): State<Api>, asked: Asked, staff: Staff) -> Result<Response, Fault> {
    page(&api, asked, &staff, Ok(None)).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    act: String,
    login: String,
    role: String,
    #[serde(default)]
    facility: String,
    #[serde(default)]
    password: String,
}

/// `POST /admin/staff`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let said = match prove(&api, &staff, &form.password).await {
        Ok(()) => done(&api, &staff, &form).await?,
        Err(key) => Err(key),
    };
    page(&api, asked, &staff, said.map(Some)).await
}

/// The key of what to say.
type Said = Result<&'static str, &'static str>;

async fn done(api: &Api, staff: &Staff, form: &Form) -> Result<Said, Fault> {
    let role = Role::OF_STAFF.into_iter().find(|role| role.name() == form.role).ok_or_else(Fault::bad_form)?;
    let Some(account) = api.administration().find(form.login.trim()).await? else {
        return Ok(Err("admin-nobody"));
    };
    let by = actor(staff);
    let changed = match form.act.as_str() {
        "grant" => {
            let facility: Option<FacilityId> = match form.facility.trim() {
                "" => None,
                text => match text.parse() {
                    Ok(id) if api.has_facility(&id) => Some(id),
                    _ => return Ok(Err("admin-no-facility")),
                },
            };
            api.sessions().grant(account, role, facility.as_ref(), &by).await
        }
        // Who takes the own right away could lock everybody out.
        "revoke" if account == staff.signed_in.account && role == Role::Administrator => {
            return Ok(Err("admin-not-own"));
        }
        "revoke" => api.sessions().revoke(account, role, &by).await,
        _ => return Err(Fault::bad_form()),
    };
    match changed {
        Ok(()) => Ok(Ok("admin-done-staff")),
        Err(StaffError::NeedsFacility(_)) => Ok(Err("admin-needs-facility")),
        Err(StaffError::NoFacility(_)) => Ok(Err("admin-wants-no-facility")),
        Err(StaffError::NotGranted(_)) => Ok(Err("admin-not-granted")),
        Err(StaffError::NotOfStaff(_)) => Err(Fault::bad_form()),
        Err(StaffError::Busy) => Ok(Err("page-later-text")),
        Err(StaffError::Store(error)) => Err(error.into()),
    }
}

async fn page(
    api: &Api,
    asked: Asked,
    staff: &Staff,
    said: Result<Option<&'static str>, &'static str>,
) -> Result<Response, Fault> {
    let noted = api.audit().note(&actor(staff), "staff.list", "staff", None).await;
    noted.map_err(|error| Fault::inside(&error))?;
    let found = api.sessions().staff(MAX_STAFF).await?;
    let frame = Frame::new(asked, "admin-staff");
    let page = StaffPage {
        rows: found.iter().flat_map(|staffed| rows(&frame, staffed)).collect(),
        roles: Role::OF_STAFF.into_iter().map(|role| (role.name(), role_name(&frame, role))).collect(),
        needs_password: !api.sessions().is_freshly_proved(staff.signed_in.proved_at),
        error: said.err().map(|key| frame.text(key)),
        said: said.ok().flatten().map(|key| frame.text(key)),
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

fn rows(frame: &Frame, staffed: &Staffed) -> Vec<Row> {
    let row = |grant: &crate::store::staff::Grant| {
        let role = grant.role()?;
        Some(Row {
            id: staffed.account.0,
            login: staffed.login.clone(),
            role: role.name(),
            role_name: role_name(frame, role),
            facility: grant.facility.clone().unwrap_or_else(|| "—".to_owned()),
            by: grant.by.clone(),
            at: Timestamp::from_microsecond(grant.at_us).map_or_else(|_| "—".to_owned(), shown_time),
        })
    };
    staffed.grants.iter().filter_map(row).collect()
}

fn role_name(frame: &Frame, role: Role) -> String {
    frame.text(&format!("admin-role-{}", role.name().replace('_', "-")))
}
