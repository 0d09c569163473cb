//! Who is it? Passwords, the pool that checks them, the cache that spares the pool, throttling (DESIGN 16).
//!
//! The invariant: whether a login exists cannot be learnt from an answer or from the work it costs.

mod app_password;
mod app_passwords;
mod cache;
mod hash;
mod hold;
mod lanes;
pub(crate) mod network;
mod pool;
mod settings;
mod throttle;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::ToSpan;
use parking_lot::Mutex;

use crate::accounts::{Accounts, UsedCredential};
use crate::address::Address;
use crate::clock::World;
use crate::ids::AccountId;
use crate::people::base::Base;
use crate::store::accounts::{Account, Credential, CredentialKind, PasswordHash, Scope};

use self::cache::{Cache, Proof};
use self::lanes::Lanes;
use self::network::Network;
use self::pool::Pool;
use self::throttle::{Target, Throttle};

pub use self::app_passwords::AppPassword;
pub use self::hash::{Hasher, HasherError};
pub use self::hold::{Ended, Hold};
pub use self::settings::Settings;

/// A password on its way to being checked; wiped when dropped and never printed.
#[derive(Clone)]
pub struct Secret(zeroize::Zeroizing<String>);

impl Secret {
    /// Takes the password.
    #[must_use]
    pub fn new(text: String) -> Self {
        Secret(zeroize::Zeroizing::new(text))
    }

    /// The password itself, for the hash function only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A user who proved to be one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The login that was used, as registered.
    pub login: String,
    /// The account's address.
    pub address: Address,
    /// The password that it was.
    pub credential: UsedCredential,
}

/// Why a login failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// Unknown user or wrong password: not told apart.
    #[error("login or password is wrong")]
    Wrong,
    /// The same where the main password opens no mail: told to everybody, whatever they tried.
    #[error(
        "login or app password is wrong; a mail program needs an app password, made in the cabinet on the web pages"
    )]
    WrongAppPassword,
    /// Too many failures from this network or for this login.
    #[error("too many failed attempts; wait {seconds} s")]
    Throttled {
        /// How long to wait.
        seconds: u32,
    },
    /// The pool is full or the store failed.
    #[error("busy, try again")]
    Busy,
}

/// A new password cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WeakPassword {
    /// Too short to withstand guessing.
    #[error("the password needs at least {0} characters")]
    Short(usize),
    /// Longer than what is hashed at a login.
    #[error("the password may have at most {0} bytes")]
    Long(usize),
    /// SASL PLAIN and IMAP strings cannot carry it.
    #[error("the password may not hold control characters")]
    Control,
}

/// The service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The parameters of the hash function are impossible.
    #[error("auth: {0}")]
    Parameters(#[from] HasherError),
    /// The system gives no threads.
    #[error("auth: cannot start the threads that hash passwords: {0}")]
    Threads(#[from] std::io::Error),
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Authenticator {
    inner: Arc<Inner>,
}

struct Inner {
    accounts: Accounts,
    base: Base,
    world: World,
    settings: Settings,
    hasher: Hasher,
    /// What an unknown user's password is compared with.
    dummy: PasswordHash,
    pool: Pool,
    cache: Mutex<Cache>,
    throttle: Mutex<Throttle>,
    lanes: Lanes,
}

/// What somebody wants to open with a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Reading.
    Imap,
    /// Sending.
    Submission,
    /// The pages, and calls of the API in a user's name.
    Pages,
}

/// What came of a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It fitted.
    Right,
    /// It did not.
    Wrong,
}

/// One login on its way: who from where wants to open what.
struct Attempt<'a> {
    door: Door,
    network: Network,
    target: Target,
    account: Option<Account>,
    password: &'a Secret,
}

impl Authenticator {
    /// Starts the threads that hash.
    ///
    /// # Errors
    /// Impossible parameters; no threads.
    pub fn start(accounts: Accounts, world: World, settings: &Settings) -> Result<Self, StartError> {
        let hasher = settings.hasher()?;
        let unknowable = Secret::new(crate::ids::ItemId::generate(&world).to_string());
        let dummy = hasher.hash(&unknowable, world.random())?;
        let inner = Inner {
            pool: Pool::start(settings)?,
            cache: Mutex::new(Cache::new(settings, world.random())),
            throttle: Mutex::new(Throttle::new(settings)),
            lanes: Lanes::default(),
            settings: settings.clone(),
            base: Base::new(accounts.clone()),
            accounts,
            world,
            hasher,
            dummy,
        };
        Ok(Authenticator { inner: Arc::new(inner) })
    }

    /// Checks a login name (or address) and a password for a door. Costs the same work for unknown users.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn login(&self, name: &str, password: &Secret, from: IpAddr, door: Door) -> Result<Identity, AuthError> {
        let answer = self.inner.login(name, password, from, door).await;
        let result = match &answer {
            Ok(_) => "ok",
            Err(AuthError::Wrong | AuthError::WrongAppPassword) => "wrong",
            Err(AuthError::Throttled { .. }) => "throttled",
            Err(AuthError::Busy) => "busy",
        };
        metrics::counter!("poshta_logins_total", "result" => result).increment(1);
        // The name is not logged when it is nobody's: people type their password into the wrong field.
        match &answer {
            Ok(identity) => tracing::debug!(account = identity.account.0, %from, "login"),
            Err(error) => tracing::info!(%from, %error, "login failed"),
        }
        answer
    }

    /// Watches what somebody logged in with, for a session that outlasts the answer.
    #[must_use]
    pub fn hold(&self, identity: &Identity) -> Hold {
        Hold::new(self.inner.accounts.clone(), identity)
    }

    /// Whether whoever tries a second factor of this account from here has to wait.
    ///
    /// # Errors
    /// `Throttled`.
    pub fn check_second_factor(&self, account: AccountId, from: IpAddr) -> Result<(), AuthError> {
        let (network, target, now) = (Network::of(from), Target::SecondFactor(account), self.inner.world.now());
        let throttle = self.inner.throttle.lock();
        refuse_for(throttle.own_wait_s(network, target, now).max(throttle.shared_wait_s(network, target, now)))
    }

    /// Notes that a second factor was right or wrong; wrong ones slow down the next as wrong passwords do.
    pub fn note_second_factor(&self, account: AccountId, from: IpAddr, outcome: Outcome) {
        let (network, target, now) = (Network::of(from), Target::SecondFactor(account), self.inner.world.now());
        let mut throttle = self.inner.throttle.lock();
        let result = match outcome {
            Outcome::Right => {
                throttle.succeeded(network, target);
                "ok"
            }
            Outcome::Wrong => {
                throttle.failed(network, target, now);
                "wrong"
            }
        };
        metrics::counter!("poshta_second_factors_total", "result" => result).increment(1);
    }

    /// Hashes a new password on the pool, after [`Authenticator::check_new`].
    ///
    /// # Errors
    /// `Busy` when the pool is full.
    pub async fn hash(&self, password: &Secret, from: IpAddr) -> Result<PasswordHash, AuthError> {
        let hasher = self.inner.hasher.clone();
        let (password, salt) = (password.clone(), self.inner.world.random());
        let work = move || hasher.hash(&password, salt);
        self.inner.pool.run(Network::of(from), work).await?.map_err(|_| AuthError::Busy)
    }

    /// Fewest characters of a new password.
    #[must_use]
    pub fn min_password_characters(&self) -> usize {
        self.inner.settings.min_password_chars
    }

    /// Whether this may become a password.
    ///
    /// # Errors
    /// See [`WeakPassword`].
    pub fn check_new(&self, password: &Secret) -> Result<(), WeakPassword> {
        let Settings { min_password_chars, max_password_bytes, .. } = self.inner.settings;
        let text = password.expose();
        if text.chars().any(char::is_control) {
            return Err(WeakPassword::Control);
        }
        if text.chars().count() < min_password_chars {
            return Err(WeakPassword::Short(min_password_chars));
        }
        if text.len() > max_password_bytes {
            return Err(WeakPassword::Long(max_password_bytes));
        }
        Ok(())
    }
}

impl Inner {
    async fn login(
        self: &Arc<Self>,
        name: &str,
        password: &Secret,
        from: IpAddr,
        door: Door,
    ) -> Result<Identity, AuthError> {
        if password.expose().len() > self.settings.max_password_bytes {
            return Err(self.wrong(door));
        }
        let account = self.accounts.find_login(name).await.map_err(|error| {
            tracing::warn!(%error, "cannot read accounts");
            AuthError::Busy
        })?;
        let target = match &account {
            Some(account) => Target::Account(account.id),
            None => Target::Unknown(*blake3::hash(self.accounts.login_key(name).as_bytes()).as_bytes()),
        };
        let attempt = Attempt { door, network: Network::of(from), target, account, password };
        let lane = self.lanes.of(attempt.network, target);
        let _turn = lane.lock().await;
        self.check(&attempt).await
    }

    /// The order matters: the cache answers at the speed of memory, so nobody may ask it who has failed too
    /// often for this login from this network. What strangers did must not shut out a user it knows.
    async fn check(self: &Arc<Self>, attempt: &Attempt<'_>) -> Result<Identity, AuthError> {
        let now = self.world.now();
        refuse_for(self.throttle.lock().own_wait_s(attempt.network, attempt.target, now))?;
        let proofs = self.proofs(attempt);
        if let Some(account) = &attempt.account {
            let cache = self.cache.lock();
            if let Some((credential, _)) = proofs.iter().find(|(_, proof)| cache.knows(proof, now)) {
                return Ok(identity(account, *credential));
            }
        }
        refuse_for(self.throttle.lock().shared_wait_s(attempt.network, attempt.target, now))?;
        let matched = self.verify(attempt).await?;
        let now = self.world.now();
        let (Some(account), Some(credential)) = (&attempt.account, matched) else {
            self.throttle.lock().failed(attempt.network, attempt.target, now);
            return Err(self.wrong(attempt.door));
        };
        self.throttle.lock().succeeded(attempt.network, attempt.target);
        let used = UsedCredential::of(credential);
        if let Some((_, proof)) = proofs.into_iter().find(|(known, _)| *known == used) {
            self.cache.lock().remember(proof, now);
        }
        // M23: the first time the mailbox enters the unified base.
        self.base.note_authorised(account.id).await;
        self.after_success(account, credential, attempt);
        Ok(identity(account, used))
    }

    /// The main password, if it opens this door, with the name under which the cache would know it.
    fn proofs(&self, attempt: &Attempt<'_>) -> Vec<(UsedCredential, Proof)> {
        let Some(account) = &attempt.account else { return Vec::new() };
        let cache = self.cache.lock();
        let proof = |credential: &Credential| {
            (UsedCredential::of(credential), cache.proof(attempt.network, account.id, credential, attempt.password))
        };
        self.main_of(account, attempt.door).into_iter().map(proof).collect()
    }

    /// The credential that the password fits.
    ///
    /// App passwords cost next to nothing and are compared first. What is none of them costs exactly one hash on the
    /// pool, whoever it is for: of the main password where there is one that opens this door, else of the dummy.
    async fn verify<'a>(&self, attempt: &'a Attempt<'_>) -> Result<Option<&'a Credential>, AuthError> {
        let apps = attempt.account.iter().flat_map(|account| apps_of(account, attempt.door));
        let fits = |app: &&Credential| app_password::verify(attempt.password, &app.hash);
        // All are compared, so that the time does not tell how many there are before the one that fits.
        if let Some(app) = apps.filter(fits).last() {
            return Ok(Some(app));
        }
        let main = attempt.account.as_ref().and_then(|account| self.main_of(account, attempt.door));
        let hash = main.map_or_else(|| self.dummy.clone(), |main| main.hash.clone());
        let password = attempt.password.clone();
        let is_right = self.pool.run(attempt.network, move || Hasher::verify(&password, &hash)).await?;
        Ok(main.filter(|_| is_right))
    }

    /// The main password of an account, where it opens this door.
    fn main_of<'a>(&self, account: &'a Account, door: Door) -> Option<&'a Credential> {
        let opens = door == Door::Pages || self.settings.main_password_for_mail;
        let is_main = |have: &&Credential| have.kind == CredentialKind::Main && have.scope.contains(door.scope());
        account.credentials.iter().find(is_main).filter(|_| opens)
    }

    /// What is told to whoever did not get in; it depends on the door and the policy, not on who it was.
    fn wrong(&self, door: Door) -> AuthError {
        match door {
            Door::Imap | Door::Submission if !self.settings.main_password_for_mail => AuthError::WrongAppPassword,
            _ => AuthError::Wrong,
        }
    }

    /// Renews a hash of old parameters and notes the day of use, behind the user's back.
    fn after_success(self: &Arc<Self>, account: &Account, credential: &Credential, attempt: &Attempt<'_>) {
        let now = self.world.now();
        let used_today = credential.last_used.is_some_and(|last| now < last + 24.hours());
        let outdated = credential.kind == CredentialKind::Main && self.hasher.is_outdated(&credential.hash);
        if used_today && !outdated {
            return;
        }
        let (inner, network, password) = (self.clone(), attempt.network, attempt.password.clone());
        let account = account.id;
        let credential = UsedCredential::of(credential);
        tokio::spawn(async move {
            let (hasher, salt) = (inner.hasher.clone(), inner.world.random());
            let renewed = match outdated {
                true => inner.pool.run(network, move || hasher.hash(&password, salt)).await.ok().and_then(Result::ok),
                false => None,
            };
            if let Err(error) = inner.accounts.note_use(account, credential, renewed).await {
                tracing::debug!(%error, account = account.0, "the use of a credential was not noted");
            }
        });
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("pool", &self.pool).finish_non_exhaustive()
    }
}

fn refuse_for(seconds: u32) -> Result<(), AuthError> {
    match seconds {
        0 => Ok(()),
        seconds => Err(AuthError::Throttled { seconds }),
    }
}

/// App passwords that open this door; the pages are opened by none.
fn apps_of(account: &Account, door: Door) -> impl Iterator<Item = &Credential> {
    let is_app = |have: &Credential| matches!(have.kind, CredentialKind::Application(_));
    let opens = move |have: &&Credential| is_app(have) && door != Door::Pages && have.scope.contains(door.scope());
    account.credentials.iter().filter(opens)
}

impl Door {
    fn scope(self) -> Scope {
        match self {
            Door::Imap => Scope::IMAP,
            Door::Submission => Scope::SUBMISSION,
            Door::Pages => Scope::CABINET,
        }
    }
}

fn identity(account: &Account, credential: UsedCredential) -> Identity {
    Identity { account: account.id, login: account.login.clone(), address: account.address.clone(), credential }
}

/// A decoded SASL PLAIN message (RFC 4616): authorization identity, login name, password.
#[derive(Clone, Debug)]
pub struct Plain {
    /// May be empty.
    pub authorization: String,
    /// The login name.
    pub login: String,
    /// The password.
    pub password: Secret,
}

impl Plain {
    /// Decodes what a client sent, without its base64.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut fields = message.split(|byte| *byte == 0);
        let mut field = || fields.next().and_then(|field| String::from_utf8(field.to_vec()).ok());
        let (authorization, login, password) = (field()?, field()?, field()?);
        if login.is_empty() || field().is_some() {
            return None;
        }
        Some(Plain { authorization, login, password: Secret::new(password) })
    }
}

#[cfg(test)]
mod tests;
