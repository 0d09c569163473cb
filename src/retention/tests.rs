//! What goes, what stays, and what it costs to find out.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::ids::{EmailId, ModSeq, ThreadId};
use crate::intake::tests::{FixedClock, Post};
use crate::store::mailboxes::{Change, NewMessage, Origin, Prefix};
use crate::store::quota::Allowance;

const DAY_S: i64 = 24 * 3600;

struct Fixture {
    post: Post,
    retention: Retention,
    account: AccountId,
}

async fn fixture(settings: Settings) -> Fixture {
    let post = Post::open().await;
    let account = post.accounts.find_login("aigul").await.unwrap().unwrap().id;
    let retention = Retention::new(settings, post.store.clone(), post.world.clone());
    Fixture { post, retention, account }
}

fn onwards(_: Done) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl Fixture {
    fn clock(&self) -> &FixedClock {
        &self.post.clock
    }

    async fn folder(&self, name: &str) -> FolderId {
        let (account, name) = (self.account, name.to_owned());
        self.post.store.read(move |view| view.folder_named(account, &name)).await.unwrap().unwrap().id
    }

    async fn deposit(&self, folder: &str, count: usize) {
        let folder = self.folder(folder).await;
        for number in 0..count {
            let mut writer = self.post.store.stage();
            writer.write(format!("Subject: {number}\r\n\r\n").as_bytes()).unwrap();
            let body = writer.finish().unwrap();
            let now = self.post.world.now();
            let none = Prefix { record: None, len: 0 };
            let message = NewMessage {
                account: self.account,
                folder,
                flags: Default::default(),
                keywords: Default::default(),
                // What counts is when it came into the folder.
                internal_date: Timestamp::UNIX_EPOCH,
                save_date: now,
                item: None,
                email: EmailId::generate(&self.post.world),
                thread: ThreadId::generate(&self.post.world),
                message_id: None,
                origin: Origin::Deposited,
                recipient_prefix: none,
                item_prefix: none,
                body: body.id(),
                body_bytes: body.len(),
                summary: Vec::new(),
            };
            self.post.store.append(message, body, Vec::new(), &Allowance::default()).await.unwrap();
        }
    }

    async fn count(&self, folder: &str) -> u32 {
        let (account, folder) = (self.account, self.folder(folder).await);
        self.post.store.read(move |view| view.folder_state(account, folder)).await.unwrap().messages
    }

    async fn sweep(&self, mode: Mode) -> Expired {
        self.retention.sweep(mode, Speed::Full, onwards).await.unwrap()
    }
}

#[tokio::test]
async fn rfc8514_letters_go_when_they_have_lain_there_for_so_many_days() {
    let settings = Settings { trash_days: 30, junk_days: 7, ..Settings::default() };
    let fixture = fixture(settings).await;
    for folder in ["Trash", "Junk", "INBOX", "Archive"] {
        fixture.deposit(folder, 3).await;
    }
    fixture.clock().advance_s(7 * DAY_S);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 0, "exactly seven days are not over yet");
    fixture.clock().advance_s(1);
    fixture.deposit("Junk", 1).await;
    let expired = fixture.sweep(Mode::Remove).await;
    assert_eq!((expired.accounts, expired.folders, expired.messages), (3, 1, 3));
    assert_eq!((fixture.count("Junk").await, fixture.count("Trash").await), (1, 3));
    fixture.clock().advance_s(23 * DAY_S);
    let expired = fixture.sweep(Mode::Remove).await;
    assert_eq!((expired.folders, expired.messages, expired.bytes), (2, 4, 4 * 14));
    assert_eq!((fixture.count("INBOX").await, fixture.count("Archive").await), (3, 3));
}

#[tokio::test]
async fn a_dry_run_counts_the_same_and_removes_nothing() {
    let fixture = fixture(Settings::default()).await;
    fixture.deposit("Trash", 5).await;
    fixture.clock().advance_s(31 * DAY_S);
    fixture.deposit("Trash", 2).await;
    let counted = fixture.sweep(Mode::Count).await;
    assert_eq!((counted.messages, fixture.count("Trash").await), (5, 7));
    assert_eq!(fixture.sweep(Mode::Remove).await, counted);
    assert_eq!(fixture.sweep(Mode::Count).await.messages, 0);
}

#[tokio::test]
async fn zero_days_are_for_ever() {
    let fixture = fixture(Settings { trash_days: 0, ..Settings::default() }).await;
    fixture.deposit("Trash", 1).await;
    fixture.deposit("Junk", 1).await;
    fixture.clock().advance_s(10_000 * DAY_S);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 1);
    assert_eq!((fixture.count("Trash").await, fixture.count("Junk").await), (1, 0));
}

#[tokio::test]
async fn many_letters_go_in_chunks_and_everything_fits_together() {
    let fixture = fixture(Settings::default()).await;
    fixture.deposit("Trash", CHUNK + 3).await;
    fixture.clock().advance_s(31 * DAY_S);
    fixture.deposit("Trash", 1).await;
    let (account, trash) = (fixture.account, fixture.folder("Trash").await);
    let before = fixture.post.store.read(move |view| view.folder_state(account, trash)).await.unwrap();
    let mut watcher = fixture.post.store.watch(store::Topic::Folder(account, trash));
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, CHUNK as u64 + 3);
    watcher.changed().await;
    // As an EXPUNGE: a MODSEQ for each chunk, and an entry for each UID.
    let since = before.highest_modseq;
    let changes = fixture.post.store.read(move |view| view.changes_since(account, trash, since, usize::MAX));
    let changes = changes.await.unwrap();
    assert!(changes.iter().all(|(_, change)| matches!(change, Change::Expunged(_))));
    assert_eq!((changes.len(), changes.last().unwrap().0), (CHUNK + 3, ModSeq(since.0 + 2)));
    let after = fixture.post.store.read(move |view| view.folder_state(account, trash)).await.unwrap();
    assert_eq!((after.messages, after.uid_next), (1, before.uid_next));
    let store = fixture.post.store.clone();
    let verdict = tokio::task::spawn_blocking(move || store.check().unwrap()).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_is_found_by_its_use_whatever_it_is_called() {
    let fixture = fixture(Settings::default()).await;
    let now = fixture.post.world.now();
    fixture.post.store.rename_folder(fixture.account, "Trash", "Себет", now).await.unwrap();
    fixture.post.store.create_folder(fixture.account, "Trash", None).await.unwrap();
    fixture.deposit("Себет", 1).await;
    fixture.deposit("Trash", 1).await;
    fixture.clock().advance_s(31 * DAY_S);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 1);
    assert_eq!((fixture.count("Себет").await, fixture.count("Trash").await), (0, 1));
}

#[tokio::test]
async fn folders_below_trash_and_junk_are_emptied_with_them() {
    let fixture = fixture(Settings { trash_days: 30, junk_days: 7, ..Settings::default() }).await;
    let store = &fixture.post.store;
    // What is for something else is so wherever it stands.
    store.rename_folder(fixture.account, "Sent", "Trash/Sent", fixture.post.world.now()).await.unwrap();
    for name in ["Trash/2025", "Junk/ads/worse", "Trashes", "Trash/Sent"] {
        if name != "Trash/Sent" {
            store.create_folder(fixture.account, name, None).await.unwrap();
        }
        fixture.deposit(name, 2).await;
    }
    fixture.clock().advance_s(7 * DAY_S + 1);
    fixture.deposit("Trash/2025", 1).await;
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 2);
    assert_eq!(fixture.count("Junk/ads/worse").await, 0);
    fixture.clock().advance_s(23 * DAY_S);
    let expired = fixture.sweep(Mode::Remove).await;
    assert_eq!((expired.folders, expired.messages), (1, 2));
    let left = [fixture.count("Trash/2025").await, fixture.count("Trashes").await, fixture.count("Trash/Sent").await];
    assert_eq!(left, [1, 2, 2]);
}

#[tokio::test]
async fn a_folder_that_was_thrown_away_lies_there_since_then() {
    let fixture = fixture(Settings::default()).await;
    let store = &fixture.post.store;
    for name in ["Work", "Work/2025"] {
        store.create_folder(fixture.account, name, None).await.unwrap();
        fixture.deposit(name, 2).await;
    }
    fixture.clock().advance_s(100 * DAY_S);
    store.rename_folder(fixture.account, "Work", "Trash/Work", fixture.post.world.now()).await.unwrap();
    fixture.clock().advance_s(30 * DAY_S);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 0, "exactly thirty days are not over yet");
    fixture.clock().advance_s(1);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 4);
    // Taken out in time, it stays.
    fixture.deposit("Trash/Work", 1).await;
    store.rename_folder(fixture.account, "Trash/Work", "Work", fixture.post.world.now()).await.unwrap();
    fixture.clock().advance_s(31 * DAY_S);
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 0);
    let store = store.clone();
    let verdict = tokio::task::spawn_blocking(move || store.check().unwrap()).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_closed_account_keeps_its_letters_for_so_many_days() {
    let fixture = fixture(Settings { closed_days: 10, ..Settings::default() }).await;
    fixture.deposit("Trash", 1).await;
    fixture.deposit("INBOX", 2).await;
    fixture.clock().advance_s(31 * DAY_S);
    fixture.post.accounts.close(fixture.account).await.unwrap();
    fixture.clock().advance_s(10 * DAY_S - 1);
    assert_eq!(fixture.sweep(Mode::Remove).await, Expired { accounts: 3, ..Expired::default() });
    assert_eq!(fixture.count("Trash").await, 1, "not even Trash is emptied");
    fixture.clock().advance_s(1);
    let account = fixture.account;
    let folders = || fixture.post.store.read(move |view| Ok(view.folders(account)?.len()));
    let counted = fixture.sweep(Mode::Count).await;
    let all = folders().await.unwrap();
    assert_eq!(counted, Expired { accounts: 3, folders: all as u64, messages: 3, bytes: 3 * 14 });
    assert_eq!(fixture.sweep(Mode::Remove).await, counted);
    assert_eq!(folders().await.unwrap(), 0);
    assert_eq!(fixture.sweep(Mode::Remove).await, Expired { accounts: 3, ..Expired::default() });
}

#[tokio::test]
async fn a_letter_that_was_moved_out_in_time_stays() {
    let fixture = fixture(Settings::default()).await;
    fixture.deposit("Trash", 2).await;
    fixture.clock().advance_s(31 * DAY_S);
    let (trash, junk) = (fixture.folder("Trash").await, fixture.folder("Junk").await);
    let now = fixture.post.world.now();
    let first = vec![Uid::new(1).unwrap()];
    fixture.post.store.move_messages(fixture.account, trash, first, junk, now).await.unwrap();
    assert_eq!(fixture.sweep(Mode::Remove).await.messages, 1);
    assert_eq!((fixture.count("Trash").await, fixture.count("Junk").await), (0, 1), "it is new in Junk");
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let fixture = fixture(Settings::default()).await;
    fixture.deposit("Trash", CHUNK + 1).await;
    fixture.clock().advance_s(31 * DAY_S);
    let stopped = AtomicBool::new(false);
    let once = |done: Done| {
        if done.bytes > 0 && !stopped.swap(true, Ordering::SeqCst) { ControlFlow::Break(()) } else { onwards(done) }
    };
    let swept = fixture.retention.sweep(Mode::Remove, Speed::Full, once).await;
    assert!(matches!(swept, Err(store::Error::Stopped)));
    assert_eq!(fixture.count("Trash").await, 1);
}

#[tokio::test]
async fn a_gentle_sweep_takes_the_time_that_its_letters_are_given() {
    let settings = Settings { max_accounts_per_s: 0, max_messages_per_s: 20, ..Settings::default() };
    let fixture = fixture(settings).await;
    fixture.deposit("Trash", 4).await;
    fixture.clock().advance_s(31 * DAY_S);
    let begun = Instant::now();
    fixture.retention.sweep(Mode::Remove, Speed::Gentle, onwards).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200));
}
