//! Passkeys: challenges for the browser, new ones kept, and those that sign in checked.

use crate::ids::AccountId;
use crate::store::View;
use crate::store::second_factors::Passkey;

use super::super::Sessions;
use super::authenticator::forget_recovery_of_nothing;
use super::webauthn::{self, Assertion, OwnerSeen, PasskeyError, Registration, Site};
use super::{FactorError, RecoveryCodes};

/// Passkeys of one account.
const MAX_PASSKEYS: usize = 10;

/// Characters of the name of a passkey.
const LONGEST_NAME: usize = 60;

/// For what a browser is asked to use a passkey; a challenge for one thing counts for no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// What for, and in which browser: "sign in", the token of its forms.
    pub what: String,
    /// `https://host` or `https://host:port`, as the browser shows it.
    pub origin: String,
    /// The host alone.
    pub host: String,
}

/// What a browser hands over of a new passkey.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What the user calls it.
    pub name: String,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation: Vec<u8>,
}

/// What a browser hands over of a passkey that signs in.
#[derive(Clone, Debug)]
pub struct Answered {
    /// `rawId`.
    pub id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
    /// The account that gave its password already; without one the passkey stands alone and has to know its owner.
    pub beside_password: Option<AccountId>,
}

impl Sessions {
    /// A challenge for the browser; it counts as long as a second factor may take.
    #[must_use]
    pub fn challenge(&self, what: &str) -> String {
        self.inner.challenges.issue(what, &self.inner.world, self.inner.settings.second_factor_timeout_s)
    }

    /// Takes an answered challenge: it counts for nobody any more.
    ///
    /// # Errors
    /// It is too old, was answered, or is for something else.
    pub fn redeem(&self, challenge: &str, what: &str) -> Result<(), super::StaleChallenge> {
        self.inner.challenges.redeem(challenge, what, self.inner.world.now())
    }

    /// Whether a challenge can be answered yet.
    #[must_use]
    pub fn is_open(&self, challenge: &str, what: &str) -> bool {
        self.inner.challenges.is_open(challenge, what, self.inner.world.now())
    }

    /// Keeps a new passkey. Gives recovery codes, which are shown once, unless there are some.
    ///
    /// # Errors
    /// It does not answer a challenge of ours, is known already, is one too many; a name that is none; store.
    pub async fn add_passkey(
        &self,
        account: AccountId,
        new: NewKey,
        asked: &Asked,
    ) -> Result<Option<RecoveryCodes>, FactorError> {
        let name = new.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(FactorError::BadName(LONGEST_NAME));
        }
        let challenge = self.answered(&new.client_data, asked)?;
        let registration = Registration { client_data: new.client_data, attestation: new.attestation };
        let made = webauthn::check_new(&registration, &challenge, &site(asked)).map_err(told)?;
        let id = made.id.clone();
        if self.inner.store.read(move |view: &View<'_>| view.passkey_owner(&id)).await?.is_some() {
            return Err(FactorError::Known);
        }
        let fresh = RecoveryCodes::draw(&self.inner.world);
        let (hashes, now) = (fresh.hashes(account), self.now_us());
        let is_new = self
            .change_factors(account, Some("second_factor.passkey.add"), |factors| {
                if factors.passkeys.len() >= MAX_PASSKEYS {
                    return Err(FactorError::TooMany(MAX_PASSKEYS));
                }
                factors.next_passkey += 1;
                factors.passkeys.push(Passkey {
                    number: factors.next_passkey,
                    name: name.clone(),
                    id: made.id.clone(),
                    key: made.key.clone(),
                    sign_count: made.sign_count,
                    since_us: now,
                    used_us: None,
                });
                let is_new = factors.recovery.is_empty();
                if is_new {
                    factors.recovery.clone_from(&hashes);
                }
                Ok(is_new)
            })
            .await?;
        Ok(is_new.then_some(fresh))
    }

    /// Removes a passkey.
    ///
    /// # Errors
    /// There is none with this number; store.
    pub async fn remove_passkey(&self, account: AccountId, number: u32) -> Result<(), FactorError> {
        self.change_factors(account, Some("second_factor.passkey.remove"), |factors| {
            let before = factors.passkeys.len();
            factors.passkeys.retain(|passkey| passkey.number != number);
            if factors.passkeys.len() == before {
                return Err(FactorError::Missing);
            }
            forget_recovery_of_nothing(factors);
            Ok(())
        })
        .await
    }

    /// Whose passkey it is that answered, if it counts.
    ///
    /// # Errors
    /// It does not answer a challenge of ours, or does not fit; store.
    pub async fn use_passkey(&self, answered: Answered, asked: &Asked) -> Result<AccountId, FactorError> {
        let challenge = self.answered(&answered.client_data, asked)?;
        let (id, beside) = (answered.id.clone(), answered.beside_password);
        let owner = self.inner.store.read(move |view: &View<'_>| view.passkey_owner(&id)).await?;
        let account = owner.filter(|owner| beside.is_none_or(|account| account == *owner)).ok_or(FactorError::Wrong)?;
        let owner_seen = if beside.is_some() { OwnerSeen::NotNeeded } else { OwnerSeen::Needed };
        let assertion = Assertion {
            id: answered.id,
            client_data: answered.client_data,
            authenticator_data: answered.authenticator_data,
            signature: answered.signature,
        };
        let (site, now) = (site(asked), self.now_us());
        self.change_factors(account, None, |factors| {
            let passkey = factors.passkeys.iter_mut().find(|passkey| passkey.id == assertion.id);
            let passkey = passkey.ok_or(FactorError::Wrong)?;
            passkey.sign_count = webauthn::check(&assertion, passkey, &challenge, &site, owner_seen).map_err(told)?;
            passkey.used_us = Some(now);
            Ok(())
        })
        .await?;
        Ok(account)
    }

    /// The credential ids of an account's passkeys, for the browser to choose among.
    ///
    /// # Errors
    /// Store.
    pub async fn passkey_ids(&self, account: AccountId) -> crate::store::Result<Vec<Vec<u8>>> {
        let found = self.factors_of(account).await?;
        Ok(found.map(|factors| factors.passkeys.into_iter().map(|passkey| passkey.id).collect()).unwrap_or_default())
    }

    /// The challenge that was answered, taken out of circulation.
    fn answered(&self, client_data: &[u8], asked: &Asked) -> Result<String, FactorError> {
        let challenge = webauthn::challenge_of(client_data).map_err(told)?;
        self.redeem(&challenge, &asked.what).map_err(|_| FactorError::Stale)?;
        Ok(challenge)
    }
}

/// What is wrong with a passkey is for the log; whoever tries it hears that it does not fit.
fn told(error: PasskeyError) -> FactorError {
    tracing::info!(%error, "a passkey does not count");
    FactorError::Wrong
}

fn site(asked: &Asked) -> Site {
    Site { origin: asked.origin.clone(), id: asked.host.clone() }
}
