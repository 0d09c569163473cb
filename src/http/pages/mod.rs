//! Pages for people: one frame around all of them, in three languages, without any script, style or picture that is
//! not this server's own.
//!
//! A page is a template that extends `frame.html` and has a field `frame`; [`show`] makes the answer of it. Public pages
//! and what they load stand in [`router`]; a page for somebody stands in the table of `routes`, which knows who may,
//! and is shown the same way.

mod assets;
mod frame;
mod language;
mod verify;

use axum::Router;
use axum::routing::get;

use super::Api;

pub(super) use frame::{Frame, show};
pub(super) use language::Asked;

/// The public pages, and the assets of all.
pub(super) fn router() -> Router<Api> {
    Router::new().route("/verify", get(verify::page)).route("/assets/{name}", get(assets::asset))
}

#[cfg(test)]
mod tests;
