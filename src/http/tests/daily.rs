//! Daily closings over the API: who may read them, in which forms, and that it is written down.

use axum::body::Bytes;
use axum::http::HeaderMap;

use super::*;
use crate::postal::Closing;

pub(super) const DAY: &str = "2026-11-22";

/// An office over a store with two closed days.
pub(super) async fn with_history() -> Office {
    let open = |dir: &Path| {
        let store = office::open(dir);
        let history = crate::closings::tests::history(&store, dir);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(history));
        store
    };
    office_over(Settings::default(), open).await
}

impl Office {
    async fn answer(&self, token: &str, path: &str, accept: &str) -> (StatusCode, HeaderMap, Bytes) {
        let request = request("GET", token, path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        let (parts, body) = self.router.clone().call(request).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, 10 << 20).await.unwrap())
    }

    /// Actor, object and details of the newest entries, the oldest first.
    async fn readings(&self) -> Vec<(String, String, String)> {
        let entries = self.store.read(|view| view.audit_entries(100)).await.unwrap();
        let readings = entries.into_iter().rev().filter(|entry| entry.action == "closing.read");
        readings.map(|entry| (entry.actor, entry.object, entry.details.unwrap())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p32_a_controller_reads_all_closings_and_a_head_those_of_the_own_facility() {
    let office = with_history().await;
    let (status, all) = office.get("controller", "/api/v1/closings").await;
    assert_eq!(status, StatusCode::OK, "{all}");
    let devices = |body: &Value| -> Vec<String> {
        let closings = body["closings"].as_array().unwrap();
        let mut devices: Vec<_> =
            closings.iter().map(|closing| closing["device"].as_str().unwrap().to_owned()).collect();
        devices.dedup();
        devices
    };
    assert_eq!(devices(&all), ["astana-1-a", "kokshetau-a"]);
    let (_, own) = office.get("head", "/api/v1/closings").await;
    assert_eq!(devices(&own), ["astana-1-a"]);
    let (_, one) = office.get("controller", &format!("/api/v1/closings?device=kokshetau-a&from={DAY}&to={DAY}")).await;
    assert_eq!(one["closings"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["more"], false);
    let (_, rest) = office.get("controller", "/api/v1/closings?after=astana-1-a/2099-01-01").await;
    assert_eq!(devices(&rest), ["kokshetau-a"], "what is behind it");
    let (status, _) = office.get("controller", "/api/v1/closings?after=astana-1-a").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(office.get("controller", "/api/v1/closings?from=yesterday").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(office.get("controller", "/api/v1/closings?colour=red").await.0, StatusCode::UNPROCESSABLE_ENTITY);

    let path = format!("/api/v1/closings/astana-1-a/{DAY}");
    let (status, shown) = office.get("head", &path).await;
    let closing = Closing::parse(&shown.to_string()).unwrap();
    assert_eq!((status, closing.total), (StatusCode::OK, 3));
    assert_eq!(closing.faults(&office.devices.marks()), [], "what is read can be checked");
    for (token, path, expected) in [
        ("head", format!("/api/v1/closings/kokshetau-a/{DAY}"), StatusCode::NOT_FOUND),
        ("controller", "/api/v1/closings/astana-1-a/2026-11-01".to_owned(), StatusCode::NOT_FOUND),
        ("controller", "/api/v1/closings/nobody/2026-11-22".to_owned(), StatusCode::NOT_FOUND),
        ("facility", path.clone(), StatusCode::FORBIDDEN),
        ("print", path.clone(), StatusCode::FORBIDDEN),
        ("nobody", path.clone(), StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(office.get(token, &path).await.0, expected, "{token} {path}");
    }
    let (status, _) = office.post("controller", "/api/v1/print/lease", json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a controller only reads");
    let readings = office.readings().await;
    let expected = [
        ("controller", "all devices", "controller: .."),
        ("head", "all devices", "facility_head: .."),
        ("controller", "kokshetau-a", "controller: 2026-11-22..2026-11-22"),
        ("controller", "all devices", "controller: .."),
        ("head", "astana-1-a 2026-11-22", "facility_head: json"),
    ];
    let expected = expected.map(|(actor, object, details)| (actor.into(), object.into(), details.into()));
    assert_eq!(readings, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn p32_a_closing_is_a_page_in_three_languages_without_scripts() {
    let office = with_history().await;
    let path = format!("/api/v1/closings/astana-1-a/{DAY}");
    for (lang, said) in [("kk", "тәуліктік жабылуы"), ("ru", "Суточное закрытие"), ("en", "Daily closing")]
    {
        let (status, headers, body) = office.answer("controller", &format!("{path}?lang={lang}"), "text/html").await;
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(
            (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
            (StatusCode::OK, "text/html; charset=utf-8")
        );
        assert!(page.contains(&format!("<html lang=\"{lang}\">")) && page.contains(said), "{page}");
        assert!(!page.contains("<script") && !page.contains("closing-"), "a text is missing: {page}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let (_, _, list) = office.answer("head", &format!("/api/v1/closings?lang={lang}"), "text/html,*/*").await;
        let list = String::from_utf8(list.to_vec()).unwrap();
        assert!(list.contains(&format!("/api/v1/closings/astana-1-a/{DAY}?format=html&amp;lang={lang}")), "{list}");
        assert!(!list.contains("kokshetau"), "{list}");
    }
    assert_eq!(office.readings().await.len(), 6);
}

#[cfg(feature = "typeset")]
#[tokio::test(flavor = "multi_thread")]
async fn p32_a_closing_is_a_pdf() {
    let office = with_history().await;
    let path = format!("/api/v1/closings/astana-1-a/{DAY}?format=pdf");
    let (status, headers, body) = office.answer("controller", &path, "*/*").await;
    assert_eq!((status, headers[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "application/pdf"));
    assert!(body.starts_with(b"%PDF-"));
    let (status, _, _) = office.answer("controller", "/api/v1/closings?format=pdf", "*/*").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
