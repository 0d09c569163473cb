//! Passkeys in forms: what the script of the page is told, and what it fills in.

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::ids::AccountId;
use crate::sessions::{Answered, Asked as Question, FactorError, Proof, SessionId};
use crate::store;

use super::super::super::Api;
use super::super::Asked;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::{Here, Known, Visitor};
use super::{Entrance, Wrong, enter};

/// What the script needs to ask the browser for a passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Get {
    pub(super) challenge: String,
    pub(super) host: String,
    /// Credential ids among which the browser may choose; empty: any that it finds.
    pub(super) allowed: String,
    /// "required" where the passkey stands alone.
    pub(super) verification: &'static str,
}

impl Get {
    /// For somebody of whom nothing is known yet.
    pub(super) fn of_anybody(api: &Api, here: &Here, known: &Known) -> Self {
        let challenge = api.sessions().challenge(&anybody(known));
        Get { challenge, host: here.host.clone(), allowed: String::new(), verification: "required" }
    }

    /// For somebody whose password was right.
    pub(super) async fn beside_password(
        api: &Api,
        here: &Here,
        account: AccountId,
        session: SessionId,
    ) -> store::Result<Option<Self>> {
        let ids = api.sessions().passkey_ids(account).await?;
        if ids.is_empty() {
            return Ok(None);
        }
        let allowed: Vec<String> = ids.iter().map(|id| URL_SAFE_NO_PAD.encode(id)).collect();
        let challenge = api.sessions().challenge(&second(session));
        Ok(Some(Get { challenge, host: here.host.clone(), allowed: allowed.join(","), verification: "discouraged" }))
    }
}

/// What the script fills in: each field in base64url.
#[derive(Deserialize)]
pub(super) struct Filled {
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    pub(super) next: String,
    /// Of somebody who proves once more who it is: that the password was right.
    #[serde(default)]
    pub(super) given: String,
}

impl Filled {
    pub(super) fn answered(&self, beside_password: Option<AccountId>) -> Result<Answered, Fault> {
        Ok(Answered {
            id: decoded(&self.id)?,
            client_data: decoded(&self.client_data)?,
            authenticator_data: decoded(&self.authenticator_data)?,
            signature: decoded(&self.signature)?,
            beside_password,
        })
    }
}

pub(super) fn decoded(text: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Fault::bad_form())
}

/// A challenge of one browser's forms.
pub(super) fn anybody(known: &Known) -> String {
    format!("sign in {}", known.form_token())
}

/// A challenge of one session whose password was given.
pub(super) fn second(session: SessionId) -> String {
    format!("second factor {session}")
}

/// `POST /sign-in/passkey`
pub(super) async fn sign_in(
    State(api): State<Api>,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Checked(filled): Checked<Filled>,
) -> Result<Response, Fault> {
    let question = Question { what: anybody(&asked.known), origin: here.origin.clone(), host: here.host.clone() };
    let wrong = match api.sessions().use_passkey(filled.answered(None)?, &question).await {
        Ok(account) => return enter(&api, &visitor, account, Proof::Passkey, &filled.next).await,
        Err(FactorError::Store(error)) => return Err(error.into()),
        Err(FactorError::Stale) => Wrong::TooLate,
        Err(_) => Wrong::Passkey,
    };
    Ok(Entrance { api: &api, here: &here, next: &filled.next, login: "" }.show(asked, Some(wrong)))
}
