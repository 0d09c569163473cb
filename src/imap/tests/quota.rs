//! QUOTA (RFC 9208), and what a full mailbox or a full disk answers.

use std::sync::Arc;

use super::{Post, letter, settings};
use crate::quota;
use crate::store::quota::Usage;
use crate::store::space::Told;

/// A quota of so many bytes and messages; zero is without.
fn of(default_bytes: u64, default_messages: u64) -> quota::Settings {
    quota::Settings { default_bytes, default_messages, ..quota::Settings::default() }
}

async fn post(quota: quota::Settings) -> Post {
    Post::on(settings(), quota, Arc::new(Told::plenty())).await
}

#[tokio::test]
async fn rfc9208_the_quota_root_of_every_mailbox_tells_usage_and_limit() {
    let post = post(of(10 << 10, 7)).await;
    let mut client = post.client().await;
    client
        .play(
            "C: a GETQUOTAROOT INBOX
             S: * QUOTAROOT INBOX \"\"
             S: * QUOTA \"\" (STORAGE 0 10 MESSAGE 0 7)
             S: a OK …
             C: b GETQUOTAROOT \"not there yet\"
             S: * QUOTAROOT \"not there yet\" \"\"
             S: * QUOTA \"\" (STORAGE 0 10 MESSAGE 0 7)
             S: b OK …",
        )
        .await;
    client.append("INBOX", &[b'x'; 1025]).await;
    client.append("Archive", b"x").await;
    client
        .play(
            "C: c GETQUOTA \"\"
             S: * QUOTA \"\" (STORAGE 2 10 MESSAGE 2 7)
             S: c OK …
             C: d GETQUOTA other
             S: d NO [NONEXISTENT] …
             C: e SETQUOTA \"\" (STORAGE 512)
             S: e NO [NOPERM] …
             C: f SETQUOTA \"\" (STORAGE)
             S: f BAD SETQUOTA: …",
        )
        .await;
}

#[tokio::test]
async fn rfc9208_who_has_no_limit_has_no_quota_root() {
    let post = post(of(0, 0)).await;
    let mut client = post.client().await;
    client
        .play(
            "C: a GETQUOTAROOT INBOX
             S: * QUOTAROOT INBOX
             S: a OK …
             C: b GETQUOTA \"\"
             S: b NO [NONEXISTENT] …",
        )
        .await;
}

#[tokio::test]
async fn rfc9208_status_tells_what_an_expunge_would_free() {
    let post = post(of(10 << 10, 0)).await;
    let mut client = post.inbox(&[&[b'x'; 300], &[b'y'; 200], &[b'z'; 100]]).await;
    client
        .play(
            "C: a STORE 1:2 +FLAGS.SILENT (\\Deleted)
             S: a OK …
             C: b STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)
             S: * STATUS INBOX (MESSAGES 3 DELETED 2 DELETED-STORAGE 500)
             S: b OK …
             C: c STORE 2 -FLAGS.SILENT (\\Deleted)
             S: c OK …
             C: d LIST \"\" INBOX RETURN (STATUS (DELETED-STORAGE))
             S: * LIST …
             S: * STATUS INBOX (DELETED-STORAGE 300)
             S: d OK …
             C: e EXPUNGE
             S: * 1 EXPUNGE
             S: e OK …
             C: f STATUS INBOX (DELETED DELETED-STORAGE SIZE)
             S: * STATUS INBOX (DELETED 0 DELETED-STORAGE 0 SIZE 300)
             S: f OK …",
        )
        .await;
    assert!(post.check().await.is_sound());
}

#[tokio::test]
async fn rfc9208_append_and_copy_into_a_full_mailbox_are_over_quota_and_move_is_not() {
    let post = post(of(1000, 0)).await;
    let mut client = post.inbox(&[&[b'x'; 400], &[b'y'; 400]]).await;
    let refused = client.append("INBOX", &[b'z'; 201]).await;
    assert!(refused.starts_with("NO [OVERQUOTA]"), "before a byte of it was sent: {refused}");
    assert!(client.run("COPY 1 Archive").await.1.starts_with("NO [OVERQUOTA]"));
    client.ok("MOVE 1 Archive").await;
    let fits = client.append("INBOX", &[b'z'; 200]).await;
    assert!(fits.starts_with("OK [APPENDUID"), "to the last byte: {fits}");
    assert!(client.append("INBOX", b"x").await.starts_with("NO [OVERQUOTA]"));
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    assert!(client.append("INBOX", b"x").await.starts_with("OK"), "what is deleted makes room");
    assert_eq!(post.usage().await, Usage { bytes: 601, messages: 3 });
}

#[tokio::test]
async fn rfc9208_the_number_of_messages_is_a_limit_too() {
    let post = post(of(0, 2)).await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    assert!(client.append("Sent", &letter("three")).await.starts_with("NO [OVERQUOTA]"));
    assert!(client.run("COPY 1 Archive").await.1.starts_with("NO [OVERQUOTA]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_appends_stop_exactly_at_the_quota() {
    let post = post(of(0, 25)).await;
    let sessions = (0..5).map(async |session| {
        let mut client = post.client().await;
        let mut taken = 0;
        for number in 0..10 {
            let answer = client.append("INBOX", &letter(&format!("s{session}n{number}"))).await;
            assert!(answer.starts_with("OK") || answer.starts_with("NO [OVERQUOTA]"), "{answer}");
            taken += u64::from(answer.starts_with("OK"));
        }
        taken
    });
    let taken: u64 = futures_util::future::join_all(sessions).await.into_iter().sum();
    assert_eq!((taken, post.usage().await.messages), (25, 25));
}

#[tokio::test]
async fn a_full_disk_refuses_what_comes_in_and_serves_the_rest_until_there_is_space_again() {
    let disk = Arc::new(Told::plenty());
    let post = Post::on(settings(), of(0, 0), disk.clone()).await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    disk.say(Post::WATERMARK_BYTES - 1);
    let refused = client.run("COPY 1 Archive").await.1;
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    let refused = client.append("INBOX", &letter("three")).await;
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    client.ok("FETCH 1 BODY[]").await;
    // What makes room goes on, and a letter on its way to Trash is one that goes.
    client.ok("MOVE 1 Trash").await;
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    client.ok("EXPUNGE").await;
    disk.say(Post::WATERMARK_BYTES);
    client.ok("SELECT Trash").await;
    client.ok("COPY 1 Archive").await;
    assert!(client.append("INBOX", &letter("three")).await.starts_with("OK"));
}
