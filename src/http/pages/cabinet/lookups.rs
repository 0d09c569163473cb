//! `/cabinet/lookups`: which state systems asked for the user, when and on what basis (M20, M23).

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::people::lookups::Lookup;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/lookups";

/// Look-ups that are shown, the newest ones.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "cabinet/lookups.html")]
struct LookupsPage {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    rows: Vec<Row>,
}

struct Row {
    at: String,
    system: String,
    basis: String,
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let found = api.lookups().of(signed_in.account, None, SHOWN).await?;
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let row = |lookup: Lookup| Row { at: api.cabinet().shown(lookup.at), system: lookup.system, basis: lookup.basis };
    let page = LookupsPage { frame: frame.clone(), shell, notice: None, rows: found.into_iter().map(row).collect() };
    Ok(show(&frame, &page))
}
