//! `/cabinet/sign-ins`: where somebody is signed in to the pages, and ending that.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::sessions::{Listed, Proof, SessionId, SignIn};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show};
use super::{Notice, Shell, browsers};

const PATH: &str = "/cabinet/sign-ins";

/// What the form ends instead of one session.
const OTHERS: &str = "others";

#[derive(Template)]
#[template(path = "cabinet/sign_ins.html")]
struct SignIns {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    rows: Vec<Row>,
    has_others: bool,
    last: Vec<Past>,
}

struct Row {
    id: String,
    at: String,
    seen: String,
    agent: String,
    from: String,
    proof: String,
    is_this: bool,
}

/// A sign-in, whether or not it goes on.
struct Past {
    at: String,
    agent: String,
    from: String,
    proof: String,
}

#[derive(Deserialize)]
pub(super) struct End {
    /// A session, or all but this one.
    session: String,
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let sessions = api.sessions().list(signed_in.account).await?;
    let last = api.sessions().sign_ins(signed_in.account).await?;
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let past = |sign_in: &SignIn| Past {
        at: api.cabinet().shown(sign_in.at),
        agent: browsers::name(&sign_in.browser.agent),
        from: sign_in.browser.ip.to_string(),
        proof: frame.text(proof_key(sign_in.proof)),
    };
    let last = last.iter().map(past).collect();
    let row = |Listed { session, browser }: &Listed| Row {
        id: session.id.to_string(),
        at: api.cabinet().shown(session.opened_at),
        seen: api.cabinet().shown(session.seen_at),
        agent: browsers::name(&browser.agent),
        from: browser.ip.to_string(),
        proof: frame.text(proof_key(session.proof)),
        is_this: session.id == signed_in.session,
    };
    let rows: Vec<Row> = sessions.iter().map(row).collect();
    let has_others = rows.iter().any(|row| !row.is_this);
    let page = SignIns { frame: frame.clone(), shell, notice: None, rows, has_others, last };
    Ok(show(&frame, &page))
}

/// Ending the own session is signing out, which the frame does.
pub(super) async fn end(
    State(api): State<Api>,
    signed_in: SignedIn,
    Checked(form): Checked<End>,
) -> Result<Response, Fault> {
    if form.session == OTHERS {
        api.sessions().close_all(signed_in.account, Some(signed_in.session)).await?;
    } else {
        let id: SessionId = form.session.parse().map_err(|_| Fault::bad_form())?;
        if id != signed_in.session {
            api.sessions().close(signed_in.account, id).await?;
        }
    }
    Ok(Redirect::to(PATH).into_response())
}

fn proof_key(proof: Proof) -> &'static str {
    match proof {
        Proof::Password => "sign-ins-password",
        Proof::PasswordAndCode => "sign-ins-code",
        Proof::PasswordAndPasskey | Proof::Passkey => "sign-ins-passkey",
        Proof::Signature => "sign-ins-signature",
    }
}
