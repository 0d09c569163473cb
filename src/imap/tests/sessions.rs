//! Several sessions on one folder, IDLE, and how sessions begin and end.

use std::time::Instant;

use super::{Post, letter, settings};
use crate::auth::Secret;
use crate::imap::{Settings, proto};

#[tokio::test]
async fn rfc2177_idle_pushes_a_new_message_within_100_ms() {
    let post = Post::open().await;
    let mut waiting = post.inbox(&[]).await;
    waiting.play("C: i IDLE\nS: + …").await;
    let mut writer = post.client().await;
    let mut pushed = Vec::new();
    for number in 1..=9 {
        writer.append("INBOX", &letter("one")).await;
        let committed = Instant::now();
        waiting.expect(&format!("* {number} EXISTS")).await;
        pushed.push(committed.elapsed());
    }
    // Most: one alone may have met a busy machine.
    pushed.sort_unstable();
    assert!(pushed[4].as_millis() < 100, "{pushed:?}");
    waiting.play("C: DONE\nS: i OK …").await;
}

#[tokio::test]
async fn rfc2177_idle_tells_flags_and_expunges_of_others() {
    let post = Post::open().await;
    let mut waiting = post.inbox(&[&letter("one"), &letter("two")]).await;
    let mut other = post.inbox(&[]).await;
    waiting.play("C: i IDLE\nS: + …").await;
    other.ok("STORE 2 +FLAGS (\\Seen)").await;
    waiting.expect("* 2 FETCH (UID 2 FLAGS (\\Seen))").await;
    other.ok("STORE 1 +FLAGS (\\Deleted)").await;
    waiting.expect("* 1 FETCH (UID 1 FLAGS (\\Deleted))").await;
    other.ok("EXPUNGE").await;
    waiting.play("S: * 1 EXPUNGE\nC: DONE\nS: i OK …").await;
}

#[tokio::test]
async fn rfc9051_no_expunge_during_fetch_store_and_search() {
    let post = Post::open().await;
    let mut reader = post.inbox(&[&letter("one"), &letter("two"), &letter("three")]).await;
    let mut other = post.inbox(&[]).await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    reader
        .play(
            "C: a FETCH 2 UID
             S: * 2 FETCH (UID 2)
             S: a OK …
             C: b SEARCH UID 2:3
             S: * SEARCH 2 3
             S: b OK …
             C: c STORE 3 +FLAGS (\\Flagged)
             S: * 3 FETCH (FLAGS (\\Flagged))
             S: c OK …
             C: d FETCH 1 FLAGS
             S: d NO [EXPUNGEISSUED] …
             C: e NOOP
             S: * 1 EXPUNGE
             S: e OK …
             C: f FETCH 2 (UID FLAGS)
             S: * 2 FETCH (UID 3 FLAGS (\\Flagged))
             S: f OK …",
        )
        .await;
}

#[tokio::test]
async fn two_sessions_agree_after_noop() {
    let post = Post::open().await;
    let mut one = post.inbox(&[&letter("a"), &letter("b"), &letter("c")]).await;
    let mut two = post.inbox(&[]).await;
    one.ok("STORE 1:3 +FLAGS.SILENT (\\Seen)").await;
    two.ok("MOVE 2 Archive").await;
    one.append("INBOX", &letter("d")).await;
    one.ok("NOOP").await;
    two.ok("NOOP").await;
    let seen = one.ok("FETCH 1:* (UID FLAGS)").await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen, two.ok("FETCH 1:* (UID FLAGS)").await);
}

/// A message whose flags changed since it came stands in the change index behind those that came after it.
#[tokio::test]
async fn a_new_message_whose_flags_changed_already_is_not_missed() {
    let post = Post::open().await;
    let mut reader = post.inbox(&[&letter("one")]).await;
    let mut other = post.inbox(&[&letter("two"), &letter("three")]).await;
    other.ok("STORE 2 +FLAGS (\\Seen)").await;
    reader
        .play(
            "C: a NOOP
             S: * 3 EXISTS
             S: a OK …
             C: b FETCH 1:3 (UID FLAGS)
             S: * 1 FETCH (UID 1 FLAGS ())
             S: * 2 FETCH (UID 2 FLAGS (\\Seen))
             S: * 3 FETCH (UID 3 FLAGS ())
             S: b OK …",
        )
        .await;
}

#[tokio::test]
async fn a_keyword_of_another_session_is_told_with_the_flags_that_a_fetch_sets() {
    let post = Post::open().await;
    let mut reader = post.inbox(&[&letter("one")]).await;
    let mut other = post.inbox(&[]).await;
    other.ok("STORE 1 +FLAGS.SILENT (Fresh)").await;
    let answers = reader.ok("FETCH 1 BODY[TEXT]<0.5>").await;
    assert!(answers[0].starts_with("* FLAGS (") && answers[0].contains("Fresh"), "{answers:?}");
    assert_eq!(answers.last().unwrap(), "* 1 FETCH (BODY[TEXT]<0> {5}\nHello FLAGS (\\Seen Fresh))");
}

#[tokio::test]
async fn own_changes_are_told_once() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    assert_eq!(client.ok("STORE 1 +FLAGS (\\Seen)").await.len(), 1);
    assert_eq!(client.ok("NOOP").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_session_whose_folder_is_deleted_hears_bye() {
    let post = Post::open().await;
    let mut owner = post.client().await;
    owner.ok("CREATE Gone").await;
    let mut reader = post.client().await;
    reader.ok("SELECT Gone").await;
    reader.play("C: i IDLE\nS: + …").await;
    owner.ok("DELETE Gone").await;
    reader.expect("* BYE …").await;
    assert!(reader.is_closed().await);
}

#[tokio::test]
async fn deleting_the_own_selected_folder_closes_it() {
    let post = Post::open().await;
    let mut client = post.client().await;
    client.ok("CREATE Gone").await;
    client.ok("SELECT Gone").await;
    client.ok("DELETE Gone").await;
    client.ok("NOOP").await;
    assert!(client.run("FETCH 1 FLAGS").await.1.starts_with("BAD"));
    client.ok("SELECT INBOX").await;
}

#[tokio::test]
async fn rfc9051_login_is_refused_without_tls() {
    let post = Post::with(Settings { protocol: proto::Settings::default(), ..settings() }).await;
    let mut client = post.visitor().await;
    let (_, end) = client.run("LOGIN aliya secret").await;
    assert!(end.starts_with("NO [PRIVACYREQUIRED]"), "{end}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_too_many_close() {
    let mut settings = settings();
    settings.protocol.max_login_failures = 2;
    let post = Post::with(settings).await;
    let mut client = post.visitor().await;
    client.play("C: a LOGIN aliya wrong\nS: a NO [AUTHENTICATIONFAILED] …").await;
    client.play("C: b LOGIN nobody wrong\nS: b NO [AUTHENTICATIONFAILED] …\nS: * BYE …").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_visitor_who_says_nothing_is_sent_away() {
    let settings = Settings { login_timeout_s: 1, ..settings() };
    let post = Post::with(settings).await;
    let mut client = post.visitor().await;
    client.expect("* BYE …").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn rfc9051_autologout_after_the_idle_timeout() {
    let settings = Settings { idle_timeout_s: 3, ..settings() };
    let post = Post::with(settings).await;
    let mut client = post.inbox(&[]).await;
    client.play("C: i IDLE\nS: + …\nS: * BYE …").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn rfc9051_the_time_of_an_answer_is_not_idleness() {
    let settings = Settings { idle_timeout_s: 4, ..settings() };
    let post = Post::with(settings).await;
    let large = [letter("large"), vec![b'x'; 4 << 20]].concat();
    let mut client = post.inbox(&[&large]).await;
    let mut other = post.client().await;
    let parts: Vec<String> = (0..8).map(|part| format!("BODY.PEEK[]<{part}.{}>", large.len())).collect();
    // More than the sockets hold, so the server cannot end its answer before the client begins to read.
    client.send(&format!("a FETCH 1 ({})\r\n", parts.join(" "))).await;
    let asked = Instant::now();
    while asked.elapsed().as_millis() < 5000 {
        other.ok("NOOP").await;
    }
    client.line().await;
    client.play("S: a OK …\nC: b NOOP\nS: b OK …").await;
}

#[tokio::test]
async fn the_drain_says_bye_to_everybody() {
    let post = Post::open().await;
    let mut idling = post.inbox(&[]).await;
    let mut visitor = post.visitor().await;
    idling.play("C: i IDLE\nS: + …").await;
    assert_eq!(post.drain.finish(std::time::Duration::from_secs(5)).await, 0);
    idling.expect("* BYE …").await;
    visitor.expect("* BYE …").await;
}

const NEW_PASSWORD: &str = "another-password-2";

#[tokio::test]
async fn a_session_ends_with_the_app_password_that_opened_it() {
    let post = Post::open().await;
    let (mut idling, number) = post.mail_program().await;
    let (mut other, _) = post.mail_program().await;
    let (mut quiet, mut main) = (post.mail_program().await.0, post.client().await);
    idling.ok("SELECT INBOX").await;
    idling.play("C: i IDLE\nS: + …").await;
    post.authenticator.revoke_app_password(post.account, number).await.unwrap();
    idling.expect("* BYE the password of this session was changed or taken back; log in again").await;
    assert!(idling.is_closed().await);
    // Each password is one of its own.
    for client in [&mut other, &mut quiet, &mut main] {
        client.ok("NOOP").await;
    }
}

#[tokio::test]
async fn a_new_main_password_ends_what_the_old_one_opened() {
    let post = Post::open().await;
    let (mut program, _) = post.mail_program().await;
    let (mut quiet, mut appending) = (post.client().await, post.client().await);
    appending.play("C: a APPEND INBOX {100}\nS: + …").await;
    let home = [127, 0, 0, 1].into();
    let hash = post.authenticator.hash(&Secret::new(NEW_PASSWORD.into()), home).await.unwrap();
    post.accounts.set_password(post.account, hash).await.unwrap();
    for client in [&mut quiet, &mut appending] {
        client.expect("* BYE the password of this session was …").await;
        assert!(client.is_closed().await);
    }
    program.ok("NOOP").await;
    let mut again = post.visitor().await;
    again.ok(&format!("LOGIN aliya {NEW_PASSWORD}")).await;
    again.ok("NOOP").await;
}

#[tokio::test]
async fn m8_a_closed_account_ends_its_sessions() {
    let post = Post::open().await;
    let (mut program, _) = post.mail_program().await;
    let mut main = post.inbox(&[&letter("one")]).await;
    main.play("C: i IDLE\nS: + …").await;
    post.accounts.close(post.account).await.unwrap();
    for client in [&mut program, &mut main] {
        client.expect("* BYE this mailbox is not open any more").await;
        assert!(client.is_closed().await);
    }
}

/// Folders that come and go, and the day of use that a login notes, change the account too.
#[tokio::test]
async fn what_is_no_matter_of_passwords_ends_no_session() {
    let post = Post::open().await;
    let mut client = post.inbox(&[]).await;
    let mut other = post.client().await;
    for folder in ["One", "Two"] {
        other.ok(&format!("CREATE {folder}")).await;
        client.ok("NOOP").await;
    }
    post.mail_program().await.0.ok("NOOP").await;
    client.ok("NOOP").await;
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let post = Post::open().await;
    let mut client = post.inbox(&[&letter("one")]).await;
    client.send("a NOOP\r\nb FETCH 1 UID\r\nc NOOP\r\n").await;
    client.play("S: a OK …\nS: * 1 FETCH (UID 1)\nS: b OK …\nS: c OK …").await;
}

#[tokio::test]
async fn m16_rfc9051_7_1_planned_work_of_the_coming_hour_is_an_alert_at_login_and_no_other_is() {
    let post = Post::open().await;
    let is_alert = |line: &String| line.contains("ALERT");
    let login = format!("LOGIN aliya {{{}+}}\r\n{}", super::PASSWORD.len(), super::PASSWORD);
    let hours = |from: i64, until: i64| {
        let now = crate::clock::World::system().now();
        let at = |hours| now + jiff::SignedDuration::from_hours(hours);
        let texts = ["Жаңарту", "Обновление", "An update"].map(str::to_owned);
        crate::announcements::Wanted { from: at(from), until: at(until), texts }
    };
    let later = post.announcements.add(&hours(2, 3), "operator", None).await.unwrap();
    let answers = post.visitor().await.ok(&login).await;
    assert!(!answers.iter().any(is_alert), "{answers:?}");
    post.announcements.withdraw(later.number, "operator", None).await.unwrap();

    let under_way = post.announcements.add(&hours(-1, 1), "operator", None).await.unwrap();
    let mut client = post.visitor().await;
    let answers = client.ok(&login).await;
    let [alert] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(alert.starts_with("* OK [ALERT] ") && alert.contains("An update") && alert.is_ascii(), "{alert}");
    let answers = client.ok("NOOP").await;
    assert_eq!(answers, Vec::<String>::new(), "once");
    let (answers, end) = post.visitor().await.run("LOGIN aliya wrong").await;
    assert!(end.starts_with("NO") && !answers.iter().any(is_alert), "{answers:?}");
    post.announcements.withdraw(under_way.number, "operator", None).await.unwrap();
    let answers = post.visitor().await.ok(&login).await;
    assert!(!answers.iter().any(is_alert), "{answers:?}");
}
