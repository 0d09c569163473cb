//! A message whose row is damaged keeps its place; everything else goes on around it.

use crate::ids::{FolderId, Uid};
use crate::store::{Batch, keys};

use super::client::Client;
use super::{Post, letter};

/// Three letters, of which the second has a damaged row; the session selects the inbox afterwards.
async fn with_a_damaged_row() -> (Post, Client) {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two"), &letter("three")]).await;
    client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    let folder = folder(&post, "INBOX").await;
    let mut batch = Batch::new();
    batch.put(keys::message(post.account, folder, Uid::new(2).unwrap()), vec![1, 2, 3]);
    post.store.commit(batch).await.unwrap();
    client.ok("SELECT INBOX").await;
    (post, client)
}

async fn folder(post: &Post, name: &'static str) -> FolderId {
    let account = post.account;
    post.store.read(move |view| view.folder_named(account, name)).await.unwrap().unwrap().id
}

/// RFC 5530 §3: CORRUPTION.
#[tokio::test]
async fn fetch_answers_the_others_and_names_the_message_that_cannot_be_read() {
    let (_post, mut client) = with_a_damaged_row().await;
    for items in ["(UID FLAGS)", "(UID ENVELOPE)", "(UID BODY.PEEK[TEXT])", "(UID BODY[TEXT])"] {
        let (answers, status) = client.run(&format!("FETCH 1:3 {items}")).await;
        assert!(status.starts_with("NO [CORRUPTION] ") && status.contains("UID 2"), "{items}: {status}");
        let all = answers.join("");
        assert!(all.contains("* 1 FETCH (UID 1 ") && all.contains("* 3 FETCH (UID 3 "), "{items}: {all}");
        assert!(!all.contains("* 2 FETCH"), "{items}: {all}");
    }
    let (_, status) = client.run("UID FETCH 2 FLAGS").await;
    assert!(status.starts_with("NO [CORRUPTION] "), "{status}");
    assert_eq!(client.ok("FETCH 3 UID").await, ["* 3 FETCH (UID 3)"]);
}

/// The count of SELECT, the counter of STATUS and what SEARCH finds by the sets of the folder agree.
#[tokio::test]
async fn select_status_and_search_count_it_and_rows_do_not_find_it() {
    let (post, mut client) = with_a_damaged_row().await;
    let mut other = post.client().await;
    assert!(other.ok("SELECT INBOX").await.contains(&"* 3 EXISTS".to_owned()));
    assert_eq!(other.ok("STATUS Inbox (MESSAGES UNSEEN)").await, ["* STATUS INBOX (MESSAGES 3 UNSEEN 3)"]);
    client
        .play(
            "C: a SEARCH ALL
             S: * SEARCH 1 2 3
             S: a OK …
             C: b SEARCH DELETED
             S: * SEARCH 2
             S: b OK …
             C: c SEARCH UNFLAGGED
             S: * SEARCH 1 3
             S: c OK …",
        )
        .await;
}

#[tokio::test]
async fn store_copy_and_expunge_do_what_they_can() {
    let (_post, mut client) = with_a_damaged_row().await;
    let (answers, status) = client.run("STORE 1:3 +FLAGS (\\Seen)").await;
    assert_eq!(answers, ["* 1 FETCH (FLAGS (\\Seen))", "* 3 FETCH (FLAGS (\\Seen))"]);
    assert!(status.starts_with("NO [CORRUPTION] ") && status.contains("UID 2"), "{status}");
    let (_, status) = client.run("COPY 1:3 Archive").await;
    assert!(status.starts_with("OK [COPYUID ") && status.contains(" 1,3 1:2]"), "{status}");
    let (_, status) = client.run("COPY 2 Archive").await;
    assert!(status.starts_with("NO [CORRUPTION] "), "{status}");
    assert_eq!(client.ok("EXPUNGE").await, Vec::<String>::new());
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    client
        .play(
            "C: a EXPUNGE
             S: * 1 EXPUNGE
             S: a OK …
             C: b FETCH 2 UID
             S: * 2 FETCH (UID 3)
             S: b OK …",
        )
        .await;
}

#[tokio::test]
async fn a_folder_with_such_a_message_can_be_deleted() {
    let (post, mut client) = with_a_damaged_row().await;
    client.ok("RENAME INBOX Old").await;
    client.ok("CREATE Gone").await;
    client.append("Gone", &letter("four")).await;
    let (account, folder) = (post.account, folder(&post, "Gone").await);
    let key = keys::message(account, folder, Uid::new(1).unwrap());
    let mut batch = Batch::new();
    batch.put(key.clone(), vec![1]);
    post.store.commit(batch).await.unwrap();
    client.ok("DELETE Gone").await;
    let left = post.store.read(move |view| {
        let sets = keys::folder_sets(account, folder);
        Ok((view.get(&key)?, view.range(&sets, &keys::after(&sets), 10)?))
    });
    assert_eq!(left.await.unwrap(), (None, Vec::new()));
}
