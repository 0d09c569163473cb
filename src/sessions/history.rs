//! From where somebody signed in lately, for the owner of the mailbox to look at; and what is forgotten with it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store::second_factors as factors;
use crate::store::sessions::{self as rows, Proof};
use crate::store::sign_ins;
use crate::store::vault::Owner;
use crate::store::{self, Batch, View};

use super::Sessions;

/// One sign-in to the pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// When.
    pub at: Timestamp,
    /// How it was proved who it is.
    pub proof: Proof,
    /// From where.
    pub from: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    at_us: i64,
    proof: Proof,
    from: IpAddr,
    agent: String,
}

impl Sessions {
    /// The last sign-ins to the pages of an account, the newest first.
    ///
    /// # Errors
    /// Store.
    pub async fn sign_ins(&self, account: AccountId) -> store::Result<Vec<SignIn>> {
        let instant = |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
        let kept = self.kept(account).await?.into_iter();
        let shown = |Kept { at_us, proof, from, agent }| SignIn { at: instant(at_us), proof, from, agent };
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
        from: IpAddr,
        agent: &str,
    ) -> store::Result<()> {
        self.inner.store.ready_keys(vec![account]).await?;
        let mut kept = self.kept(account).await?;
        kept.insert(0, Kept { at_us: self.now_us(), proof, from, agent: agent.to_owned() });
        kept.truncate(self.inner.settings.max_sign_ins_kept);
        let bytes = postcard::to_stdvec(&kept).map_err(|error| store::Error::Damaged(error.to_string()))?;
        let sealed = self.inner.store.seal_personal(Owner::Account(account), bytes)?;
        sign_ins::put(batch, account, &sealed)
    }

    async fn kept(&self, account: AccountId) -> store::Result<Vec<Kept>> {
        let store = self.inner.store.clone();
        let read = move |view: &View<'_>| {
            let Some(sealed) = view.sign_ins(account)? else { return Ok(Vec::new()) };
            let bytes = store.open_personal(&sealed)?;
            postcard::from_bytes(&bytes).map_err(|error| store::Error::Damaged(format!("sign-ins: {error}")))
        };
        self.inner.store.read(read).await
    }
}
