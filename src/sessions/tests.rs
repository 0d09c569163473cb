//! Sessions over a real store and a clock that is moved by hand.

use std::path::Path;
use std::sync::Arc;

use jiff::ToSpan as _;
use parking_lot::Mutex;

use crate::accounts::{self, Accounts, NewAccount};
use crate::clock::{Clock, SystemEntropy};
use crate::identity::Role;
use crate::identity::base::Step;
use crate::store::accounts::{Kind, PasswordHash};

use super::*;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(super) struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

pub(super) struct Fixture {
    pub(super) sessions: Sessions,
    accounts: Accounts,
    base: Base,
    pub(super) account: AccountId,
    pub(super) clock: Arc<Hand>,
    _dir: tempfile::TempDir,
}

pub(super) async fn fixture(settings: Settings) -> Fixture {
    fixture_over(settings, |_| store::Settings::default()).await
}

async fn fixture_over(settings: Settings, of_store: impl FnOnce(&Path) -> store::Settings) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand(Mutex::new("2026-11-29T09:00:00Z".parse().unwrap())));
    let world = World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..of_store(dir.path()) }).unwrap();
    let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default()).unwrap();
    let new = NewAccount {
        login: "aigul".into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: Some("061211600012".parse().unwrap()),
        postal_index: None,
        password: PasswordHash::new("$argon2id$x".into()),
    };
    let account = accounts.create(new).await.unwrap().id;
    let base = Base::new(accounts.clone());
    let sessions = Sessions::new(base.clone(), store, world, settings);
    Fixture { sessions, accounts, base, account, clock, _dir: dir }
}

impl Fixture {
    async fn step(&self) -> Step {
        self.base.standing(self.account).await.unwrap().unwrap().step()
    }

    async fn open(&self) -> Opened {
        self.sessions.open(self.account, Proof::Password, browser()).await.unwrap()
    }

    pub(super) async fn is_in(&self, opened: &Opened) -> bool {
        self.sessions.find(opened.token.expose()).await.unwrap().is_some()
    }

    pub(super) fn wait(&self, seconds: i64) {
        let mut now = self.clock.0.lock();
        *now += seconds.seconds();
    }
}

pub(super) fn browser() -> Browser {
    Browser { ip: IpAddr::from([192, 0, 2, 1]), agent: "Browser/1.0\n".into() }
}

#[test_case::test_case(Proof::Signature; "the signature with which somebody registered")]
#[test_case::test_case(Proof::Passkey; "a passkey")]
#[test_case::test_case(Proof::Password; "a password")]
#[tokio::test]
async fn m23_whoever_is_signed_in_is_authorised_and_in_the_base_however_it_was_proved(proof: Proof) {
    let fixture = fixture(Settings::default()).await;
    assert_eq!(fixture.step().await, Step::Created);
    fixture.sessions.open(fixture.account, proof, browser()).await.unwrap();
    assert_eq!(fixture.step().await, Step::InBase);
}

#[tokio::test]
async fn m23_who_still_owes_a_second_factor_is_not_authorised() {
    let fixture = fixture(Settings::default()).await;
    let half = fixture.sessions.open_half(fixture.account, browser()).await.unwrap();
    assert_eq!(fixture.step().await, Step::Created);
    fixture.sessions.complete(half.id, Proof::PasswordAndCode).await.unwrap();
    assert_eq!(fixture.step().await, Step::InBase);
}

#[tokio::test]
async fn a_session_is_found_by_its_secret_which_the_store_does_not_hold() {
    let fixture = fixture(Settings::default()).await;
    let opened = fixture.open().await;
    let session = fixture.sessions.find(opened.token.expose()).await.unwrap().unwrap();
    assert_eq!((session.account, session.login.as_str()), (fixture.account, "aigul"));
    let listed = fixture.sessions.list(fixture.account).await.unwrap();
    assert_eq!((listed[0].session.id, listed[0].browser.agent.as_str()), (opened.id, "Browser/1.0"));
    for other in ["", "x", &opened.id.to_string(), &opened.token.expose().to_lowercase()] {
        assert!(fixture.sessions.find(other).await.unwrap().is_none(), "{other}");
    }
    let token = opened.token.expose().as_bytes().to_vec();
    let rows = fixture.sessions.inner.store.read(|view| view.range(&[], &[0xFF], 1000)).await.unwrap();
    assert!(rows.iter().all(|(key, row)| [key, row].iter().all(|bytes| !bytes.windows(43).any(|part| part == token))));
    assert!(!format!("{opened:?}").contains(opened.token.expose()));
    assert_eq!(fixture.sessions.inner.store.check().unwrap().problems, Vec::<String>::new());
}

/// A line of the file of the operator's keys.
const OPERATOR_KEY: &str = "00000001:0101010101010101010101010101010101010101010101010101010101010101";

#[tokio::test]
async fn m20_from_where_somebody_signs_in_is_sealed_where_rows_are() {
    for (encryption, is_readable) in [(false, true), (true, false)] {
        let fixture = fixture_over(Settings::default(), |dir| {
            let operator_key_file = dir.join("operator.keys");
            std::fs::write(&operator_key_file, OPERATOR_KEY).unwrap();
            store::Settings { encryption, operator_key_file, ..Default::default() }
        })
        .await;
        let half = fixture.sessions.open_half(fixture.account, browser()).await.unwrap();
        fixture.open().await;
        let rows = fixture.sessions.inner.store.read(|view| view.range(b"E", b"F", 100)).await.unwrap();
        assert_eq!(rows.len(), 4, "two sessions and their places in the list");
        let says = |row: &[u8]| row.windows(7).any(|part| part == b"Browser");
        assert_eq!(rows.iter().filter(|(_, row)| says(row)).count(), if is_readable { 2 } else { 0 });
        fixture.sessions.complete(half.id, Proof::PasswordAndCode).await.unwrap();
        let listed = fixture.sessions.list(fixture.account).await.unwrap();
        let expected = Browser { agent: "Browser/1.0".into(), ..browser() };
        assert_eq!(listed.iter().map(|it| &it.browser).collect::<Vec<_>>(), [&expected; 2]);
        let sign_ins = fixture.sessions.sign_ins(fixture.account).await.unwrap();
        assert_eq!(sign_ins.iter().map(|it| &it.browser).collect::<Vec<_>>(), [&expected; 2]);
        assert_eq!(fixture.sessions.inner.store.check().unwrap().problems, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_session_ends_after_idle_time_and_after_its_age_however_busy() {
    let settings = Settings { idle_timeout_s: 100, max_age_s: 250, note_use_every_s: 0, ..Settings::default() };
    let fixture = fixture(settings).await;
    let (busy, idle) = (fixture.open().await, fixture.open().await);
    for _ in 0..3 {
        fixture.wait(80);
        assert!(fixture.is_in(&busy).await);
        let noted = async {
            let now = fixture.clock.now();
            while fixture.sessions.list(fixture.account).await.unwrap().iter().all(|it| it.session.seen_at != now) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), noted).await.unwrap();
    }
    assert!(!fixture.is_in(&idle).await);
    fixture.wait(20);
    assert!(!fixture.is_in(&busy).await);
    assert_eq!(fixture.sessions.remove_ended().await.unwrap(), 2);
    assert_eq!(fixture.sessions.remove_ended().await.unwrap(), 0);
}

#[tokio::test]
async fn another_password_or_a_closed_account_ends_all_sessions() {
    let fixture = fixture(Settings::default()).await;
    let opened = fixture.open().await;
    fixture.accounts.set_password(fixture.account, PasswordHash::new("$argon2id$y".into())).await.unwrap();
    assert!(!fixture.is_in(&opened).await);
    assert!(fixture.sessions.list(fixture.account).await.unwrap().is_empty());
    // Who changed it stays, with a new secret.
    let renewed = fixture.sessions.prove(opened.id, Proof::Password).await.unwrap();
    assert!(fixture.is_in(&renewed).await);
    fixture.accounts.close(fixture.account).await.unwrap();
    assert!(!fixture.is_in(&renewed).await);
    assert!(matches!(fixture.sessions.prove(renewed.id, Proof::Password).await, Err(SessionError::Over)));
    let again = fixture.sessions.open(fixture.account, Proof::Password, browser()).await;
    assert!(matches!(again, Err(SessionError::Over)));
}

#[tokio::test]
async fn a_proof_makes_a_new_secret_and_the_old_one_is_worth_nothing() {
    let fixture = fixture(Settings { proof_counts_s: 60, ..Settings::default() }).await;
    let opened = fixture.open().await;
    fixture.wait(61);
    let session = fixture.sessions.find(opened.token.expose()).await.unwrap().unwrap();
    assert!(!fixture.sessions.is_freshly_proved(session.proved_at));
    let renewed = fixture.sessions.prove(opened.id, Proof::Password).await.unwrap();
    assert!(!fixture.is_in(&opened).await);
    assert!(matches!(fixture.sessions.prove(opened.id, Proof::Password).await, Err(SessionError::Over)));
    let session = fixture.sessions.find(renewed.token.expose()).await.unwrap().unwrap();
    assert!(fixture.sessions.is_freshly_proved(session.proved_at));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_only() {
    let fixture = fixture(Settings { max_per_account: 3, ..Settings::default() }).await;
    let mut opened = Vec::new();
    for _ in 0..4 {
        opened.push(fixture.open().await);
        fixture.wait(1);
    }
    assert!(!fixture.is_in(&opened[0]).await, "the one that was used longest ago");
    let listed = fixture.sessions.list(fixture.account).await.unwrap();
    assert_eq!(listed.iter().map(|it| it.session.id).collect::<Vec<_>>(), [opened[3].id, opened[2].id, opened[1].id]);
    fixture.sessions.close(AccountId(1), opened[1].id).await.unwrap();
    assert!(fixture.is_in(&opened[1]).await, "of somebody else");
    fixture.sessions.close(fixture.account, opened[1].id).await.unwrap();
    assert!(!fixture.is_in(&opened[1]).await);
    assert_eq!(fixture.sessions.close_all(fixture.account, Some(opened[3].id)).await.unwrap(), 1);
    assert!(fixture.is_in(&opened[3]).await && !fixture.is_in(&opened[2]).await);
}

#[tokio::test]
async fn staff_is_granted_and_revoked_and_each_is_in_the_audit() {
    let fixture = fixture(Settings::default()).await;
    let opened = fixture.open().await;
    let facility: crate::postal::FacilityId = "astana-1".parse().unwrap();
    let grant = async |role, facility| fixture.sessions.grant(fixture.account, role, facility, "test", None).await;
    grant(Role::Clerk, Some(&facility)).await.unwrap();
    grant(Role::Controller, None).await.unwrap();
    assert!(matches!(grant(Role::Clerk, None).await, Err(StaffError::NeedsFacility(_))));
    assert!(matches!(grant(Role::Administrator, Some(&facility)).await, Err(StaffError::NoFacility(_))));
    assert!(matches!(grant(Role::StateSystem, None).await, Err(StaffError::NotOfStaff(_))));
    let roles = async || {
        let session = fixture.sessions.find(opened.token.expose()).await.unwrap().unwrap();
        session.grants.iter().filter_map(Grant::role).collect::<Vec<_>>()
    };
    assert_eq!(roles().await, [Role::Clerk, Role::Controller], "an open session has them at once");
    fixture.sessions.revoke(fixture.account, Role::Clerk, "test", None).await.unwrap();
    assert_eq!(roles().await, [Role::Controller]);
    let again = fixture.sessions.revoke(fixture.account, Role::Clerk, "test", None).await;
    assert!(matches!(again, Err(StaffError::NotGranted(Role::Clerk))));
    let staff = fixture.sessions.staff(10).await.unwrap();
    assert_eq!((staff.len(), staff[0].login.as_str()), (1, "aigul"));
    let audit = fixture.sessions.inner.store.read(|view| view.audit_entries(10)).await.unwrap();
    let of_staff = audit.iter().filter(|entry| entry.action.starts_with("staff."));
    let actions: Vec<_> = of_staff.map(|entry| (entry.action.as_str(), entry.details.as_deref().unwrap())).collect();
    assert_eq!(
        actions,
        [("staff.revoke", "clerk"), ("staff.grant", "controller"), ("staff.grant", "clerk at astana-1")]
    );
    assert_eq!(fixture.sessions.inner.store.check().unwrap().problems, Vec::<String>::new());
}
