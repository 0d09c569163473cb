//! `/cabinet/confirm`: the data are confirmed with an electronic signature, which opens official correspondence (M22).

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::people::Signatures;
use crate::people::confirmation::ConfirmError;
use crate::people::profile::ProfileError;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show_as};
use super::{Notice, Own, Shell};

const PATH: &str = "/cabinet/confirm";

#[derive(Template)]
#[template(path = "cabinet/confirm.html")]
struct Confirm {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    /// The confirmation there is: when, and with which certificate.
    confirmed: Option<(String, String)>,
    to_sign: Option<Text>,
    /// Why nothing can be signed.
    hindrance: Option<String>,
    is_legal: bool,
    /// Where the program that signs listens on the user's own computer.
    signer: String,
}

/// What is signed.
struct Text {
    statement: String,
    /// The same for the script, which hands it to the signer unchanged.
    base64: String,
    until_s: i64,
    until: String,
}

#[derive(Deserialize)]
pub(super) struct Signed {
    until: i64,
    /// A CMS signature: base64, or PEM.
    cms: String,
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    shown(&api, &signed_in, asked, None).await
}

pub(super) async fn confirm(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Checked(form): Checked<Signed>,
) -> Result<Response, Fault> {
    let own = Own::of(&signed_in);
    let Some(cms) = Signatures::read(form.cms.as_bytes()) else {
        return shown(&api, &signed_in, asked, Some("eds-not-recognised")).await;
    };
    match api.cabinet().confirmations.confirm(own.holder(), form.until, &cms).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(ConfirmError::Profile(ProfileError::Store(error))) => Err(error.into()),
        Err(error) => {
            let text = error.text(asked.lang);
            let mut response = render(&api, &signed_in, asked, Notice::bad(text)).await?;
            if let ConfirmError::TooFast(wait) = error {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
            }
            Ok(response)
        }
    }
}

async fn shown(api: &Api, signed_in: &SignedIn, asked: Asked, wrong: Option<&'static str>) -> Result<Response, Fault> {
    let notice = wrong.and_then(|key| Notice::bad(crate::locale::text(asked.lang, key, &[])));
    render(api, signed_in, asked, notice).await
}

async fn render(api: &Api, signed_in: &SignedIn, asked: Asked, notice: Option<Notice>) -> Result<Response, Fault> {
    let cabinet = api.cabinet();
    let profile = cabinet.people.profile(signed_in.account).await?;
    let signer = format!("wss://127.0.0.1:{}", cabinet.registration.settings().signer_port);
    let shell = Shell::new(asked, PATH).connecting(&signer);
    let frame = shell.frame.clone();
    let own = Own::of(signed_in);
    let hindrance = match &profile {
        None => Some("confirm-no-data"),
        Some(_) if !cabinet.confirmations.is_possible() => Some("confirm-not-set-up"),
        Some(_) => None,
    };
    let confirmed = profile.as_ref().and_then(|profile| profile.confirmed.as_ref());
    let to_sign = profile.as_ref().filter(|_| hindrance.is_none() && confirmed.is_none()).map(|profile| {
        let text = cabinet.confirmations.to_sign(own.holder(), profile);
        Text {
            base64: STANDARD.encode(&text.statement),
            until_s: text.until.as_second(),
            until: cabinet.shown(text.until),
            statement: text.statement,
        }
    });
    let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let is_legal =
        profile.as_ref().is_some_and(|profile| matches!(profile.form, crate::identity::application::Form::Legal(_)));
    let page = Confirm {
        notice,
        confirmed: confirmed.map(|confirmed| (cabinet.shown(confirmed.at), confirmed.certificate.clone())),
        to_sign,
        hindrance: hindrance.map(|key| frame.text(key)),
        is_legal,
        signer,
        frame: frame.clone(),
        shell,
    };
    Ok(show_as(status, &frame, &page))
}
