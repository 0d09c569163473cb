//! The log over HTTP: what is asked by URL is what verifies.

use super::*;
use crate::ids::ImpressionId;
use crate::tlog::checkpoint::Signed;
use crate::tlog::folder::tests::leaves;
use crate::tlog::note::Verifier;
use crate::tlog::proof::Proof;
use crate::tlog::tree::{Hash, TreeHead, verify_consistency};

impl Office {
    /// Status, type, caching and bytes.
    async fn fetch(&self, path: &str) -> (StatusCode, String, String, Vec<u8>) {
        let request = request("GET", "", path).body(Body::empty()).unwrap();
        let response = self.router.clone().call(request).await.unwrap();
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (kind, caching) = (header(header::CONTENT_TYPE), header(header::CACHE_CONTROL));
        let status = response.status();
        (status, kind, caching, to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec())
    }

    async fn text(&self, path: &str) -> String {
        let (status, kind, _, bytes) = self.fetch(path).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; charset=utf-8"), "{path}");
        String::from_utf8(bytes).unwrap()
    }

    async fn head(&self) -> TreeHead {
        let key: Verifier = self.text("/log/key").await.parse().unwrap();
        Signed::open(&self.text("/log/checkpoint").await, &key).unwrap().checkpoint.head
    }

    /// Puts impressions into the journal and publishes them.
    async fn impressions(&self, from: u64, count: u64) {
        let mut batch = crate::store::Batch::new();
        for (id, entry) in leaves(from, count) {
            let mark = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, entry.0);
            batch.journal(&json!({ "impression": id.to_string(), "mark": mark }).to_string());
        }
        self.store.commit(batch).await.unwrap();
        let publisher = self.publisher.clone();
        tokio::task::spawn_blocking(move || publisher.publish(|| true)).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tlog_tiles_checkpoint_tiles_and_entries_are_served_and_fit_together() {
    let office = office().await;
    office.impressions(0, 300).await;
    assert_eq!(office.head().await.size, 300);
    let (status, kind, caching, tile) = office.fetch("/log/tile/0/000").await;
    assert_eq!((status, kind.as_str(), tile.len()), (StatusCode::OK, "application/octet-stream", 8192));
    assert!(caching.contains("immutable"), "{caching}");
    let (_, _, caching, bundle) = office.fetch("/log/tile/entries/001.p/44").await;
    assert!(bundle.len() == 44 * 34 && caching.contains("immutable"));
    let (_, _, _, partial) = office.fetch("/log/tile/0/001.p/44").await;
    assert_eq!(Hash::of_leaf(&bundle[2..34]).0, partial[..32]);
    assert_eq!(office.fetch("/log/tile/1/000.p/1").await.3.len(), 32);
    for none in ["0/001", "0/001.p/45", "0/002.p/1", "1/000", "2/000.p/1", "entries/002", "0/1", "x", "0/../../key"] {
        assert_eq!(office.fetch(&format!("/log/tile/{none}")).await.0, StatusCode::NOT_FOUND, "{none}");
    }
    assert!(office.fetch("/log/checkpoint").await.2.contains("max-age=1"));
    for none in ["/log/daily/2020-01-01", "/log/daily/key", "/log/head", "/log/leaves"] {
        assert_eq!(office.fetch(none).await.0, StatusCode::NOT_FOUND, "{none}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tlog_proof_is_found_by_the_id_of_the_impression() {
    let office = office().await;
    office.impressions(0, 5).await;
    let key: Verifier = office.text("/log/key").await.parse().unwrap();
    for (id, entry) in leaves(0, 5) {
        let proof: Proof = office.text(&format!("/log/proof?i={id}")).await.parse().unwrap();
        assert_eq!(proof.verify(&entry, &key).unwrap().head.size, 5);
        let (_, shown) = office.get("", &format!("/log/proof?i={id}&format=json")).await;
        assert_eq!((shown["index"].as_u64(), shown["checkpoint"].as_str()), (Some(proof.index), Some(&*proof.note)));
    }
    assert_eq!(office.fetch(&format!("/log/proof?i={}", ImpressionId(1))).await.0, StatusCode::NOT_FOUND);
    assert_eq!(office.fetch("/log/proof?i=x").await.0, StatusCode::NOT_FOUND);
    assert_eq!(office.fetch("/log/proof").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn tlog_consistency_between_any_two_checkpoints() {
    let office = office().await;
    office.impressions(0, 3).await;
    let earlier = office.head().await;
    office.impressions(3, 4).await;
    let later = office.head().await;
    let text = office.text("/log/consistency?from=3&to=7").await;
    let path: Vec<Hash> = text.lines().map(|line| line.parse().unwrap()).collect();
    verify_consistency(earlier, later, &path).unwrap();
    let (_, shown) = office.get("", "/log/consistency?from=3&format=json").await;
    assert_eq!((shown["to"].as_u64(), shown["path"].as_array().unwrap().len()), (Some(7), path.len()));
    for wrong in ["from=4&to=3", "from=3&to=8", "to=3", "from=-1"] {
        let (status, ..) = office.fetch(&format!("/log/consistency?{wrong}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
