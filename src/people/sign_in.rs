//! Sign-in with an electronic signature: who has the key of a person or of a legal entity, and its password, is let in
//! as that person or entity.
//!
//! The invariant: a signature lets one browser in once. What is signed is made by the server and says what for; its
//! nonce is a challenge that only this browser can answer, within some minutes, and that is redeemed before anybody is
//! let in. Nothing is kept between showing and signing.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::auth::network::Network;
use crate::clock::{Timestamp, World};
use crate::identity::eds::{Refusal, Use};
use crate::identity::sign_in::{Purpose, Statement};
use crate::identity::{Bin, Iin, PersonalNumber};
use crate::ids::AccountId;
use crate::locale::{self, Lang};
use crate::sessions::{Browser, Opened, SessionError, SessionId, Sessions};
use crate::store;

use super::meter::{Meter, TooFast};
use super::registration::ApplyError;
use super::signatures::{MAY_SIGN, SignatureError, Signatures, Signer, SignerRules};

/// Networks whose signatures are counted at one time.
const MOST_NETWORKS: usize = 100_000;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// Who has which mailbox.
    pub accounts: Accounts,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Who signed.
    pub signatures: Signatures,
    /// Time.
    pub world: World,
    /// The domain of the addresses.
    pub domain: String,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct SignatureSignIn {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// Signatures that networks send.
    signed: Meter<Network>,
}

/// Who is asked: for what, and in which browser (the token of its forms).
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What for.
    pub purpose: Purpose,
    /// The browser.
    pub browser: &'a str,
}

/// What names a text that was shown; the form carries it back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The challenge.
    pub nonce: String,
    /// When it was made, seconds since 1970.
    pub issued_s: i64,
}

/// Somebody who is signed in and proves once more who it is.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The account.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
}

/// Why a signature lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// It does not hold, or its certificate gives no right.
    #[error(transparent)]
    Signature(SignatureError),
    /// It is over something else than what was shown.
    #[error("what was signed is not the text that was shown")]
    OtherText,
    /// The time of the text is over, it was signed already, or it was shown to another browser.
    #[error("the time for signing this text is over, or it was signed already")]
    Over,
    /// Nobody with this IIN or BIN has an open mailbox.
    #[error("nobody with this IIN or BIN has a mailbox here")]
    NoMailbox,
    /// The certificate is not of whoever is signed in.
    #[error("the certificate is not of the user who is signed in")]
    OtherUser,
    /// Too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// The session ended meanwhile, or the account was closed.
    #[error("the session is over")]
    Ended,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl SignInError {
    /// The sentence for whoever signs in.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let key = match self {
            SignInError::OtherText => "signature-other-text",
            SignInError::Over => "signature-over",
            SignInError::NoMailbox => "signature-no-mailbox",
            SignInError::OtherUser => "signature-other-user",
            SignInError::Ended => "sign-in-over-text",
            SignInError::Store(_) => "apply-unavailable",
            SignInError::TooFast(wait) => return ApplyError::TooFast(*wait).text(lang),
            SignInError::Signature(SignatureError::NotConfigured) => "signature-not-set-up",
            SignInError::Signature(SignatureError::Several) => "signature-several",
            // The rest is the same for whatever is signed.
            SignInError::Signature(error) => return ApplyError::Signature(error.clone()).text(lang),
        };
        locale::text(lang, key, &[])
    }
}

impl SignInError {
    /// Whether it may go away by itself.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, SignInError::Signature(SignatureError::RevocationUnknown(_)) | SignInError::Store(_))
    }
}

impl SignatureSignIn {
    /// The service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let signed = Meter::new(parts.sessions.settings().signatures_per_hour, 3_600, MOST_NETWORKS);
        SignatureSignIn { inner: Arc::new(Inner { parts, signed }) }
    }

    /// Whether signatures can be judged here.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.inner.parts.signatures.is_configured()
    }

    /// A new text for a browser.
    #[must_use]
    pub fn ask(&self, asked: Asked<'_>) -> Shown {
        let issued_s = self.inner.parts.world.now().as_second();
        Shown { nonce: self.inner.parts.sessions.challenge(&what(asked, issued_s)), issued_s }
    }

    /// The text that was shown to this browser, while it can be signed, and until when that is.
    #[must_use]
    pub fn to_sign(&self, asked: Asked<'_>, shown: &Shown) -> Option<(String, Timestamp)> {
        let parts = &self.inner.parts;
        let is_open = parts.sessions.is_open(&shown.nonce, &what(asked, shown.issued_s));
        is_open.then(|| self.inner.text(asked.purpose, shown)).flatten()
    }

    /// Opens a session for whoever signed the text that was shown.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in(
        &self,
        token: &str,
        shown: &Shown,
        cms: &[u8],
        browser: Browser,
    ) -> Result<Opened, SignInError> {
        let asked = Asked { purpose: Purpose::SignIn, browser: token };
        let (account, signer) = self.user(asked, shown, cms, &browser).await?;
        Ok(self.inner.parts.sessions.open_signed(account, &signer.serial, browser).await?)
    }

    /// Renews the session of somebody who is signed in and signed the text that was shown.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn prove(
        &self,
        token: &str,
        shown: &Shown,
        cms: &[u8],
        known: Known,
        browser: &Browser,
    ) -> Result<Opened, SignInError> {
        let asked = Asked { purpose: Purpose::ProveAgain, browser: token };
        let (account, signer) = self.user(asked, shown, cms, browser).await?;
        if account != known.account {
            return Err(SignInError::OtherUser);
        }
        Ok(self.inner.parts.sessions.prove_signed(known.session, &signer.serial).await?)
    }

    /// Whose signature it is. A text that was signed rightly cannot be signed again, whatever comes of it.
    async fn user(
        &self,
        asked: Asked<'_>,
        shown: &Shown,
        cms: &[u8],
        browser: &Browser,
    ) -> Result<(AccountId, Signer), SignInError> {
        let parts = &self.inner.parts;
        let (text, _) = self.to_sign(asked, shown).ok_or(SignInError::Over)?;
        let now = parts.world.now();
        self.inner.signed.count(Network::of(browser.ip), now)?;
        let wanted = SignerRules { usage: Use::SignIn, ..SignerRules::default() };
        let signer = parts.signatures.verify(cms, text.as_bytes(), now, wanted).await?;
        let number = number(&signer)?;
        parts.sessions.redeem(&shown.nonce, &what(asked, shown.issued_s)).map_err(|_| SignInError::Over)?;
        let account = parts.accounts.find_person(&number).await?.ok_or(SignInError::NoMailbox)?;
        Ok((account.id, signer))
    }
}

impl Inner {
    fn text(&self, purpose: Purpose, shown: &Shown) -> Option<(String, Timestamp)> {
        let issued = Timestamp::from_second(shown.issued_s).ok()?;
        let lasts_s = i64::from(self.parts.sessions.settings().second_factor_timeout_s);
        let until = Timestamp::from_second(shown.issued_s.saturating_add(lasts_s)).ok()?;
        let statement = Statement { purpose, domain: &self.parts.domain, issued, until, nonce: &shown.nonce };
        Some((statement.text(), until))
    }
}

/// For what a challenge counts: another purpose, another browser and another time each need another one.
fn what(asked: Asked<'_>, issued_s: i64) -> String {
    format!("signature {} {issued_s} {}", asked.purpose.name(), asked.browser)
}

/// As whom somebody signs. M27: who signs with a key of a legal entity speaks for it, if they may; M26: a person's own
/// key names no entity.
fn number(signer: &Signer) -> Result<PersonalNumber, SignInError> {
    let parsed = match (&signer.bin, &signer.iin) {
        (Some(_), _) if !MAY_SIGN.iter().any(|role| signer.roles.contains(role)) => {
            return Err(SignInError::Signature(SignatureError::Role));
        }
        (Some(bin), _) => bin.parse::<Bin>().map(PersonalNumber::Bin),
        (None, Some(iin)) => iin.parse::<Iin>().map(PersonalNumber::Iin),
        (None, None) => return Err(SignInError::NoMailbox),
    };
    // The numbers of test certificates need not be right; nobody registers with one that is not.
    parsed.map_err(|_| SignInError::NoMailbox)
}

impl From<SignatureError> for SignInError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Refused(Refusal::OtherContent | Refusal::MessageDigest) => SignInError::OtherText,
            other => SignInError::Signature(other),
        }
    }
}

impl From<SessionError> for SignInError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Over => SignInError::Ended,
            SessionError::Store(error) => SignInError::Store(error),
        }
    }
}

#[cfg(test)]
mod tests;
