//! M22: the user confirms the data of the cabinet with an electronic signature.
//!
//! What is signed is made by the server: every field as it is now, when it was last changed, until when the signature
//! is taken, and a number that only this server can make. So a signature is worth something for these data, for this
//! account, for some minutes, and until the next change; there is nothing to keep between showing and signing.

use std::sync::Arc;

use crate::clock::{Timestamp, World};
use crate::identity::PersonalNumber;
use crate::identity::eds::{Refusal, Use};
use crate::ids::AccountId;
use crate::locale::{self, Lang};
use crate::store;
use crate::store::confirmations::SignedText;

use super::cabinet::Settings;
use super::meter::{Meter, TooFast};
use super::profile::{Confirmed, People, Profile, ProfileError};
use super::registration::ApplyError;
use super::signatures::{MAY_SIGN, SignatureError, Signatures, Signer, SignerRules};

/// The service. Clones share it.
#[derive(Clone)]
pub struct Confirmations {
    people: People,
    /// Signatures that accounts send: each costs questions to an authority.
    signed: Arc<Meter<AccountId>>,
    signatures: Signatures,
    world: World,
    settings: Settings,
    /// Makes the numbers; forgotten when the server ends, and then the text is shown anew.
    key: [u8; 32],
}

/// Whose data, as the session knows them.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The account.
    pub account: AccountId,
    /// Its address.
    pub address: &'a str,
}

/// A text that can be signed.
#[derive(Clone, PartialEq, Eq)]
pub struct ToSign {
    /// The text, byte for byte.
    pub statement: String,
    /// Until when its signature is taken.
    pub until: Timestamp,
}

/// Why data are not confirmed. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// There are none, or they changed, or store.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The signature does not hold, or is not of who it should be.
    #[error(transparent)]
    Signature(SignatureError),
    /// It is over something else than what is shown now.
    #[error("what was signed is not what is shown; the data were changed in the meantime, or the text was altered")]
    Altered,
    /// The time of the text is over, or another server showed it.
    #[error("the time for signing this text is over; it is shown anew")]
    Over,
    /// Too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
}

impl From<store::Error> for ConfirmError {
    fn from(error: store::Error) -> Self {
        ConfirmError::Profile(error.into())
    }
}

impl ConfirmError {
    /// The sentence for the user.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let key = match self {
            ConfirmError::TooFast(wait) => return wait.text_for_account(lang),
            ConfirmError::Profile(ProfileError::Missing) => "confirm-no-data",
            ConfirmError::Profile(ProfileError::Store(_) | ProfileError::Busy) => "apply-unavailable",
            ConfirmError::Profile(_) | ConfirmError::Altered => "confirm-altered",
            ConfirmError::Over => "confirm-over",
            ConfirmError::Signature(SignatureError::NotConfigured) => "confirm-not-set-up",
            ConfirmError::Signature(SignatureError::OtherPerson) => "confirm-other-person",
            ConfirmError::Signature(SignatureError::OtherEntity) => "confirm-other-entity",
            ConfirmError::Signature(SignatureError::Several) => "confirm-several",
            // The rest is the same for whatever is signed.
            ConfirmError::Signature(error) => return ApplyError::Signature(error.clone()).text(lang),
        };
        locale::text(lang, key, &[])
    }
}

impl Confirmations {
    /// The service.
    #[must_use]
    pub fn new(people: People, signatures: Signatures, world: World, settings: Settings) -> Self {
        let key = world.random();
        let signed = Arc::new(settings.proofs());
        Confirmations { people, signed, signatures, world, settings, key }
    }

    /// Whether signatures can be judged here.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.signatures.is_configured()
    }

    /// What this user signs now.
    #[must_use]
    pub fn to_sign(&self, holder: Holder<'_>, profile: &Profile) -> ToSign {
        let now_s = self.world.now().as_second();
        let until_s = now_s.saturating_add(i64::from(self.settings.sign_within_s));
        self.text(holder, profile, until_s)
    }

    /// Takes the signature over the text that was shown with this end of its time.
    ///
    /// # Errors
    /// See [`ConfirmError`].
    pub async fn confirm(&self, holder: Holder<'_>, until_s: i64, cms: &[u8]) -> Result<Confirmed, ConfirmError> {
        let now = self.world.now();
        let left_s = until_s.saturating_sub(now.as_second());
        if left_s <= 0 || left_s > i64::from(self.settings.sign_within_s) {
            return Err(ConfirmError::Over);
        }
        self.signed.count(holder.account, now)?;
        let profile = self.people.profile(holder.account).await?.ok_or(ProfileError::Missing)?;
        let text = self.text(holder, &profile, until_s).statement;
        let number = profile.form.number();
        let roles = match number {
            PersonalNumber::Iin(_) => &[][..],
            PersonalNumber::Bin(_) => MAY_SIGN,
        };
        let wanted = SignerRules { number: Some(number), roles, usage: Use::Document };
        let signer = self.signatures.verify(cms, text.as_bytes(), now, wanted).await.map_err(refused)?;
        let Signer { serial, .. } = signer;
        let signed = SignedText { text, cms: cms.to_vec() };
        Ok(self.people.confirm(holder.account, profile.snapshot(holder.address), &serial, &signed).await?)
    }

    fn text(&self, holder: Holder<'_>, profile: &Profile, until_s: i64) -> ToSign {
        let until = Timestamp::from_second(until_s).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut text = profile.statement(holder.address);
        text.push_str(&format!("changed: {}\nsign-before: {until}\n", profile.changed_at));
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&holder.account.0.to_be_bytes()).update(text.as_bytes());
        let digits = hasher.finalize().to_hex();
        text.push_str(&format!("nonce: {}\n", digits.get(..32).unwrap_or_default()));
        ToSign { statement: text, until }
    }
}

fn refused(error: SignatureError) -> ConfirmError {
    match error {
        SignatureError::Refused(Refusal::OtherContent | Refusal::MessageDigest) => ConfirmError::Altered,
        other => ConfirmError::Signature(other),
    }
}

impl std::fmt::Debug for Confirmations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Confirmations(…)")
    }
}

impl std::fmt::Debug for ToSign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ToSign(until {})", self.until)
    }
}
