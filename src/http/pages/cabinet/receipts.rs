//! `/cabinet/receipts`: the receipts for letters that the user sent (P18), each as its page, drawn again.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::hybrid::worker::protocol::{Answer, Request};
use crate::receipts::{kept, kept_one, name, named};
use crate::store::View;

use super::super::super::Api;
use super::super::download::download;
use super::super::fault::Fault;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/receipts";

/// Receipts on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "cabinet/receipts.html")]
struct ReceiptsPage {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    rows: Vec<Row>,
    is_first: bool,
    /// The last receipt of this page, if there are older ones.
    older: Option<String>,
}

struct Row {
    name: String,
    at: String,
    state: String,
    recipient: String,
    item: String,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only what stands behind this receipt.
    before: Option<String>,
}

pub(super) async fn page(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fault> {
    let before = query.ok().and_then(|Query(wanted)| wanted.before);
    let before = before.map(|before| named(&before).ok_or_else(Fault::not_found)).transpose()?;
    let account = signed_in.account;
    let mut found = api.store().read(move |view: &View<'_>| kept(view, account, before, PAGE + 1)).await?;
    let has_older = found.len() > PAGE;
    found.truncate(PAGE);
    let older = found.last().filter(|_| has_older).map(|(id, _)| name(*id));
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let row = |(id, receipt): &(_, crate::receipts::KeptReceipt)| Row {
        name: name(*id),
        at: api.cabinet().shown(receipt.happened()),
        state: frame.text(&format!("receipt-{}-title", crate::receipts::stage_name(id.stage))),
        recipient: receipt.recipient.clone(),
        item: receipt.s10.clone().unwrap_or_else(|| id.item.to_string()),
    };
    let rows = found.iter().map(row).collect();
    let page = ReceiptsPage { frame: frame.clone(), shell, notice: None, rows, is_first: before.is_none(), older };
    Ok(show(&frame, &page))
}

/// `GET /cabinet/receipts/{receipt}`
pub(super) async fn pdf(
    State(api): State<Api>,
    signed_in: SignedIn,
    Path(receipt): Path<String>,
) -> Result<Response, Fault> {
    let (account, id) = (signed_in.account, named(&receipt).ok_or_else(Fault::not_found)?);
    let found = api.store().read(move |view: &View<'_>| kept_one(view, account, id)).await?;
    let found = found.ok_or_else(Fault::not_found)?;
    match api.workers().perform(&Request::Receipt(Box::new(found.page))).await {
        Ok(Answer::Pdf(pdf)) => Ok(download(&format!("receipt-{}.pdf", name(id)), "application/pdf", pdf)),
        Ok(_) => Err(Fault::inside(&"a receipt was not drawn")),
        Err(error) => Err(Fault::inside(&error)),
    }
}
