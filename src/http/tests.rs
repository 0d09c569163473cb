//! The API over a real store, real intake and real workers; only the sockets are left out.

mod acts;
mod admin;
mod again;
mod base;
mod consent;
mod daily;
mod document;
mod full_disk;
mod log;
mod notices;
mod office;
mod published;
mod roles;
mod secrecy;
mod signature;

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::Service as _;

use super::Settings;
use crate::address::ReversePath;
use crate::auth::Secret;
use crate::intake::{BodyType, Entrance, Envelope, Origin, Recipient, Sender, Submission};
use crate::message::{Caps, Scanner};
use crate::store::space::Told;
use crate::store::{self, Store};

use office::{Office, PASSWORD, office, office_over, office_with};

/// A letter that becomes paper.
const LETTER: &str = "From: aliya@poshta.example\r\nSubject: Хат\r\nMessage-ID: <m1@poshta.example>\r\n\
                      Postal-To: Aigul; Abai 12; 010000 Astana\r\n\
                      Content-Type: text/plain; charset=utf-8\r\n\r\nСәлем!\r\n";

impl Office {
    async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().call(request).await.unwrap();
        let status = response.status();
        let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
        assert_eq!(is_problem, !status.is_success(), "{status}");
        let body = to_bytes(response.into_body(), 10 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn bytes(&self, request: Request<Body>) -> (StatusCode, axum::body::Bytes) {
        let response = self.router.clone().call(request).await.unwrap();
        (response.status(), to_bytes(response.into_body(), 10 << 20).await.unwrap())
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(request("POST", token, path).body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.call(request("GET", token, path).body(Body::empty()).unwrap()).await
    }

    /// A letter to paper, through intake.
    async fn send_letter(&self) -> String {
        self.send(LETTER, "letter@hat.poshta.example").await
    }

    /// Any letter of Aliya's, through intake.
    async fn send(&self, message: &str, to: &str) -> String {
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
                    recipients: vec![Recipient::new(to.parse().unwrap())],
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
    // P6: how it was handed over goes with a delivery, by the names of tag `dk`, and stands in its mark.
    for wrong in
        [json!({"event": "attempted", "handover": "both"}), json!({"event": "delivered", "handover": "thrown"})]
    {
        assert_eq!(office.post("facility", &track, wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let delivered = json!({"event": "delivered", "handover": "both"});
    assert_eq!(office.post("facility", &track, delivered).await.0, StatusCode::OK);
    let (_, shown) = office.get("operator", &format!("/api/v1/items/{item}")).await;
    assert_eq!(shown["state"], "delivered");
    let mark = shown["events"].as_array().unwrap().last().unwrap()["mark"].as_str().unwrap();
    assert!(mark.contains("dk=both"), "{mark}");

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
