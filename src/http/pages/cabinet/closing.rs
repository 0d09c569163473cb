//! `/cabinet/close`: the user closes the mailbox, for ever (M8).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::accounts::AccountError;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::SecondProved;
use super::super::visitor::{SignedIn, without_session};
use super::super::{Asked, Frame, show, show_as};
use super::{Notice, Shell, password};

const PATH: &str = "/cabinet/close";

#[derive(Template)]
#[template(path = "cabinet/close.html")]
struct Close {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    address: String,
    kept: String,
}

#[derive(Template)]
#[template(path = "cabinet/closed.html")]
struct Closed {
    frame: Frame,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    /// The own address, typed: nobody closes a mailbox by a slip.
    address: String,
    password: String,
}

pub(super) async fn page(State(api): State<Api>, SecondProved(signed_in): SecondProved, asked: Asked) -> Response {
    shown(&api, &signed_in, asked, None)
}

pub(super) async fn close(
    State(api): State<Api>,
    SecondProved(signed_in): SecondProved,
    asked: Asked,
    Checked(wish): Checked<Wish>,
) -> Result<Response, Fault> {
    let frame = Frame::new(asked.clone(), "close-title");
    if wish.address.trim() != signed_in.address.to_string() {
        return Ok(shown(&api, &signed_in, asked, Notice::bad(frame.text("close-other-address"))));
    }
    if let Err(wrong) = password::require(&api, &signed_in, wish.password, &frame).await {
        return Ok(shown(&api, &signed_in, asked, Notice::bad(wrong)));
    }
    match api.cabinet().close(signed_in.account).await {
        // Somebody closed it at the same time.
        Ok(()) | Err(AccountError::Missing) => {}
        Err(AccountError::Store(error)) => return Err(error.into()),
        Err(other) => return Err(Fault::inside(&other)),
    }
    api.sessions().forget(signed_in.account).await?;
    Ok(without_session(Redirect::to("/closed").into_response()))
}

/// `GET /closed`: what is left to say.
pub(super) async fn closed(asked: Asked) -> Response {
    let frame = Frame::new(asked, "closed-title");
    show(&frame, &Closed { frame: frame.clone() })
}

fn shown(api: &Api, signed_in: &SignedIn, asked: Asked, notice: Option<Notice>) -> Response {
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let kept = match api.cabinet().closed_days {
        0 => frame.text("close-letters-at-once"),
        days => frame.text_with("close-letters-days", &[("days", &days.to_string())]),
    };
    let page = Close { frame: frame.clone(), shell, notice, address: signed_in.address.to_string(), kept };
    show_as(status, &frame, &page)
}
