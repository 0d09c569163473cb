//! Letters on paper: where each stands, its way, and taking one back that no print centre holds yet (M2). Numbers and
//! states; neither subject nor letter (M7).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::administration::By;
use crate::hybrid::queue::QueueError;
use crate::ids::ItemId;
use crate::postal::S10;
use crate::store::items::ItemEvent;
use crate::store::print_jobs::{PrintJob, State as Standing};
use crate::store::{self, View};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in, show_as};
use super::{PAGE, Said, Shell, actor, note, note_look, or_dash, reason, shown_ms, shown_us};

const PATH: &str = "/admin/print";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// An item or an S10 number.
    #[serde(default)]
    find: String,
    #[serde(default)]
    state: String,
    /// Letters before this one.
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "admin/print.html")]
struct ListPage {
    frame: Frame,
    find: String,
    /// Nothing is called so.
    is_missing: bool,
    state: &'static str,
    states: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    item: String,
    s10: String,
    state: String,
    accepted: String,
    centre: String,
}

#[derive(Template)]
#[template(path = "admin/letter.html")]
struct ShowPage {
    frame: Frame,
    shell: Shell,
    s10: String,
    facts: Vec<(String, String)>,
    account: Option<u64>,
    way: Vec<Step>,
    may_cancel: bool,
}

/// Something that happened to it.
struct Step {
    at: String,
    event: String,
    by: String,
    reason: String,
}

/// `GET /admin/print`
pub(super) async fn list(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let find = wanted.find.trim().to_owned();
    let item = find_item(&api, &find).await?;
    if let Some(item) = item {
        return Ok(Redirect::to(&format!("{PATH}/{item}")).into_response());
    }
    note_look(&api, &staff, "print.list", "print queue").await?;
    let state = Standing::ALL.into_iter().find(|state| state.name() == wanted.state);
    let before = wanted.before.parse().ok();
    let page = api.store().read(move |view| view.print_jobs_back(state, before, PAGE)).await?;
    let frame = Frame::new(asked, "admin-paper");
    let page = ListPage {
        is_missing: !find.is_empty(),
        find,
        state: state.map_or("", Standing::name),
        states: Standing::ALL.into_iter().map(|state| (state.name(), standing(&frame, state.name()))).collect(),
        rows: page.jobs.iter().map(|stored| row(&frame, &stored.job)).collect(),
        next: page.next.map(|item| item.to_string()),
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

async fn find_item(api: &Api, text: &str) -> Result<Option<ItemId>, Fault> {
    let by_id: Option<ItemId> = text.parse().ok();
    let by_s10 = text.parse::<S10>().ok().map(|number| number.to_string());
    let read = move |view: &View<'_>| match (by_id, by_s10) {
        (Some(item), _) => Ok(view.print_job(item)?.map(|stored| stored.job.item)),
        (None, Some(number)) => view.item_of_s10(&number),
        (None, None) => Ok(None),
    };
    Ok(api.store().read(read).await?)
}

fn row(frame: &Frame, job: &PrintJob) -> Row {
    Row {
        item: job.item.to_string(),
        s10: job.s10.clone(),
        state: standing(frame, job.state.name()),
        accepted: shown_us(job.accepted_us),
        centre: or_dash(job.lease.as_ref().map(|lease| lease.centre.clone())),
    }
}

/// `GET /admin/print/{item}`
pub(super) async fn show(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(item): Path<String>,
) -> Result<Response, Fault> {
    let item = item.parse().map_err(|_| Fault::not_found())?;
    page(&api, asked, &staff, item, &Said::default()).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    reason: String,
}

/// `POST /admin/print/{item}`: takes it back.
pub(super) async fn cancel(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(item): Path<String>,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let item = item.parse().map_err(|_| Fault::not_found())?;
    let said = match reason(&form.reason) {
        Ok(why) => cancelled(&api, item, By { who: &actor(&staff), why: &why }).await?,
        Err(said) => said,
    };
    page(&api, asked, &staff, item, &said).await
}

async fn cancelled(api: &Api, item: ItemId, by: By<'_>) -> Result<Said, Fault> {
    note(api, by, "print.cancel", &format!("item {item}")).await?;
    // The way of a letter is its sender's to read too: the name stands in the audit.
    match api.queue().cancel(item, "administrator").await {
        Ok(_) => Ok(Said::done("admin-print-cancelled")),
        Err(QueueError::NotFound) => Err(Fault::not_found()),
        Err(QueueError::Store(store::Error::Conflict(_)) | QueueError::WrongState { .. }) => {
            Ok(Said::wrong("admin-print-too-late"))
        }
        Err(error) => Err(Fault::inside(&error)),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, item: ItemId, said: &Said) -> Result<Response, Fault> {
    note_look(api, staff, "print.show", &format!("item {item}")).await?;
    let read = move |view: &View<'_>| Ok((view.print_job(item)?, view.item_events(item)?));
    let (stored, events) = api.store().read(read).await?;
    let job = stored.ok_or_else(Fault::not_found)?.job;
    let frame = Frame::new(asked, "admin-letter");
    let step = |(_, event): &(u32, ItemEvent)| Step {
        at: shown_us(event.at_us),
        event: standing(&frame, &event.name),
        by: event.actor.clone(),
        reason: event.reason.clone().unwrap_or_default(),
    };
    let page = ShowPage {
        shell: Shell::new(api, &frame, staff, &format!("{PATH}/{item}"), said),
        s10: job.s10.clone(),
        facts: facts(&frame, &job),
        account: job.account.map(|account| account.0),
        way: events.iter().map(step).collect(),
        may_cancel: matches!(job.state, Standing::Accepted | Standing::Queued),
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

fn facts(frame: &Frame, job: &PrintJob) -> Vec<(String, String)> {
    let offers: Vec<String> =
        job.offers.iter().filter(|offer| !offer.centre.is_empty()).map(|offer| offer.centre.clone()).collect();
    let lease = job.lease.as_ref().map(|lease| format!("{}, {}", lease.centre, shown_ms(lease.expires_ms)));
    let facts = [
        ("admin-item", job.item.to_string()),
        ("admin-state", standing(frame, job.state.name())),
        ("admin-kind", format!("{}, {}", job.class, job.format)),
        ("admin-index", job.postal_index.clone()),
        ("admin-accepted", shown_us(job.accepted_us)),
        ("admin-offered", or_dash(Some(offers.join(", ")))),
        ("admin-leased", or_dash(lease)),
        ("admin-sheets", or_dash(job.document.as_ref().map(|document| document.sheets.to_string()))),
    ];
    facts.map(|(key, value)| (frame.text(key), value)).into()
}

/// A state or event of a letter (FACTS C5) for people.
fn standing(frame: &Frame, name: &str) -> String {
    frame.text(&format!("way-{}", name.replace('_', "-")))
}
