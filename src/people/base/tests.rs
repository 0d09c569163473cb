use crate::accounts::{NewAccount, Settings};
use crate::clock::World;
use crate::identity::base::{Beginning, Filed};
use crate::store::Store;
use crate::store::accounts::{Kind, PasswordHash};

use super::*;

const IIN: &str = "061211600012";

struct Fixture {
    accounts: Accounts,
    base: Base,
    store: Store,
    _dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
    let accounts = Accounts::new(store.clone(), World::system(), &Settings::default()).unwrap();
    Fixture { base: Base::new(accounts.clone()), accounts, store, _dir: dir }
}

async fn account(fixture: &Fixture, login: &str, person: Option<&str>) -> AccountId {
    let new = NewAccount {
        login: login.into(),
        address: None,
        kind: Kind::Individual,
        display_name: "Айгүл Серікова".into(),
        person: person.map(|number| number.parse().unwrap()),
        postal_index: None,
        password: PasswordHash::new("$1".into()),
    };
    fixture.accounts.create(new).await.unwrap().id
}

fn iin() -> PersonalNumber {
    IIN.parse().unwrap()
}

#[tokio::test]
async fn m23_a_mailbox_is_found_only_after_its_user_was_authorised_and_until_it_is_closed() {
    let fixture = fixture();
    let id = account(&fixture, "aigul", Some(IIN)).await;
    assert_eq!(fixture.base.find(&iin()).await.unwrap(), None);
    fixture.base.authorised(id).await.unwrap();
    let found = fixture.base.find(&iin()).await.unwrap().unwrap();
    assert_eq!((found.account, found.is_eds_confirmed), (id, false));
    assert_eq!(found.address.to_string(), "aigul@poshta.example");
    fixture.accounts.close(id).await.unwrap();
    assert_eq!(fixture.base.find(&iin()).await.unwrap(), None);
    assert_eq!(fixture.base.standing(id).await.unwrap().unwrap().step(), Step::Left);
    assert!(fixture.store.check().unwrap().is_sound());
}

#[tokio::test]
async fn m23_the_first_authorisation_is_the_only_one_that_is_written() {
    let fixture = fixture();
    let id = account(&fixture, "aigul", Some(IIN)).await;
    for result in futures_util::future::join_all((0..10).map(|_| fixture.base.authorised(id))).await {
        result.unwrap();
    }
    let entries = fixture.store.read_blocking(|view| view.audit_entries(100)).unwrap();
    let entered: Vec<_> = entries.iter().filter(|entry| entry.action == "base.enter").collect();
    assert_eq!(entered.len(), 1, "{entries:?}");
    assert_eq!(entered[0].object, format!("account {}", id.0));
}

#[tokio::test]
async fn m23_a_mailbox_without_a_person_is_authorised_and_never_in_the_base() {
    let fixture = fixture();
    let id = account(&fixture, "robot", None).await;
    fixture.base.authorised(id).await.unwrap();
    assert_eq!(fixture.base.standing(id).await.unwrap().unwrap().step(), Step::Authorised);
    assert!(fixture.store.check().unwrap().is_sound());
    assert_eq!(fixture.base.standing(AccountId(1)).await.unwrap(), None);
}

#[tokio::test]
async fn m15_the_instants_of_the_application_stand_before_those_of_the_mailbox() {
    let fixture = fixture();
    let id = account(&fixture, "aigul", Some(IIN)).await;
    let at = |second| Timestamp::from_second(second).unwrap();
    let beginning = Beginning::filed(Filed::new(at(10), at(20)), at(30));
    let mut batch = Batch::new();
    created(&mut batch, id, beginning).unwrap();
    fixture.store.commit(batch).await.unwrap();
    fixture.base.authorised(id).await.unwrap();
    let steps = fixture.base.standing(id).await.unwrap().unwrap().steps();
    let names: Vec<_> = steps.iter().map(|(step, _)| step.name()).collect();
    assert_eq!(names, ["applied", "accepted", "created", "authorised", "in_base"]);
    assert_eq!(steps[..3].iter().map(|(_, at)| at.as_second()).collect::<Vec<_>>(), [10, 20, 30]);
    let mut again = Batch::new();
    created(&mut again, id, beginning).unwrap();
    assert!(matches!(fixture.store.commit(again).await, Err(store::Error::Conflict(_))));
}
