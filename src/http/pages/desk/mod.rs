//! `/desk`: the counter of a facility, for its clerks (M14): find an application or write one, look at the identity
//! document, scan the signed paper, register.
//!
//! Numbers of persons travel in forms, never in addresses, which end up in logs and histories.

mod application;
mod documents;
mod file;
mod home;
mod write;

use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::people::counter::{Clerk, CounterError, Opened};
use crate::people::registration::ApplyError;
use crate::store::applications::State as Standing;

use super::super::access::Role;
use super::fault::Fault;
use super::frame::Frame;
use super::register::status_of;
use super::table::{Body, Page, Who};
use super::visitor::Staff;

const CLERKS: Who = Who::Staff(&[Role::Clerk]);

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/desk", who: CLERKS, body: Body::None, handler: || get(home::page) },
    Page { method: "post", path: "/desk", who: CLERKS, body: Body::Form, handler: || post(home::find) },
    Page { method: "get", path: "/desk/new", who: CLERKS, body: Body::None, handler: || get(write::page) },
    Page { method: "post", path: "/desk/new", who: CLERKS, body: Body::Form, handler: || post(write::write) },
    Page {
        method: "get",
        path: "/desk/applications/{number}",
        who: CLERKS,
        body: Body::None,
        handler: || get(application::page),
    },
    Page {
        method: "post",
        path: "/desk/applications/{number}",
        who: CLERKS,
        body: Body::Upload,
        handler: || post(file::file),
    },
    Page {
        method: "get",
        path: "/desk/applications/{number}/correct",
        who: CLERKS,
        body: Body::None,
        handler: || get(write::correct_page),
    },
    Page {
        method: "post",
        path: "/desk/applications/{number}/correct",
        who: CLERKS,
        body: Body::Form,
        handler: || post(write::correct),
    },
    Page {
        method: "post",
        path: "/desk/applications/{number}/confirm",
        who: CLERKS,
        body: Body::Form,
        handler: || post(file::confirm),
    },
    Page {
        method: "post",
        path: "/desk/applications/{number}/give-back",
        who: CLERKS,
        body: Body::Form,
        handler: || post(file::give_back),
    },
    Page {
        method: "post",
        path: "/desk/applications/{number}/code",
        who: CLERKS,
        body: Body::Form,
        handler: || post(file::code),
    },
    Page {
        method: "get",
        path: "/desk/applications/{number}/application.pdf",
        who: CLERKS,
        body: Body::None,
        handler: || get(documents::application),
    },
    Page {
        method: "get",
        path: "/desk/applications/{number}/confirmation.pdf",
        who: CLERKS,
        body: Body::None,
        handler: || get(documents::confirmation),
    },
    Page {
        method: "get",
        path: "/desk/applications/{number}/scans/{place}",
        who: CLERKS,
        body: Body::None,
        handler: || get(documents::scan),
    },
];

/// The clerk who is signed in.
fn clerk(staff: &Staff) -> Result<Clerk, Fault> {
    let facility = staff.facility.clone().ok_or_else(Fault::wrong_role)?;
    Ok(Clerk { account: staff.signed_in.account, facility })
}

/// Whether a clerk here may correct it: it was written for a counter, and nobody has accepted it.
fn is_correctable(opened: &Opened, clerk: &Clerk) -> bool {
    let is_elsewhere = opened.prepared.as_ref().is_some_and(|prepared| prepared.facility != clerk.facility.to_string());
    matches!(opened.filed.state, Standing::Open { is_announced: true, .. }) && !is_elsewhere
}

/// What is told of an error, and with which status.
fn told(error: &CounterError, frame: &Frame) -> (StatusCode, String) {
    match error {
        CounterError::Apply(error) => (status_of(error), error.text(frame.lang())),
        CounterError::Expired(last) => {
            let text = frame.text_with("desk-error-expired", &[("day", &last.to_string())]);
            (StatusCode::UNPROCESSABLE_ENTITY, text)
        }
        other => {
            let status = match other {
                CounterError::Busy | CounterError::NotPrepared | CounterError::HasPassword => StatusCode::CONFLICT,
                CounterError::SamePerson | CounterError::Elsewhere => StatusCode::FORBIDDEN,
                CounterError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                CounterError::NoScan => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, frame.text(&format!("desk-error-{}", other.code())))
        }
    }
}

/// An error where there is no form to show it in.
fn fault(error: CounterError) -> Fault {
    match error {
        CounterError::Apply(ApplyError::Missing) | CounterError::NotPrepared => Fault::not_found(),
        CounterError::Elsewhere | CounterError::SamePerson => Fault::wrong_role(),
        error => Fault::inside(&error),
    }
}
