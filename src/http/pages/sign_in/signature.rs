//! `/sign-in/signature`: a text is shown, signed with NCALayer in the browser or with any program elsewhere, and lets
//! its signer in. Whoever is signed in already proves that way who it is before a dangerous act.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::identity::sign_in::Purpose;
use crate::people::Signatures;
use crate::people::sign_in::{Asked as Question, Known, Shown, SignInError};
use crate::sessions::{Opened, Proof};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::CheckedUpload;
use super::super::path::own_path;
use super::super::visitor::{Visitor, with_session};
use super::super::{Asked, Frame, show_as};
use super::{Wanted, after_sign_in, arrived};

/// Bytes of a signature with its chain of certificates; and more than any other field has.
const LONGEST_SIGNATURE: usize = 256 << 10;

#[derive(Template)]
#[template(path = "sign_in/signature.html")]
struct SignaturePage {
    frame: Frame,
    next: String,
    error: Option<String>,
    /// What is signed; without it nothing can be.
    to_sign: Option<Text>,
    /// Somebody is signed in.
    is_again: bool,
    /// Where the program that signs listens on the person's own computer.
    signer: String,
}

/// A text to be signed.
struct Text {
    statement: String,
    /// The same for the script, which hands it to the signer unchanged.
    base64: String,
    until: String,
    shown: Shown,
}

/// A form that came back, but for its token.
#[derive(Default)]
struct Signed {
    next: String,
    nonce: String,
    issued_s: i64,
    /// What NCALayer gave, or the file.
    signature: Option<Vec<u8>>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    issued: i64,
}

/// The page in one browser.
struct Place<'a> {
    api: &'a Api,
    visitor: &'a Visitor,
    asked: Asked,
}

/// `GET /sign-in/signature`
pub(super) async fn page(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Query(Wanted { next }): Query<Wanted>,
) -> Response {
    Place { api: &api, visitor: &visitor, asked }.show(&next, None, None)
}

/// `GET /sign-in/signature/text`: the text as a file, for whoever signs it elsewhere. A text of somebody else's making
/// would bear our name, so only one that was shown to this browser is handed out.
pub(super) async fn text(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Query(Named { nonce, issued }): Query<Named>,
) -> Result<Response, Fault> {
    let place = Place { api: &api, visitor: &visitor, asked };
    let to_sign = place.api.signature_sign_in().to_sign(place.question(), &Shown { nonce, issued_s: issued });
    let (statement, _) = to_sign.ok_or_else(Fault::not_found)?;
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-disposition", "attachment; filename=\"sign-in.txt\""),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    Ok((headers, statement).into_response())
}

/// `POST /sign-in/signature`
pub(super) async fn signed(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    mut upload: CheckedUpload,
) -> Result<Response, Fault> {
    let Signed { next, nonce, issued_s, signature } = Signed::read(&mut upload).await?;
    let place = Place { api: &api, visitor: &visitor, asked };
    let shown = Shown { nonce, issued_s };
    let Some(cms) = signature.as_deref().and_then(Signatures::read) else {
        return Ok(place.show(&next, Some(shown), Some(Wrong::NotRecognised)));
    };
    match place.opened(&shown, &cms).await {
        Ok(opened) => Ok(with_session(Redirect::to(&after_sign_in(&next)).into_response(), &opened.token)),
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::info!(from = %visitor.ip, %error, "a signature lets nobody in");
            Ok(place.show(&next, Some(shown), Some(Wrong::Refused(error))))
        }
    }
}

/// Why a form did not let anybody in.
enum Wrong {
    /// There is no signature in it.
    NotRecognised,
    Refused(SignInError),
}

impl Signed {
    async fn read(upload: &mut CheckedUpload) -> Result<Self, Fault> {
        let mut signed = Signed::default();
        while let Some(part) = upload.next(LONGEST_SIGNATURE).await? {
            match part.name.as_str() {
                "next" => signed.next = part.text()?.to_owned(),
                "nonce" => signed.nonce = part.text()?.to_owned(),
                "issued" => signed.issued_s = part.text()?.parse().map_err(|_| Fault::bad_form())?,
                // The one of the two that was not used is sent too, and empty.
                "cms" | "file" if !part.bytes.is_empty() => signed.signature = Some(part.bytes.to_vec()),
                _ => {}
            }
        }
        Ok(signed)
    }
}

impl Place<'_> {
    fn question(&self) -> Question<'_> {
        let purpose = if self.visitor.session.is_some() { Purpose::ProveAgain } else { Purpose::SignIn };
        Question { purpose, browser: self.asked.known.form_token() }
    }

    async fn opened(&self, shown: &Shown, cms: &[u8]) -> Result<Opened, SignInError> {
        let (service, browser) = (self.api.signature_sign_in(), self.visitor.browser());
        let token = self.asked.known.form_token();
        let Some(session) = &self.visitor.session else {
            let opened = service.sign_in(token, shown, cms, browser).await;
            if opened.is_ok() {
                arrived(Proof::Signature);
            }
            return opened;
        };
        let known = Known { account: session.account, session: session.id };
        service.prove(token, shown, cms, known, &browser).await
    }

    /// The same text again while it can be signed: a wrong file need not be signed anew. Else another one.
    fn show(self, next: &str, shown: Option<Shown>, wrong: Option<Wrong>) -> Response {
        let (api, service) = (self.api, self.api.signature_sign_in());
        let question = self.question();
        let to_sign = service.is_possible().then(|| {
            let kept = shown.and_then(|shown| Some((service.to_sign(question, &shown)?, shown)));
            kept.or_else(|| {
                let fresh = service.ask(question);
                Some((service.to_sign(question, &fresh)?, fresh))
            })
        });
        let is_again = self.visitor.session.is_some();
        let signer = format!("wss://127.0.0.1:{}", api.registration().settings().signer_port);
        let title = if is_again { "signature-again-title" } else { "signature-title" };
        // As with an application: the person's own computer, and nothing else (FACTS B6).
        let frame = Frame::new(self.asked, title).connecting(&signer);
        let error = match (&wrong, &to_sign) {
            (None, None) => Some(frame.text("signature-not-set-up")),
            (None, Some(_)) => None,
            (Some(Wrong::NotRecognised), _) => Some(frame.text("eds-not-recognised")),
            (Some(Wrong::Refused(error)), _) => Some(error.text(frame.lang())),
        };
        let page = SignaturePage {
            next: own_path(next).unwrap_or_default().to_owned(),
            error,
            to_sign: to_sign.flatten().map(|((statement, until), shown)| Text {
                base64: STANDARD.encode(&statement),
                until: api.registration().shown(until),
                statement,
                shown,
            }),
            is_again,
            signer,
            frame: frame.clone(),
        };
        let mut response = show_as(wrong.as_ref().map_or(StatusCode::OK, Wrong::status), &frame, &page);
        if let Some(Wrong::Refused(SignInError::TooFast(wait))) = wrong {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
        }
        response
    }
}

impl Wrong {
    fn status(&self) -> StatusCode {
        match self {
            Wrong::NotRecognised => StatusCode::UNPROCESSABLE_ENTITY,
            Wrong::Refused(SignInError::TooFast(_)) => StatusCode::TOO_MANY_REQUESTS,
            Wrong::Refused(error) if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Wrong::Refused(_) => StatusCode::FORBIDDEN,
        }
    }
}
