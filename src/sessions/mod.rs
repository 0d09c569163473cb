//! Who is signed in to the pages, and who of them is staff.
//!
//! A browser holds 32 random bytes, the store only their hash: who reads the store signs in nowhere. The invariant: a
//! session is worth something only while its account is open and has the password with which it was opened, whatever
//! changed either (a page, a command, another session); so nobody has to remember to end it. Sign-in and every further
//! proof make a new secret: one that somebody slipped in before is worth nothing afterwards.

mod factors;
mod history;
mod settings;
mod staff;
#[cfg(test)]
pub(crate) mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::clock::{Timestamp, World};
use crate::ids::AccountId;
use crate::people::base::Base;
use crate::store::accounts::{Account, CredentialKind};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::sessions::{self as rows, SessionRow, Stage};
use crate::store::vault::{Owner, Personal};
use crate::store::{self, Batch, Store};

pub use self::factors::{
    Answered, Asked, FactorError, Failed, NewKey, Offer, PasswordGiven, RecoveryCodes, ShownFactors, ShownPasskey,
    StaleChallenge,
};
pub use self::history::SignIn;
pub use self::settings::Settings;
pub use self::staff::{StaffError, Staffed};
pub use crate::store::sessions::{NotASession, Proof, SessionId};
pub use crate::store::staff::Grant;

/// Characters of a browser's name that are kept.
const LONGEST_AGENT: usize = 200;

/// Sessions that are looked at in one go by the one who removes what is over.
const PIECE: usize = 500;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    base: Base,
    store: Store,
    world: World,
    challenges: factors::Challenges,
}

/// What the browser keeps of a session; not printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

/// From where and with what somebody signs in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Browser {
    /// The address.
    pub ip: IpAddr,
    /// `User-Agent`.
    pub agent: String,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// What it is called; not what the browser holds.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// The login, as registered.
    pub login: String,
    /// The address.
    pub address: Address,
    /// The name for people; may be empty.
    pub name: String,
    /// What the account may do as staff.
    pub grants: Vec<Grant>,
    /// How it was proved last who it is.
    pub proof: Proof,
    /// When that was.
    pub proved_at: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When a page was last asked for, to about a minute.
    pub seen_at: Timestamp,
}

/// A session in the list of its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The session.
    pub session: Session,
    /// From where and with what it was opened.
    pub browser: Browser,
}

/// How somebody proved just now who they are.
#[derive(Clone, Copy, Debug)]
struct Proven<'a> {
    proof: Proof,
    /// Serial number of the certificate that signed, if one did: for the audit.
    certificate: Option<&'a str>,
}

/// A session that was opened just now.
#[derive(Clone, Debug)]
pub struct Opened {
    /// For the browser.
    pub token: Token,
    /// What it is.
    pub id: SessionId,
}

/// Why a session cannot be opened or renewed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It has ended meanwhile, or the account was closed.
    #[error("the session is over; sign in again")]
    Over,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Sessions {
    /// The service over a store.
    #[must_use]
    pub fn new(base: Base, store: Store, world: World, settings: Settings) -> Self {
        let challenges = factors::Challenges::new(&world);
        Sessions { inner: Arc::new(Inner { settings, base, store, world, challenges }) }
    }

    /// Opens a session for somebody who proved who they are. What the browser held before is not looked at: close it
    /// with [`Sessions::close`].
    ///
    /// # Errors
    /// The account is closed; store.
    pub async fn open(&self, account: AccountId, proof: Proof, browser: Browser) -> Result<Opened, SessionError> {
        self.let_in(account, Proven { proof, certificate: None }, browser).await
    }

    /// As [`Sessions::open`], for somebody who signed with an electronic signature: the audit says with which
    /// certificate.
    ///
    /// # Errors
    /// The account is closed; store.
    pub async fn open_signed(
        &self,
        account: AccountId,
        certificate: &str,
        browser: Browser,
    ) -> Result<Opened, SessionError> {
        self.let_in(account, Proven::with_certificate(certificate), browser).await
    }

    async fn let_in(&self, account: AccountId, proven: Proven<'_>, browser: Browser) -> Result<Opened, SessionError> {
        let opened = self.begin(account, proven, Stage::Open, browser).await?;
        // M23: however it was proved, whoever is in the pages now was authorised.
        self.inner.base.note_authorised(account).await;
        Ok(opened)
    }

    /// The session of this secret, unless it is over.
    ///
    /// # Errors
    /// Store.
    pub async fn find(&self, token: &str) -> store::Result<Option<Session>> {
        let Some(id) = id_of(token) else { return Ok(None) };
        let Some((row, session)) = self.read(id).await?.filter(|(row, _)| row.stage == Stage::Open) else {
            return Ok(None);
        };
        self.note_use(id, row);
        Ok(Some(session))
    }

    /// Notes that the user proved again who they are (before a dangerous act, after a change of the password), and
    /// gives the session a new secret. The old one is worth nothing from now on.
    ///
    /// # Errors
    /// The session is over; store.
    pub async fn prove(&self, id: SessionId, proof: Proof) -> Result<Opened, SessionError> {
        self.renew(id, Proven { proof, certificate: None }).await
    }

    /// As [`Sessions::prove`], with an electronic signature: the audit says with which certificate.
    ///
    /// # Errors
    /// The session is over; store.
    pub async fn prove_signed(&self, id: SessionId, certificate: &str) -> Result<Opened, SessionError> {
        self.renew(id, Proven::with_certificate(certificate)).await
    }

    async fn renew(&self, id: SessionId, proven: Proven<'_>) -> Result<Opened, SessionError> {
        let now = self.now_us();
        let (row, account) = self.row(id).await?.ok_or(SessionError::Over)?;
        let (token, new_id) = self.secret();
        let password_version = password_version(&account);
        let new = SessionRow { password_version, proof: proven.proof, proved_us: now, seen_us: now, ..row };
        let mut batch = Batch::new();
        rows::take(&mut batch, &id, new.account);
        rows::add(&mut batch, &new_id, &new)?;
        proven.note(&mut batch, "sign_in.prove", new.account, now)?;
        self.commit_first(batch).await?;
        Ok(Opened { token, id: new_id })
    }

    /// Whether the last proof is young enough for a dangerous act.
    #[must_use]
    pub fn is_freshly_proved(&self, proved_at: Timestamp) -> bool {
        let age = self.inner.world.now().as_second().saturating_sub(proved_at.as_second());
        age <= i64::from(self.inner.settings.proof_counts_s)
    }

    /// Ends one session of an account; one of somebody else's is left alone.
    ///
    /// # Errors
    /// Store.
    pub async fn close(&self, account: AccountId, id: SessionId) -> store::Result<()> {
        let row = self.inner.store.read(move |view| view.session(&id)).await?;
        if row.is_none_or(|row| row.account != account) {
            return Ok(());
        }
        let mut batch = Batch::new();
        rows::remove(&mut batch, &id, account);
        self.inner.store.commit(batch).await.map(drop)
    }

    /// Ends all sessions of an account but, if there is one, the one that `except` names. Tells how many.
    ///
    /// # Errors
    /// Store.
    pub async fn close_all(&self, account: AccountId, except: Option<SessionId>) -> store::Result<usize> {
        let all = self.inner.store.read(move |view| view.sessions_of(account, usize::MAX)).await?;
        let mut batch = Batch::new();
        let ended = all.iter().filter(|(id, _)| Some(*id) != except);
        let ended = ended.map(|(id, _)| rows::remove(&mut batch, id, account)).count();
        if ended > 0 {
            self.inner.store.commit(batch).await?;
        }
        Ok(ended)
    }

    /// The sessions of an account that are not over, the one used last first.
    ///
    /// # Errors
    /// Store.
    pub async fn list(&self, account: AccountId) -> store::Result<Vec<Listed>> {
        let (inner, now) = (Arc::clone(&self.inner), self.now_us());
        let read = move |view: &store::View<'_>| {
            let Some(account) = view.account(account)? else { return Ok(Vec::new()) };
            let grants = view.grants(account.id)?;
            let rows = view.sessions_of(account.id, usize::MAX)?.into_iter();
            let live = rows.filter(|(_, row)| row.stage == Stage::Open && inner.is_live(row, &account, now));
            let listed = live.map(|(id, row)| {
                let browser = unsealed(&inner.store, &row.browser)?;
                Ok(Listed { session: session(id, &row, &account, grants.clone()), browser })
            });
            listed.collect::<store::Result<Vec<_>>>()
        };
        let mut listed = self.inner.store.read(read).await?;
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.session.seen_at));
        Ok(listed)
    }

    /// Removes sessions that are over, until the token is cancelled.
    pub async fn run_janitor(self, stop: CancellationToken) {
        let pause = Duration::from_secs(self.inner.settings.tidy_every_s.max(1));
        while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
            match self.remove_ended().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "sessions that were over are removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over cannot be removed now"),
            }
        }
    }

    /// Removes sessions that are over; tells how many.
    ///
    /// # Errors
    /// Store.
    pub async fn remove_ended(&self) -> store::Result<usize> {
        let mut after = None;
        let mut removed = 0;
        loop {
            let (inner, now) = (Arc::clone(&self.inner), self.now_us());
            let (last, ended) = self.inner.store.read(move |view| inner.ended(view, after, now)).await?;
            if !ended.is_empty() {
                removed += ended.len();
                let mut batch = Batch::new();
                ended.iter().for_each(|(id, account)| rows::remove(&mut batch, id, *account));
                self.inner.store.commit(batch).await?;
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(removed),
            }
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    async fn begin(
        &self,
        account: AccountId,
        proven: Proven<'_>,
        stage: Stage,
        browser: Browser,
    ) -> Result<Opened, SessionError> {
        let proof = proven.proof;
        let most = self.inner.settings.max_per_account;
        let read = move |view: &store::View<'_>| Ok((view.account(account)?, view.sessions_of(account, usize::MAX)?));
        let (found, mut others) = self.inner.store.read(read).await?;
        let holder = found.filter(Account::is_active).ok_or(SessionError::Over)?;
        let now = self.now_us();
        let browser = Browser { ip: browser.ip, agent: visible(&browser.agent) };
        let row = SessionRow {
            account,
            password_version: password_version(&holder),
            stage,
            proof,
            opened_us: now,
            proved_us: now,
            seen_us: now,
            browser: self.sealed(account, &browser).await?,
        };
        let (token, id) = self.secret();
        let mut batch = Batch::new();
        rows::add(&mut batch, &id, &row)?;
        proven.note(&mut batch, "sign_in.signature", account, now)?;
        if stage == Stage::Open {
            self.note_sign_in(&mut batch, account, proof, browser).await?;
        }
        others.sort_by_key(|(_, row)| std::cmp::Reverse(row.seen_us));
        others.iter().skip(most.saturating_sub(1)).for_each(|(id, _)| rows::remove(&mut batch, id, account));
        self.inner.store.commit(batch).await?;
        Ok(Opened { token, id })
    }

    /// A session with its account and roles, unless it is over.
    async fn read(&self, id: SessionId) -> store::Result<Option<(SessionRow, Session)>> {
        let (inner, now) = (Arc::clone(&self.inner), self.now_us());
        let read = move |view: &store::View<'_>| {
            let Some((row, account)) = inner.live(view, id, now)? else { return Ok(None) };
            let grants = view.grants(account.id)?;
            let session = session(id, &row, &account, grants);
            Ok(Some((row, session)))
        };
        self.inner.store.read(read).await
    }

    /// A row with its account; unlike [`Sessions::find`] whatever the password was when it was opened, for whoever
    /// just proved the new one.
    async fn row(&self, id: SessionId) -> store::Result<Option<(SessionRow, Account)>> {
        let (inner, now) = (Arc::clone(&self.inner), self.now_us());
        let read = move |view: &store::View<'_>| {
            let Some(row) = view.session(&id)? else { return Ok(None) };
            let account = view.account(row.account)?.filter(Account::is_active);
            Ok(account.filter(|_| inner.is_in_time(&row, now)).map(|account| (row, account)))
        };
        self.inner.store.read(read).await
    }

    /// Behind the user's back: the page does not wait for it, and one that was not noted costs nothing.
    fn note_use(&self, id: SessionId, row: SessionRow) {
        let now = self.now_us();
        if now.saturating_sub(row.seen_us) < seconds(self.inner.settings.note_use_every_s) {
            return;
        }
        let store = self.inner.store.clone();
        tokio::spawn(async move {
            let mut batch = Batch::new();
            let noted = SessionRow { seen_us: now, ..row.clone() };
            let described = rows::replace(&mut batch, &id, &row, &noted);
            match described.map(|()| store.commit(batch)) {
                Ok(commit) => commit.await.map_or_else(|error| tracing::debug!(%error, "use was not noted"), drop),
                Err(error) => tracing::debug!(%error, "use was not noted"),
            }
        });
    }

    /// Commits what only one may do: whoever comes second finds the session gone.
    async fn commit_first(&self, batch: Batch) -> Result<(), SessionError> {
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(store::Error::Conflict(_)) => Err(SessionError::Over),
            Err(error) => Err(error.into()),
        }
    }

    /// What only the owner of the account is to see.
    async fn sealed(&self, account: AccountId, what: &impl Serialize) -> store::Result<Personal> {
        self.inner.store.ready_keys(vec![account]).await?;
        let bytes = postcard::to_stdvec(what).map_err(|error| store::Error::Damaged(error.to_string()))?;
        self.inner.store.seal_personal(Owner::Account(account), bytes)
    }

    fn secret(&self) -> (Token, SessionId) {
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.inner.world.random::<32>()));
        let id = hash(&token);
        (Token(token), id)
    }

    fn now_us(&self) -> i64 {
        self.inner.world.now().as_microsecond()
    }
}

impl Inner {
    fn live(&self, view: &store::View<'_>, id: SessionId, now: i64) -> store::Result<Option<(SessionRow, Account)>> {
        let Some(row) = view.session(&id)? else { return Ok(None) };
        let account = view.account(row.account)?.filter(|account| self.is_live(&row, account, now));
        Ok(account.map(|account| (row, account)))
    }

    fn is_live(&self, row: &SessionRow, account: &Account, now: i64) -> bool {
        account.is_active() && password_version(account) == row.password_version && self.is_in_time(row, now)
    }

    fn is_in_time(&self, row: &SessionRow, now: i64) -> bool {
        let (idle, age) = match row.stage {
            Stage::Open => (self.settings.idle_timeout_s, self.settings.max_age_s),
            Stage::Half { .. } => (self.settings.second_factor_timeout_s, self.settings.second_factor_timeout_s),
        };
        now.saturating_sub(row.seen_us) < seconds(idle) && now.saturating_sub(row.opened_us) < seconds(age)
    }

    /// Sessions behind `after` that are over, and the last one that was looked at if there may be more.
    #[allow(clippy::type_complexity, reason = "two lists that are used once")]
    fn ended(
        &self,
        view: &store::View<'_>,
        after: Option<SessionId>,
        now: i64,
    ) -> store::Result<(Option<SessionId>, Vec<(SessionId, AccountId)>)> {
        let found = view.sessions(after, PIECE)?;
        let last = found.last().map(|(id, _)| *id).filter(|_| found.len() == PIECE);
        let mut ended = Vec::new();
        for (id, row) in found {
            let account = view.account(row.account)?;
            if !account.is_some_and(|account| self.is_live(&row, &account, now)) {
                ended.push((id, row.account));
            }
        }
        Ok((last, ended))
    }
}

impl<'a> Proven<'a> {
    fn with_certificate(serial: &'a str) -> Self {
        Proven { proof: Proof::Signature, certificate: Some(serial) }
    }

    /// A key outlives the person's work for a legal entity: which one opened its mailbox stands in the audit.
    fn note(&self, batch: &mut Batch, action: &str, account: AccountId, now_us: i64) -> store::Result<()> {
        let Some(serial) = self.certificate else { return Ok(()) };
        let whose = format!("account {}", account.0);
        let entry = AuditEntry {
            at_us: now_us,
            actor: whose.clone(),
            action: action.to_owned(),
            object: whose,
            details: Some(format!("certificate {serial}")),
        };
        add_audit(batch, &entry)
    }
}

impl Token {
    /// As the cookie carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What [`Sessions::sealed`] made of it.
fn unsealed<T: DeserializeOwned>(store: &Store, sealed: &Personal) -> store::Result<T> {
    let bytes = store.open_personal(sealed)?;
    postcard::from_bytes(&bytes)
        .map_err(|error| store::Error::Damaged(format!("from where somebody signed in: {error}")))
}

fn session(id: SessionId, row: &SessionRow, account: &Account, grants: Vec<Grant>) -> Session {
    let instant = |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
    Session {
        id,
        account: account.id,
        login: account.login.clone(),
        address: account.address.clone(),
        name: account.display_name.clone(),
        grants,
        proof: row.proof,
        proved_at: instant(row.proved_us),
        opened_at: instant(row.opened_us),
        seen_at: instant(row.seen_us),
    }
}

/// What is no secret of ours is not even looked up.
fn id_of(token: &str) -> Option<SessionId> {
    (token.len() == 43).then(|| hash(token))
}

fn hash(token: &str) -> SessionId {
    SessionId(*blake3::hash(token.as_bytes()).as_bytes())
}

/// 0 while there is none: somebody who signs in with a key only.
fn password_version(account: &Account) -> u32 {
    let main = account.credentials.iter().find(|credential| credential.kind == CredentialKind::Main);
    main.map_or(0, |main| main.version)
}

fn visible(agent: &str) -> String {
    agent.chars().filter(|character| !character.is_control()).take(LONGEST_AGENT).collect()
}

fn seconds(seconds: u32) -> i64 {
    i64::from(seconds).saturating_mul(1_000_000)
}
