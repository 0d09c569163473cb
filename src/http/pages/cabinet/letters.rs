//! `/cabinet/letters`: letters on paper that the user sent: where each is, what it cost, and taking one back that no
//! print centre holds yet (M2).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::hybrid::queue::QueueError;
use crate::ids::ItemId;
use crate::people::agreements::instant;
use crate::postal::Tiyn;
use crate::store::View;
use crate::store::items::ItemEvent;
use crate::store::payments::ItemPayment;
use crate::store::print_jobs::{PrintJob, State as Standing, StoredJob};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show, show_as};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/letters";

/// Letters on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "cabinet/letters.html")]
struct Letters {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    rows: Vec<Row>,
    is_first: bool,
    /// The last item of this page, if there are older ones.
    older: Option<String>,
}

struct Row {
    item: String,
    s10: String,
    at: String,
    subject: String,
    index: String,
    state: String,
    price: String,
}

#[derive(Template)]
#[template(path = "cabinet/letter.html")]
struct Letter {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    letter: Row,
    kind: String,
    sheets: Option<String>,
    payment: Vec<(String, String)>,
    way: Vec<Step>,
    may_cancel: bool,
}

/// Something that happened to it.
struct Step {
    at: String,
    text: String,
    by: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only what was sent before this item.
    before: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn page(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fault> {
    let before = query.ok().and_then(|Query(wanted)| wanted.before);
    let before: Option<ItemId> = before.map(|item| item.parse().map_err(|_| Fault::not_found())).transpose()?;
    let account = signed_in.account;
    let read = move |view: &View<'_>| {
        let letters = view.letters_of(account, before, PAGE + 1)?;
        let paid = |stored: StoredJob| {
            let payment = view.item_payment(stored.job.item)?;
            Ok((stored.job, payment))
        };
        letters.into_iter().map(paid).collect::<crate::store::Result<Vec<_>>>()
    };
    let mut letters = api.store().read(read).await?;
    let has_older = letters.len() > PAGE;
    letters.truncate(PAGE);
    let older = letters.last().filter(|_| has_older).map(|(job, _)| job.item.to_string());
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let rows = letters.iter().map(|(job, payment)| row(&api, &frame, job, payment.as_ref()));
    let rows = rows.collect::<Result<Vec<_>, Fault>>()?;
    let page = Letters { frame: frame.clone(), shell, notice: None, rows, is_first: before.is_none(), older };
    Ok(show(&frame, &page))
}

/// `GET /cabinet/letters/{item}`
pub(super) async fn letter(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Path(item): Path<String>,
) -> Result<Response, Fault> {
    let job = own(&api, &signed_in, &item).await?;
    shown(&api, asked, job, None).await
}

/// `POST /cabinet/letters/{item}`: takes it back.
pub(super) async fn cancel(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Path(item): Path<String>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Fault> {
    let job = own(&api, &signed_in, &item).await?;
    let actor = format!("account {}", signed_in.account.0);
    match api.queue().cancel(job.item, &actor).await {
        Ok(job) => Ok(Redirect::to(&format!("{PATH}/{}", job.item)).into_response()),
        Err(QueueError::NotFound) => Err(Fault::not_found()),
        Err(QueueError::Store(crate::store::Error::Conflict(_)) | QueueError::WrongState { .. }) => {
            let now = own(&api, &signed_in, &item).await?;
            let text = crate::locale::text(asked.lang, "letters-too-late", &[]);
            shown(&api, asked, now, Notice::bad(text)).await
        }
        Err(error) => Err(Fault::inside(&error)),
    }
}

/// The letter, if this user sent it; one of somebody else is not told from one that is not there.
async fn own(api: &Api, signed_in: &SignedIn, item: &str) -> Result<PrintJob, Fault> {
    let item: ItemId = item.parse().map_err(|_| Fault::not_found())?;
    let found = api.queue().job(item).await?;
    let own = found.map(|stored| stored.job).filter(|job| job.account == Some(signed_in.account));
    own.ok_or_else(Fault::not_found)
}

async fn shown(api: &Api, asked: Asked, job: PrintJob, notice: Option<Notice>) -> Result<Response, Fault> {
    let item = job.item;
    let read = move |view: &View<'_>| Ok((view.item_payment(item)?, view.item_events(item)?));
    let (payment, events) = api.store().read(read).await?;
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let step = |(_, event): &(u32, ItemEvent)| Step {
        at: api.cabinet().shown(instant(event.at_us)),
        text: standing(&frame, &event.name),
        by: event.actor.clone(),
        reason: event.reason.clone(),
    };
    let status = if notice.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = Letter {
        notice,
        letter: row(api, &frame, &job, payment.as_ref())?,
        kind: frame.text_with("letters-kind-of", &[("class", &job.class), ("format", &job.format)]),
        sheets: job.document.as_ref().map(|document| document.sheets.to_string()),
        payment: payment.as_ref().map(|payment| parts_of(&frame, payment)).unwrap_or_default(),
        way: events.iter().map(step).collect(),
        may_cancel: matches!(job.state, Standing::Accepted | Standing::Queued),
        frame: frame.clone(),
        shell,
    };
    Ok(show_as(status, &frame, &page))
}

fn row(api: &Api, frame: &Frame, job: &PrintJob, payment: Option<&ItemPayment>) -> Result<Row, Fault> {
    Ok(Row {
        item: job.item.to_string(),
        s10: job.s10.clone(),
        at: api.cabinet().shown(instant(job.accepted_us)),
        subject: api.store().open_text(&job.subject)?,
        index: job.postal_index.clone(),
        state: standing(frame, job.state.name()),
        price: payment.map(|payment| money(frame, payment.price)).unwrap_or_default(),
    })
}

/// What it cost, and who pays it how; what is nothing is left out.
fn parts_of(frame: &Frame, payment: &ItemPayment) -> Vec<(String, String)> {
    let parts = [
        ("letters-price", payment.price),
        ("letters-by-signs", payment.by_signs),
        ("letters-by-balance", payment.by_balance),
        ("letters-by-contract", payment.by_contract),
        ("letters-due", payment.due),
    ];
    let some = parts.into_iter().filter(|(_, tiyn)| tiyn.0 > 0);
    some.map(|(key, tiyn)| (frame.text(key), money(frame, tiyn))).collect()
}

fn money(frame: &Frame, tiyn: Tiyn) -> String {
    frame.text_with("letters-tenge", &[("amount", &tiyn.to_string())])
}

/// A state or event of a letter (FACTS C5) for people.
fn standing(frame: &Frame, name: &str) -> String {
    frame.text(&format!("way-{}", name.replace('_', "-")))
}
