//! `/`: what this is, and how to get a mailbox.

use askama::Template;
use axum::response::Response;
use axum::routing::get;

use super::table::{Body, Page, Who};
use super::{Asked, Frame, show};

pub(super) const PAGES: &[Page] =
    &[Page { method: "get", path: "/", who: Who::Everybody, body: Body::None, handler: || get(page) }];

#[derive(Template)]
#[template(path = "home/home.html")]
struct HomePage {
    frame: Frame,
}

/// `GET /`
async fn page(asked: Asked) -> Response {
    let frame = Frame::new(asked, "home-title");
    show(&frame.clone(), &HomePage { frame })
}
