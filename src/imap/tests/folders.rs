//! CREATE, DELETE, RENAME, LIST, LSUB, STATUS and SELECT.

use super::{Post, letter};

#[tokio::test]
async fn rfc6154_a_new_account_has_its_folders() {
    let post = Post::open().await;
    let mut client = post.client().await;
    let list = client.ok("LIST \"\" *").await.join("\n");
    for (folder, mark) in
        [("Sent", "\\Sent"), ("Drafts", "\\Drafts"), ("Junk", "\\Junk"), ("Trash", "\\Trash"), ("Archive", "\\Archive")]
    {
        let line = list.lines().find(|line| line.ends_with(folder)).unwrap_or_else(|| panic!("{folder} in {list}"));
        assert!(line.contains(mark), "{line}");
    }
    assert!(list.starts_with("* LIST (\\HasNoChildren) \"/\" INBOX"), "{list}");
}

#[tokio::test]
async fn rfc9051_list_with_an_empty_pattern_tells_the_separator() {
    let post = Post::open().await;
    let mut client = post.client().await;
    assert_eq!(client.ok("LIST \"\" \"\"").await, ["* LIST (\\Noselect) \"/\" \"\""]);
}

#[tokio::test]
async fn rfc9051_create_rename_delete() {
    let post = Post::open().await;
    let mut client = post.client().await;
    client.ok("CREATE a/b").await;
    client.append("a/b", &letter("one")).await;
    assert!(client.run("CREATE a/b").await.1.starts_with("NO [ALREADYEXISTS]"));
    assert!(client.run("CREATE inbox").await.1.starts_with("NO [ALREADYEXISTS]"));
    client.ok("RENAME a/b c/d").await;
    client
        .play(
            "C: x LIST \"\" (a% c*)
             S: * LIST (\\HasNoChildren) \"/\" a
             S: * LIST (\\HasChildren) \"/\" c
             S: * LIST (\\HasNoChildren) \"/\" c/d
             S: x OK …
             C: y STATUS c/d (MESSAGES UIDNEXT)
             S: * STATUS c/d (MESSAGES 1 UIDNEXT 2)
             S: y OK …",
        )
        .await;
    client.ok("DELETE c").await;
    client.play("C: z LIST \"\" c\nS: * LIST (\\N… \\HasChildren) \"/\" c\nS: z OK …").await;
    assert!(client.run("DELETE c/x").await.1.starts_with("NO [NONEXISTENT]"));
    assert!(client.run("DELETE INBOX").await.1.starts_with("NO "));
}

#[tokio::test]
async fn rfc3501_lsub_and_subscriptions() {
    let post = Post::open().await;
    let mut client = post.client().await;
    for name in client.ok("LSUB \"\" *").await {
        let name = name.rsplit(' ').next().unwrap().to_owned();
        client.ok(&format!("UNSUBSCRIBE {name}")).await;
    }
    client.ok("CREATE p/q").await;
    client.ok("SUBSCRIBE p/q").await;
    client
        .play(
            "C: a LSUB \"\" *
             S: * LSUB (…) \"/\" p/q
             S: a OK …
             C: b LSUB \"\" %
             S: * LSUB (\\Noselect…) \"/\" p
             S: b OK …
             C: c LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %
             S: * LIST (…) \"/\" p (\"CHILDINFO\" (\"SUBSCRIBED\"))
             S: c OK …
             C: d LIST (SUBSCRIBED) \"\" *
             S: * LIST (…\\Subscribed…) \"/\" p/q
             S: d OK …",
        )
        .await;
    client.ok("DELETE p/q").await;
    // RFC 5258 §3: extended LIST tells what does not exist in its own word.
    client
        .play(
            "C: e LIST (SUBSCRIBED) \"\" *
             S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" p/q
             S: e OK …
             C: f LSUB \"\" *
             S: * LSUB (\\Noselect…) \"/\" p/q
             S: f OK …",
        )
        .await;
    client.ok("UNSUBSCRIBE p/q").await;
    assert_eq!(client.ok("LSUB \"\" *").await, Vec::<String>::new());
}

#[tokio::test]
async fn rfc5819_list_returns_status() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client
        .play(
            "C: a LIST \"\" INBOX RETURN (STATUS (MESSAGES UNSEEN) CHILDREN)
             S: * LIST (\\HasNoChildren) \"/\" INBOX
             S: * STATUS INBOX (MESSAGES 1 UNSEEN 1)
             S: a OK …",
        )
        .await;
}

#[tokio::test]
async fn rfc3501_names_are_modified_utf7_until_the_client_enables_utf8() {
    let post = Post::open().await;
    let mut client = post.client().await;
    client.ok("CREATE &BB8EPgRHBEIEMA-").await;
    assert!(client.ok("LIST \"\" *").await.iter().any(|line| line.ends_with(" &BB8EPgRHBEIEMA-")));
    client.ok("ENABLE IMAP4rev2").await;
    assert!(client.ok("LIST \"\" *").await.iter().any(|line| line.ends_with(" \"Почта\"")));
}

#[tokio::test]
async fn rfc3501_select_answers() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one"), &letter("two")]).await;
    client.ok("STORE 1 +FLAGS.SILENT (\\Seen)").await;
    client
        .play(
            "C: a SELECT INBOX
             S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
             S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] …
             S: * 2 EXISTS
             S: * 0 RECENT
             S: * OK [UNSEEN 2] …
             S: * OK [UIDVALIDITY …] …
             S: * OK [UIDNEXT 3] …
             S: a OK [READ-WRITE] …
             C: b SELECT Nowhere
             S: b NO [NONEXISTENT] …",
        )
        .await;
    // RFC 9051 §6.3.2: a SELECT that fails leaves nothing selected.
    assert!(client.run("FETCH 1 UID").await.1.starts_with("BAD"));
}

#[tokio::test]
async fn rfc9051_select_in_rev2_lists_the_folder_and_knows_no_recent() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client.ok("ENABLE IMAP4rev2").await;
    let answers = client.ok("EXAMINE INBOX").await.join("\n");
    assert!(answers.contains("* OK [CLOSED]"), "{answers}");
    assert!(answers.contains("* LIST (") && answers.contains("\"/\" INBOX"), "{answers}");
    assert!(answers.contains("[PERMANENTFLAGS ()]"), "{answers}");
    assert!(!answers.contains("RECENT"), "{answers}");
}
