//! Letters that wait to go to other servers. Addresses and states, never a letter (M7).

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::administration::By;
use crate::ids::ItemId;
use crate::outbound::waiting::{self, QueueAction, WaitingError};
use crate::store::queue::{QueueId, Queued};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{PAGE, Said, Shell, actor, note, note_look, reason, shown_ms};

const PATH: &str = "/admin/queues";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Recipients behind this one: item and number.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "admin/queues.html")]
struct QueuesPage {
    frame: Frame,
    shell: Shell,
    waiting: Vec<Waiting>,
    next: Option<String>,
}

struct Waiting {
    item: String,
    recipient: String,
    accepted: String,
    attempts: u32,
    next: String,
    is_held: bool,
    last_error: String,
}

/// `GET /admin/queues`
pub(super) async fn show(
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
    item: String,
    act: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/queues`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let item = form.item.parse().map_err(|_| Fault::bad_form())?;
    let action = QueueAction::ALL.into_iter().find(|action| action.name() == form.act).ok_or_else(Fault::bad_form)?;
    let said = match reason(&form.reason) {
        Ok(why) => changed(&api, item, action, By { who: &actor(&staff), why: &why }).await?,
        Err(said) => said,
    };
    page(&api, asked, &staff, None, &said).await
}

async fn changed(api: &Api, item: ItemId, action: QueueAction, by: By<'_>) -> Result<Said, Fault> {
    note(api, by, &format!("queue.{}", action.name()), &format!("item {item}")).await?;
    match waiting::change(api.store(), api.now(), item, action).await {
        Ok(_) => Ok(Said::done("admin-queue-changed")),
        Err(WaitingError::Missing(_)) => Ok(Said::wrong("admin-queue-gone")),
        Err(WaitingError::Busy) => Ok(Said::wrong("admin-queue-busy")),
        Err(WaitingError::Store(error)) => Err(error.into()),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, after: Option<QueueId>, said: &Said) -> Result<Response, Fault> {
    note_look(api, staff, "queue.list", "queue").await?;
    let queued = api.store().read(move |view| view.outbound_behind(after, PAGE)).await?;
    let next = queued.last().filter(|_| queued.len() >= PAGE).map(|row| row.id.to_string());
    let frame = Frame::new(asked, "admin-outbound");
    let page = QueuesPage {
        shell: Shell::new(api, &frame, staff, PATH, said),
        waiting: queued.iter().map(row).collect(),
        next,
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

fn row(row: &Queued) -> Waiting {
    Waiting {
        item: row.id.item.to_string(),
        recipient: row.details.recipient.to_string(),
        accepted: shown_ms(row.details.accepted_ms),
        attempts: row.details.attempts,
        is_held: row.details.due_ms.is_none(),
        next: row.details.due_ms.map_or_else(|| "—".to_owned(), shown_ms),
        last_error: row.details.last_error.clone().unwrap_or_default(),
    }
}
