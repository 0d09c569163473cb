//! `/cabinet/scans`: letters on paper that were scanned for the user (M2). Only the user opens them (M7).

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::hybrid::documents::DocumentKind;
use crate::hybrid::scans::ScanError;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::ids::ItemId;
use crate::people::agreements::instant;
use crate::store::View;
use crate::store::scans::Scan;

use super::super::super::Api;
use super::super::download::download;
use super::super::fault::Fault;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/scans";

/// Scans on one page.
const PAGE: usize = 25;

#[derive(Template)]
#[template(path = "cabinet/scans.html")]
struct ScansPage {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    rows: Vec<Row>,
    is_first: bool,
    /// The last scan of this page, if there are older ones.
    older: Option<String>,
}

struct Row {
    scan: String,
    at: String,
    facility: String,
    sender: String,
    pages: u32,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only what came before this scan.
    before: Option<String>,
}

pub(super) async fn page(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fault> {
    let before = query.ok().and_then(|Query(wanted)| wanted.before);
    let before: Option<ItemId> = before.map(|scan| scan.parse().map_err(|_| Fault::not_found())).transpose()?;
    let account = signed_in.account;
    let mut found = api.store().read(move |view: &View<'_>| view.scans_of(account, before, PAGE + 1)).await?;
    let has_older = found.len() > PAGE;
    found.truncate(PAGE);
    let older = found.last().filter(|_| has_older).map(|scan| scan.id.to_string());
    let row = |scan: Scan| Row {
        scan: scan.id.to_string(),
        at: api.cabinet().shown(instant(scan.received_us)),
        facility: api.scans().facility_name(&scan.facility),
        sender: scan.sender.unwrap_or_default(),
        pages: scan.pages,
    };
    let rows = found.into_iter().map(row).collect();
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let page = ScansPage { frame: frame.clone(), shell, notice: None, rows, is_first: before.is_none(), older };
    Ok(show(&frame, &page))
}

/// `GET /cabinet/scans/{scan}`: the paper as it was scanned; what browsers do not show becomes a PDF.
pub(super) async fn document(
    State(api): State<Api>,
    signed_in: SignedIn,
    Path(scan): Path<String>,
) -> Result<Response, Fault> {
    let (account, id): (_, ItemId) = (signed_in.account, scan.parse().map_err(|_| Fault::not_found())?);
    let found = api.store().read(move |view: &View<'_>| view.scan_of(account, id)).await?;
    let found = found.ok_or_else(Fault::not_found)?;
    let document = api.scans().document_of(&found).await.map_err(|error| match error {
        ScanError::Store(error) => error.into(),
        error => Fault::inside(&error),
    })?;
    let kind = document.kind;
    if kind != DocumentKind::Tiff {
        return Ok(download(&format!("letter-{id}.{}", kind.extension()), kind.media_type(), document.bytes));
    }
    match api.workers().perform(&Request::ToPdf(document)).await {
        Ok(Answer::Pdf(pdf)) => Ok(download(&format!("letter-{id}.pdf"), "application/pdf", pdf)),
        Ok(_) => Err(Fault::inside(&"a scan was not converted")),
        Err(error) => Err(Fault::inside(&error)),
    }
}
