//! Named devices (P4, P31): what is engraved, where each is, whether the clock is right; and giving one out, taking it
//! back, revoking it, unlocking it, as the commands do.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::administration::By;
use crate::devices::{ClockLock, Error, Handling};
use crate::store::device_acts::{Act, DeviceAct};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in, show_as};
use super::{PAGE, Said, Shell, actor, or_dash, reason, shown_time, shown_us};

const PATH: &str = "/admin/devices";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    find: String,
    /// Devices behind this one.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/devices.html")]
struct ListPage {
    frame: Frame,
    clock: Vec<(String, String)>,
    /// What is wrong with it.
    problem: Option<String>,
    find: String,
    /// Nothing is called so.
    is_missing: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    device: String,
    engraving: String,
    issued: String,
    /// Locked or revoked, and why or when.
    trouble: String,
}

#[derive(Template)]
#[template(path = "admin/device.html")]
struct ShowPage {
    frame: Frame,
    shell: Shell,
    row: Row,
    is_locked: bool,
    may_issue: bool,
    may_return: bool,
    may_revoke: bool,
    node: String,
    acts: Vec<Deed>,
}

/// Something that was done with it.
struct Deed {
    at: String,
    what: String,
    to: String,
    reason: String,
    by: String,
}

/// `GET /admin/devices`
pub(super) async fn list(
    State(api): State<Api>,
    asked: Asked,
    _: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let find = wanted.find.trim().to_owned();
    if api.devices().shown_device(&find).is_some() {
        return Ok(Redirect::to(&format!("{PATH}/{find}")).into_response());
    }
    let shown = api.devices().shown_behind(wanted.after.as_deref(), PAGE);
    let (clock, lock) = (api.devices().shown_clock(), api.devices().clock_lock());
    let frame = Frame::new(asked, "admin-devices");
    let page = ListPage {
        clock: fields(&clock).map(|(name, fact)| of_clock(&frame, lock.as_ref(), name, fact)).collect(),
        problem: api.devices().clock_problem().map(|lock| lock.text(frame.lang())),
        is_missing: !find.is_empty(),
        find,
        next: shown.last().filter(|_| shown.len() == PAGE).map(|(device, _)| device.clone()),
        rows: shown.iter().map(|(device, facts)| row(&frame, lock.as_ref(), device, facts)).collect(),
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

fn fields(shown: &Value) -> impl Iterator<Item = (&String, &Value)> {
    shown.as_object().into_iter().flatten()
}

/// A line of what is known of the clock, in the language of the page.
fn of_clock(frame: &Frame, lock: Option<&ClockLock>, name: &str, fact: &Value) -> (String, String) {
    let value = match (name, fact) {
        ("state", Value::String(state)) => frame.text(&format!("admin-clock-is-{state}")),
        ("locked", Value::String(_)) => locked(frame, lock),
        (_, fact) => words(Some(fact)),
    };
    (frame.text(&format!("admin-clock-{}", name.replace('_', "-"))), value)
}

fn locked(frame: &Frame, lock: Option<&ClockLock>) -> String {
    lock.map_or_else(|| frame.text("admin-clock-locked"), |lock| lock.text(frame.lang()))
}

fn row(frame: &Frame, lock: Option<&ClockLock>, device: &str, facts: &Value) -> Row {
    let is_locked = known(facts, "locked").map(|_| locked(frame, lock));
    let revoked = known(facts, "revoked_at");
    let revoked = revoked.map(|at| format!("{} {}", frame.text("admin-device-revoked"), words(Some(at))));
    let trouble: Vec<String> = is_locked.into_iter().chain(revoked).collect();
    Row {
        device: device.to_owned(),
        engraving: words(facts.get("engraving")),
        issued: words(facts.get("issued")),
        trouble: trouble.join("; "),
    }
}

fn known<'a>(facts: &'a Value, name: &str) -> Option<&'a Value> {
    facts.get(name).filter(|fact| !fact.is_null())
}

/// `GET /admin/devices/{device}`
pub(super) async fn show(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(device): Path<String>,
) -> Result<Response, Fault> {
    page(&api, asked, &staff, &device, &Said::default()).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    act: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    confirm: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/devices/{device}`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(device): Path<String>,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let said = match reason(&form.reason) {
        Ok(why) => done(&api, &device, &form, By { who: &actor(&staff), why: &why }).await?,
        Err(said) => said,
    };
    page(&api, asked, &staff, &device, &said).await
}

async fn done(api: &Api, device: &str, form: &Form, by: By<'_>) -> Result<Said, Fault> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let handling = match form.act.as_str() {
        "issue" => {
            let Some(holder) = given(&form.holder) else { return Ok(Said::wrong("admin-device-no-holder")) };
            let (node, role) = (given(&form.node), given(&form.role));
            Handling::Issue { node, holder, role, reason: Some(by.why.to_owned()) }
        }
        "return" => Handling::Return { reason: Some(by.why.to_owned()) },
        // It never stamps again: nobody does that by a slip.
        "revoke" if form.confirm.trim() != device => return Ok(Said::wrong("admin-device-not-confirmed")),
        "revoke" => Handling::Revoke { reason: by.why.to_owned() },
        "unlock" => {
            let unlocked = api.devices().unlock(device, by.why, by.who).await;
            return match unlocked {
                Ok(until) => Ok(Said::done("admin-device-unlocked").with(shown_time(until))),
                Err(error) => failed(error),
            };
        }
        _ => return Err(Fault::bad_form()),
    };
    match api.devices().handle(device, handling, by.who).await {
        Ok(_) => Ok(Said::done("admin-device-done")),
        Err(error) => failed(error),
    }
}

fn failed(error: Error) -> Result<Said, Fault> {
    match error {
        Error::UnknownDevice(_) => Err(Fault::not_found()),
        Error::NotLocked(_) => Ok(Said::wrong("admin-device-not-locked")),
        Error::NotPossible { .. } => Ok(Said::wrong("admin-device-not-possible")),
        error => Err(Fault::inside(&error)),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, device: &str, said: &Said) -> Result<Response, Fault> {
    let facts = api.devices().shown_device(device).ok_or_else(Fault::not_found)?;
    let name = device.to_owned();
    let acts = api.store().read(move |view| view.acts_of(&name)).await?;
    let is_revoked = known(&facts, "revoked_at").is_some();
    let is_issued = known(&facts, "issued").is_some();
    let frame = Frame::new(asked, "admin-device");
    let page = ShowPage {
        shell: Shell::new(api, &frame, staff, &format!("{PATH}/{device}"), said),
        row: row(&frame, api.devices().clock_lock().as_ref(), device, &facts),
        is_locked: known(&facts, "locked").is_some(),
        // One that nobody issued is at this node, and can be given to somebody.
        may_issue: !is_revoked && (!is_issued || acts.is_empty()),
        may_return: !is_revoked && is_issued,
        may_revoke: !is_revoked,
        node: api.devices().node().to_owned(),
        acts: acts.iter().rev().map(|act| deed(&frame, act)).collect(),
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

fn deed(frame: &Frame, act: &DeviceAct) -> Deed {
    let what = match act.act {
        Act::Issued => "admin-device-issued",
        Act::Returned => "admin-device-returned",
        Act::Revoked => "admin-device-revoked",
    };
    let to: Vec<&str> = [&act.holder, &act.role, &act.node].into_iter().flatten().map(String::as_str).collect();
    Deed {
        at: shown_us(act.at_us),
        what: frame.text(what),
        to: or_dash(Some(to.join(", "))),
        reason: act.reason.clone().unwrap_or_default(),
        by: act.by.clone(),
    }
}

/// A value in a cell.
fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "—".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| words(Some(item))).collect::<Vec<_>>().join(" · "),
        Some(Value::Object(fields)) => {
            let known = fields.iter().filter(|(_, fact)| !fact.is_null());
            known.map(|(_, fact)| words(Some(fact))).collect::<Vec<_>>().join(" · ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::words;

    #[test]
    fn a_value_is_shown_without_braces() {
        assert_eq!(words(None), "—");
        assert_eq!(words(Some(&json!({ "node": "mx-1", "holder": null, "since": 5 }))), "mx-1 · 5");
        assert_eq!(words(Some(&json!(["a", "b"]))), "a · b");
    }
}
