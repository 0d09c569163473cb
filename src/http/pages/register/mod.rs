//! `/register`: from an application to a mailbox, in three steps: fill in, sign, done (M13).
//!
//! The application is kept by the server as soon as it is right in every field; the browser holds its number and a secret
//! in a cookie. So it is shown once more before it is signed, and what is signed is made from what is kept.

mod application;
mod cookie;
mod documents;
pub(super) mod fields;
mod fill_in;
pub(super) mod form;

use axum::routing::{get, post};

use super::table::{Body, Page, Who};

pub(super) use application::rows;
pub(super) use documents::draw_application;
pub(super) use fill_in::status_of;

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/register", who: Who::Everybody, body: Body::None, handler: || get(fill_in::page) },
    Page {
        method: "post",
        path: "/register",
        who: Who::Everybody,
        body: Body::Form,
        handler: || post(fill_in::fill_in),
    },
    Page {
        method: "get",
        path: "/register/login",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(fill_in::login),
    },
    Page {
        method: "get",
        path: "/register/application",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(application::page),
    },
    Page {
        method: "post",
        path: "/register/application",
        who: Who::Everybody,
        body: Body::Form,
        handler: || post(application::sign),
    },
    Page {
        method: "get",
        path: "/register/application.pdf",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(documents::application),
    },
    Page {
        method: "get",
        path: "/register/confirmation.pdf",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(documents::confirmation),
    },
];
