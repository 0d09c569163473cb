//! Scans for which no mailbox was found (M2): a person names it, or the letter goes back. What is shown of one is what
//! stands on its envelope; never the picture (M7).

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::administration::By;
use crate::hybrid::scans::ScanError;
use crate::ids::ItemId;
use crate::intake::Refusal;
use crate::store::scans::Scan;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{PAGE, Said, Shell, actor, note_look, or_dash, reason, shown_us};

const PATH: &str = "/admin/scans";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Scans behind this one.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "admin/scans.html")]
struct ListPage {
    frame: Frame,
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    facility: String,
    received: String,
    pages: u32,
    sender: String,
    codes: String,
}

/// `GET /admin/scans`
pub(super) async fn list(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let after = query.ok().and_then(|Query(wanted)| wanted.after.parse().ok());
    page(&api, asked, &staff, after, &Said::default()).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    id: String,
    act: String,
    #[serde(default)]
    recipient: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/scans`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let id = form.id.parse().map_err(|_| Fault::bad_form())?;
    let said = match reason(&form.reason) {
        Ok(why) => {
            let by = By { who: &actor(&staff), why: &why };
            match form.act.as_str() {
                "assign" => assign(&api, &staff, id, form.recipient.trim(), by).await?,
                "reject" => outcome(api.scans().reject(id, by.why, by.who).await, "admin-scan-rejected")?,
                _ => return Err(Fault::bad_form()),
            }
        }
        Err(said) => said,
    };
    page(&api, asked, &staff, None, &said).await
}

async fn assign(api: &Api, staff: &Staff, id: ItemId, recipient: &str, by: By<'_>) -> Result<Said, Fault> {
    let Some(account) = api.administration().open_account(recipient).await? else {
        return Ok(Said::wrong("admin-nobody"));
    };
    // M7: nobody of the staff brings a letter of others into the own mailbox.
    if account.id == staff.signed_in.account {
        return Ok(Said::wrong("admin-scan-not-own"));
    }
    outcome(api.scans().assign(id, account.address, by.who, Some(by.why)).await, "admin-scan-assigned")
}

fn outcome(decided: Result<Scan, ScanError>, done: &'static str) -> Result<Said, Fault> {
    match decided {
        Ok(_) => Ok(Said::done(done)),
        Err(ScanError::NotFound) => Ok(Said::wrong("admin-scan-gone")),
        Err(ScanError::Refused(Refusal::NoSuchMailbox(_) | Refusal::RelayDenied(_) | Refusal::AddressLiteral(_))) => {
            Ok(Said::wrong("admin-nobody"))
        }
        Err(ScanError::Store(error)) => Err(error.into()),
        Err(error) => Err(Fault::inside(&error)),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, after: Option<ItemId>, said: &Said) -> Result<Response, Fault> {
    note_look(api, staff, "scan.list", "scans").await?;
    let scans = api.store().read(move |view| view.scans_to_review_behind(after, PAGE)).await?;
    let next = scans.last().filter(|_| scans.len() == PAGE).map(|last| last.scan.id.to_string());
    let frame = Frame::new(asked, "admin-scans");
    let page = ListPage {
        shell: Shell::new(api, &frame, staff, PATH, said),
        rows: scans.iter().map(|stored| row(&stored.scan)).collect(),
        next,
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

fn row(scan: &Scan) -> Row {
    Row {
        id: scan.id.to_string(),
        facility: scan.facility.clone(),
        received: shown_us(scan.received_us),
        pages: scan.pages,
        sender: or_dash(scan.sender.clone()),
        codes: or_dash(Some(scan.codes.join(" · "))),
    }
}
