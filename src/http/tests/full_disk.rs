//! What centres and the operator hear while the disk is full or does not answer, and when it is well again.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::http::operator::{self, Operator};
use crate::store::Batch;
use crate::store::engine::memory::MemoryDisk;

const WATERMARK: u64 = 1 << 20;

async fn office_on(disk: &Arc<Told>) -> Office {
    let room = store::Settings { watermark_bytes: WATERMARK, ..store::Settings::default() };
    office_over(Settings::default(), |dir| Store::open_on(dir, &room, disk.clone()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_disk_is_full_and_recovers() {
    let disk = Arc::new(Told::plenty());
    let office = office_on(&disk).await;
    assert_eq!(ready(&office).await, (StatusCode::OK, "ready\n".into()));
    disk.say(WATERMARK - 1);
    let (status, said) = ready(&office).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.starts_with("not ready: the disk is full: 1048575 bytes free, 1048576 needed"), "{said}");
    disk.say(WATERMARK);
    assert_eq!(ready(&office).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn m6_the_overview_says_in_the_language_of_its_reader_that_the_disk_is_full() {
    let disk = Arc::new(Told::plenty());
    let office = office_on(&disk).await;
    let admin = office.person("saule", &[crate::identity::Role::Administrator]).await;
    disk.say(WATERMARK - 1);
    let parts = [("kk", "Дискіде 1023"), ("ru", "На диске свободно 1023"), ("en", "1023 KB are free on the disk")];
    for (lang, part) in parts {
        let (_, _, page) = admin.get(&format!("/admin?lang={lang}")).await;
        assert!(page.contains(part), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_disk_does_not_answer() {
    let disk = MemoryDisk::default();
    let impatient = store::Settings { engine_deadline_s: 3, watermark_bytes: 0, ..store::Settings::default() };
    let engine = Box::new(disk.clone());
    let office =
        office_over(Settings::default(), |dir| Store::open_with_engine(dir, &impatient, engine).unwrap()).await;
    disk.hold_sync();
    let mut batch = Batch::new();
    batch.put(b"zkey".to_vec(), b"value".to_vec());
    office.store.commit(batch).await.unwrap_err();
    let (status, said) = ready(&office).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.starts_with("not ready: the disk or the row engine has not answered for 3 s"), "{said}");
    disk.release_sync();
}

/// Status and text of the operator's question.
async fn ready(office: &Office) -> (StatusCode, String) {
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let mut router =
        operator::router(Operator { store: office.store.clone(), devices: office.devices.clone(), metrics });
    let response = router.call(Request::get("/health/ready").body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
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
