use std::time::{Duration, Instant};

use test_case::test_case;

use crate::accounts::{self, AccountError, NewAccount};
use crate::clock::{Clock, SystemEntropy, Timestamp};
use crate::identity::base::Step;
use crate::store::accounts::Kind;
use crate::store::{self, Store};

use super::*;

/// A clock that stands still until it is moved.
#[derive(Debug)]
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

struct Fixture {
    auth: Authenticator,
    accounts: Accounts,
    account: AccountId,
    clock: Arc<Hand>,
    _dir: tempfile::TempDir,
}

/// Cheap hashes: the tests are about who gets in.
fn settings() -> Settings {
    Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        hash_threads: 2,
        failures_per_login_and_network: 3,
        backoff_s: 10,
        ..Settings::default()
    }
}

async fn fixture(settings: Settings) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand(Mutex::new("2026-11-21T09:00:00Z".parse().unwrap())));
    let world = World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
    let accounts = Accounts::new(store, world.clone(), &accounts::Settings::default()).unwrap();
    let auth = Authenticator::start(accounts.clone(), world, &settings).unwrap();
    let password = auth.hash(&secret("correct horse"), home()).await.unwrap();
    let new = NewAccount {
        login: "aigul".into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: None,
        password,
    };
    let account = accounts.create(new).await.unwrap().id;
    Fixture { auth, accounts, account, clock, _dir: dir }
}

impl Fixture {
    async fn login(&self, password: &str) -> Result<AccountId, AuthError> {
        self.auth.login("aigul", &secret(password), home(), Door::Imap).await.map(|identity| identity.account)
    }

    fn wait(&self, seconds: i64) {
        let mut now = self.clock.0.lock();
        *now += seconds.seconds();
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

fn home() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

#[test_case("aigul", "correct horse" => true; "login")]
#[test_case("AiGul@poshta.example", "correct horse" => true; "address in another case")]
#[test_case("aigul", "correct horse " => false; "wrong password")]
#[test_case("aigul", "" => false; "no password")]
#[test_case("nobody", "correct horse" => false; "unknown user")]
#[test_case("", "correct horse" => false; "no user")]
#[tokio::test]
async fn m21_login_and_password_open_the_account(name: &str, password: &str) -> bool {
    let fixture = fixture(settings()).await;
    match fixture.auth.login(name, &secret(password), home(), Door::Imap).await {
        Ok(identity) => identity.account == fixture.account && identity.login == "aigul",
        Err(error) => {
            assert_eq!(error, AuthError::Wrong);
            false
        }
    }
}

#[tokio::test]
async fn m23_the_first_right_password_authorises_the_user_and_no_wrong_one_does() {
    let fixture = fixture(settings()).await;
    let base = Base::new(fixture.accounts.clone());
    let step = async || base.standing(fixture.account).await.unwrap().unwrap().step();
    fixture.login("wrong").await.unwrap_err();
    assert_eq!(step().await, Step::Created);
    fixture.login("correct horse").await.unwrap();
    assert_eq!(step().await, Step::Authorised);
}

#[tokio::test]
async fn guesses_must_wait_and_the_right_password_gets_in_afterwards() {
    let fixture = fixture(settings()).await;
    for _ in 0..3 {
        assert_eq!(fixture.login("wrong").await, Err(AuthError::Wrong));
    }
    assert_eq!(fixture.login("correct horse").await, Err(AuthError::Throttled { seconds: 10 }));
    fixture.wait(10);
    assert_eq!(fixture.login("wrong").await, Err(AuthError::Wrong));
    assert_eq!(fixture.login("wrong").await, Err(AuthError::Throttled { seconds: 20 }));
    fixture.wait(20);
    assert_eq!(fixture.login("correct horse").await, Ok(fixture.account));
}

#[test_case("aigul", "aigul@poshta.example"; "somebody")]
#[test_case("nobody", "Nobody@poshta.example"; "nobody")]
#[tokio::test]
async fn whether_a_login_exists_does_not_show_in_what_two_spellings_of_it_share(name: &str, other: &str) {
    let fixture = fixture(settings()).await;
    for _ in 0..3 {
        assert_eq!(fixture.auth.login(name, &secret("wrong"), home(), Door::Pages).await, Err(AuthError::Wrong));
    }
    let answer = fixture.auth.login(other, &secret("wrong"), home(), Door::Pages).await;
    assert_eq!(answer, Err(AuthError::Throttled { seconds: 10 }));
}

#[tokio::test]
async fn guesses_at_once_get_no_more_tries_than_one_after_another() {
    let fixture = fixture(settings()).await;
    let guesses = (0..40).map(|_| fixture.login("wrong"));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Err(AuthError::Wrong)).count(), 3);
}

#[tokio::test]
async fn right_logins_are_never_limited_and_cost_one_hash() {
    // One waiting place: fifty logins at once pass only because one hash serves them all.
    let fixture = fixture(Settings { max_waiting_per_network: 1, ..settings() }).await;
    let logins = (0..50).map(|_| fixture.login("correct horse"));
    for answer in futures_util::future::join_all(logins).await {
        assert_eq!(answer, Ok(fixture.account));
    }
}

#[tokio::test]
async fn a_changed_password_is_worth_nothing_at_once_although_it_is_remembered() {
    let fixture = fixture(settings()).await;
    fixture.login("correct horse").await.unwrap();
    let hash = fixture.auth.hash(&secret("battery staple"), home()).await.unwrap();
    fixture.accounts.set_password(fixture.account, hash).await.unwrap();
    assert_eq!(fixture.login("correct horse").await, Err(AuthError::Wrong));
    assert_eq!(fixture.login("battery staple").await, Ok(fixture.account));
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in() {
    let fixture = fixture(settings()).await;
    fixture.login("correct horse").await.unwrap();
    fixture.accounts.close(fixture.account).await.unwrap();
    assert_eq!(fixture.login("correct horse").await, Err(AuthError::Wrong));
}

#[tokio::test]
async fn a_hash_of_old_parameters_is_renewed_by_a_login() {
    let fixture = fixture(settings()).await;
    let newer = Settings { argon2_passes: 2, ..settings() };
    let world = fixture.auth.inner.world.clone();
    let auth = Authenticator::start(fixture.accounts.clone(), world, &newer).unwrap();
    auth.login("aigul", &secret("correct horse"), home(), Door::Imap).await.unwrap();
    let renewed = async {
        loop {
            let account = fixture.accounts.get(fixture.account).await.unwrap().unwrap();
            if account.credentials[0].hash.as_str().contains("t=2") {
                return account.credentials[0].clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let credential = tokio::time::timeout(Duration::from_secs(10), renewed).await.unwrap();
    assert_eq!(credential.version, 1, "the password is the same");
    assert!(credential.last_used.is_some());
    assert!(auth.login("aigul", &secret("correct horse"), home(), Door::Imap).await.is_ok());
}

#[tokio::test]
async fn an_unknown_user_costs_the_work_of_a_known_one() {
    // Heavy enough to stand out of the noise; the bound is wide, a skipped hash would be a hundredth.
    let fixture = fixture(Settings { argon2_memory_kib: 16 * 1024, ..settings() }).await;
    // The shortest of several: a busy machine makes times longer, never shorter.
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..3 {
        for (name, shortest) in ["aigul", "nobody"].into_iter().zip(&mut shortest) {
            let begin = Instant::now();
            assert_eq!(fixture.auth.login(name, &secret("wrong"), home(), Door::Pages).await, Err(AuthError::Wrong));
            *shortest = begin.elapsed().min(*shortest);
        }
    }
    let [known, unknown] = shortest;
    assert!(unknown * 10 > known, "known {known:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn a_full_pool_is_busy_and_counts_as_no_failure() {
    let fixture = fixture(settings()).await;
    let full = Settings { max_waiting: 0, failures_per_login_and_network: 1, ..settings() };
    let auth = Authenticator::start(fixture.accounts.clone(), fixture.auth.inner.world.clone(), &full).unwrap();
    for _ in 0..3 {
        assert_eq!(auth.login("aigul", &secret("correct horse"), home(), Door::Imap).await, Err(AuthError::Busy));
    }
}

#[test_case("", Err(WeakPassword::Short(8)); "none")]
#[test_case("1234567", Err(WeakPassword::Short(8)); "short")]
#[test_case("құпиясөз", Ok(()); "eight characters of two bytes")]
#[test_case("tab\tin password", Err(WeakPassword::Control); "control character")]
#[tokio::test]
async fn new_passwords(text: &str, expected: Result<(), WeakPassword>) {
    let fixture = fixture(settings()).await;
    assert_eq!(fixture.auth.check_new(&secret(text)), expected);
}

#[tokio::test]
async fn a_password_of_more_bytes_than_allowed_is_refused() {
    let fixture = fixture(settings()).await;
    let long = secret(&"x".repeat(1025));
    assert_eq!(fixture.auth.check_new(&long), Err(WeakPassword::Long(1024)));
    assert_eq!(fixture.auth.login("aigul", &long, home(), Door::Imap).await, Err(AuthError::Wrong));
}

#[test]
fn secrets_and_hashes_are_not_printed() {
    let shown = format!("{:?} {:?}", secret("hush"), PasswordHash::new("$argon2id$hush".into()));
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn an_app_password_opens_what_it_is_for_and_never_the_pages() {
    let fixture = fixture(settings()).await;
    let make = async |name, scope| fixture.auth.make_app_password(fixture.account, name, scope).await;
    let (_, reads) = make("phone", Scope::IMAP).await.unwrap();
    let (sends_number, sends) = make("printer", Scope::SUBMISSION).await.unwrap();
    let (_, both) = make("laptop", Scope::IMAP.with(Scope::SUBMISSION)).await.unwrap();
    let opens = async |password: &Secret, door| fixture.auth.login("aigul", password, home(), door).await.is_ok();
    for (password, imap, submission) in [(&reads, true, false), (&sends, false, true), (&both, true, true)] {
        assert_eq!(opens(password, Door::Imap).await, imap);
        assert_eq!(opens(password, Door::Submission).await, submission);
        assert!(!opens(password, Door::Pages).await);
        fixture.wait(3600);
    }
    let listed = fixture.auth.app_passwords(fixture.account).await.unwrap();
    assert_eq!(listed.iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["phone", "printer", "laptop"]);
    fixture.auth.revoke_app_password(fixture.account, sends_number).await.unwrap();
    assert!(!opens(&sends, Door::Submission).await);
    let again = fixture.auth.revoke_app_password(fixture.account, sends_number).await;
    assert!(matches!(again, Err(AccountError::NoSuchAppPassword)));
    let main = fixture.auth.revoke_app_password(fixture.account, 1).await;
    assert!(matches!(main, Err(AccountError::NoSuchAppPassword)), "the main password is none of them");
    for scope in [Scope::CABINET, Scope::ALL, Scope(0)] {
        assert!(matches!(make("x", scope).await, Err(AccountError::BadScope)));
    }
    assert!(matches!(make(" ", Scope::IMAP).await, Err(AccountError::BadAppName(_))));
}

#[tokio::test]
async fn an_account_has_so_many_app_passwords_and_no_more() {
    let fixture = fixture(Settings { max_app_passwords: 1, ..settings() }).await;
    fixture.auth.make_app_password(fixture.account, "one", Scope::IMAP).await.unwrap();
    let second = fixture.auth.make_app_password(fixture.account, "two", Scope::IMAP).await;
    assert!(matches!(second, Err(AccountError::TooManyAppPasswords(1))));
}

/// The answer says what to do, and says it to everybody.
#[test_case("aigul", "correct horse"; "the right main password")]
#[test_case("aigul", "wrong"; "a wrong one")]
#[test_case("nobody", "wrong"; "nobody")]
#[tokio::test]
async fn by_policy_the_main_password_opens_the_pages_only(name: &str, password: &str) {
    let fixture = fixture(Settings { main_password_for_mail: false, ..settings() }).await;
    for door in [Door::Imap, Door::Submission] {
        let answer = fixture.auth.login(name, &secret(password), home(), door).await;
        assert_eq!(answer, Err(AuthError::WrongAppPassword));
    }
    assert!(AuthError::WrongAppPassword.to_string().contains("app password"));
    let pages = fixture.auth.login(name, &secret(password), home(), Door::Pages).await;
    assert_eq!(pages.is_ok(), password == "correct horse");
    // What was tried before is forgotten.
    fixture.wait(3600);
    let (_, app) = fixture.auth.make_app_password(fixture.account, "phone", Scope::IMAP).await.unwrap();
    assert!(fixture.auth.login("aigul", &app, home(), Door::Imap).await.is_ok());
}

#[tokio::test]
async fn the_right_password_does_not_forgive_wrong_second_factors() {
    let fixture = fixture(settings()).await;
    for _ in 0..3 {
        fixture.login("correct horse").await.unwrap();
        fixture.auth.check_second_factor(fixture.account, home()).unwrap();
        fixture.auth.note_second_factor(fixture.account, home(), Outcome::Wrong);
    }
    fixture.login("correct horse").await.unwrap();
    let answer = fixture.auth.check_second_factor(fixture.account, home());
    assert_eq!(answer, Err(AuthError::Throttled { seconds: 10 }));
    fixture.wait(10);
    fixture.auth.check_second_factor(fixture.account, home()).unwrap();
    fixture.auth.note_second_factor(fixture.account, home(), Outcome::Right);
    fixture.auth.note_second_factor(fixture.account, home(), Outcome::Wrong);
    fixture.auth.check_second_factor(fixture.account, home()).unwrap();
}
