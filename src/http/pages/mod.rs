//! Pages for people: one frame around all of them, in three languages, without any script, style or picture that is
//! not this server's own.
//!
//! A page is a template that extends `frame.html` and has a field `frame`; [`show`] makes the answer of it. It stands in
//! the [`table`], which says who may see it; its handler takes a [`Visitor`], [`SignedIn`] or [`Staff`], a form
//! [`Checked`] or [`CheckedUpload`], and answers `Result<Response, Fault>`.

mod accept;
mod activate;
mod admin;
mod agreement;
mod assets;
mod cabinet;
mod desk;
mod document;
mod download;
mod fault;
mod form;
mod frame;
mod guard;
mod home;
mod language;
mod mail_programs;
mod path;
mod rate;
mod register;
mod sign_in;
pub(super) mod table;
mod verify;
mod visitor;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use super::Api;

pub(super) use document::Checks;
pub(super) use fault::Fault;
pub(super) use frame::{Frame, show, show_as};
pub(super) use language::Asked;
pub(super) use rate::FormRate;
pub(super) use visitor::Staff;

/// The pages, and the assets of all.
pub(super) fn router(api: &Api) -> Router<Api> {
    table::router()
        .fallback(|| async { Fault::not_found() })
        .layer(DefaultBodyLimit::max(api.settings().max_upload_bytes))
        .layer(from_fn_with_state(api.clone(), guard::guard))
}

#[cfg(test)]
mod tests;
