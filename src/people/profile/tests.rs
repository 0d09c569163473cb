//! Changes of data, and what they change besides, over a real store and with a register that is asked over a socket.

use super::*;
use crate::people::Cabinet;
use crate::people::cabinet::ChangeError;
use crate::people::registration::tests::{DAY_S, IIN, Noon, OTHER_IIN, Office, aigul, office_with, person_form};
use crate::people::registration::{ApplyError, Mismatch, TooFast};
use crate::registers::standin::{Behaviour, Known, KnownPerson};
use crate::registers::tests::stand_in;
use crate::server::Addresses;

/// The data, with one field as it is written here.
fn form_with(change: impl FnOnce(&mut crate::identity::application::IndividualForm)) -> Form {
    let Form::Individual(mut form) = person_form(IIN) else { unreachable!() };
    change(&mut form);
    Form::Individual(form)
}

fn married() -> Form {
    form_with(|form| form.name.surname = "Омарова".into())
}

async fn confirmed(office: &Office, account: AccountId) {
    let people = &office.services.people;
    let profile = people.profile(account).await.unwrap().unwrap();
    let signed = SignedText { text: "text".into(), cms: vec![0x30] };
    people.confirm(account, profile.snapshot("aigul@poshta.example"), "4d", &signed).await.unwrap();
}

async fn name_on_letters(office: &Office, account: AccountId) -> String {
    office.services.accounts.get(account).await.unwrap().unwrap().display_name
}

fn cabinet(office: &Office) -> Cabinet {
    office.services.cabinet(&Addresses::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_a_change_of_the_data_takes_the_confirmation_away() {
    let office = office_with(|_, _| {});
    let account = office.registered(person_form(IIN), "aigul").await;
    let people = &office.services.people;
    let snapshot = people.profile(account).await.unwrap().unwrap().snapshot("aigul@poshta.example");
    confirmed(&office, account).await;
    assert!(office.services.accounts.get(account).await.unwrap().unwrap().eds_confirmed);
    let moved = form_with(|form| form.residence = "Алматы қ.".into());
    people.change_profile(account, Change { form: &moved, actor: "test", proof: None }).await.unwrap();
    assert!(!office.services.accounts.get(account).await.unwrap().unwrap().eds_confirmed);
    let signed = SignedText { text: "text".into(), cms: vec![0x30] };
    assert!(people.confirm(account, snapshot, "4d", &signed).await.is_err(), "what was signed is not what is there");
    let other = person_form(OTHER_IIN);
    let other = people.change_profile(account, Change { form: &other, actor: "test", proof: None }).await;
    assert!(matches!(other, Err(ProfileError::OtherNumber)));
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_the_name_on_letters_is_the_one_that_was_confirmed() {
    let office = office_with(|_, _| {});
    let account = office.registered(person_form(IIN), "aigul").await;
    cabinet(&office).change_profile(account, &married(), None).await.unwrap();
    assert_eq!(name_on_letters(&office, account).await, "Серікова Айгүл");
    confirmed(&office, account).await;
    assert_eq!(name_on_letters(&office, account).await, "Омарова Айгүл");
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_the_mailbox_has_the_postal_index_of_the_application_and_then_of_the_data() {
    let office = office_with(|_, _| {});
    let indexed = |index: &str| form_with(|form| form.postal_index = Some(index.parse().unwrap()));
    let account = office.registered(indexed("010000"), "aigul").await;
    let index = async || office.services.accounts.get(account).await.unwrap().unwrap().postal_index;
    assert_eq!(index().await.as_deref(), Some("010000"));
    let cabinet = cabinet(&office);
    cabinet.change_profile(account, &indexed("Z05T3F5"), None).await.unwrap();
    assert_eq!(index().await.as_deref(), Some("Z05T3F5"));
    cabinet.change_profile(account, &person_form(IIN), None).await.unwrap();
    assert_eq!(index().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_a_register_is_asked_about_another_name_and_about_nothing_else() {
    let registers = stand_in::started(Noon::day_after().world(), &aigul()).await;
    let settings = registers.settings.clone();
    let office = office_with(|config, _| config.registers = settings);
    office.pass(DAY_S);
    let account = office.registered(person_form(IIN), "aigul").await;
    let cabinet = cabinet(&office);
    let refused = cabinet.change_profile(account, &married(), None).await.unwrap_err();
    let ChangeError::Register(ApplyError::Mismatch(Mismatch(field))) = refused else { panic!("{refused:?}") };
    assert_eq!(field, "register-field-surname");
    assert_eq!(office.services.people.profile(account).await.unwrap().unwrap().form, person_form(IIN));

    // Nobody's other data depend on whether the register answers; a name does, and does not pass silently.
    registers.know(&Known { behaviour: Behaviour::Down, ..aigul() });
    let moved = form_with(|form| form.residence = "Алматы қ.".into());
    cabinet.change_profile(account, &moved, None).await.unwrap();
    let silent = cabinet.change_profile(account, &married(), None).await.unwrap_err();
    assert!(matches!(silent, ChangeError::Register(ApplyError::Unavailable(_))), "{silent:?}");

    let [person] = aigul().persons.try_into().unwrap();
    let known = KnownPerson { surname: "ОМАРОВА".into(), ..person };
    registers.know(&Known { persons: vec![known], ..Known::default() });
    cabinet.change_profile(account, &married(), None).await.unwrap();
    let entries = office.services.store.read(|view| view.audit_entries(100)).await.unwrap();
    let last = entries.into_iter().find(|entry| entry.action == "profile.change").and_then(|entry| entry.details);
    let last = last.unwrap();
    assert!(last.starts_with("surname, residence; GBDFL_UniversalServiceSync knows it so, answer "), "{last}");
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_a_user_finds_nobodys_name_by_trying_names() {
    let registers = stand_in::started(Noon::day_after().world(), &aigul()).await;
    let settings = registers.settings.clone();
    let office = office_with(|config, _| {
        config.registers = settings;
        config.cabinet.proofs_per_hour = 2;
    });
    office.pass(DAY_S);
    let account = office.registered(person_form(IIN), "aigul").await;
    let cabinet = cabinet(&office);
    for _ in 0..2 {
        let refused = cabinet.change_profile(account, &married(), None).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Register(ApplyError::Mismatch(_))), "{refused:?}");
    }
    let third = cabinet.change_profile(account, &married(), None).await.unwrap_err();
    assert!(matches!(third, ChangeError::TooFast(TooFast { seconds: 3_600 })), "{third:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_an_account_sends_so_many_signatures_an_hour() {
    use crate::people::confirmation::{ConfirmError, Holder};
    let office = office_with(|config, _| config.cabinet.proofs_per_hour = 2);
    let account = office.registered(person_form(IIN), "aigul").await;
    let confirmations = cabinet(&office).confirmations;
    let holder = Holder { account, address: "aigul@poshta.example" };
    let profile = office.services.people.profile(account).await.unwrap().unwrap();
    let until_s = confirmations.to_sign(holder, &profile).until.as_second();
    let sent = async |account| confirmations.confirm(Holder { account, ..holder }, until_s, b"none").await.unwrap_err();
    for _ in 0..2 {
        assert!(matches!(sent(account).await, ConfirmError::Signature(_)));
    }
    assert!(matches!(sent(account).await, ConfirmError::TooFast(TooFast { seconds: 3_600 })));
    let other = AccountId(account.0 + 1);
    assert!(matches!(sent(other).await, ConfirmError::Profile(ProfileError::Missing)), "each account its own");
}
