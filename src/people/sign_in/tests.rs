//! Signing in with keys of a test authority over a real store; pages and sockets are left out.

use super::*;
use crate::identity::application::Form;
use crate::identity::eds::tests::build::{Plan, SIGN_IN_PURPOSES, SIGN_IN_USAGE};
use crate::people::confirmation::Holder;
use crate::people::registration::tests::{
    BIN, EMPLOYEE, HEAD, HERE, IIN, OTHER_IIN, Office, account_of, company_form, office, office_with, person_form,
};
use crate::sessions::{Proof, Session};

const BROWSER: &str = "token of a browser";
const ASKED: Asked<'_> = Asked { purpose: Purpose::SignIn, browser: BROWSER };

fn browser() -> Browser {
    Browser { ip: HERE, agent: "test".into() }
}

impl Office {
    fn door(&self) -> &SignatureSignIn {
        &self.services.signature_sign_in
    }

    async fn register(&self, form: Form, login: &str, key: &crate::people::registration::tests::Person) -> AccountId {
        let prepared = self.prepared(form, login).await;
        account_of(self.sign(&prepared, key.sign(&prepared.statement)).await.unwrap())
    }

    fn shown(&self) -> (Shown, String) {
        let shown = self.door().ask(ASKED);
        let (text, _) = self.door().to_sign(ASKED, &shown).unwrap();
        (shown, text)
    }

    async fn sign_in(&self, key: &crate::people::registration::tests::Person) -> Result<Session, SignInError> {
        let (shown, text) = self.shown();
        self.let_in(&shown, &key.sign(&text)).await
    }

    async fn let_in(&self, shown: &Shown, cms: &[u8]) -> Result<Session, SignInError> {
        let opened = self.door().sign_in(BROWSER, shown, cms, browser()).await?;
        Ok(self.services.sessions.find(opened.token.expose()).await.unwrap().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_in_with_either_key_and_the_audit_says_with_which() {
    let office = office();
    let own = office.authority.person(IIN);
    let account = office.register(person_form(IIN), "aigul", &own).await;
    let plan = Plan {
        usage: SIGN_IN_USAGE, purposes: SIGN_IN_PURPOSES, ..Plan::person("Серікова Айгүл", "Root")
    };
    for key in [own, office.authority.issue(&Plan { serial: 0x51, ..plan })] {
        let session = office.sign_in(&key).await.unwrap();
        assert_eq!((session.account, session.proof), (account, Proof::Signature));
    }
    let entries = office.services.store.read(|view| view.audit_entries(100)).await.unwrap();
    let noted: Vec<_> = entries.iter().filter(|entry| entry.action == "sign_in.signature").collect();
    assert_eq!(noted.len(), 2);
    assert!(noted.iter().any(|entry| entry.details.as_deref() == Some("certificate 51")), "{noted:?}");
    assert!(!format!("{entries:?}").contains(IIN), "M8: the number of a person stands in no entry");
    let sign_ins = office.services.sessions.sign_ins(account).await.unwrap();
    assert_eq!(sign_ins.iter().filter(|it| it.proof == Proof::Signature).count(), 2);
    // M23: they were authorised, though no password was given yet.
    let standing = office.services.base.standing(account).await.unwrap().unwrap();
    assert!(standing.is_in_base(), "{standing:?}");
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_lets_one_browser_in_and_once() {
    let office = office();
    let own = office.authority.person(IIN);
    office.register(person_form(IIN), "aigul", &own).await;
    let (shown, text) = office.shown();
    let cms = own.sign(&text);
    let elsewhere = office.door().sign_in("token of another browser", &shown, &cms, browser()).await;
    assert!(matches!(elsewhere, Err(SignInError::Over)), "{elsewhere:?}");
    let later = Shown { issued_s: shown.issued_s + 60, ..shown.clone() };
    assert!(matches!(office.let_in(&later, &cms).await, Err(SignInError::Over)));
    office.let_in(&shown, &cms).await.unwrap();
    assert!(matches!(office.let_in(&shown, &cms).await, Err(SignInError::Over)), "a replay");
    assert_eq!(office.door().to_sign(ASKED, &shown), None);
    let (other, _) = office.shown();
    assert!(matches!(office.let_in(&other, &cms).await, Err(SignInError::OtherText)), "the signature of another text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_an_application_or_of_data_lets_nobody_in() {
    let office = office();
    let own = office.authority.person(IIN);
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let application = own.sign(&prepared.statement);
    let account = account_of(office.sign(&prepared, application.clone()).await.unwrap());
    let services = &office.services;
    let confirmations = crate::people::Confirmations::new(
        services.people.clone(),
        services.signatures.clone(),
        services.world.clone(),
        crate::people::cabinet::Settings::default(),
    );
    let profile = services.people.profile(account).await.unwrap().unwrap();
    let holder = Holder { account, address: "aigul@poshta.example" };
    let data = own.sign(&confirmations.to_sign(holder, &profile).statement);
    let (shown, text) = office.shown();
    for cms in [application, data] {
        assert!(matches!(office.let_in(&shown, &cms).await, Err(SignInError::OtherText)));
    }
    // And the other way round.
    let error = confirmations.confirm(holder, services.world.now().as_second() + 60, &own.sign(&text)).await;
    assert!(error.is_err());
    office.let_in(&shown, &own.sign(&text)).await.expect("a wrong one leaves the text as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn m27_a_key_of_an_entity_opens_its_mailbox_for_who_may_sign() {
    let office = office();
    office.register(person_form(IIN), "aigul", &office.authority.person(IIN)).await;
    let of_company =
        |purposes| Plan { bin: Some(BIN), purposes, ..Plan::person("Серікова Айгүл", "Root") };
    let head = office.authority.issue(&of_company(HEAD));
    assert!(matches!(office.sign_in(&head).await, Err(SignInError::NoMailbox)), "never her own mailbox");
    let company = office.register(company_form(), "alma", &head).await;
    assert_eq!(office.sign_in(&head).await.unwrap().account, company);
    let employee = office.sign_in(&office.authority.issue(&of_company(EMPLOYEE))).await;
    assert!(matches!(employee, Err(SignInError::Signature(SignatureError::Role))), "{employee:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_mailbox_or_had_one_gets_the_same_answer() {
    let office = office();
    let own = office.authority.person(IIN);
    let account = office.register(person_form(IIN), "aigul", &own).await;
    assert!(matches!(office.sign_in(&office.authority.person(OTHER_IIN)).await, Err(SignInError::NoMailbox)));
    let session = office.sign_in(&own).await.unwrap();
    office.services.accounts.close(account).await.unwrap();
    assert!(matches!(office.sign_in(&own).await, Err(SignInError::NoMailbox)));
    let left = office.services.sessions.list(account).await.unwrap();
    assert!(left.is_empty(), "what was open ended with it: {session:?}");
    for lang in Lang::ALL {
        assert!(!SignInError::NoMailbox.text(lang).contains("signature-"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_proves_it_again_with_their_own_signature() {
    let office = office();
    let (own, other) = (office.authority.person(IIN), office.authority.person(OTHER_IIN));
    let account = office.register(person_form(IIN), "aigul", &own).await;
    office.register(person_form(OTHER_IIN), "dauren", &other).await;
    let sessions = &office.services.sessions;
    let opened = sessions.open(account, Proof::Password, browser()).await.unwrap();
    let known = Known { account, session: opened.id };
    let asked = Asked { purpose: Purpose::ProveAgain, ..ASKED };
    let prove = async |key: &crate::people::registration::tests::Person| {
        let shown = office.door().ask(asked);
        let (text, _) = office.door().to_sign(asked, &shown).unwrap();
        let cms = key.sign(&text);
        let let_in = office.let_in(&shown, &cms).await;
        assert!(matches!(let_in, Err(SignInError::Over)), "what proves does not sign in");
        office.door().prove(BROWSER, &shown, &cms, known, &browser()).await
    };
    assert!(matches!(prove(&other).await, Err(SignInError::OtherUser)));
    assert_eq!(sessions.find(opened.token.expose()).await.unwrap().unwrap().proof, Proof::Password);
    let renewed = prove(&own).await.unwrap();
    let session = sessions.find(renewed.token.expose()).await.unwrap().unwrap();
    assert_eq!(session.proof, Proof::Signature, "a key and its password are more than a password");
    assert!(sessions.find(opened.token.expose()).await.unwrap().is_none(), "with a new secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_one_network_are_counted() {
    let office = office_with(|config, _| config.sessions.signatures_per_hour = 1);
    let own = office.authority.person(IIN);
    assert!(matches!(office.sign_in(&own).await, Err(SignInError::NoMailbox)));
    assert!(matches!(office.sign_in(&own).await, Err(SignInError::TooFast(_))));
}
