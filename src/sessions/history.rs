//! From where somebody signed in lately, for the owner of the mailbox to look at; and what is forgotten with it.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store::second_factors as factors;
use crate::store::sessions::{self as rows, Proof};
use crate::store::sign_ins;
use crate::store::{self, Batch, View};

use super::{Browser, Sessions, unsealed};

/// One sign-in to the pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// When.
    pub at: Timestamp,
    /// How it was proved who it is.
    pub proof: Proof,
    /// From where and with what.
    pub browser: Browser,
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    at_us: i64,
    proof: Proof,
    browser: Browser,
}

impl Sessions {
    /// The last sign-ins to the pages of an account, the newest first.
    ///
    /// # Errors
    /// Store.
    pub async fn sign_ins(&self, account: AccountId) -> store::Result<Vec<SignIn>> {
        let instant = |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
        let kept = self.kept(account).await?.into_iter();
        let shown = |Kept { at_us, proof, browser }| SignIn { at: instant(at_us), proof, browser };
        Ok(kept.map(shown).collect())
    }

    /// Forgets everything that this service keeps of an account: sessions, second factors, sign-ins. For closing it.
    ///
    /// # Errors
    /// Store.
    pub async fn forget(&self, account: AccountId) -> store::Result<()> {
        let read = move |view: &View<'_>| Ok((view.sessions_of(account, usize::MAX)?, view.second_factors(account)?));
        let (sessions, second) = self.inner.store.read(read).await?;
        let mut batch = Batch::new();
        sessions.iter().for_each(|(id, _)| rows::remove(&mut batch, id, account));
        if let Some(second) = second {
            factors::remove(&mut batch, account, &second);
        }
        sign_ins::remove(&mut batch, account);
        self.inner.store.commit(batch).await.map(drop)
    }

    /// Adds a sign-in to the batch that opens its session.
    pub(super) async fn note_sign_in(
        &self,
        batch: &mut Batch,
        account: AccountId,
        proof: Proof,
        browser: Browser,
    ) -> store::Result<()> {
        let mut kept = self.kept(account).await?;
        kept.insert(0, Kept { at_us: self.now_us(), proof, browser });
        kept.truncate(self.inner.settings.max_sign_ins_kept);
        sign_ins::put(batch, account, &self.sealed(account, &kept).await?)
    }

    async fn kept(&self, account: AccountId) -> store::Result<Vec<Kept>> {
        let store = self.inner.store.clone();
        let read = move |view: &View<'_>| {
            view.sign_ins(account)?.map_or_else(|| Ok(Vec::new()), |sealed| unsealed(&store, &sealed))
        };
        self.inner.store.read(read).await
    }
}
