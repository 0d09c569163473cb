//! `/audit`: controllers and administrators read who did what (M20, P32). Their reading is an entry itself.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use crate::clock::Timestamp;

use super::super::super::Api;
use super::super::super::audit::{Wanted, written};
use super::super::fault::Fault;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in};
use super::{actor, shown_time};

#[derive(Template)]
#[template(path = "admin/log.html")]
struct LogPage {
    frame: Frame,
    wanted: Wanted,
    rows: Vec<Row>,
    next: Option<String>,
    error: Option<String>,
}

struct Row {
    number: u64,
    at: String,
    actor: String,
    action: String,
    object: String,
    details: String,
}

/// `GET /audit`
pub(super) async fn show(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let frame = Frame::new(asked, "admin-audit");
    let (Ok(query), Ok(limit)) = (wanted.query(), wanted.limit()) else {
        let error = Some(frame.text("admin-bad-query"));
        let page = LogPage { frame: frame.clone(), wanted, rows: Vec::new(), next: None, error };
        return Ok(show_in(&frame, &page));
    };
    let found = api.audit().read(&actor(&staff), query, limit).await.map_err(|error| Fault::inside(&error))?;
    let rows = found.entries.into_iter().map(|(number, entry)| Row {
        number,
        at: Timestamp::from_microsecond(entry.at_us).map_or_else(|_| "—".to_owned(), shown_time),
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
        details: entry.details.unwrap_or_default(),
    });
    let page =
        LogPage { frame: frame.clone(), wanted, rows: rows.collect(), next: found.next.map(written), error: None };
    Ok(show_in(&frame, &page))
}
