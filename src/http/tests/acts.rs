//! What administrators do with what waits (M20): applications, letters on paper, scans, named devices. Nothing without a
//! reason, nothing without a proof of who it is, and name and reason stand in the audit.

use axum::http::header::LOCATION;

use std::sync::Arc;

use parking_lot::Mutex;

use super::office::{office_asking, office_under, open};
use super::*;
use crate::clock::World;
use crate::devices::tests::Told;
use crate::identity::Role;
use crate::ids::AccountId;
use crate::locale::Lang;
use crate::people::registration::{Application, Applied, Way};
use crate::postal::Kind;
use crate::registers::standin::{Behaviour, Known, KnownPerson};
use crate::registers::tests::stand_in;
use crate::store::Batch;
use crate::store::applications::{Act, Application as Row, State as Standing};
use crate::store::audit::AuditEntry;
use crate::store::desk::{Case, add_case};
use crate::store::print_jobs::State;

const WHY: &str = "the user asked by telephone";

impl Office {
    /// The newest entry of this action.
    pub(super) async fn entry(&self, action: &str) -> Option<AuditEntry> {
        let entries = self.store.read(|view| view.audit_entries(1000)).await.unwrap();
        entries.into_iter().find(|entry| entry.action == action)
    }

    async fn announced(&self) -> crate::identity::application::ApplicationNumber {
        let application = Application {
            consent: None,
            form: crate::people::registration::tests::person_form("791028302728"),
            login: "aigul".into(),
            password: Secret::new("көктем келді 2026".into()),
            agreement: self.registration.agreements().current().await.unwrap().hash,
            lang: Lang::Kk,
        };
        let way = Way::Announced { ip: [127, 0, 0, 1].into() };
        let applied = self.registration.apply(application, way).await.unwrap();
        let Applied::Waiting { number, .. } = applied else { panic!("{applied:?}") };
        number
    }
}

/// Who and why, as the audit has it.
fn by(entry: Option<AuditEntry>) -> (String, String) {
    let entry = entry.expect("an entry");
    (entry.actor, entry.details.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_without_a_reason_and_without_a_fresh_proof_nothing_is_done() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let item = office.send_letter().await;
    let path = format!("/admin/print/{item}?lang=en");
    let (status, _, page) = admin.post(&path, &[("reason", " ")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Give a reason"), "{page}");
    assert!(office.entry("print.cancel").await.is_none());

    // The proof is too old.
    let stale = office.person_of_before("dauren", &[Role::Administrator]).await;
    let (_, _, page) = stale.get(&path).await;
    assert!(page.contains("/sign-in/again?next=/admin/print/") && !page.contains("name=\"reason\""), "{page}");
    let (status, headers, _) = stale.post(&path, &[("reason", WHY)]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(headers[LOCATION], format!("/sign-in/again?next=/admin/print/{item}"));
    assert!(office.entry("print.cancel").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_letter_on_paper_is_found_shown_and_taken_back_before_a_centre_has_it() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let item = office.send_letter().await;
    let (_, _, page) = admin.get("/admin/print?state=queued&lang=en").await;
    assert!(page.contains(&item), "{page}");
    assert!(!admin.get("/admin/print?state=delivered").await.2.contains(&item));
    let (status, headers, _) = admin.get(&format!("/admin/print?find={item}")).await;
    assert_eq!(
        (status, headers[LOCATION].to_str().unwrap()),
        (StatusCode::SEE_OTHER, &*format!("/admin/print/{item}"))
    );
    let path = format!("/admin/print/{item}?lang=en");
    let (_, _, page) = admin.post(&path, &[("reason", WHY)]).await;
    assert!(page.contains("The letter is taken back."), "{page}");
    assert!(!page.contains("Хат"), "its subject is nobody's to see here: {page}");
    assert_eq!(by(office.entry("print.cancel").await), ("administrator saule".to_owned(), WHY.to_owned()));
    let (status, _, page) = admin.post(&path, &[("reason", WHY)]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Too late"), "{page}");
    assert_eq!(admin.get("/admin/print/1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_on_paper_are_listed_by_state_the_newest_first() {
    let office = office().await;
    let (first, second) = (office.send_letter().await, office.send_letter().await);
    let page = |state, before, limit| office.store.read(move |view| view.print_jobs_back(state, before, limit));
    let items = |page: &crate::store::print_jobs::JobPage| -> Vec<String> {
        page.jobs.iter().map(|stored| stored.job.item.to_string()).collect()
    };
    let all = page(Some(State::Queued), None, 10).await.unwrap();
    assert_eq!((items(&all), all.next), (vec![second.clone(), first.clone()], None));
    let one = page(None, None, 1).await.unwrap();
    assert_eq!((items(&one), one.next.map(|item| item.to_string())), (vec![second.clone()], Some(second.clone())));
    let rest = page(None, one.next, 1).await.unwrap();
    assert_eq!(items(&rest), std::slice::from_ref(&first));
    // By state it is the same, and no other letter is looked at.
    let one = page(Some(State::Queued), None, 1).await.unwrap();
    let rest = page(Some(State::Queued), one.next, 1).await.unwrap();
    assert_eq!((items(&one), items(&rest)), (vec![second.clone()], vec![first.clone()]));
    let from = crate::ids::ItemId(first.parse::<crate::ids::ItemId>().unwrap().0 + 1);
    let read = move |view: &crate::store::View<'_>| view.print_jobs_from(Some(State::Queued), from, 10);
    let newer = office.store.read(read).await.unwrap();
    assert_eq!(newer.iter().map(|stored| stored.job.item.to_string()).collect::<Vec<_>>(), [second]);
    assert_eq!(page(Some(State::Lost), None, 10).await.unwrap().jobs, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_scan_is_brought_to_a_mailbox_or_goes_back() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let scan = async || {
        let (_, taken) = office.call(upload("scan", &super::page(), None)).await;
        taken["id"].as_str().unwrap().to_owned()
    };
    let act = async |id: &str, act: &str, to: &str| {
        let fields = [("id", id), ("act", act), ("recipient", to), ("reason", WHY)];
        admin.post("/admin/scans?lang=en", &fields).await.2
    };
    let id = scan().await;
    assert!(act(&id, "assign", "nobody").await.contains("There is no such account"));
    assert!(act(&id, "assign", "saule").await.contains("another administrator does that"), "M7");
    assert!(act(&id, "assign", "aliya").await.contains("The scan is in the mailbox."));
    assert_eq!(office.inbox().await.len(), 1);
    let expected = ("administrator saule".to_owned(), format!("aliya@poshta.example; {WHY}"));
    assert_eq!(by(office.entry("scan.assign").await), expected);
    assert!(act(&id, "reject", "").await.contains("does not wait any more"));
    let id = scan().await;
    assert!(act(&id, "reject", "").await.contains("the letter goes back"));
    assert_eq!(by(office.entry("scan.reject").await), ("administrator saule".to_owned(), WHY.to_owned()));
    assert_eq!(office.inbox().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_is_returned_issued_and_revoked_for_ever() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let path = "/admin/devices/astana-1-a?lang=en";
    let act = async |fields: &[(&str, &str)]| {
        let fields: Vec<_> = fields.iter().copied().chain([("reason", WHY)]).collect();
        admin.post(path, &fields).await.2
    };
    let (_, _, page) = admin.get(path).await;
    assert!(page.contains("value=\"return\"") && !page.contains("value=\"unlock\""), "{page}");
    assert!(act(&[("act", "unlock")]).await.contains("The device is not locked"));
    assert!(act(&[("act", "return")]).await.contains("It is written down"));
    assert!(act(&[("act", "return")]).await.contains("The device is elsewhere by now"));
    assert!(act(&[("act", "issue"), ("holder", "")]).await.contains("Name who gets it"));
    let page = act(&[("act", "issue"), ("holder", "A. Serikova"), ("role", "operator")]).await;
    assert!(page.contains("A. Serikova") && page.contains(WHY), "{page}");
    assert!(act(&[("act", "revoke"), ("confirm", "astana-1-b")]).await.contains("Nothing has changed"));
    let page = act(&[("act", "revoke"), ("confirm", "astana-1-a")]).await;
    assert!(page.contains("It is written down") && !page.contains("value=\"issue\""), "{page}");
    for action in ["device.returned", "device.issued", "device.revoked"] {
        let (who, why) = by(office.entry(action).await);
        assert!(who == "administrator saule" && why.ends_with(WHY), "{action}: {who} {why}");
    }
    assert_eq!(admin.get("/admin/devices/none").await.0, StatusCode::NOT_FOUND);
}

/// A clock that is five seconds fast: nothing is stamped until a person answers for one device.
#[tokio::test(flavor = "multi_thread")]
async fn p31_an_administrator_unlocks_a_device_that_a_wrong_clock_locked() {
    let office = office_under(Arc::new(Told(Mutex::new(Some(5_000))))).await;
    office.devices.check_clock().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let path = "/admin/devices/astana-1-a?lang=en";
    let stamps = async || {
        let facility = "astana-1".parse().unwrap();
        office.devices.begin().strike(&facility, Kind::Accept).await.is_ok()
    };
    let (_, _, page) = admin.get(path).await;
    assert!(page.contains("5000 ms fast") && page.contains("value=\"unlock\""), "{page}");
    assert!(!stamps().await);
    let (_, _, page) = admin.post(path, &[("act", "unlock"), ("reason", " ")]).await;
    assert!(page.contains("Give a reason") && !stamps().await, "{page}");
    let (_, _, page) = admin.post(path, &[("act", "unlock"), ("reason", WHY)]).await;
    assert!(page.contains("Unlocked until") && !page.contains("value=\"unlock\""), "{page}");
    assert!(stamps().await);
    let (who, why) = by(office.entry("device.unlock").await);
    assert!(who == "administrator saule" && why.contains(WHY), "{who}: {why}");
    let (_, _, page) = admin.get("/admin/devices/astana-1-b?lang=en").await;
    assert!(page.contains("value=\"unlock\""), "only that one: {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_an_administrator_has_the_register_asked_again_and_the_mailbox_is_there() {
    let person = KnownPerson {
        iin: "791028302728".into(),
        surname: "СЕРІКОВА".into(),
        name: "АЙГҮЛ".into(),
        documents: vec!["041234567".into()],
        ..KnownPerson::default()
    };
    let known = |behaviour| Known { behaviour, persons: vec![person.clone()], ..Known::default() };
    let register = stand_in::started(World::system(), &known(Behaviour::Down)).await;
    let office = office_asking(Settings::default(), register.settings.clone(), open).await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let number = office.announced().await;
    office.wait_for_register(number).await;
    let retry = async || {
        let fields = [("number", &*number.to_string()), ("act", "retry"), ("reason", WHY)];
        admin.post("/admin/applications?lang=en", &fields).await.2
    };
    assert!(retry().await.contains("the application goes on waiting"));
    assert!(admin.get("/admin/applications?lang=en").await.2.contains("asked 2 times"));
    register.know(&known(Behaviour::Answer));
    assert!(retry().await.contains("The mailbox is there: aigul@poshta.example"));
    assert_eq!(by(office.entry("application.retry").await), ("administrator saule".to_owned(), WHY.to_owned()));
    assert!(!admin.get("/admin/applications?lang=en").await.2.contains(&number.to_string()));
    let (secret, from) = (Secret::new("көктем келді 2026".into()), [127, 0, 0, 1].into());
    assert!(office.authenticator.login("aigul", &secret, from, crate::auth::Door::Pages).await.is_ok());
    assert!(retry().await.contains("does not wait any more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_an_application_that_waits_is_asked_about_or_refused_and_its_applicant_reads_why() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let number = office.announced().await;
    let act = async |act: &str| {
        let fields = [("number", &*number.to_string()), ("act", act), ("reason", WHY)];
        admin.post("/admin/applications?lang=en", &fields).await.2
    };
    // It waits for nobody yet but its applicant.
    let (_, _, page) = admin.get("/admin/applications?part=kept&lang=en").await;
    assert!(
        page.contains(&number.to_string()) && page.contains("filled in") && !page.contains("791028302728"),
        "{page}"
    );
    assert!(act("refuse").await.contains("does not wait any more"));

    office.wait_for_register(number).await;
    let (_, _, page) = admin.get("/admin/applications?lang=en").await;
    assert!(page.contains(&number.to_string()) && page.contains("asked 1 times"), "{page}");
    // None is configured here.
    assert!(act("retry").await.contains("The application is not accepted"));
    assert_eq!(by(office.entry("application.retry").await), ("administrator saule".to_owned(), WHY.to_owned()));
    assert!(act("refuse").await.contains("The application is refused"));
    let (who, why) = by(office.entry("application.refuse").await);
    assert_eq!((who.as_str(), why), ("administrator saule", format!("declined; {WHY}")));
    let filed = office.registration.find(number).await.unwrap().unwrap();
    let Standing::Refused { code, field, .. } = filed.state else { panic!("{filed:?}") };
    let told = crate::people::registration::refusal_text(Lang::En, &code, field.as_deref());
    assert_eq!(told, format!("The operator refused the application. The reason: {WHY}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_what_a_second_clerk_is_to_confirm_is_listed_and_can_be_refused() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let number = office.announced().await;
    let document = office.store.seal_personal(store::Owner::System, Vec::new()).unwrap();
    let case = Case { clerk: AccountId(office.account.0), facility: "astana-1".into(), document, at_us: 1 };
    let mut batch = Batch::new();
    add_case(&mut batch, number, &case).unwrap();
    office.store.commit(batch).await.unwrap();
    let (_, _, page) = admin.get("/admin/applications?part=second&lang=en").await;
    assert!(page.contains(&number.to_string()) && page.contains("astana-1"), "{page}");
    let fields = [("number", &*number.to_string()), ("act", "refuse"), ("part", "second"), ("reason", WHY)];
    let (_, _, page) = admin.post("/admin/applications?lang=en", &fields).await;
    assert!(page.contains("The application is refused"), "{page}");
    assert!(!admin.get("/admin/applications?part=second").await.2.contains(&number.to_string()));
    assert!(office.store.read(move |view| view.desk_case(number)).await.unwrap().is_none());
}

impl Office {
    /// As if it had been signed and no register had answered.
    async fn wait_for_register(&self, number: crate::identity::application::ApplicationNumber) {
        let stored = self.store.read(move |view| view.application(number)).await.unwrap().unwrap();
        let act = Act::Online { from: "192.0.2.1".into(), certificate: "01".into(), issuer: "test".into() };
        let since_us = stored.application.applied_us;
        let state = Standing::Waiting { act, since_us, again_us: since_us, tries: 1 };
        let mut batch = Batch::new();
        stored.change(&mut batch, &Row { state, ..stored.application.clone() }).unwrap();
        self.store.commit(batch).await.unwrap();
    }
}
