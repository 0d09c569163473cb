//! An authenticator program: offered as a QR code, confirmed with a first code, asked at every sign-in.

use crate::ids::AccountId;
use crate::store::second_factors::{Authenticator, Factors};
use crate::store::vault::{Owner, Personal};
use crate::store::{self, View};

use super::super::Sessions;
use super::recovery::{self, RecoveryCodes};
use super::{FactorError, totp};

/// A secret for an authenticator program, shown until it is confirmed.
#[derive(Clone)]
pub struct Offer {
    /// What the QR code holds.
    pub uri: String,
    /// The secret, for people who type it.
    pub secret: String,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Offer(…)")
    }
}

impl Sessions {
    /// The secret that is offered to an account; the same one until it is confirmed. `issuer` is the operator's name in
    /// the program, `name` the account's.
    ///
    /// # Errors
    /// The account is closed; store.
    pub async fn offer_authenticator(
        &self,
        account: AccountId,
        issuer: &str,
        name: &str,
    ) -> Result<Offer, FactorError> {
        let store = self.inner.store.clone();
        store.ready_keys(vec![account]).await?;
        let found = self.factors_of(account).await?;
        let offered = match found.and_then(|factors| factors.offered) {
            Some(offered) => offered,
            None => {
                let secret = self.inner.world.random::<{ totp::SECRET_BYTES }>();
                let sealed = store.seal_personal(Owner::Account(account), secret.to_vec())?;
                self.change_factors(account, None, |factors| {
                    // Of two pages that are opened at once, both show the same.
                    Ok(factors.offered.get_or_insert_with(|| sealed.clone()).clone())
                })
                .await?
            }
        };
        let secret = self.opened(offered).await?;
        Ok(Offer { uri: totp::uri(&secret, issuer, name), secret: totp::base32(&secret) })
    }

    /// Takes the offered secret into use, once a code shows that the program has it. Gives recovery codes, which are
    /// shown once, unless there are some.
    ///
    /// # Errors
    /// A wrong code; nothing was offered; store.
    pub async fn confirm_authenticator(
        &self,
        account: AccountId,
        code: &str,
    ) -> Result<Option<RecoveryCodes>, FactorError> {
        let offered = self.factors_of(account).await?.and_then(|factors| factors.offered);
        let offered = offered.ok_or(FactorError::Missing)?;
        let secret = self.opened(offered.clone()).await?;
        let now = self.inner.world.now();
        let step = totp::accepted_step(&secret, code, now, i64::MIN).ok_or(FactorError::Wrong)?;
        let fresh = RecoveryCodes::draw(&self.inner.world);
        let hashes = fresh.hashes(account);
        let is_new = self
            .change_factors(account, Some("second_factor.authenticator.add"), |factors| {
                // Another offer since: the code was for that one.
                if factors.offered.as_ref() != Some(&offered) {
                    return Err(FactorError::Stale);
                }
                factors.offered = None;
                let (secret, since_us) = (offered.clone(), now.as_microsecond());
                factors.authenticator = Some(Authenticator { secret, last_step: step, since_us });
                let is_new = factors.recovery.is_empty();
                if is_new {
                    factors.recovery.clone_from(&hashes);
                }
                Ok(is_new)
            })
            .await?;
        Ok(is_new.then_some(fresh))
    }

    /// Removes the authenticator program.
    ///
    /// # Errors
    /// There is none; store.
    pub async fn remove_authenticator(&self, account: AccountId) -> Result<(), FactorError> {
        self.change_factors(account, Some("second_factor.authenticator.remove"), |factors| {
            factors.authenticator.take().map(drop).ok_or(FactorError::Missing)?;
            forget_recovery_of_nothing(factors);
            Ok(())
        })
        .await
    }

    /// Checks a code of the authenticator program, or a recovery code, and uses it up.
    ///
    /// # Errors
    /// It is wrong or was used; store.
    pub async fn use_code(&self, account: AccountId, code: &str) -> Result<(), FactorError> {
        let factors = self.factors_of(account).await?.ok_or(FactorError::Wrong)?;
        let now = self.inner.world.now();
        let step = match &factors.authenticator {
            Some(found) => {
                let secret = self.opened(found.secret.clone()).await?;
                totp::accepted_step(&secret, code, now, found.last_step)
            }
            None => None,
        };
        let recovery = recovery::hash(account, code);
        match step {
            Some(step) => {
                self.change_factors(account, None, |factors| {
                    let found = factors.authenticator.as_mut().filter(|found| found.last_step < step);
                    found.ok_or(FactorError::Wrong)?.last_step = step;
                    Ok(())
                })
                .await
            }
            None if factors.is_on() && factors.recovery.contains(&recovery) => {
                self.change_factors(account, Some("second_factor.recovery.use"), |factors| {
                    let before = factors.recovery.len();
                    factors.recovery.retain(|hash| *hash != recovery);
                    if factors.recovery.len() < before { Ok(()) } else { Err(FactorError::Wrong) }
                })
                .await
            }
            None => Err(FactorError::Wrong),
        }
    }

    /// New recovery codes; the old ones are worth nothing.
    ///
    /// # Errors
    /// There is no second factor that they could stand for; store.
    pub async fn renew_recovery(&self, account: AccountId) -> Result<RecoveryCodes, FactorError> {
        let fresh = RecoveryCodes::draw(&self.inner.world);
        let hashes = fresh.hashes(account);
        self.change_factors(account, Some("second_factor.recovery.renew"), |factors| {
            if !factors.is_on() {
                return Err(FactorError::Missing);
            }
            factors.recovery.clone_from(&hashes);
            Ok(())
        })
        .await?;
        Ok(fresh)
    }

    pub(super) async fn factors_of(&self, account: AccountId) -> store::Result<Option<Factors>> {
        self.inner.store.read(move |view: &View<'_>| view.second_factors(account)).await
    }

    async fn opened(&self, secret: Personal) -> store::Result<zeroize::Zeroizing<Vec<u8>>> {
        let store = self.inner.store.clone();
        self.inner.store.read(move |_| store.open_personal(&secret)).await.map(zeroize::Zeroizing::new)
    }
}

/// Recovery codes stand for a second factor; without one they would be a second password.
pub(super) fn forget_recovery_of_nothing(factors: &mut Factors) {
    if !factors.is_on() {
        factors.recovery.clear();
    }
}
