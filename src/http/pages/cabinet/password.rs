//! "Type your password again": before what cannot be taken back. Whoever finds an open browser does not know it.

use crate::auth::{AuthError, Door, Secret};

use super::super::super::Api;
use super::super::Frame;
use super::super::visitor::SignedIn;

/// What to tell when it is not the password.
pub(super) async fn require(api: &Api, signed_in: &SignedIn, password: String, frame: &Frame) -> Result<(), String> {
    let password = Secret::new(password);
    match api.authenticator().login(&signed_in.login, &password, signed_in.ip, Door::Pages).await {
        Ok(identity) if identity.account == signed_in.account => Ok(()),
        Ok(_) => Err(frame.text("cabinet-password-wrong")),
        Err(AuthError::Throttled { seconds }) => {
            Err(frame.text_with("sign-in-wait", &[("seconds", &seconds.to_string())]))
        }
        Err(AuthError::Busy) => Err(frame.text("sign-in-busy")),
        Err(_) => Err(frame.text("cabinet-password-wrong")),
    }
}
