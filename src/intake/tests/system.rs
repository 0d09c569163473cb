//! Letters of the system itself, which exist together with what they tell of.

use super::*;
use crate::store::{self, Precondition, keys};

const AIGUL: &str = "aigul@poshta.example";

fn report() -> Vec<u8> {
    letter("postmaster@poshta.example", "Auto-Submitted: auto-generated\r\n").into_bytes()
}

async fn fact(post: &Post, name: &str) -> Option<Vec<u8>> {
    let key = keys::fact(name);
    post.store.read(move |view| view.get(&key)).await.unwrap()
}

#[tokio::test]
async fn a_letter_of_the_system_comes_with_its_cause() {
    let post = Post::open().await;
    let mut batch = Batch::new();
    batch.require(Precondition::Absent(keys::fact("cause")));
    batch.put(keys::fact("cause"), b"done".to_vec());
    let receipt = post.intake.accept_system(&AIGUL.parse().unwrap(), report(), batch).await.unwrap();
    assert_eq!(fact(&post, "cause").await.as_deref(), Some(&b"done"[..]));
    let letter = post.only("aigul").await;
    assert_eq!(letter.values("Return-Path"), ["<>"], "rfc3834 nobody answers it");
    assert_eq!(letter.values("Postal-Item-Id"), [receipt.item.to_string()]);
    assert_eq!(letter.marks().len(), 3, "it is transmitted, so it is marked");
    assert!(letter.values("Received")[0].starts_with("from mx.poshta.example (this system)"));
}

#[tokio::test]
async fn without_its_cause_there_is_no_letter() {
    let post = Post::open().await;
    let mut batch = Batch::new();
    batch.put(keys::fact("taken"), b"by somebody else".to_vec());
    post.store.commit(batch).await.unwrap();
    // The first impression of a device opens it; that is not the letter's doing.
    post.devices.open_postmarks(&postal::Settings::default().facilities()).await.unwrap();
    let before = post.stats().await;
    let mut batch = Batch::new();
    batch.require(Precondition::Absent(keys::fact("taken")));
    batch.put(keys::fact("effect"), b"x".to_vec());
    let refusal = post.intake.accept_system(&AIGUL.parse().unwrap(), report(), batch).await;
    assert!(matches!(refusal, Err(Refusal::Store(store::Error::Conflict(_)))), "{refusal:?}");
    assert_eq!(post.stats().await, before);
    assert!(post.journal().await.is_empty());
}

#[tokio::test]
async fn without_its_recipient_there_is_no_effect() {
    let post = Post::open().await;
    let mut batch = Batch::new();
    batch.put(keys::fact("effect"), b"x".to_vec());
    let nobody = "nobody@poshta.example".parse().unwrap();
    let refusal = post.intake.accept_system(&nobody, report(), batch).await;
    assert!(matches!(refusal, Err(Refusal::NoSuchMailbox(_))), "{refusal:?}");
    assert_eq!(fact(&post, "effect").await, None);
}
