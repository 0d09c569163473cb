//! Between the password and the second factor: a session that opens nothing but the page for the second factor, and
//! ends after some wrong ones.

use crate::ids::AccountId;
use crate::store::sessions::{self as rows, SessionId, SessionRow, Stage};
use crate::store::{self, Batch};

use super::super::{Browser, Opened, Proof, Proven, Session, SessionError, Sessions, id_of, unsealed};
use super::MAX_FAILURES;

/// A wrong second factor was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    /// There are more tries.
    TryAgain,
    /// That was the last one: the password is needed again.
    Over,
}

impl Sessions {
    /// Begins a session for somebody who gave the right password and needs a second factor.
    ///
    /// # Errors
    /// The account is closed; store.
    pub async fn open_half(&self, account: AccountId, browser: Browser) -> Result<Opened, SessionError> {
        let proven = Proven { proof: Proof::Password, certificate: None };
        self.begin(account, proven, Stage::Half { failures: 0 }, browser).await
    }

    /// The half session of this secret, unless it is over.
    ///
    /// # Errors
    /// Store.
    pub async fn find_half(&self, token: &str) -> store::Result<Option<Session>> {
        let Some(id) = id_of(token) else { return Ok(None) };
        let found = self.read(id).await?;
        Ok(found.filter(|(row, _)| matches!(row.stage, Stage::Half { .. })).map(|(_, session)| session))
    }

    /// Makes a whole session of a half one; with a new secret.
    ///
    /// # Errors
    /// It is over, or was completed by somebody else; store.
    pub async fn complete(&self, half: SessionId, proof: Proof) -> Result<Opened, SessionError> {
        let (row, _) = self.read(half).await?.ok_or(SessionError::Over)?;
        let now = self.now_us();
        let (token, id) = self.secret();
        let account = row.account;
        let (store, sealed) = (self.inner.store.clone(), row.browser.clone());
        let browser: Browser = self.inner.store.read(move |_| unsealed(&store, &sealed)).await?;
        let whole = SessionRow { stage: Stage::Open, proof, opened_us: now, proved_us: now, seen_us: now, ..row };
        let mut batch = Batch::new();
        rows::take(&mut batch, &half, account);
        rows::add(&mut batch, &id, &whole)?;
        self.note_sign_in(&mut batch, account, proof, browser).await?;
        self.commit_first(batch).await?;
        // M23: a password alone was not enough for this account; now it is proved.
        self.inner.base.note_authorised(account).await;
        Ok(Opened { token, id })
    }

    /// Counts a wrong second factor.
    ///
    /// # Errors
    /// Store.
    pub async fn fail(&self, half: SessionId) -> Result<Failed, SessionError> {
        let (row, _) = self.read(half).await?.ok_or(SessionError::Over)?;
        let Stage::Half { failures } = row.stage else { return Err(SessionError::Over) };
        let mut batch = Batch::new();
        let failures = failures.saturating_add(1);
        if failures >= MAX_FAILURES {
            rows::remove(&mut batch, &half, row.account);
            self.inner.store.commit(batch).await?;
            return Ok(Failed::Over);
        }
        rows::replace(&mut batch, &half, &row, &SessionRow { stage: Stage::Half { failures }, ..row.clone() })?;
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(Failed::TryAgain),
            // Two at once are somebody who guesses.
            Err(store::Error::Conflict(_)) => {
                self.close(row.account, half).await?;
                Ok(Failed::Over)
            }
            Err(error) => Err(error.into()),
        }
    }
}
