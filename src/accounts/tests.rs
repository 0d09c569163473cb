use test_case::test_case;

use super::*;

struct Fixture {
    accounts: Accounts,
    store: Store,
    _dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
    let settings = Settings {
        domains: vec!["poshta.example".into(), "пошта.қаз".into()],
        postmaster: "duty".into(),
        ..Settings::default()
    };
    let accounts = Accounts::new(store.clone(), World::system(), &settings).unwrap();
    Fixture { accounts, store, _dir: dir }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.into())
}

fn new(login: &str) -> NewAccount {
    NewAccount {
        login: login.into(),
        address: None,
        kind: Kind::Individual,
        display_name: "Айгүл Серікова".into(),
        person: None,
        postal_index: Some("010000".into()),
        password: hash("$1"),
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_new_account_is_found_by_login_and_address_and_has_its_folders() {
    let Fixture { accounts, store, .. } = &fixture();
    let made = accounts.create(new("Aigul.S")).await.unwrap();
    assert_eq!(made.address, address("aigul.s@poshta.example"));
    assert!(!made.eds_confirmed, "M22: nothing is confirmed before the user signs");
    for name in ["aigul.s", "AIGUL.S", "aiguls@poshta.example", "Aigul.S@POSHTA.example"] {
        assert_eq!(accounts.find_login(name).await.unwrap().as_ref(), Some(&made), "{name}");
    }
    assert_eq!(accounts.find_address(&address("aigul.s+news@poshta.example")).await.unwrap(), Some(made.clone()));
    assert_eq!(accounts.find_address(&address("aigul.s@elsewhere.example")).await.unwrap(), None);
    let folders = store.read(move |view| view.folders(made.id)).await.unwrap();
    let names: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]);
}

#[tokio::test]
async fn m4_the_high_bits_of_a_number_name_the_operator() {
    let Fixture { accounts, .. } = &fixture();
    let one = accounts.create(new("first")).await.unwrap().id.0;
    let two = accounts.create(new("second")).await.unwrap().id.0;
    assert_eq!((one >> 48, two >> 48), (1, 1));
    assert_eq!(two, one + 1);
}

#[test_case("aigul", "Aigul"; "case")]
#[test_case("aigul", "ai.gul"; "separators")]
#[test_case("cop", "сор"; "latin and cyrillic letters that look alike")]
#[tokio::test]
async fn m21_a_login_like_another_is_refused_also_after_that_one_is_closed(first: &str, second: &str) {
    let Fixture { accounts, .. } = &fixture();
    let made = accounts.create(new(first)).await.unwrap();
    assert!(matches!(accounts.create(new(second)).await, Err(AccountError::LoginTaken(_))));
    accounts.close(made.id).await.unwrap();
    assert_eq!(accounts.find_login(first).await.unwrap(), None);
    assert_eq!(accounts.find_address(&made.address).await.unwrap(), None);
    assert!(matches!(accounts.create(new(second)).await, Err(AccountError::LoginTaken(_))));
}

#[tokio::test]
async fn m8_an_address_like_another_is_refused_under_any_login() {
    let Fixture { accounts, .. } = &fixture();
    accounts.create(new("aigul")).await.unwrap();
    let same = NewAccount { address: Some(address("AIGUL@poshta.example")), ..new("other") };
    assert!(matches!(accounts.create(same).await, Err(AccountError::AddressTaken(_))));
    let elsewhere = NewAccount { address: Some(address("aigul@пошта.қаз")), ..new("other") };
    assert!(accounts.create(elsewhere).await.is_ok(), "the same name in another domain is another address");
    let foreign = NewAccount { address: Some(address("aigul@gov.example")), ..new("third") };
    assert!(matches!(accounts.create(foreign).await, Err(AccountError::ForeignDomain(_))));
}

#[tokio::test]
async fn m8_of_many_who_ask_for_one_login_at_once_one_gets_it() {
    let Fixture { accounts, .. } = &fixture();
    let asked = (0..20).map(|_| accounts.create(new("aigul")));
    let answers = futures_util::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(accounts.list(None, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn m24_one_person_has_one_account_and_the_number_is_not_stored() {
    let Fixture { accounts, store, .. } = &fixture();
    let person = |login| NewAccount { person: Some("061211600012".parse().unwrap()), ..new(login) };
    let made = accounts.create(person("first")).await.unwrap();
    assert_eq!(made.person.as_ref().unwrap().last_digits, "0012");
    assert!(matches!(accounts.create(person("second")).await, Err(AccountError::PersonTaken)));
    let company = NewAccount { kind: Kind::Legal, ..person("company") };
    assert!(matches!(accounts.create(company).await, Err(AccountError::NumberOfAnother(NumberError::IsIin))));
    accounts.close(made.id).await.unwrap();
    assert!(accounts.create(person("third")).await.is_ok(), "after closing a person may have a new mailbox");
    let rows = store.read(|view| view.range(&[], &[255], 10_000)).await.unwrap();
    assert!(rows.len() > 10);
    for (key, value) in rows {
        let has_number = |bytes: &[u8]| bytes.windows(12).any(|window| window == b"061211600012");
        assert!(!has_number(&key) && !has_number(&value));
    }
}

#[tokio::test]
async fn rfc5321_postmaster_is_the_configured_account_in_every_domain_and_case() {
    let Fixture { accounts, .. } = &fixture();
    for name in ["postmaster@poshta.example", "PostMaster@пошта.қаз"] {
        assert_eq!(accounts.find_address(&address(name)).await.unwrap(), None);
    }
    let duty = accounts.create(new("duty")).await.unwrap();
    for name in ["postmaster@poshta.example", "PostMaster@пошта.қаз"] {
        assert_eq!(accounts.find_address(&address(name)).await.unwrap(), Some(duty.clone()));
    }
    assert!(matches!(accounts.create(new("postmaster")).await, Err(AccountError::BadLogin(LoginError::Reserved))));
}

#[tokio::test]
async fn the_postmaster_of_the_configuration_may_have_the_reserved_name() {
    let Fixture { store, .. } = &fixture();
    let accounts = Accounts::new(store.clone(), World::system(), &Settings::default()).unwrap();
    let made = accounts.create(new("postmaster")).await.unwrap();
    assert_eq!(accounts.find_address(&address("POSTMASTER@poshta.example")).await.unwrap(), Some(made));
    assert!(matches!(accounts.create(new("root")).await, Err(AccountError::BadLogin(LoginError::Reserved))));
}

#[tokio::test]
async fn a_new_password_is_a_new_version_and_a_renewed_hash_is_not() {
    let Fixture { accounts, .. } = &fixture();
    let id = accounts.create(new("aigul")).await.unwrap().id;
    accounts.set_password(id, hash("$2")).await.unwrap();
    let main = accounts.get(id).await.unwrap().unwrap().credentials[0].clone();
    assert_eq!((main.id, main.version, main.hash.as_str(), main.last_used), (1, 2, "$2", None));
    let used = UsedCredential { id: 1, version: 2 };
    accounts.note_use(id, used, Some(hash("$3"))).await.unwrap();
    let main = accounts.get(id).await.unwrap().unwrap().credentials[0].clone();
    assert_eq!((main.version, main.hash.as_str(), main.last_used.is_some()), (2, "$3", true));
    // What was verified for an older password must not bring its hash back.
    accounts.note_use(id, UsedCredential { id: 1, version: 1 }, Some(hash("$old"))).await.unwrap();
    assert_eq!(accounts.get(id).await.unwrap().unwrap().credentials[0].hash.as_str(), "$3");
}

#[tokio::test]
async fn a_closed_account_has_no_credentials_and_cannot_be_changed() {
    let Fixture { accounts, .. } = &fixture();
    let id = accounts.create(new("aigul")).await.unwrap().id;
    accounts.close(id).await.unwrap();
    let closed = accounts.get(id).await.unwrap().unwrap();
    assert!(!closed.is_active() && closed.credentials.is_empty());
    assert!(matches!(accounts.close(id).await, Err(AccountError::Missing)));
    assert!(matches!(accounts.set_password(id, hash("$2")).await, Err(AccountError::Missing)));
}

#[tokio::test]
async fn accounts_are_listed_by_number_in_pages() {
    let Fixture { accounts, .. } = &fixture();
    for login in ["one", "two", "three"] {
        accounts.create(new(login)).await.unwrap();
    }
    let first = accounts.list(None, 2).await.unwrap();
    let second = accounts.list(Some(first[1].id), 2).await.unwrap();
    let logins: Vec<_> = first.iter().chain(&second).map(|account| account.login.as_str()).collect();
    assert_eq!(logins, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_name_with_line_ends_or_of_any_length_is_refused() {
    let Fixture { accounts, .. } = &fixture();
    for name in ["A\r\nBcc: b@c".to_owned(), "x".repeat(MAX_NAME_BYTES + 1)] {
        let forged = NewAccount { display_name: name, ..new("aigul") };
        assert!(matches!(accounts.create(forged).await, Err(AccountError::BadName)));
    }
}

#[test_case(Settings { operator_number: 0, ..Settings::default() } => "accounts.operator_number is 0; the operator has a number from 1 to 65535"; "m4 no operator")]
#[test_case(Settings { postmaster: "no login".into(), ..Settings::default() } => "accounts.postmaster: a login has letters and digits, and between them single dots, hyphens or underscores"; "postmaster")]
#[test_case(Settings { domains: vec!["a b".into()], ..Settings::default() } => "accounts.domains: \"a b\" is no domain: the address has a character that is not allowed there"; "domain")]
fn settings_that_cannot_be_used_are_refused_in_words(settings: Settings) -> String {
    let Fixture { store, .. } = fixture();
    Accounts::new(store, World::system(), &settings).unwrap_err().to_string()
}
