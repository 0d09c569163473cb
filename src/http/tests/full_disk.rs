//! What centres and the operator hear while the disk is full, and when it is not any more.

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::http::operator::{self, Operator};

const WATERMARK: u64 = 1 << 20;

async fn office_on(disk: &Arc<Told>) -> Office {
    let room = store::Settings { watermark_bytes: WATERMARK, ..store::Settings::default() };
    office_over(Settings::default(), |dir| Store::open_on(dir, &room, disk.clone()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_disk_is_full_and_recovers() {
    let disk = Arc::new(Told::plenty());
    let office = office_on(&disk).await;
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let router = operator::router(Operator { store: office.store.clone(), metrics });
    let ready = async || {
        let asked = Request::get("/health/ready").body(Body::empty()).unwrap();
        let response = router.clone().call(asked).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ready().await, (StatusCode::OK, "ready\n".into()));
    disk.say(WATERMARK - 1);
    let (status, said) = ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.starts_with("not ready: the disk is full: 1048575 bytes free, 1048576 needed"), "{said}");
    disk.say(WATERMARK);
    assert_eq!(ready().await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9110_a_scan_is_to_be_brought_later_while_the_disk_is_full() {
    let disk = Arc::new(Told::plenty());
    let office = office_on(&disk).await;
    let meta = || Some(json!({"recipient": "aliya@poshta.example"}));
    disk.say(WATERMARK - 1);
    let response = office.router.clone().call(upload("scan", &page(), meta())).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "5");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert!(office.inbox().await.is_empty());
    disk.say(WATERMARK);
    assert_eq!(office.call(upload("scan", &page(), meta())).await.0, StatusCode::CREATED);
    assert_eq!(office.inbox().await.len(), 1);
}
