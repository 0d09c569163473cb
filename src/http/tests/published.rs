//! What everybody may know of the marks, over HTTP.

use super::*;
use crate::devices::Handling;
use crate::postal::MarksFile;

const PATH: &str = "/.well-known/poshta-marks.json";

impl Office {
    /// Status, entity tag and bytes, for one who has what bears this tag.
    async fn published(&self, known: &str) -> (StatusCode, String, axum::body::Bytes) {
        let asked = request("GET", "", PATH).header(header::IF_NONE_MATCH, known).body(Body::empty()).unwrap();
        let response = self.router.clone().call(asked).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let tag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
        (response.status(), tag, to_bytes(response.into_body(), 10 << 20).await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9110_13_1_2_what_is_published_is_sent_again_when_a_device_was_revoked() {
    let office = office().await;
    let (status, tag, bytes) = office.published("\"other\"").await;
    assert_eq!(status, StatusCode::OK);
    let first: MarksFile = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(first, *office.devices.marks());
    let (status, again, bytes) = office.published(&tag).await;
    assert_eq!((status, again == tag, bytes.len()), (StatusCode::NOT_MODIFIED, true, 0));
    let device = first.operators.iter().flat_map(|operator| &operator.facilities).find_map(|it| it.devices.first());
    let revoke = Handling::Revoke { reason: "lost".into() };
    office.devices.handle(&device.unwrap().id, revoke, "test").await.unwrap();
    let (status, new, bytes) = office.published(&tag).await;
    assert_eq!((status, new == tag), (StatusCode::OK, false));
    assert_ne!(serde_json::from_slice::<MarksFile>(&bytes).unwrap(), first);
}
