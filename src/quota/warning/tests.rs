//! The letter, and when it is written.

use super::*;
use crate::intake::tests::{Post, letter, stranger};
use crate::store::quota::Limit;

const AIGUL: &str = "aigul@poshta.example";
const ABROAD: &str = "somebody@elsewhere.kz";

fn warnings(post: &Post, settings: &Settings) -> Warnings {
    Warnings {
        settings: settings.clone(),
        store: post.store.clone(),
        intake: post.intake.clone(),
        world: post.world.clone(),
        mail_domain: "poshta.example".into(),
    }
}

/// Ten messages; warned at nine, calm below eight.
fn ten() -> Settings {
    Settings { default_messages: 10, ..Settings::default() }
}

async fn deliver(post: &Post, count: usize) {
    for _ in 0..count {
        post.accept(stranger(), ABROAD, &[AIGUL], letter(ABROAD, "")).await.unwrap();
    }
}

/// The warnings in the inbox.
async fn told(post: &Post) -> usize {
    let letters = post.inbox("aigul").await;
    letters.iter().filter(|letter| letter.values("Message-ID")[0].starts_with("<quota.")).count()
}

/// Removes the oldest letters of the inbox.
async fn expunge(post: &Post, count: usize) {
    let id = post.accounts.find_login("aigul").await.unwrap().unwrap().id;
    let read = post.store.read(move |view| {
        let inbox = view.folder_named(id, "INBOX")?.unwrap().id;
        Ok((inbox, view.uids(id, inbox)?))
    });
    let (inbox, uids) = read.await.unwrap();
    let all = crate::store::mailboxes::Condemned::SavedBefore(crate::clock::Timestamp::MAX);
    let gone = post.store.remove_condemned(id, inbox, &uids.iter().take(count).collect::<Vec<_>>(), all).await.unwrap();
    assert_eq!(gone.len(), count);
}

#[tokio::test]
async fn a_user_is_warned_once_and_again_only_after_there_was_room() {
    let post = Post::with_quota(ten()).await;
    let warnings = warnings(&post, &ten());
    deliver(&post, 8).await;
    assert_eq!(warnings.send_all().await.unwrap(), 0, "eight of ten");
    deliver(&post, 1).await;
    assert_eq!(warnings.send_all().await.unwrap(), 1, "nine of ten");
    assert_eq!((warnings.send_all().await.unwrap(), told(&post).await), (0, 1));
    expunge(&post, 2).await;
    deliver(&post, 1).await;
    assert_eq!(warnings.send_all().await.unwrap(), 0, "eight were not calm");
    expunge(&post, 2).await;
    deliver(&post, 2).await;
    assert_eq!((warnings.send_all().await.unwrap(), told(&post).await), (1, 2));
}

#[tokio::test]
async fn a_full_mailbox_still_gets_its_warning() {
    let settings = Settings { default_messages: 1, ..Settings::default() };
    let post = Post::with_quota(settings.clone()).await;
    deliver(&post, 1).await;
    assert_eq!(warnings(&post, &settings).send_all().await.unwrap(), 1);
    assert_eq!(told(&post).await, 1);
}

#[tokio::test]
async fn who_made_room_or_is_gone_is_not_warned() {
    let post = Post::with_quota(ten()).await;
    deliver(&post, 9).await;
    // The operator gave more room, and the configuration was not the one that the letters came under.
    let wider = Settings { default_messages: 100, ..Settings::default() };
    assert_eq!(warnings(&post, &wider).send_all().await.unwrap(), 0);
    assert!(post.store.read(|view| view.untold(10)).await.unwrap().is_empty());
    expunge(&post, 5).await;
    deliver(&post, 5).await;
    let id = post.accounts.find_login("aigul").await.unwrap().unwrap().id;
    post.accounts.close(id).await.unwrap();
    assert_eq!(warnings(&post, &ten()).send_all().await.unwrap(), 0);
    assert!(post.store.read(|view| view.untold(10)).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_who_tell_at_once_tell_once() {
    let post = Post::with_quota(ten()).await;
    deliver(&post, 9).await;
    let warnings = warnings(&post, &ten());
    let (one, other) = tokio::join!(warnings.send_all(), warnings.send_all());
    assert_eq!((one.unwrap() + other.unwrap(), told(&post).await), (1, 1));
}

#[tokio::test]
async fn the_worker_wakes_when_a_line_is_crossed() {
    let post = Post::with_quota(ten()).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(warnings(&post, &ten()).run(stop.clone()));
    deliver(&post, 9).await;
    while told(&post).await == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    worker.await.unwrap();
    assert_eq!(told(&post).await, 1);
}

#[tokio::test]
async fn p25_the_letter_says_in_three_languages_how_much_and_what_to_do() {
    let post = Post::with_quota(ten()).await;
    let account = post.accounts.find_login("aigul").await.unwrap().unwrap();
    let limit = |most| Limit { most: Some(most), warn_above: Some(0), calm_at: 0 };
    let allowance = Allowance { bytes: limit(10 << 30), messages: limit(5000) };
    let held = Usage { bytes: 9 << 30, messages: 4600 };
    let bytes = warnings(&post, &ten()).letter(&account, &allowance, held);
    let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
    let (subject, body) = (message.subject().unwrap(), message.body_text(0).unwrap());
    assert_eq!(subject.matches("92 %").count(), 3, "{subject}");
    for words in ["9 ГБ", "Себет", "9 GB of 10 GB", "4600 of 5000", "Trash", "Корзина", "9 ГБ из 10 ГБ"]
    {
        assert!(body.contains(words), "{words} in {body}");
    }
    assert!(!body.contains("quota-"), "{body}");
    assert_eq!(message.header("Auto-Submitted").and_then(|value| value.as_text()), Some("auto-generated"));
}
