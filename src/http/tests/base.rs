//! State systems at the unified base, and controllers at the audit.

use super::*;

const IIN: &str = "061211600012";
const NOBODY: &str = "791028302728";
const ONE: &str = "/api/v1/base/lookup";
const MANY: &str = "/api/v1/base/lookups";
const BASIS: &str = "case 17/2026";

impl Office {
    /// Actor, action, object and details of the entries of the audit, the oldest first.
    async fn audited(&self) -> Vec<[String; 4]> {
        let entries = self.store.read(|view| view.audit_entries(100)).await.unwrap();
        let shown = |entry: crate::store::audit::AuditEntry| {
            [entry.actor, entry.action, entry.object, entry.details.unwrap_or_default()]
        };
        entries.into_iter().rev().map(shown).collect()
    }
}

fn person(iin: &str) -> Value {
    json!({ "iin": iin, "basis": BASIS })
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_a_state_system_learns_the_address_of_those_in_the_base_and_of_nobody_else() {
    let office = office().await;
    let before = office.post("state", ONE, person(IIN)).await;
    let unknown = office.post("state", ONE, person(NOBODY)).await;
    assert_eq!(before, unknown, "not in the base is as unknown");
    assert_eq!(before.0, StatusCode::NOT_FOUND);
    office.base.authorised(office.account).await.unwrap();
    let (status, found) = office.post("state", ONE, person(IIN)).await;
    assert_eq!((status, found), (StatusCode::OK, json!({ "address": "aliya@poshta.example", "eds_confirmed": false })));
    let asked = json!({ "persons": [{ "iin": NOBODY }, { "iin": IIN }], "basis": BASIS });
    let (_, found) = office.post("state", MANY, asked).await;
    assert_eq!(found, json!({ "found": [null, { "address": "aliya@poshta.example", "eds_confirmed": false }] }));
    let account = format!("account {}", office.account.0);
    let entries = office.audited().await;
    let objects: Vec<&str> =
        entries.iter().filter(|entry| entry[1] == "base.look-up").map(|entry| entry[2].as_str()).collect();
    assert_eq!(objects.iter().filter(|object| **object == account).count(), 2);
    assert_eq!(objects.len(), 5, "M20: every look-up, also of nobody");
    assert!(entries.iter().flatten().all(|word| !word.contains(IIN) && !word.contains(NOBODY)));
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_what_is_no_question_gets_its_reason_and_leaves_no_trace() {
    let office = office().await;
    for (path, body, reason) in [
        (ONE, json!({ "iin": "061211600013", "basis": BASIS }), "a digit was mistyped"),
        (ONE, json!({ "iin": IIN, "bin": IIN, "basis": BASIS }), "exactly one"),
        (ONE, json!({ "basis": BASIS }), "exactly one"),
        (ONE, json!({ "bin": IIN, "basis": BASIS }), "a BIN is wanted"),
        (ONE, json!({ "iin": IIN, "basis": "x" }), "say why"),
        (ONE, json!({ "iin": IIN }), "basis"),
        (ONE, json!({ "iin": IIN, "basis": format!("about {IIN}") }), "must not hold an IIN"),
        (MANY, json!({ "persons": [], "basis": BASIS }), "name a person"),
        (MANY, json!({ "persons": vec![json!({ "iin": IIN }); 4], "basis": BASIS }), "at most 3"),
    ] {
        let (status, problem) = office.post("state", path, body.clone()).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(detail.contains(reason) && !detail.contains(IIN), "{detail}");
    }
    for token in ["operator", "controller", "head", "print", "facility"] {
        assert_eq!(office.post(token, ONE, person(IIN)).await.0, StatusCode::FORBIDDEN, "{token}");
    }
    assert_eq!(office.post("nobody", ONE, person(IIN)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(office.audited().await.iter().filter(|entry| entry[1] == "base.look-up").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn m23_who_asks_too_fast_is_told_when_to_ask_again() {
    let office = office().await;
    for _ in 0..6 {
        assert_eq!(office.post("state", ONE, person(NOBODY)).await.0, StatusCode::NOT_FOUND);
    }
    let body = Body::from(person(NOBODY).to_string());
    let response = office.router.clone().call(request("POST", "state", ONE).body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u32 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_p32_controllers_read_the_audit_in_pages_and_are_in_it() {
    let office = office().await;
    for _ in 0..3 {
        office.post("state", ONE, person(NOBODY)).await;
    }
    let (status, first) = office.get("controller", "/api/v1/audit?action=base&limit=2").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!(first["entries"].as_array().unwrap().len(), 2);
    assert_eq!(first["entries"][0]["actor"], "state");
    assert_eq!(first["entries"][0]["details"], BASIS);
    let next = first["next"].as_str().unwrap();
    let (_, second) = office.get("controller", &format!("/api/v1/audit?action=base&limit=2&before={next}")).await;
    assert_eq!((second["entries"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    let (_, readings) = office.get("controller", "/api/v1/audit?action=audit.read").await;
    assert_eq!(readings["entries"].as_array().unwrap().len(), 3, "{readings}");
    assert_eq!(readings["entries"][2]["details"], "action=base");
    assert_eq!(office.get("controller", "/api/v1/audit?from=yesterday").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    for token in ["operator", "state", "head", "print"] {
        assert_eq!(office.get(token, "/api/v1/audit").await.0, StatusCode::FORBIDDEN, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m20_who_looks_at_what_is_somebodys_is_written_down_and_owners_are_not() {
    let office = office().await;
    let item = office.send_letter().await;
    assert_eq!(office.get("operator", &format!("/api/v1/items/{item}")).await.0, StatusCode::OK);
    assert_eq!(office.get("scan", "/api/v1/scan/letters?state=review").await.0, StatusCode::OK);
    let entries = office.audited().await;
    let seen = |action: &str| -> Vec<[String; 2]> {
        let found = entries.iter().filter(|entry| entry[1] == action);
        found.map(|entry| [entry[0].clone(), entry[2].clone()]).collect()
    };
    assert_eq!(seen("item.show"), [["operator".to_owned(), format!("/api/v1/items/{item}")]]);
    assert_eq!(seen("scan.list"), [["scan".to_owned(), "/api/v1/scan/letters".to_owned()]]);
}
