use crate::accounts::{self, NewAccount};
use crate::clock::World;
use crate::store::Store;
use crate::store::accounts::{Kind, PasswordHash};

use super::*;

const IIN: &str = "061211600012";
const NOBODY: &str = "791028302728";

struct Fixture {
    accounts: Accounts,
    base: Base,
    lookups: Lookups,
    store: Store,
    _dir: tempfile::TempDir,
}

fn fixture(settings: Settings) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
    let accounts = Accounts::new(store.clone(), World::system(), &accounts::Settings::default()).unwrap();
    let base = Base::new(accounts.clone());
    let lookups = Lookups::new(base.clone(), accounts.clone(), settings);
    Fixture { accounts, base, lookups, store, _dir: dir }
}

async fn aigul(fixture: &Fixture) -> AccountId {
    let new = NewAccount {
        login: "aigul".into(),
        address: None,
        kind: Kind::Individual,
        display_name: "Айгүл Серікова".into(),
        person: Some(number(IIN)),
        postal_index: None,
        password: PasswordHash::new("$1".into()),
    };
    fixture.accounts.create(new).await.unwrap().id
}

fn number(text: &str) -> PersonalNumber {
    text.parse().unwrap()
}

fn basis() -> Basis {
    "case 17/2026".parse().unwrap()
}

async fn audited(store: &Store) -> Vec<AuditEntry> {
    let entries = store.read(|view| view.audit_entries(100)).await.unwrap();
    entries.into_iter().filter(|entry| entry.action == "base.look-up").collect()
}

#[tokio::test]
async fn m23_unknown_persons_and_those_not_in_the_base_are_not_told_apart() {
    let fixture = fixture(Settings::default());
    let id = aigul(&fixture).await;
    let asked = [number(NOBODY), number(IIN)];
    assert_eq!(fixture.lookups.look_up("gov", &asked, &basis()).await.unwrap(), [None, None]);
    assert_eq!(fixture.lookups.of(id, None, 10).await.unwrap(), []);
    fixture.base.authorised(id).await.unwrap();
    let told = fixture.lookups.look_up("gov", &asked, &basis()).await.unwrap();
    let address = "aigul@poshta.example".parse().unwrap();
    assert_eq!(told, [None, Some(Told { address, is_eds_confirmed: false })]);
}

#[tokio::test]
async fn m20_every_look_up_is_in_the_audit_and_in_the_persons_own_list() {
    let fixture = fixture(Settings::default());
    let id = aigul(&fixture).await;
    fixture.base.authorised(id).await.unwrap();
    for system in ["gov-1", "gov-2", "gov-3"] {
        fixture.lookups.look_up(system, &[number(IIN), number(NOBODY)], &basis()).await.unwrap();
    }
    let entries = audited(&fixture.store).await;
    assert_eq!(entries.len(), 6);
    assert!(entries.iter().all(|entry| entry.details.as_deref() == Some("case 17/2026")));
    let of_nobody: Vec<_> = entries.iter().filter(|entry| entry.object.starts_with("person ")).collect();
    assert!(of_nobody.len() == 3 && of_nobody.iter().all(|entry| entry.object == of_nobody[0].object));
    let rows = fixture.store.read(|view| view.range(&[], &[255], 10_000)).await.unwrap();
    for (key, value) in rows {
        let shows = |bytes: &[u8]| [IIN, NOBODY].iter().any(|iin| bytes.windows(12).any(|part| part == iin.as_bytes()));
        assert!(!shows(&key) && !shows(&value), "an IIN in a row");
    }
    let first = fixture.lookups.of(id, None, 2).await.unwrap();
    let second = fixture.lookups.of(id, Some(first[1].place), 2).await.unwrap();
    let systems: Vec<_> = first.iter().chain(&second).map(|each| each.system.as_str()).collect();
    assert_eq!(systems, ["gov-3", "gov-2", "gov-1"], "the newest first, in pages");
    assert_eq!(first[0].basis, "case 17/2026");
    assert!(fixture.store.check().unwrap().is_sound());
}

#[tokio::test]
async fn m23_who_asks_too_much_is_told_to_wait_and_nothing_else() {
    let fixture = fixture(Settings { max_lookups_per_minute: 3, max_batch: 3 });
    let ask = async |system, count| {
        let asked = vec![number(NOBODY); count];
        fixture.lookups.look_up(system, &asked, &basis()).await
    };
    ask("gov", 2).await.unwrap();
    assert!(matches!(ask("gov", 2).await, Err(LookupError::TooFast { seconds: 1..=21 })));
    assert_eq!(audited(&fixture.store).await.len(), 2, "nobody was looked for");
    ask("gov", 1).await.unwrap();
    ask("other", 3).await.unwrap();
    assert!(matches!(ask("other", 4).await, Err(LookupError::TooMany(3))));
    assert!(matches!(ask("other", 0).await, Err(LookupError::Nobody)));
}

#[test]
fn what_a_system_may_ask_for_fills_up_evenly() {
    let mut rate = Rate { left: 60 * MINUTE_MS, at_ms: 0 };
    rate.take(60, 60, 0).unwrap();
    assert_eq!(rate.take(1, 60, 0), Err(1_000));
    assert_eq!(rate.take(1, 60, 999), Err(1));
    rate.take(1, 60, 1_000).unwrap();
    assert_eq!(rate.take(1, 60, -500_000), Err(1_000), "a clock that is set back fills nothing up");
    rate.take(60, 60, 10_000_000).unwrap();
    assert!(rate.take(1, 60, 10_000_000).is_err(), "no more than a minute's worth is saved");
}
