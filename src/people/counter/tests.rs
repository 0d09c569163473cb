//! The counter over a real store. Scans are opened by worker processes, which are not there: what needs one is in the
//! stories.

use super::*;
use crate::accounts::NewAccount;
use crate::identity::application::Form;
use crate::locale::Lang;
use crate::people::registration::TooFast;
use crate::people::registration::tests::{
    DAY_S, HERE, IIN, Noon, OTHER_IIN, Office, PASSWORD, aigul, office_with, person_form, scan,
};
use crate::registers::standin::Known;
use crate::registers::tests::stand_in;
use crate::registers::{self, ConsentToken};
use crate::store::accounts::{Kind, PasswordHash};
use crate::store::applications::State;

/// Somebody who stands behind the counter of a facility.
async fn clerk(office: &Office, login: &str, facility: &str) -> Clerk {
    let new = NewAccount {
        login: login.into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: None,
        password: PasswordHash::new("$".into()),
    };
    let account = office.services.accounts.create(new).await.unwrap().id;
    Clerk { account, facility: facility.parse().unwrap() }
}

async fn written(office: &Office, form: Form, login: &str) -> Written {
    let agreement = office.services.agreements.current().await.unwrap().hash;
    Written { form, login: login.into(), agreement, lang: Lang::Kk }
}

async fn written_down(office: &Office, clerk: &Clerk) -> ApplicationNumber {
    let written = written(office, person_form(IIN), "aigul").await;
    office.services.counter.write(clerk, written).await.unwrap()
}

/// The first clerk has seen to it.
async fn seen_to(office: &Office, clerk: &Clerk, number: ApplicationNumber) {
    let Form::Individual(form) = person_form(IIN) else { unreachable!() };
    let prepared = office.services.counter.prepare(clerk, number, form.document, scan()).await;
    assert_eq!(prepared.unwrap(), Outcome::Prepared);
}

fn moved(iin: &str) -> Form {
    let Form::Individual(mut form) = person_form(iin) else { unreachable!() };
    form.residence = "Алматы қ.".into();
    Form::Individual(form)
}

async fn audit_of(office: &Office, action: &'static str) -> Vec<Option<String>> {
    let entries = office.services.store.read(|view| view.audit_entries(100)).await.unwrap();
    entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.details).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_correction_stands_in_the_record_and_says_which_fields() {
    let office = office_with(|_, _| {});
    let clerk = clerk(&office, "clerk", "astana-1").await;
    let number = written_down(&office, &clerk).await;
    let counter = &office.services.counter;
    let same = written(&office, person_form(IIN), "aigul").await;
    assert_eq!(counter.correct(&clerk, number, same).await.unwrap().0, Vec::<&str>::new());
    assert_eq!(audit_of(&office, "desk.correct").await, [], "nothing was corrected");
    let other = written(&office, moved(OTHER_IIN), "aigul.s").await;
    assert_eq!(counter.correct(&clerk, number, other).await.unwrap().0, ["iin", "residence", "login"]);
    let noted = audit_of(&office, "desk.correct").await;
    assert_eq!(noted, [Some("at astana-1: iin, residence, login".into())], "what changed, and nothing of anybody");
    let find = async |text: &'static str| counter.find(&clerk, text).await.unwrap();
    assert_eq!((find(IIN).await, find(OTHER_IIN).await), (vec![], vec![number]), "it is another person's now");
    let filed = counter.open(&clerk, number).await.unwrap().filed;
    assert_eq!((filed.form, filed.login.as_str()), (moved(OTHER_IIN), "aigul.s"));
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_after_a_correction_four_eyes_begin_anew_with_a_new_scan() {
    let office = office_with(|config, _| config.desk.four_eyes = true);
    let (first, second) = (clerk(&office, "first", "astana-1").await, clerk(&office, "second", "astana-1").await);
    let number = written_down(&office, &first).await;
    seen_to(&office, &first, number).await;
    let counter = &office.services.counter;
    let corrected = written(&office, moved(IIN), "aigul").await;
    counter.correct(&second, number, corrected).await.unwrap();
    let opened = counter.open(&second, number).await.unwrap();
    assert_eq!(opened.prepared, None);
    assert!(matches!(counter.confirm(&second, number).await, Err(CounterError::NotPrepared)));
    let evidence = office.services.store.read(move |view| view.evidence(number)).await.unwrap();
    assert!(evidence.is_empty(), "the paper that was signed says something else");
    // Anybody may begin, also who confirmed nothing before; then it is as with any other.
    seen_to(&office, &second, number).await;
    assert!(matches!(counter.confirm(&second, number).await, Err(CounterError::SamePerson)));
    let Outcome::Filed { applied: Applied::Registered { account, .. }, code } =
        counter.confirm(&first, number).await.unwrap()
    else {
        panic!("not registered")
    };
    assert!(code.is_some());
    let profile = office.services.people.profile(account).await.unwrap().unwrap();
    assert_eq!(profile.form, moved(IIN));
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_what_is_accepted_or_seen_to_elsewhere_or_signed_online_is_not_corrected() {
    let office = office_with(|_, _| {});
    let (here, there) = (clerk(&office, "here", "astana-1").await, clerk(&office, "there", "astana-2").await);
    let counter = &office.services.counter;
    let number = written_down(&office, &here).await;
    seen_to(&office, &here, number).await;
    let correction = async || written(&office, moved(IIN), "aigul").await;
    let elsewhere = counter.correct(&there, number, correction().await).await;
    assert!(matches!(elsewhere, Err(CounterError::Elsewhere)));
    counter.confirm(&there, number).await.unwrap_err();
    let second = clerk(&office, "second", "astana-1").await;
    counter.confirm(&second, number).await.unwrap();
    let accepted = counter.correct(&here, number, correction().await).await;
    assert!(matches!(accepted, Err(CounterError::Apply(ApplyError::Accepted))), "{accepted:?}");
    let online = office.prepared(person_form(OTHER_IIN), "dauren").await.number;
    let busy = counter.correct(&here, online, correction().await).await;
    assert!(matches!(busy, Err(CounterError::Apply(ApplyError::Busy))), "{busy:?}");
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_a_code_chooses_the_password_once_and_the_newest_counts() {
    let office = office_with(|_, _| {});
    let clerk = clerk(&office, "clerk", "astana-1").await;
    let counter = &office.services.counter;
    let number = written_down(&office, &clerk).await;
    let password = Secret::new(PASSWORD.into());
    let early = counter.new_code(&clerk, number).await.unwrap();
    assert_eq!(counter.activate("aigul", &early, &password, HERE).await.unwrap(), Activated::Waiting);
    seen_to(&office, &clerk, number).await;
    let second = self::clerk(&office, "second", "astana-1").await;
    let Outcome::Filed { code: Some(code), .. } = counter.confirm(&second, number).await.unwrap() else {
        panic!("no code")
    };
    for (login, code) in [("aigul", &early), ("second", &code), ("aigul", &Code::read("AAAA-BBBB-CCCC"))] {
        let wrong = counter.activate(login, code, &password, HERE).await;
        assert!(matches!(wrong, Err(activation::ActivationError::Wrong)), "{wrong:?}");
    }
    assert_eq!(counter.activate("AIGUL", &code, &password, HERE).await.unwrap(), Activated::Chosen);
    assert!(counter.activate("aigul", &code, &password, HERE).await.is_err(), "once");
    assert!(matches!(counter.new_code(&clerk, number).await, Err(CounterError::HasPassword)));
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_codes_are_tried_so_often_an_hour_from_one_network() {
    let office = office_with(|config, _| config.desk.codes_per_hour = 2);
    let tried = async |ip: &str| {
        let code = Code::read("AAAA-BBBB-CCCC");
        let password = Secret::new(PASSWORD.into());
        office.services.counter.activate("aigul", &code, &password, ip.parse().unwrap()).await.unwrap_err()
    };
    for ip in ["192.0.2.1", "192.0.2.9"] {
        assert!(matches!(tried(ip).await, activation::ActivationError::Wrong));
    }
    let third = tried("192.0.2.200").await;
    assert!(matches!(third, activation::ActivationError::TooFast(TooFast { seconds: 3_600 })), "{third:?}");
    assert!(matches!(tried("198.51.100.1").await, activation::ActivationError::Wrong), "another network");
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_the_code_of_an_application_goes_with_it_when_its_time_is_over() {
    let office = office_with(|config, _| config.registration.announced_days = 0);
    let clerk = clerk(&office, "clerk", "astana-1").await;
    let counter = &office.services.counter;
    let number = written_down(&office, &clerk).await;
    let code = counter.new_code(&clerk, number).await.unwrap();
    let rows = async || {
        let rows = office.services.store.read(|view| view.range(b"v", b"w", 10)).await.unwrap();
        rows.len()
    };
    assert_eq!(rows().await, 2, "who is to have a code, and the code");
    office.pass(1);
    assert_eq!(office.services.registration.remove_over().await.unwrap(), 1);
    assert_eq!(rows().await, 0);
    let password = Secret::new(PASSWORD.into());
    let gone = counter.activate("aigul", &code, &password, HERE).await;
    assert!(matches!(gone, Err(activation::ActivationError::Wrong)));
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_a_register_that_wants_a_consent_gets_the_code_that_the_clerk_typed() {
    let world = Noon::day_after().world();
    let registers = stand_in::started(world, &aigul()).await;
    let settings = registers.settings.clone();
    let office = office_with(|config, _| {
        config.registers = registers::Settings { person_needs_consent: true, ..settings };
    });
    office.pass(DAY_S);
    let clerk = clerk(&office, "clerk", "astana-1").await;
    let number = written_down(&office, &clerk).await;
    let refused = filed(&office, &clerk, number).await;
    assert!(matches!(refused, Err(CounterError::Apply(ApplyError::NoConsent))), "{refused:?}");
    let consent = ConsentToken::new("123456", "").unwrap();
    office.services.registration.keep_consent(number, consent).await.unwrap();
    let Outcome::Filed { applied: Applied::Registered { .. }, .. } = filed(&office, &clerk, number).await.unwrap()
    else {
        panic!("not registered")
    };
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_who_has_to_consent_anew_is_asked_and_does_not_wait_for_ever() {
    let world = Noon::day_after().world();
    let registers = stand_in::started(world, &Known { needs_consent: true, ..aigul() }).await;
    let settings = registers.settings.clone();
    let office = office_with(|config, _| {
        config.registers = registers::Settings { person_no_consent_codes: vec!["00012".into()], ..settings };
    });
    office.pass(DAY_S);
    let clerk = clerk(&office, "clerk", "astana-1").await;
    let number = written_down(&office, &clerk).await;
    let refused = filed(&office, &clerk, number).await;
    assert!(matches!(refused, Err(CounterError::Apply(ApplyError::NoConsent))), "{refused:?}");
    let opened = office.services.counter.open(&clerk, number).await.unwrap();
    assert!(matches!(opened.filed.state, State::Open { .. }), "another code, and it goes on");
    office.check();
}

async fn filed(office: &Office, clerk: &Clerk, number: ApplicationNumber) -> Result<Outcome, CounterError> {
    let Form::Individual(form) = person_form(IIN) else { unreachable!() };
    office.services.counter.register(clerk, None, number, form.document, scan()).await
}
