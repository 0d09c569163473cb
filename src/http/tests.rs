//! The API over a real store, real intake and real workers; only the sockets are left out.

mod admin;
mod base;
mod daily;
mod full_disk;
mod log;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::Service as _;

use super::access::{Principals, Role, hash_of};
use super::{Api, Parts, Settings, Token};
use crate::accounts::{Accounts, NewAccount};
use crate::address::ReversePath;
use crate::administration::Administration;
use crate::audit::Audit;
use crate::auth::{Authenticator, Secret};
use crate::clock::World;
use crate::closings::{self, Closings};
use crate::devices::Devices;
use crate::hybrid::scans::{self, ScanDesk};
use crate::hybrid::workers::{Launch, Workers};
use crate::hybrid::{self, Paper};
use crate::ids::AccountId;
use crate::intake::{BodyType, Entrance, Envelope, Intake, Origin, Recipient, Sender, Services, Submission};
use crate::message::{Caps, Scanner};
use crate::people;
use crate::people::base::Base;
use crate::people::lookups::Lookups;
use crate::postal::{self, Registry};
use crate::publisher::{self, Publisher};
use crate::sessions::Sessions;
use crate::store::space::Told;
use crate::store::{self, Store};
use crate::trust::{self, Dns, Verifier};

const PASSWORD: &str = "хатшы-password-1";

struct Office {
    router: Router,
    paper: Paper,
    intake: Intake,
    store: Store,
    publisher: Publisher,
    devices: Devices,
    base: Base,
    sessions: Sessions,
    authenticator: Authenticator,
    account: AccountId,
    _dir: tempfile::TempDir,
}

fn token(name: &str, role: Role, facility: Option<&str>) -> Token {
    Token {
        name: name.into(),
        role,
        facility: facility.map(str::to_owned),
        sha256: Some(hash_of(name)),
        certificate_sha256: None,
    }
}

async fn office() -> Office {
    office_with(Settings::default()).await
}

async fn office_with(settings_of_http: Settings) -> Office {
    let room = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
    office_over(settings_of_http, |dir| Store::open(dir, &store::tests::as_chosen(room)).unwrap()).await
}

async fn office_over(settings_of_http: Settings, open: impl FnOnce(&Path) -> Store) -> Office {
    let dir = tempfile::tempdir().unwrap();
    let world = World::system();
    let store = open(dir.path());
    let accounts = Accounts::new(store.clone(), world.clone(), &crate::accounts::Settings::default()).unwrap();
    let cheap = crate::auth::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Default::default() };
    let authenticator = Authenticator::start(accounts.clone(), world.clone(), &cheap).unwrap();
    let account = aliya(&accounts, &authenticator).await;
    let registry = Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap());
    let devices = crate::devices::tests::devices(&store, &registry, &world, dir.path());
    let base = Base::new(accounts.clone());
    let limits = crate::people::Settings { max_lookups_per_minute: 6, max_batch: 3 };
    let lookups = Lookups::new(base.clone(), accounts.clone(), limits);
    let sessions = Sessions::new(store.clone(), world.clone(), crate::sessions::Settings::default());
    let audit = Audit::new(crate::audit::Parts {
        settings: crate::audit::Settings::default(),
        origin: "poshta.example/audit".into(),
        dir: dir.path().to_owned(),
        store: store.clone(),
        world: world.clone(),
    });
    let administration = Administration::new(crate::administration::Parts {
        accounts: accounts.clone(),
        authenticator: authenticator.clone(),
        sessions: sessions.clone(),
        base: base.clone(),
        audit: audit.clone(),
        store: store.clone(),
        quota: crate::quota::Settings::default(),
        retention: crate::retention::Settings { closed_days: 30, ..Default::default() },
        world: world.clone(),
    });
    let post = post(&store, accounts.clone(), &devices, &world);
    let agreements = people::Agreements::new(store.clone(), world.clone(), "poshta.example".into());
    let registration = people::Registration::new(people::registration::Parts {
        settings: people::registration::Settings::default(),
        store: store.clone(),
        world: world.clone(),
        accounts: accounts.clone(),
        authenticator: authenticator.clone(),
        agreements,
        signatures: people::Signatures::new(&people::signatures::Settings::default(), world.clone()).unwrap(),
        registers: crate::registers::Registers::new(crate::registers::Parts {
            settings: crate::registers::Settings::default(),
            store: store.clone(),
            world: world.clone(),
        })
        .unwrap(),
        intake: post.intake.clone(),
        workers: post.workers.clone(),
        registry: Arc::clone(&registry),
        facility: String::new(),
        mail_domain: "poshta.example".into(),
        url: "https://localhost".into(),
    });
    let cabinet = cabinet_of(&registration, &store, &world);
    let scan_centre = registry.of_kind(postal::FacilityKind::ScanCentre, world.now()).next().unwrap().id.to_string();
    let publisher = Publisher::new(publisher::Parts {
        settings: publisher::Settings::default(),
        origin: "poshta.example/log".into(),
        dir: dir.path().to_owned(),
        store: store.clone(),
        world: world.clone(),
    });
    let counter = people::Counter::new(people::counter::Parts {
        settings: people::counter::Settings::default(),
        store: store.clone(),
        world: world.clone(),
        accounts: accounts.clone(),
        authenticator: authenticator.clone(),
        registration: registration.clone(),
        workers: post.workers.clone(),
    });
    let api = Api::new(Parts {
        settings: Arc::new(settings_of_http),
        principals: Principals::new(&tokens(&scan_centre)).unwrap(),
        authenticator: authenticator.clone(),
        sessions: sessions.clone(),
        store: store.clone(),
        closings: Closings::new(closings::Parts {
            settings: closings::Settings::default(),
            registry: Arc::clone(&registry),
            devices: devices.clone(),
            publisher: publisher.clone(),
            store: store.clone(),
            world: world.clone(),
        }),
        workers: post.workers,
        counter,
        registration,
        cabinet,
        world,
        devices: devices.clone(),
        queue: post.paper.queue().clone(),
        scans: post.scans,
        publisher: publisher.clone(),
        audit,
        administration,
        registry: Arc::clone(&registry),
        lookups,
    });
    Office {
        router: api.router(),
        base,
        sessions,
        authenticator,
        paper: post.paper,
        intake: post.intake,
        store,
        publisher,
        devices,
        account,
        _dir: dir,
    }
}

fn cabinet_of(registration: &people::Registration, store: &Store, world: &World) -> people::Cabinet {
    let signatures = people::Signatures::new(&people::signatures::Settings::default(), world.clone()).unwrap();
    let people = people::People::new(store.clone(), world.clone());
    people::Cabinet {
        agreements: people::Agreements::new(store.clone(), world.clone(), "poshta.example".into()),
        confirmations: people::Confirmations::new(people.clone(), signatures, world.clone(), 900),
        people,
        accounts: Accounts::new(store.clone(), world.clone(), &crate::accounts::Settings::default()).unwrap(),
        registration: registration.clone(),
        quota: crate::quota::Settings::default(),
        closed_days: 30,
        mail: people::MailServers {
            host: "mail.poshta.example".into(),
            domains: vec!["poshta.example".into()],
            imaps: 993,
            submissions: 465,
        },
        mail_files: crate::mailfiles::Services {
            store: store.clone(),
            world: world.clone(),
            caps: Caps::default(),
            max_message_bytes: 1 << 20,
            quota: crate::quota::Settings::default(),
            log: None,
            runtime: tokio::runtime::Handle::current(),
        },
        exports: Arc::new(tokio::sync::Semaphore::new(1)),
    }
}

async fn aliya(accounts: &Accounts, authenticator: &Authenticator) -> AccountId {
    let password = authenticator.hash(&Secret::new(PASSWORD.into()), [127, 0, 0, 1].into()).await.unwrap();
    let account = NewAccount {
        login: "aliya".into(),
        address: None,
        kind: store::accounts::Kind::Individual,
        display_name: String::new(),
        person: Some("061211600012".parse().unwrap()),
        postal_index: None,
        password,
    };
    accounts.create(account).await.unwrap().id
}

fn tokens(scan_centre: &str) -> [Token; 9] {
    [
        token("print", Role::PrintCentre, Some("astana-print")),
        token("other-print", Role::PrintCentre, Some("almaty-print")),
        token("scan", Role::ScanCentre, Some(scan_centre)),
        token("other-scan", Role::ScanCentre, Some("astana-2")),
        token("facility", Role::Facility, Some("astana-1")),
        token("operator", Role::Operator, None),
        token("controller", Role::Controller, None),
        token("head", Role::FacilityHead, Some("astana-1")),
        token("state", Role::StateSystem, None),
    ]
}

/// What moves letters, behind the API.
struct Post {
    paper: Paper,
    intake: Intake,
    scans: ScanDesk,
    workers: Workers,
}

fn post(store: &Store, accounts: Accounts, devices: &Devices, world: &World) -> Post {
    let registry = &Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap());
    let arguments = ["hybrid::workers::tests::worker_process", "--exact", "--ignored"];
    let launch = Launch {
        program: std::env::current_exe().unwrap(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    };
    let workers = Workers::new(hybrid::workers::Settings::default(), launch);
    let settings = Arc::new(hybrid::Settings::default());
    let paper = Paper::new(hybrid::Parts {
        settings: Arc::clone(&settings),
        facilities: Arc::new(postal::Settings::default()),
        registry: Arc::clone(registry),
        devices: devices.clone(),
        payments: crate::payment::tests::payments(store, registry, world),
        store: store.clone(),
        workers: workers.clone(),
        world: world.clone(),
        mail_domain: "poshta.example".into(),
    });
    let trust = trust::Settings { name_servers: vec!["127.0.0.1:9".parse().unwrap()], ..Default::default() };
    let intake = Intake::new(Services {
        settings: crate::intake::Settings::default(),
        facilities: postal::Settings::default(),
        registry: Arc::clone(registry),
        devices: devices.clone(),
        store: store.clone(),
        accounts,
        verifier: Verifier::new(Dns::new(&trust).unwrap(), &trust, "mx.poshta.example"),
        paper: paper.clone(),
        quota: crate::quota::Settings::default(),
        host_name: "mx.poshta.example".into(),
        caps: Caps::default(),
        confirm_page: "https://post.example/cabinet/confirm".into(),
        hybrid_domain: "hat.poshta.example".into(),
        world: world.clone(),
    });
    let scans = ScanDesk::new(scans::Parts {
        store: store.clone(),
        world: world.clone(),
        registry: Arc::clone(registry),
        workers: workers.clone(),
        intake: intake.clone(),
        settings,
        domain: "poshta.example".into(),
    });
    Post { paper, intake, scans, workers }
}

impl Office {
    async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().call(request).await.unwrap();
        let status = response.status();
        let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
        assert_eq!(is_problem, !status.is_success(), "{status}");
        let body = to_bytes(response.into_body(), 10 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(request("POST", token, path).body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.call(request("GET", token, path).body(Body::empty()).unwrap()).await
    }

    /// A letter to paper, through intake.
    async fn send_letter(&self) -> String {
        let message = "From: aliya@poshta.example\r\nSubject: Хат\r\nMessage-ID: <m1@poshta.example>\r\n\
                       Postal-To: Aigul; Abai 12; 010000 Astana\r\n\
                       Content-Type: text/plain; charset=utf-8\r\n\r\nСәлем!\r\n";
        let mut scanner = Scanner::new(Caps::default());
        scanner.push(message.as_bytes());
        let mut writer = self.intake.stage();
        writer.write(message.as_bytes()).unwrap();
        let address: crate::address::Address = "aliya@poshta.example".parse().unwrap();
        let receipt = self
            .intake
            .accept(Submission {
                origin: Origin {
                    entrance: Entrance::Submission,
                    sender: Sender::Account { id: self.account, address: address.clone() },
                    connection: None,
                },
                envelope: Envelope {
                    reverse_path: ReversePath::Address(address),
                    recipients: vec![Recipient::new("letter@hat.poshta.example".parse().unwrap())],
                    body: BodyType::EightBitMime,
                    smtputf8: false,
                    wishes: Default::default(),
                },
                body: writer.finish().unwrap(),
                structure: scanner.finish(),
            })
            .await
            .unwrap();
        self.paper.draw_due().await.unwrap();
        receipt.item.to_string()
    }

    async fn inbox(&self) -> Vec<String> {
        let account = self.account;
        let store = self.store.clone();
        let messages = self
            .store
            .read(move |view| {
                let inbox = view.folder_named(account, "INBOX")?.unwrap();
                view.messages(account, inbox.id, crate::ids::Uid::new(1).unwrap(), 100)
            })
            .await
            .unwrap();
        let mut texts = Vec::new();
        for message in messages {
            let bytes = store.message_bytes(&message);
            texts.push(String::from_utf8_lossy(&bytes.read_at(0, bytes.len() as usize).await.unwrap()).into_owned());
        }
        texts
    }
}

fn request(method: &str, token: &str, path: &str) -> axum::http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    if token.is_empty() { builder } else { builder.header(header::AUTHORIZATION, format!("Bearer {token}")) }
}

fn upload(token: &str, document: &[u8], meta: Option<Value>) -> Request<Body> {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"document\"; filename=\"x\"\r\n\r\n".to_vec();
    body.extend_from_slice(document);
    if let Some(meta) = meta {
        body.extend_from_slice(b"\r\n--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n");
        body.extend_from_slice(meta.to_string().as_bytes());
    }
    body.extend_from_slice(b"\r\n--b--\r\n");
    request("POST", token, "/api/v1/scan/letters")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

fn page() -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(300, 400, image::Luma([240])).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_checked_for_every_route() {
    let office = office().await;
    for route in super::routes::ROUTES {
        let path = route.path.replace("{id}", "x").replace("{item_id}", "x");
        let method = route.method.to_uppercase();
        let (anonymous, _) = office.call(request(&method, "", &path).body(Body::empty()).unwrap()).await;
        if route.roles.is_empty() {
            let is_asked_for = anonymous != StatusCode::UNAUTHORIZED && anonymous != StatusCode::FORBIDDEN;
            assert!(is_asked_for, "{path}: {anonymous}");
            continue;
        }
        assert_eq!(anonymous, StatusCode::UNAUTHORIZED, "{path}");
        let (wrong, _) = office.call(request(&method, "guess", &path).body(Body::empty()).unwrap()).await;
        assert_eq!(wrong, StatusCode::UNAUTHORIZED, "{path}");
        for (token, role) in [("print", Role::PrintCentre), ("scan", Role::ScanCentre), ("facility", Role::Facility)] {
            let (status, _) = office.call(request(&method, token, &path).body(Body::empty()).unwrap()).await;
            assert_eq!(status == StatusCode::FORBIDDEN, !route.roles.contains(&role), "{token} {path}");
        }
    }
    assert_eq!(office.get("print", "/api/v1/nothing").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_print_centre_leases_fetches_and_reports() {
    let office = office().await;
    let item = office.send_letter().await;
    let (status, leased) = office.post("print", "/api/v1/print/lease", json!({"max": 10})).await;
    assert_eq!(status, StatusCode::OK);
    let job = &leased["jobs"][0];
    assert_eq!((job["item_id"].as_str(), job["fence"].as_u64()), (Some(item.as_str()), Some(1)));
    let url = job["document"]["url"].as_str().unwrap();
    assert_eq!(office.get("other-print", url).await.0, StatusCode::NOT_FOUND);
    assert_eq!(office.get("print", url).await.0, StatusCode::OK);
    let events = format!("/api/v1/print/jobs/{item}/events");
    for (body, expected) in [
        (json!({"fence": 2, "event": "printed", "sheets": 2}), StatusCode::CONFLICT),
        (json!({"fence": 1, "event": "printed"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"fence": 1, "event": "eaten"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"fence": "one"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"fence": 1, "event": "printed", "sheets": 2}), StatusCode::OK),
        (json!({"fence": 1, "event": "handed_to_post"}), StatusCode::OK),
    ] {
        assert_eq!(office.post("print", &events, body.clone()).await.0, expected, "{body}");
    }
    assert_eq!(office.get("print", url).await.0, StatusCode::GONE);
    let track = format!("/api/v1/items/{item}/events");
    assert_eq!(office.post("facility", &track, json!({"event": "returned"})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(office.post("facility", &track, json!({"event": "delivered"})).await.0, StatusCode::OK);
    let (_, shown) = office.get("operator", &format!("/api/v1/items/{item}")).await;
    assert_eq!(shown["state"], "delivered");

    office.paper.send_notices(&office.intake).await.unwrap();
    let inbox = office.inbox().await;
    assert_eq!(inbox.len(), 2, "accepted and handed over");
    assert!(inbox.iter().all(|text| text.contains("In-Reply-To: <m1@poshta.example>")), "{inbox:?}");
    office.paper.send_notices(&office.intake).await.unwrap();
    assert_eq!(office.inbox().await.len(), 2, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_the_same_idempotency_key_gets_the_same_answer() {
    let office = office().await;
    office.send_letter().await;
    let lease = |body: &'static str| {
        let request = request("POST", "print", "/api/v1/print/lease").header("Idempotency-Key", "k1");
        office.call(request.body(Body::from(body)).unwrap())
    };
    let (_, first) = lease(r#"{"max":1}"#).await;
    assert_eq!(first["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(lease(r#"{"max":1}"#).await.1, first);
    assert_eq!(lease(r#"{"max":2}"#).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_counts_for_one_job() {
    let office = office().await;
    let items = [office.send_letter().await, office.send_letter().await];
    office.post("print", "/api/v1/print/lease", json!({"max": 10})).await;
    for item in items {
        let request = request("POST", "print", &format!("/api/v1/print/jobs/{item}/events"));
        let body = json!({"fence": 1, "event": "printed", "sheets": 2}).to_string();
        let request = request.header("Idempotency-Key", "printed").body(Body::from(body)).unwrap();
        let (status, answer) = office.call(request).await;
        assert_eq!((status, answer["id"].as_str()), (StatusCode::OK, Some(item.as_str())), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_and_asks_again_does_not_hand_in_its_letter_twice() {
    let office = office().await;
    let with_key = || {
        let mut request = upload("scan", &page(), None);
        request.headers_mut().insert("Idempotency-Key", "u1".parse().unwrap());
        request
    };
    let listed = async || {
        let (_, listed) = office.get("scan", "/api/v1/scan/letters?state=review").await;
        listed["letters"].as_array().unwrap().len()
    };
    // Hangs up as soon as the scan is there.
    tokio::select! {
        biased;
        () = async { while listed().await == 0 {} } => {}
        _ = office.call(with_key()) => {}
    }
    let (mut status, mut answer) = office.call(with_key()).await;
    while status == StatusCode::CONFLICT {
        (status, answer) = office.call(with_key()).await;
    }
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(listed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_centre_sees_its_letters_behind_those_of_others() {
    let office = office_with(Settings { max_listed: 1, ..Settings::default() }).await;
    let (status, _) = office.call(upload("other-scan", &page(), None)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, own) = office.call(upload("scan", &page(), None)).await;
    let (_, listed) = office.get("scan", "/api/v1/scan/letters").await;
    assert_eq!((listed["letters"][0]["id"].as_str(), listed["letters"][1].is_null()), (own["id"].as_str(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9110_head_is_served_and_405_names_what_is_allowed() {
    let office = office().await;
    let head = request("HEAD", "", "/api/v1/openapi.json").body(Body::empty()).unwrap();
    assert_eq!(office.router.clone().call(head).await.unwrap().status(), StatusCode::OK);
    let delete = request("DELETE", "scan", "/api/v1/scan/letters").body(Body::empty()).unwrap();
    let response = office.router.clone().call(delete).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST, GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_scan_reaches_its_recipient_or_the_review_desk() {
    let office = office().await;
    let meta = json!({"recipient": "aliya@poshta.example", "sender": "Әкімдік"});
    let (status, taken) = office.call(upload("scan", &page(), Some(meta))).await;
    assert_eq!((status, taken["state"].as_str()), (StatusCode::CREATED, Some("delivered")), "{taken}");
    assert!(taken["item_id"].is_string());
    assert_eq!(office.inbox().await.len(), 1);

    let (status, waiting) = office.call(upload("scan", &page(), None)).await;
    assert_eq!((status, waiting["state"].as_str()), (StatusCode::CREATED, Some("review")));
    let (_, listed) = office.get("scan", "/api/v1/scan/letters?state=review").await;
    assert_eq!(listed["letters"].as_array().unwrap().len(), 1);
    let assign = format!("/api/v1/scan/letters/{}/assign", waiting["id"].as_str().unwrap());
    let nobody = json!({"recipient": "nobody@poshta.example"});
    assert_eq!(office.post("operator", &assign, nobody).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let body = json!({"recipient": "aliya@poshta.example"});
    let (status, assigned) = office.post("operator", &assign, body.clone()).await;
    assert_eq!((status, assigned["state"].as_str()), (StatusCode::OK, Some("delivered")));
    assert_eq!(office.post("operator", &assign, body).await.0, StatusCode::NOT_FOUND);
    assert_eq!(office.inbox().await.len(), 2);
    let audit = office.store.read(|view| view.audit_entries(10)).await.unwrap();
    assert_eq!(audit.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["scan.assign", "scan.list"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_leaves_nothing_behind() {
    let office = office().await;
    assert_eq!(office.call(upload("scan", b"GIF89a", None)).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let broken = b"%PDF-1.7\nbroken";
    assert_eq!(office.call(upload("scan", broken, None)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let meta = json!({"recipient": "not an address"});
    assert_eq!(office.call(upload("scan", &page(), Some(meta))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let meta = json!({"recipient": "nobody@poshta.example"});
    assert_eq!(office.call(upload("scan", &page(), Some(meta))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, listed) = office.get("scan", "/api/v1/scan/letters?state=review").await;
    assert_eq!(listed["letters"], json!([]));
}
