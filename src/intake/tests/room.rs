//! Full mailboxes, and a full disk.

use test_case::test_case;

use super::*;
use crate::quota::{self, WhenFull};
use crate::store::quota::Usage;
use crate::store::space::Told;
use crate::store::{self, accounts::OwnQuota};

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";
const ABROAD: &str = "somebody@elsewhere.kz";

/// A letter that takes much more room than its marks.
fn large() -> String {
    letter(ABROAD, "") + &"x\r\n".repeat(3200)
}

/// Bytes that a letter takes which is kept in one mailbox.
const ROOM: u64 = 20_000;

fn of(bytes: u64) -> quota::Settings {
    quota::Settings { default_bytes: bytes, official_reserve_bytes: ROOM, ..quota::Settings::default() }
}

impl Post {
    async fn usage(&self, login: &str) -> Usage {
        let id = self.accounts.find_login(login).await.unwrap().unwrap().id;
        self.store.read(move |view| view.usage(id)).await.unwrap()
    }

    /// What RCPT answers.
    async fn rcpt(&self, origin: &Origin, to: &str, announced: Option<u64>) -> Result<(), Refusal> {
        self.intake.check_room(origin, &[], &to.parse().unwrap(), announced).await.map(drop)
    }

    async fn set_quota(&self, login: &str, quota: OwnQuota) {
        let id = self.accounts.find_login(login).await.unwrap().unwrap().id;
        self.accounts.set_quota(id, quota, |account| of(ROOM).allowance(Some(account))).await.unwrap();
    }
}

fn is_full(verdict: &Result<impl std::fmt::Debug, Refusal>, recipient: &str, again: WhenFull) -> bool {
    matches!(verdict, Err(Refusal::MailboxFull { recipient: found, again: said })
        if *said == again && found.to_string() == recipient)
}

#[tokio::test]
async fn rfc1870_rcpt_refuses_what_was_announced_too_large_and_takes_the_rest() {
    let post = Post::with_quota(of(ROOM)).await;
    assert!(is_full(&post.rcpt(&stranger(), AIGUL, Some(ROOM + 1)).await, AIGUL, WhenFull::Later));
    post.rcpt(&stranger(), AIGUL, Some(ROOM)).await.unwrap();
    post.rcpt(&stranger(), AIGUL, None).await.unwrap();
}

#[test_case(WhenFull::Later; "the sender tries again")]
#[test_case(WhenFull::Never; "the sender hears of it")]
#[tokio::test]
async fn a_letter_that_does_not_fit_leaves_nothing(when_full: WhenFull) {
    let post = Post::with_quota(quota::Settings { when_full, ..of(ROOM) }).await;
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    let before = post.stats().await;
    let refused = post.accept(stranger(), ABROAD, &[AIGUL], large()).await;
    assert!(is_full(&refused, AIGUL, when_full), "{refused:?}");
    assert_eq!(post.stats().await, before);
    post.accept(stranger(), ABROAD, &[AIGUL], letter(ABROAD, "")).await.unwrap();
    assert!(post.usage("aigul").await.bytes <= ROOM);
}

#[tokio::test]
async fn one_full_mailbox_does_not_keep_a_letter_from_the_others() {
    let post = Post::with_quota(of(ROOM)).await;
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    // Its size was not announced, so RCPT took both: for aigul it is the last one.
    post.accept(stranger(), ABROAD, &[AIGUL, BOLAT], large()).await.unwrap();
    assert_eq!((post.inbox("aigul").await.len(), post.inbox("bolat").await.len()), (2, 1));
    assert!(is_full(&post.rcpt(&stranger(), AIGUL, None).await, AIGUL, WhenFull::Later));
    // Somebody else's letters came between RCPT and the content: all of it later, and then RCPT refuses aigul alone.
    let refused = post.accept(stranger(), ABROAD, &[AIGUL, BOLAT], large()).await;
    assert!(is_full(&refused, AIGUL, WhenFull::Later), "{refused:?}");
    assert_eq!((post.inbox("aigul").await.len(), post.inbox("bolat").await.len()), (2, 1));
}

#[tokio::test]
async fn an_official_letter_has_a_reserve_and_is_never_told_never() {
    let settings = quota::Settings { when_full: WhenFull::Never, official_reserve_bytes: 15_000, ..of(ROOM) };
    let post = Post::with_quota(settings).await;
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    for origin in [stranger(), peer(false)] {
        let refused = post.accept(origin.clone(), ABROAD, &[AIGUL], large()).await;
        assert!(is_full(&refused, AIGUL, WhenFull::Never), "{refused:?}");
        assert!(is_full(&post.rcpt(&origin, AIGUL, Some(ROOM)).await, AIGUL, WhenFull::Never));
    }
    post.rcpt(&peer(true), AIGUL, Some(15_000)).await.unwrap();
    post.accept(peer(true), ABROAD, &[AIGUL], large()).await.unwrap();
    let refused = post.accept(peer(true), ABROAD, &[AIGUL], large()).await;
    assert!(is_full(&refused, AIGUL, WhenFull::Later), "{refused:?}");
    assert!(is_full(&post.rcpt(&peer(true), AIGUL, Some(ROOM)).await, AIGUL, WhenFull::Later));
}

#[tokio::test]
async fn what_a_sender_calls_registered_is_not_official() {
    let post = Post::with_quota(of(ROOM)).await;
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    let registered = letter(ABROAD, "Postal-Class: registered\r\n") + &"x\r\n".repeat(3200);
    let refused = post.accept(stranger(), ABROAD, &[AIGUL], registered).await;
    assert!(is_full(&refused, AIGUL, WhenFull::Later), "{refused:?}");
}

#[tokio::test]
async fn scans_and_the_systems_own_letters_are_never_refused() {
    let post = Post::with_quota(of(1)).await;
    post.intake.accept_system(&AIGUL.parse().unwrap(), large().into_bytes(), Batch::new()).await.unwrap();
    let scan = Entrance::Scan { facility: "qaraghandy-scan".into() };
    let origin = Origin { entrance: scan, sender: Sender::Operator, connection: None };
    post.accept(origin, "", &[AIGUL], large()).await.unwrap();
    assert_eq!(post.usage("aigul").await.messages, 2);
}

#[tokio::test]
async fn an_account_has_the_quota_that_was_set_for_it() {
    let post = Post::with_quota(of(ROOM)).await;
    post.set_quota("aigul", OwnQuota { bytes: Some(0), messages: Some(2) }).await;
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    assert!(is_full(&post.rcpt(&stranger(), AIGUL, Some(1)).await, AIGUL, WhenFull::Later), "two messages");
    post.set_quota("aigul", OwnQuota::default()).await;
    assert!(is_full(&post.rcpt(&stranger(), AIGUL, Some(1)).await, AIGUL, WhenFull::Later), "more than all get");
    post.set_quota("aigul", OwnQuota { bytes: Some(0), messages: None }).await;
    post.rcpt(&stranger(), AIGUL, Some(1 << 40)).await.unwrap();
}

#[tokio::test]
async fn parallel_letters_stop_exactly_at_the_quota() {
    let post = Post::with_quota(quota::Settings { default_messages: 5, ..of(0) }).await;
    let letters = (0..12).map(|_| post.accept(stranger(), ABROAD, &[AIGUL], letter(ABROAD, "")));
    let accepted = futures_util::future::join_all(letters).await;
    assert_eq!(accepted.iter().filter(|accepted| accepted.is_ok()).count(), 5);
    assert_eq!(post.usage("aigul").await.messages, 5);
}

#[tokio::test]
async fn a_full_disk_refuses_mail_and_content_until_there_is_space_again() {
    const WATERMARK: u64 = 1 << 20;
    let disk = Arc::new(Told::plenty());
    let room = crate::store::Settings { watermark_bytes: WATERMARK, ..Default::default() };
    let post = Post::on(Settings::default(), quota::Settings::default(), &room, disk.clone(), None).await;
    let path = envelope(ABROAD, &[]).reverse_path;
    disk.say(WATERMARK - 1);
    let mail = post.intake.check_sender(&stranger(), &path).await;
    let content = post.accept(stranger(), ABROAD, &[AIGUL], large()).await.map(drop);
    for refused in [mail, content] {
        let Err(refusal @ Refusal::Store(store::Error::Full { .. })) = refused else { panic!("{refused:?}") };
        let reply = crate::smtp::proto::reply::refused(&refusal);
        assert_eq!((reply.code(), reply.enhanced()), (452, Some("4.3.1")));
    }
    assert!(post.inbox("aigul").await.is_empty() && post.journal().await.is_empty());
    disk.say(WATERMARK);
    post.intake.check_sender(&stranger(), &path).await.unwrap();
    post.accept(stranger(), ABROAD, &[AIGUL], large()).await.unwrap();
    assert_eq!(post.inbox("aigul").await.len(), 1);
}

/// FACTS E: a mailbox above its limit tells nobody that its last letter had others.
#[tokio::test]
async fn the_last_letter_fits_alone_as_it_does_with_others() {
    let post = Post::with_quota(of(10 * ROOM)).await;
    for to in [&[AIGUL][..], &[BOLAT, "reader@poshta.example"]] {
        if to.len() > 1 {
            post.accounts.create(new_account("reader", None)).await.unwrap();
        }
        let mut letters = 0;
        while post.accept(stranger(), ABROAD, to, large()).await.is_ok() {
            letters += 1;
        }
        assert!(letters > 10, "{letters}");
    }
    let (alone, shared) = (post.usage("aigul").await, post.usage("bolat").await);
    assert_eq!(alone.messages, shared.messages);
    assert!(alone.bytes > 10 * ROOM && shared.bytes > 10 * ROOM, "{alone:?} {shared:?}");
}
