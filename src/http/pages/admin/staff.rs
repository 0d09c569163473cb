//! Who of the accounts is staff, and as what. Grants and takes back, as the command does.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::administration::By;
use crate::identity::Role;
use crate::postal::FacilityId;
use crate::sessions::{StaffError, Staffed};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{Said, Shell, actor, note_look, reason, shown_us};

/// Most accounts of staff that are shown: an operator has some thousands.
const MAX_STAFF: usize = 10_000;

#[derive(Template)]
#[template(path = "admin/staff.html")]
struct StaffPage {
    frame: Frame,
    rows: Vec<Row>,
    roles: Vec<(&'static str, String)>,
    shell: Shell,
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
    page(&api, asked, &staff, &Said::default()).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    act: String,
    login: String,
    role: String,
    #[serde(default)]
    facility: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/staff`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let said = match reason(&form.reason) {
        Ok(why) => done(&api, &staff, &form, By { who: &actor(&staff), why: &why }).await?,
        Err(said) => said,
    };
    page(&api, asked, &staff, &said).await
}

async fn done(api: &Api, staff: &Staff, form: &Form, by: By<'_>) -> Result<Said, Fault> {
    let role = Role::OF_STAFF.into_iter().find(|role| role.name() == form.role).ok_or_else(Fault::bad_form)?;
    let Some(account) = api.administration().find(form.login.trim()).await? else {
        return Ok(Said::wrong("admin-nobody"));
    };
    let changed = match form.act.as_str() {
        "grant" => {
            let facility: Option<FacilityId> = match form.facility.trim() {
                "" => None,
                text => match text.parse() {
                    Ok(id) if api.has_facility(&id) => Some(id),
                    _ => return Ok(Said::wrong("admin-no-facility")),
                },
            };
            api.sessions().grant(account, role, facility.as_ref(), by.who, Some(by.why)).await
        }
        // Who takes the own right away could lock everybody out.
        "revoke" if account == staff.signed_in.account && role == Role::Administrator => {
            return Ok(Said::wrong("admin-not-own"));
        }
        "revoke" => api.sessions().revoke(account, role, by.who, Some(by.why)).await,
        _ => return Err(Fault::bad_form()),
    };
    match changed {
        Ok(()) => Ok(Said::done("admin-done-staff")),
        Err(StaffError::NeedsFacility(_)) => Ok(Said::wrong("admin-needs-facility")),
        Err(StaffError::NoFacility(_)) => Ok(Said::wrong("admin-wants-no-facility")),
        Err(StaffError::NotGranted(_)) => Ok(Said::wrong("admin-not-granted")),
        Err(StaffError::NotOfStaff(_)) => Err(Fault::bad_form()),
        Err(StaffError::Busy) => Ok(Said::wrong("page-later-text")),
        Err(StaffError::Store(error)) => Err(error.into()),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, said: &Said) -> Result<Response, Fault> {
    note_look(api, staff, "staff.list", "staff").await?;
    let found = api.sessions().staff(MAX_STAFF).await?;
    let frame = Frame::new(asked, "admin-staff");
    let page = StaffPage {
        shell: Shell::new(api, &frame, staff, "/admin/staff", said),
        rows: found.iter().flat_map(|staffed| rows(&frame, staffed)).collect(),
        roles: Role::OF_STAFF.into_iter().map(|role| (role.name(), role_name(&frame, role))).collect(),
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
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
            at: shown_us(grant.at_us),
        })
    };
    staffed.grants.iter().filter_map(row).collect()
}

fn role_name(frame: &Frame, role: Role) -> String {
    frame.text(&format!("admin-role-{}", role.name().replace('_', "-")))
}
