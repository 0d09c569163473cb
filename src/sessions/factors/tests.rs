//! Second factors over a real store and a clock that is moved by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Clock as _;
use crate::sessions::tests::{Fixture, browser, fixture};
use crate::sessions::{Browser, Proof, SessionError, Settings};

use super::webauthn::Site;
use super::webauthn::tests::{Signer, assertion, registration};
use super::*;

const ORIGIN: &str = "https://post.example";

fn question(what: &str) -> Asked {
    Asked { what: what.into(), origin: ORIGIN.into(), host: "post.example".into() }
}

fn site() -> Site {
    Site { origin: ORIGIN.into(), id: "post.example".into() }
}

/// A passkey in somebody's hand.
pub(crate) struct Phone(Signer);

impl Sessions {
    /// Sets up an authenticator program; its secret and the recovery codes.
    pub(crate) async fn with_authenticator(&self, account: AccountId) -> (Vec<u8>, RecoveryCodes) {
        let offer = self.offer_authenticator(account, "post.example", "aigul").await.unwrap();
        let offered = self.factors_of(account).await.unwrap().unwrap().offered.unwrap();
        let secret = self.inner.store.open_personal(&offered).unwrap();
        assert!(offer.uri.contains(&totp::base32(&secret)));
        let code = totp::code(&secret, self.inner.world.now().as_second() / 30);
        (secret, self.confirm_authenticator(account, &code).await.unwrap().unwrap())
    }

    /// Adds a passkey for the site `https://post.example`.
    pub(crate) async fn with_phone(&self, account: AccountId) -> Phone {
        let (signer, challenge) = (Signer::p256(), self.challenge("new"));
        let made = registration(&signer, b"credential", &challenge, &site());
        let new = NewKey { name: "phone".into(), client_data: made.client_data, attestation: made.attestation };
        self.add_passkey(account, new, &question("new")).await.unwrap();
        Phone(signer)
    }
}

impl Phone {
    /// What its browser fills into a form whose page has this challenge.
    pub(crate) fn fields(&self, challenge: &str, count: u32) -> [(&'static str, String); 4] {
        let given = assertion(&self.0, b"credential", challenge, &site(), count);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        [
            ("id", text(&given.id)),
            ("client_data", text(&given.client_data)),
            ("authenticator_data", text(&given.authenticator_data)),
            ("signature", text(&given.signature)),
        ]
    }
}

impl Fixture {
    fn code(&self, secret: &[u8], later: i64) -> String {
        totp::code(secret, self.clock.now().as_second() / 30 + later)
    }

    /// An authenticator program that is set up: its secret and the recovery codes.
    async fn with_authenticator(&self) -> (Vec<u8>, RecoveryCodes) {
        self.sessions.with_authenticator(self.account).await
    }

    async fn with_passkey(&self, signer: &Signer, id: &[u8]) -> Result<Option<RecoveryCodes>, FactorError> {
        let challenge = self.sessions.challenge("new");
        let made = registration(signer, id, &challenge, &site());
        let new = NewKey { name: "phone".into(), client_data: made.client_data, attestation: made.attestation };
        self.sessions.add_passkey(self.account, new, &question("new")).await
    }

    async fn answer(&self, signer: &Signer, challenge: &str, count: u32) -> Result<AccountId, FactorError> {
        let given = assertion(signer, b"credential", challenge, &site(), count);
        let answered = Answered {
            id: given.id,
            client_data: given.client_data,
            authenticator_data: given.authenticator_data,
            signature: given.signature,
            beside_password: None,
        };
        self.sessions.use_passkey(answered, &question("sign in")).await
    }
}

#[tokio::test]
async fn an_authenticator_is_on_once_a_code_shows_that_it_has_the_secret() {
    let fixture = fixture(Settings::default()).await;
    let offer = || fixture.sessions.offer_authenticator(fixture.account, "post.example", "aigul");
    let first = offer().await.unwrap();
    assert_eq!(first.secret, offer().await.unwrap().secret, "the same until it is confirmed");
    let wrong = fixture.sessions.confirm_authenticator(fixture.account, "000000").await;
    assert!(matches!(wrong, Err(FactorError::Wrong)));
    assert!(!fixture.sessions.second_factors(fixture.account).await.unwrap().is_on());
    let (secret, codes) = fixture.with_authenticator().await;
    assert_eq!(codes.expose().len(), 10);
    let shown = fixture.sessions.second_factors(fixture.account).await.unwrap();
    assert!(shown.is_on() && shown.recovery_left == 10);
    // The code that confirmed it was used.
    let again = fixture.sessions.use_code(fixture.account, &fixture.code(&secret, 0)).await;
    assert!(matches!(again, Err(FactorError::Wrong)));
    fixture.sessions.use_code(fixture.account, &fixture.code(&secret, 1)).await.unwrap();
    assert_ne!(offer().await.unwrap().secret, first.secret, "another program gets another secret");
}

#[tokio::test]
async fn of_two_who_come_with_the_same_code_one_gets_in() {
    let fixture = fixture(Settings::default()).await;
    let (secret, codes) = fixture.with_authenticator().await;
    fixture.wait(60);
    for code in [fixture.code(&secret, 0), codes.expose()[0].clone()] {
        let tries = (0..8).map(|_| fixture.sessions.use_code(fixture.account, &code));
        let passed = futures_util::future::join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(passed, 1);
    }
    let shown = fixture.sessions.second_factors(fixture.account).await.unwrap();
    assert_eq!(shown.recovery_left, 9);
}

#[tokio::test]
async fn recovery_codes_are_renewed_and_go_with_the_last_factor() {
    let fixture = fixture(Settings::default()).await;
    assert!(matches!(fixture.sessions.renew_recovery(fixture.account).await, Err(FactorError::Missing)));
    let (_, old) = fixture.with_authenticator().await;
    let new = fixture.sessions.renew_recovery(fixture.account).await.unwrap();
    assert!(fixture.sessions.use_code(fixture.account, &old.expose()[0]).await.is_err());
    fixture.sessions.use_code(fixture.account, &new.expose()[0].to_uppercase().replace('-', " ")).await.unwrap();
    fixture.sessions.remove_authenticator(fixture.account).await.unwrap();
    assert!(fixture.sessions.use_code(fixture.account, &new.expose()[1]).await.is_err(), "no second password");
    assert_eq!(fixture.sessions.second_factors(fixture.account).await.unwrap().recovery_left, 0);
    let audit = fixture.sessions.inner.store.read(|view| view.audit_entries(10)).await.unwrap();
    let actions: Vec<_> = audit.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = ["authenticator.add", "recovery.renew", "recovery.use", "authenticator.remove"];
    assert_eq!(actions, expected.map(|action| format!("second_factor.{action}")));
}

#[tokio::test]
async fn half_a_sign_in_opens_nothing_and_ends_after_five_wrong_factors() {
    let fixture = fixture(Settings { second_factor_timeout_s: 60, ..Settings::default() }).await;
    let half = fixture.sessions.open_half(fixture.account, browser()).await.unwrap();
    assert!(!fixture.is_in(&half).await);
    assert!(fixture.sessions.list(fixture.account).await.unwrap().is_empty());
    assert!(fixture.sessions.find_half(half.token.expose()).await.unwrap().is_some());
    let whole = fixture.sessions.complete(half.id, Proof::PasswordAndCode).await.unwrap();
    assert!(fixture.is_in(&whole).await && !fixture.is_in(&half).await);
    assert!(fixture.sessions.find_half(whole.token.expose()).await.unwrap().is_none());
    assert!(matches!(fixture.sessions.complete(half.id, Proof::Passkey).await, Err(SessionError::Over)), "once");

    let half = fixture.sessions.open_half(fixture.account, browser()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(fixture.sessions.fail(half.id).await.unwrap(), Failed::TryAgain);
    }
    assert_eq!(fixture.sessions.fail(half.id).await.unwrap(), Failed::Over);
    assert!(fixture.sessions.find_half(half.token.expose()).await.unwrap().is_none());

    let late = fixture.sessions.open_half(fixture.account, browser()).await.unwrap();
    fixture.wait(60);
    assert!(matches!(fixture.sessions.complete(late.id, Proof::Passkey).await, Err(SessionError::Over)));
}

#[tokio::test]
async fn a_password_given_again_is_good_for_five_second_factors_of_its_session() {
    let fixture = fixture(Settings { second_factor_timeout_s: 60, ..Settings::default() }).await;
    let sessions = &fixture.sessions;
    let mine = sessions.open(fixture.account, Proof::Password, browser()).await.unwrap().id;
    let other = sessions.open(fixture.account, Proof::Password, browser()).await.unwrap().id;
    let first = sessions.password_given(mine);
    assert_eq!(sessions.read_given(mine, &first.to_string()), Ok(first.clone()));
    assert_eq!(sessions.read_given(other, &first.to_string()), Err(StaleChallenge), "of another session");
    assert_eq!(sessions.take_try(mine, &first), Ok(()));
    assert_eq!(sessions.take_try(mine, &first), Err(StaleChallenge), "one of two at once");
    assert_eq!(sessions.read_given(mine, &first.to_string()), Err(StaleChallenge));
    let second = sessions.after_wrong(mine, &first).unwrap();
    let fewer = second.to_string().replacen('1', "0", 1);
    assert_eq!(sessions.read_given(mine, &fewer), Err(StaleChallenge), "what was wrong is not forgotten");
    let last = (0..3).fold(second, |given, _| sessions.after_wrong(mine, &given).unwrap());
    assert_eq!(sessions.after_wrong(mine, &last), None, "the password is needed again");
    fixture.wait(60);
    assert_eq!(sessions.take_try(mine, &last), Err(StaleChallenge), "too late");
}

#[tokio::test]
async fn a_passkey_signs_in_once_for_each_challenge() {
    let fixture = fixture(Settings::default()).await;
    let signer = Signer::p256();
    assert!(
        fixture.with_passkey(&signer, b"credential").await.unwrap().is_some(),
        "recovery codes come with the first"
    );
    assert!(matches!(fixture.with_passkey(&Signer::p256(), b"credential").await, Err(FactorError::Known)));
    assert!(fixture.with_passkey(&Signer::p256(), b"another").await.unwrap().is_none());
    let challenge = fixture.sessions.challenge("sign in");
    assert_eq!(fixture.answer(&signer, &challenge, 1).await.unwrap(), fixture.account);
    assert!(matches!(fixture.answer(&signer, &challenge, 2).await, Err(FactorError::Stale)), "a challenge counts once");
    let other = fixture.sessions.challenge("something else");
    assert!(matches!(fixture.answer(&signer, &other, 3).await, Err(FactorError::Stale)));
    let challenge = fixture.sessions.challenge("sign in");
    assert!(matches!(fixture.answer(&signer, &challenge, 1).await, Err(FactorError::Wrong)), "a copy that is behind");
    let challenge = fixture.sessions.challenge("sign in");
    assert!(matches!(fixture.answer(&Signer::p256(), &challenge, 9).await, Err(FactorError::Wrong)));
    assert_eq!(fixture.sessions.inner.store.check().unwrap().problems, Vec::<String>::new());
    fixture.sessions.remove_passkey(fixture.account, 1).await.unwrap();
    let challenge = fixture.sessions.challenge("sign in");
    assert!(matches!(fixture.answer(&signer, &challenge, 10).await, Err(FactorError::Wrong)));
}

#[tokio::test]
async fn what_is_kept_of_a_closed_account_is_forgotten() {
    let fixture = fixture(Settings { max_sign_ins_kept: 2, ..Settings::default() }).await;
    fixture.with_passkey(&Signer::p256(), b"credential").await.unwrap();
    for _ in 0..3 {
        fixture.sessions.open(fixture.account, Proof::Password, browser()).await.unwrap();
        fixture.wait(10);
    }
    let seen = fixture.sessions.sign_ins(fixture.account).await.unwrap();
    assert_eq!(seen.len(), 2, "the newest ones");
    assert!(seen[0].at > seen[1].at && seen[0].browser == (Browser { agent: "Browser/1.0".into(), ..browser() }));
    assert_eq!(fixture.sessions.inner.store.check().unwrap().problems, Vec::<String>::new());
    fixture.sessions.forget(fixture.account).await.unwrap();
    assert!(fixture.sessions.sign_ins(fixture.account).await.unwrap().is_empty());
    assert!(fixture.sessions.list(fixture.account).await.unwrap().is_empty());
    assert!(!fixture.sessions.second_factors(fixture.account).await.unwrap().is_on());
}
