//! The queue against a real store and a server on loopback that answers by script.

mod dkim;
mod sink;
mod targets;

use test_case::test_case;

use self::sink::{Heard, Script, Sink};
use super::*;
use crate::intake::tests::{Letter, Post, letter};
use crate::intake::{ReportWishes, Submission};
use crate::message::headers;
use crate::outbound::client::{Client, Recipient, Transaction};
use crate::outbound::opportunistic_tls;
use crate::outbound::routing::Hop;
use crate::store::queue::Returned;

const AIGUL: &str = "aigul@poshta.example";
const SOMEBODY: &str = "somebody@elsewhere.kz";

/// A post office with a server elsewhere, which everything goes to.
struct Depot {
    post: Post,
    sink: Sink,
    settings: Settings,
    outbound: Outbound,
}

impl Depot {
    async fn open(script: Script) -> Depot {
        Depot::with(script, Settings::default()).await
    }

    async fn with(script: Script, settings: Settings) -> Depot {
        let (post, sink) = (Post::open().await, Sink::start(script).await);
        let settings = Settings {
            next_hop: Some(sink.address().to_string()),
            connect_timeout_s: 5,
            command_timeout_s: 5,
            end_of_data_timeout_s: 5,
            ..settings
        };
        let outbound = manager(&post, &settings);
        Depot { post, sink, settings, outbound }
    }

    /// aigul sends a letter, to one recipient or several.
    async fn send(&self, to: &[&str], text: &str) -> ItemId {
        let message = letter(AIGUL, "").replace("Hello", text);
        self.post.accept(self.post.user("aigul").await, AIGUL, to, message).await.unwrap()
    }

    /// As [`Depot::send`], with what the sender wants to hear (RFC 3461).
    async fn send_asking(&self, notify: store::queue::Notify, returned: Option<Returned>) -> ItemId {
        let message = letter(AIGUL, "").replace("Hello", "the whole text");
        self.send_message_asking(message.as_bytes(), notify, returned).await
    }

    async fn send_message_asking(
        &self,
        message: &[u8],
        notify: store::queue::Notify,
        returned: Option<Returned>,
    ) -> ItemId {
        let mut writer = self.post.intake.stage();
        writer.write(message).unwrap();
        let mut scanner = crate::message::Scanner::new(crate::message::Caps::default());
        scanner.push(message);
        let mut envelope = crate::intake::tests::envelope(AIGUL, &[SOMEBODY]);
        envelope.wishes = ReportWishes { returned, envelope_id: Some("QQ+1".into()) };
        envelope.recipients[0].notify = Some(notify);
        envelope.recipients[0].original = Some("rfc822;Old=1@b.kz".into());
        let (origin, body) = (self.post.user("aigul").await, writer.finish().unwrap());
        let submission = Submission { origin, envelope, body, structure: scanner.finish() };
        self.post.intake.accept(submission).await.unwrap().item
    }

    /// Attempts everything that is due, once.
    async fn round(&self) {
        round(&self.outbound).await;
    }

    async fn queue(&self) -> Vec<Queued> {
        self.post.queue().await
    }

    /// What an operator's command does to a row.
    async fn change(&self, row: &Queued, due_ms: Option<u64>) {
        let mut batch = Batch::new();
        row.change(&mut batch, &store::queue::Details { due_ms, ..row.details.clone() }).unwrap();
        self.post.store.commit(batch).await.unwrap();
    }
}

fn manager(post: &Post, settings: &Settings) -> Outbound {
    Outbound::new(Services {
        settings: settings.clone(),
        store: post.store.clone(),
        intake: post.intake.clone(),
        dns: post.dns.clone(),
        tls: opportunistic_tls().unwrap(),
        dkim: crate::outbound::dkim::tests::dkim(&settings.dkim),
        host_name: "mx.poshta.example".into(),
        mail_domain: "poshta.example".into(),
        world: post.world.clone(),
    })
}

async fn round(outbound: &Outbound) {
    let tasks = TaskTracker::new();
    outbound.inner.begin_what_is_due(&tasks).await.unwrap();
    tasks.close();
    tasks.wait().await;
}

/// The only report in aigul's inbox: its bytes, and its text for people.
async fn report(post: &Post) -> (Letter, String) {
    let letter = post.only("aigul").await;
    let parsed = mail_parser::MessageParser::default().parse(&letter.0).unwrap();
    let text = parsed.body_text(0).unwrap().into_owned();
    (letter, text)
}

#[tokio::test]
async fn rfc5321_a_letter_is_handed_over_and_leaves_the_queue() {
    let depot = Depot::open(Script::default()).await;
    let item = depot.send(&[SOMEBODY], ".dots\r\n..").await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let heard = depot.sink.heard();
    let [Heard { commands, letter: Some(received), tls: false }] = &heard[..] else { panic!("{heard:?}") };
    let size = received.len();
    let expected = [
        "EHLO mx.poshta.example".to_owned(),
        format!("MAIL FROM:<{AIGUL}> SIZE={size}"),
        format!("RCPT TO:<{SOMEBODY}>"),
        "DATA".to_owned(),
        "QUIT".to_owned(),
    ];
    assert_eq!(commands[..], expected);
    let received = Letter(received.clone());
    assert_eq!(received.values("Postal-Item-Id"), [item.to_string()]);
    assert_eq!(received.values("Postal-Mark").len(), 1, "the acceptance travels, and nothing else");
    assert!(received.text().ends_with("\r\n\r\n.dots\r\n..\r\n"), "dots come out as they went in");
    assert!(depot.post.inbox("aigul").await.is_empty(), "no news is good news");
    depot.round().await;
    assert_eq!(depot.sink.heard().len(), 1, "it is sent once");
}

#[test_case(false; "one by one")]
#[test_case(true; "rfc2920 in one write")]
#[tokio::test]
async fn rfc5321_recipients_of_a_domain_share_a_transaction_and_have_their_own_fates(pipelining: bool) {
    let mut ehlo = vec!["8BITMIME"];
    if pipelining {
        ehlo.push("PIPELINING");
    }
    let script = Script { ehlo, refused: &[("nobody@", "550 5.1.1 nobody here")], ..Script::default() };
    let depot = Depot::open(script).await;
    let (to, cc) =
        ([SOMEBODY, "nobody@elsewhere.kz", "third@elsewhere.kz"], "Cc: nobody@elsewhere.kz, third@elsewhere.kz");
    let message = format!("From: {AIGUL}\r\nTo: {SOMEBODY}\r\n{cc}\r\n\r\nx\r\n");
    depot.post.accept(depot.post.user("aigul").await, AIGUL, &to, message).await.unwrap();
    depot.round().await;
    assert_eq!(depot.sink.heard().len(), 1);
    assert!(depot.queue().await.is_empty());
    let (report, _) = report(&depot.post).await;
    assert!(report.text().contains("Final-Recipient: rfc822; nobody@elsewhere.kz\r\n"));
    assert!(!report.text().contains("Final-Recipient: rfc822; somebody@"));
}

/// FACTS E: the other server writes into its copies what a transaction tells of its recipients.
#[tokio::test]
async fn rfc5321_7_2_each_blind_copy_goes_by_itself() {
    let depot = Depot::open(Script::default()).await;
    let message = format!("From: {AIGUL}\r\nTo: {SOMEBODY}, second@elsewhere.kz\r\n\r\nx\r\n");
    let to = ["blind1@elsewhere.kz", SOMEBODY, "blind2@elsewhere.kz", "second@elsewhere.kz"];
    depot.post.accept(depot.post.user("aigul").await, AIGUL, &to, message).await.unwrap();
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let recipients = |heard: Heard| -> Vec<String> {
        heard.commands.iter().filter_map(|line| line.strip_prefix("RCPT TO:")).map(str::to_owned).collect()
    };
    let mut transactions: Vec<Vec<String>> = depot.sink.heard().into_iter().map(recipients).collect();
    transactions.sort();
    let expected = [
        vec!["<blind1@elsewhere.kz>".to_owned()],
        vec!["<blind2@elsewhere.kz>".to_owned()],
        vec![format!("<{SOMEBODY}>"), "<second@elsewhere.kz>".to_owned()],
    ];
    assert_eq!(transactions, expected);
}

#[tokio::test]
async fn rfc3464_a_refusal_for_good_goes_back_in_three_languages() {
    let script = Script { end: "554 5.7.1 not wanted", ..Script::default() };
    let depot = Depot::open(script).await;
    let item = depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    assert!(depot.queue().await.is_empty(), "the row goes with the report");
    let (report, text) = report(&depot.post).await;
    assert!(report.values("Content-Type")[0].starts_with("multipart/report; report-type=delivery-status"));
    assert_eq!(report.values("Return-Path"), ["<>"], "rfc3461 nobody answers a report");
    assert_eq!(report.values("Auto-Submitted").len(), 1);
    assert_eq!(report.values("In-Reply-To"), ["<1@client.example>"]);
    assert_eq!(report.values("Postal-Mark").len(), 3, "a letter of the system is a letter");
    for phrase in
        ["Бұл хат төмендегі алушыларға жеткізілмеді", "Это письмо не удалось доставить", "could not be delivered"]
    {
        assert!(text.contains(phrase), "{text}");
    }
    let status = report.text();
    for field in [
        format!("Final-Recipient: rfc822; {SOMEBODY}\r\n"),
        "Action: failed\r\n".to_owned(),
        "Status: 5.7.1\r\n".to_owned(),
        format!("Postal-Item-Id: {item}\r\n"),
        "Diagnostic-Code: smtp; 554 5.7.1 not wanted\r\n".to_owned(),
        "Reporting-MTA: dns; mx.poshta.example\r\n".to_owned(),
    ] {
        assert!(status.contains(&field), "{field} is missing in {status}");
    }
    assert!(status.contains("Message-ID: <1@client.example>\r\n"), "the header comes back: {status}");
}

const ALL: store::queue::Notify = store::queue::Notify { success: true, failure: true, delay: true };

#[tokio::test]
async fn rfc3461_a_server_that_reports_gets_the_wishes_and_we_report_nothing() {
    let depot = Depot::open(Script { ehlo: vec!["DSN"], ..Script::default() }).await;
    depot.send_asking(ALL, Some(Returned::Headers)).await;
    depot.round().await;
    let commands = depot.sink.heard().remove(0).commands;
    assert_eq!(commands[1], format!("MAIL FROM:<{AIGUL}> RET=HDRS ENVID=QQ+2B1"));
    assert_eq!(commands[2], format!("RCPT TO:<{SOMEBODY}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Old+3D1@b.kz"));
    assert!(depot.queue().await.is_empty() && depot.post.inbox("aigul").await.is_empty());
}

#[tokio::test]
async fn rfc3461_where_nobody_will_report_the_sender_hears_that_the_letter_went_on() {
    let depot = Depot::open(Script::default()).await;
    depot.send_asking(ALL, None).await;
    depot.round().await;
    assert!(depot.queue().await.is_empty(), "the row goes with the report");
    let (report, _) = report(&depot.post).await;
    for field in ["Action: relayed\r\n", "Original-Envelope-Id: QQ+1\r\n", "Original-Recipient: rfc822; Old=1@b.kz\r\n"]
    {
        assert!(report.text().contains(field), "{field} is missing in {}", report.text());
    }
}

#[test_case(store::queue::Notify::NEVER => 0; "never")]
#[test_case(store::queue::Notify { success: true, failure: false, delay: false } => 0; "success only")]
#[test_case(store::queue::Notify { success: false, failure: true, delay: false } => 1; "failure")]
#[tokio::test]
async fn rfc3461_notify_decides_who_hears_of_a_failure(notify: store::queue::Notify) -> usize {
    let depot = Depot::open(Script { end: "554 5.7.1 not wanted", ..Script::default() }).await;
    depot.send_asking(notify, None).await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    depot.post.inbox("aigul").await.len()
}

#[test_case(Some(Returned::Full), 1 << 20 => true; "all of it")]
#[test_case(Some(Returned::Full), 10 => false; "too large")]
#[test_case(Some(Returned::Headers), 1 << 20 => false; "the header")]
#[test_case(None, 1 << 20 => false; "nothing said")]
#[tokio::test]
async fn rfc3461_ret_decides_what_comes_back(returned: Option<Returned>, max_returned_bytes: u64) -> bool {
    let settings = Settings { max_returned_bytes, ..Settings::default() };
    let depot = Depot::with(Script { end: "554 5.7.1 not wanted", ..Script::default() }, settings).await;
    depot.send_asking(ALL, returned).await;
    depot.round().await;
    let (report, _) = report(&depot.post).await;
    assert_eq!(report.text().contains("Content-Type: message/rfc822"), report.text().contains("the whole text"));
    report.text().contains("the whole text")
}

#[test_case("Subject: хат\r\n".as_bytes() => "message/global"; "utf-8")]
#[test_case(b"Subject: \xc8\xe0\xf2\r\n" => "text/rfc822-headers"; "some other text")]
#[tokio::test]
async fn rfc6532_a_letter_comes_back_whole_where_its_header_is_text(field: &[u8]) -> &'static str {
    let depot = Depot::open(Script { end: "554 5.7.1 not wanted", ..Script::default() }).await;
    let message = [field, letter(AIGUL, "").as_bytes()].concat();
    depot.send_message_asking(&message, ALL, Some(Returned::Full)).await;
    depot.round().await;
    let (report, _) = report(&depot.post).await;
    let found = |kind: &&str| report.text().contains(&format!("Content-Type: {kind}"));
    ["message/global", "text/rfc822-headers", "message/rfc822"].into_iter().find(found).unwrap()
}

#[tokio::test]
async fn rfc5321_what_is_refused_for_now_is_tried_again_later() {
    let depot = Depot::open(Script { end: "451 4.3.0 later", ..Script::default() }).await;
    depot.send(&[SOMEBODY], "x").await;
    for (attempt, wait_s) in [(1, 60), (2, 300), (3, 900)] {
        depot.round().await;
        let row = depot.queue().await.remove(0);
        assert_eq!(row.details.attempts, attempt);
        assert_eq!(row.details.last_error.as_deref(), Some("4.3.0 451 4.3.0 later"));
        assert_eq!(row.details.due_ms, Some(milliseconds(depot.post.world.now()) + wait_s * 1000));
        depot.post.clock.advance_s(i64::try_from(wait_s).unwrap() - 1);
        depot.round().await;
        assert_eq!(depot.sink.heard().len(), attempt as usize, "not before its time");
        depot.post.clock.advance_s(1);
    }
    depot.sink.change(Script::default());
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    assert!(depot.post.inbox("aigul").await.is_empty());
}

#[tokio::test]
async fn the_sender_is_told_once_of_a_delay_and_of_the_end() {
    let settings = Settings {
        retry_after_s: vec![3600],
        report_delay_after_s: 2 * 3600,
        give_up_after_s: 5 * 3600,
        ..Settings::default()
    };
    let depot = Depot::with(Script { end: "451 4.3.0 later", ..Script::default() }, settings).await;
    depot.send(&[SOMEBODY], "x").await;
    let mut reports = Vec::new();
    for _ in 0..7 {
        depot.round().await;
        reports.push(depot.post.inbox("aigul").await.len());
        depot.post.clock.advance_s(3600);
    }
    assert_eq!(reports, [0, 0, 1, 1, 1, 2, 2]);
    assert!(depot.queue().await.is_empty());
    let letters = depot.post.inbox("aigul").await;
    let (delay, end) = (letters[0].text(), letters[1].text());
    assert!(delay.contains("Action: delayed\r\n") && delay.contains("Status: 4.3.0\r\n"), "{delay}");
    assert!(delay.contains("Will-Retry-Until: Sat, 21 Nov 2026 09:15:00 +0000\r\n"), "{delay}");
    // RFC 3463 §3.5: delivery time expired.
    assert!(end.contains("Action: failed\r\n") && end.contains("Status: 5.4.7\r\n"), "{end}");
}

#[tokio::test]
async fn rfc5321_nobody_is_told_of_a_report_that_cannot_be_delivered() {
    let depot = Depot::open(Script { end: "554 5.7.1 no", ..Script::default() }).await;
    depot.post.accept(depot.post.user("aigul").await, "", &[SOMEBODY], letter(AIGUL, "")).await.unwrap();
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    assert!(depot.post.inbox("aigul").await.is_empty() && depot.post.inbox("postmaster").await.is_empty());
}

#[tokio::test]
async fn a_sender_whose_account_is_closed_cannot_be_told() {
    let depot = Depot::open(Script { end: "554 5.7.1 no", ..Script::default() }).await;
    depot.send(&[SOMEBODY], "x").await;
    let account = depot.post.accounts.find_login("aigul").await.unwrap().unwrap();
    depot.post.accounts.close(account.id).await.unwrap();
    depot.round().await;
    assert!(depot.queue().await.is_empty(), "the row does not stay for ever");
}

#[tokio::test]
async fn rfc3207_tls_is_used_where_it_is_offered_whoever_signed_the_certificate() {
    let script = Script { ehlo: vec!["STARTTLS"], tls: Some(sink::self_signed()), ..Script::default() };
    let depot = Depot::open(script).await;
    depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let heard = depot.sink.heard();
    assert!(heard[0].tls, "{heard:?}");
    assert_eq!(heard[0].commands[..3], ["EHLO mx.poshta.example", "STARTTLS", "EHLO mx.poshta.example"]);
}

#[test_case(Script { ehlo: vec!["STARTTLS"], ready: "454 4.7.0 not now", ..Script::default() }; "it takes the offer back")]
#[test_case(Script { ehlo: vec!["STARTTLS"], ready: "220 go", ..Script::default() }; "its handshake fails")]
#[tokio::test]
async fn rfc7435_a_letter_does_not_wait_for_encryption_that_cannot_be_had(script: Script) {
    let depot = Depot::open(script).await;
    depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    assert!(depot.sink.heard().iter().any(|heard| heard.letter.is_some() && !heard.tls));
}

#[tokio::test]
async fn rfc3207_an_answer_smuggled_in_before_tls_ends_the_conversation() {
    let script = Script {
        ehlo: vec!["STARTTLS"],
        ready: "220 go\r\n250 injected",
        tls: Some(sink::self_signed()),
        ..Script::default()
    };
    let depot = Depot::open(script).await;
    depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    let row = depot.queue().await.remove(0);
    assert!(row.details.last_error.unwrap().starts_with("4.7.5 "));
    assert!(depot.sink.heard().iter().all(|heard| heard.letter.is_none()));
}

#[test_case("Сәлем", vec![], "5.6.3"; "rfc6152 eight bits where they are not taken")]
#[test_case("Hello", vec!["8BITMIME"], "2.0.0"; "seven bits go anywhere")]
#[test_case("Сәлем", vec!["8BITMIME"], "2.0.0"; "eight bits where they are taken")]
#[tokio::test]
async fn rfc6152_eight_bits_are_not_converted(text: &str, ehlo: Vec<&'static str>, status: &str) {
    let depot = Depot::open(Script { ehlo, ..Script::default() }).await;
    depot.send(&[SOMEBODY], text).await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let letters = depot.sink.heard().into_iter().filter_map(|heard| heard.letter).count();
    if status.starts_with('2') {
        assert_eq!((letters, depot.post.inbox("aigul").await.len()), (1, 0));
    } else {
        let (report, _) = report(&depot.post).await;
        assert_eq!(letters, 0);
        assert!(report.text().contains(&format!("Status: {status}\r\n")), "{}", report.text());
    }
}

#[tokio::test]
async fn rfc6531_one_internationalised_recipient_does_not_fail_the_others() {
    let depot = Depot::open(Script::default()).await;
    depot.send(&["айгүл@elsewhere.kz", SOMEBODY], "x").await;
    depot.round().await;
    assert!(depot.queue().await.is_empty());
    let delivered: Vec<Heard> = depot.sink.heard().into_iter().filter(|heard| heard.letter.is_some()).collect();
    assert!(delivered.len() == 1 && delivered[0].commands.contains(&format!("RCPT TO:<{SOMEBODY}>")));
    let (report, _) = report(&depot.post).await;
    assert!(report.text().contains("Status: 5.6.7\r\n"), "{}", report.text());
}

#[test_case(Script { greeting: "554 5.3.2 closed", ..Script::default() }, "4.3.2 "; "rfc5321 a host that serves nobody")]
#[test_case(Script { greeting: "hello there", ..Script::default() }, "4.5.0 "; "no smtp at all")]
#[test_case(Script { ready_for_data: "250 yes", ..Script::default() }, "4.5.0 "; "a yes to data is no yes to the letter")]
#[test_case(Script { end: "", ..Script::default() }, "4.4.2 "; "no answer to the letter")]
#[test_case(Script { end: "hello there", ..Script::default() }, "4.4.2 "; "an answer to the letter that is none")]
#[tokio::test]
async fn what_says_nothing_about_the_letter_is_temporary(script: Script, status: &str) {
    let depot = Depot::open(script).await;
    depot.send(&[SOMEBODY], "x").await;
    depot.round().await;
    let row = depot.queue().await.remove(0);
    let error = row.details.last_error.unwrap();
    assert!(error.starts_with(status), "{error}");
}

#[tokio::test]
async fn a_crash_in_an_attempt_costs_a_wait_and_no_storm() {
    let depot = Depot::open(Script::default()).await;
    depot.send(&[SOMEBODY], "x").await;
    // The attempt is recorded, and then the machine stops.
    depot.outbound.inner.record_attempt(&depot.queue().await).await.unwrap();
    let restarted = manager(&depot.post, &depot.settings);
    let lease_s = i64::try_from((restarted.inner.longest_attempt() + LEASE_MARGIN).as_secs()).unwrap();
    for seconds in [0, lease_s - 1] {
        depot.post.clock.advance_s(seconds);
        round(&restarted).await;
        assert!(depot.sink.heard().is_empty());
    }
    depot.post.clock.advance_s(1);
    round(&restarted).await;
    assert_eq!(depot.sink.heard().len(), 1);
    assert!(depot.queue().await.is_empty());
}

#[tokio::test]
async fn two_managers_never_take_the_same_row() {
    let depot = Depot::open(Script::default()).await;
    depot.send(&[SOMEBODY], "x").await;
    let rows = depot.queue().await;
    depot.outbound.inner.record_attempt(&rows).await.unwrap();
    let second = manager(&depot.post, &depot.settings).inner.record_attempt(&rows).await;
    assert!(matches!(second, Err(store::Error::Conflict(_))));
}

#[test_case(Some(0); "retried at once")]
#[test_case(None; "put on hold")]
#[tokio::test]
async fn what_was_delivered_leaves_the_queue_whatever_an_operator_does_meanwhile(due_ms: Option<u64>) {
    let depot = Depot::open(Script::default()).await;
    depot.send(&[SOMEBODY, "other@elsewhere.kz"], "x").await;
    let rows = depot.outbound.inner.record_attempt(&depot.queue().await).await.unwrap();
    depot.change(&rows[0], due_ms).await;
    let delivered = Fate::Delivered { host: "mx".into(), said: "250 ok".into(), tls: None, reports: Reports::Theirs };
    depot.outbound.inner.settle(rows, vec![delivered.clone(), delivered]).await.unwrap();
    assert!(depot.queue().await.is_empty());
}

#[tokio::test]
async fn what_an_operator_put_on_hold_meanwhile_stays_there() {
    let depot = Depot::open(Script::default()).await;
    depot.send(&[SOMEBODY, "other@elsewhere.kz"], "x").await;
    let rows = depot.outbound.inner.record_attempt(&depot.queue().await).await.unwrap();
    depot.change(&rows[0], None).await;
    let deferred = Fate::Deferred(Diagnosis::new("4.4.1", None, "nobody there"));
    depot.outbound.inner.settle(rows, vec![deferred.clone(), deferred]).await.unwrap();
    let due: Vec<Option<u64>> = depot.queue().await.iter().map(|row| row.details.due_ms).collect();
    assert_eq!(due, [None, Some(milliseconds(depot.post.world.now()) + 60_000)]);
}

#[tokio::test]
async fn a_letter_whose_bytes_are_lost_is_reported_all_the_same() {
    let depot = Depot::open(Script::default()).await;
    depot.send(&[SOMEBODY], "x").await;
    let mut row = depot.queue().await.remove(0);
    row.body = crate::ids::BodyId([7; 32]);
    let diagnosis = Diagnosis::new("5.4.7", None, "too late");
    let (inner, sender) = (&depot.outbound.inner, AIGUL.parse().unwrap());
    let reported = [Reported { row: &row, diagnosis: &diagnosis }];
    let report = report::compose(&inner.means, &inner.world, Action::Failed, &sender, &reported).await;
    assert!(String::from_utf8(report).unwrap().contains(&format!("Final-Recipient: rfc822; {SOMEBODY}\r\n")));
}

#[tokio::test]
async fn rfc5321_the_next_address_of_a_host_is_tried_when_one_does_not_serve() {
    let depot = Depot::open(Script { greeting: "421 4.3.2 closing", ..Script::default() }).await;
    let second = Sink::start(Script::default()).await;
    depot.send(&[SOMEBODY], "x").await;
    let row = depot.queue().await.remove(0);
    let means = &depot.outbound.inner.means;
    let client = Client { settings: &means.settings, tls: &means.tls, our_name: &means.our_name };
    let transaction = Transaction {
        reverse_path: &row.details.reverse_path,
        recipients: &[Recipient {
            address: &row.details.recipient,
            notify: store::queue::Notify::default(),
            original: None,
        }],
        returned: None,
        envelope_id: None,
        eight_bit: false,
        smtputf8: false,
        signatures: "",
        content: &depot.post.store.item_bytes(&row),
    };
    let hop = Hop { name: "mx.elsewhere.kz".into(), addresses: vec![depot.sink.address(), second.address()] };
    let outcome = client.deliver(&hop, &transaction).await.unwrap();
    assert_eq!(outcome.recipients, [Ok(())]);
    assert_eq!((depot.sink.heard().len(), second.heard().len()), (1, 1));
}

#[tokio::test]
async fn a_domain_at_its_limit_does_not_hold_up_the_others() {
    let settings = Settings { max_attempts_per_domain: 1, max_recipients_per_attempt: 1, ..Settings::default() };
    let depot = Depot::with(Script::default(), settings).await;
    depot.send(&["a@elsewhere.kz", "b@elsewhere.kz", "c@other.kz"], "x").await;
    depot.round().await;
    let left: Vec<String> = depot.queue().await.iter().map(|row| row.details.recipient.to_string()).collect();
    assert_eq!(left, ["b@elsewhere.kz"]);
    depot.round().await;
    assert!(depot.queue().await.is_empty());
}

#[tokio::test]
async fn a_running_manager_is_woken_by_the_letter_and_ends_when_told() {
    let depot = Depot::open(Script::default()).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(depot.outbound.clone().run(stop.clone()));
    depot.send(&[SOMEBODY], "x").await;
    let emptied = async {
        while !depot.queue().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), emptied).await.unwrap();
    stop.cancel();
    timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
}
