//! Whom the DNS of a domain leads to, and whom it may not.

use test_case::test_case;

use super::*;

/// A post whose only remote domains are in this zone; the port of the servers is that of the sink.
async fn by_mx(zone: &str, sink: &Sink, settings: Settings) -> (Post, Outbound) {
    let post = Post::with(crate::intake::Settings::default(), Some(zone)).await;
    let outbound = manager(&post, &Settings { port: sink.address().port(), ..settings });
    post.accept(post.user("aigul").await, AIGUL, &[SOMEBODY], letter(AIGUL, "")).await.unwrap();
    (post, outbound)
}

#[test_case(false; "rfc5321 the server is its own mail host")]
#[test_case(true; "and private targets change nothing")]
#[tokio::test]
async fn a_domain_of_a_stranger_does_not_lead_back_to_us(allow: bool) {
    let sink = Sink::start(Script::default()).await;
    let settings = Settings { allow_private_targets: allow, ..Settings::default() };
    let zone = "elsewhere.kz MX 10 mx.poshta.example\nmx.poshta.example A 127.0.0.1\n";
    let (post, outbound) = by_mx(zone, &sink, settings).await;
    round(&outbound).await;
    assert!(post.queue().await.is_empty() && sink.heard().is_empty());
    let (report, _) = report(&post).await;
    assert!(report.text().contains("Status: 5.4.6\r\n"), "{}", report.text());
}

#[test_case("elsewhere.kz MX 10 mx.elsewhere.kz\nmx.elsewhere.kz A 127.0.0.1\n"; "a port of this machine")]
#[test_case("elsewhere.kz A 127.0.0.1\n"; "without mx")]
#[tokio::test]
async fn a_domain_of_a_stranger_does_not_lead_into_our_network(zone: &str) {
    let sink = Sink::start(Script::default()).await;
    let (post, outbound) = by_mx(zone, &sink, Settings::default()).await;
    round(&outbound).await;
    assert!(sink.heard().is_empty());
    // It may be a mistake in the zone, or the operator has yet to allow it.
    let queue = post.queue().await;
    assert!(queue[0].details.last_error.as_deref().unwrap().starts_with("4.4.4 "), "{queue:?}");
}

#[tokio::test]
async fn the_operator_may_allow_private_targets() {
    let sink = Sink::start(Script::default()).await;
    let zone = "elsewhere.kz MX 10 mx.elsewhere.kz\nmx.elsewhere.kz A 127.0.0.1\n";
    let (post, outbound) = by_mx(zone, &sink, Settings { allow_private_targets: true, ..Settings::default() }).await;
    round(&outbound).await;
    assert!(post.queue().await.is_empty());
    assert_eq!(sink.heard().len(), 1);
}

#[test_case("mx.other.example" => (1, 0); "another host gets the letter")]
#[test_case("mx.poshta.example" => (0, 1); "we do not, and it waits")]
#[tokio::test]
async fn rfc5321_5_1_only_hosts_before_ourselves_are_asked(second: &str) -> (usize, usize) {
    let sink = Sink::start(Script { greeting: "421 4.3.2 closing", ..Script::default() }).await;
    let behind = Sink::at(([127, 0, 0, 9], sink.address().port()).into(), Script::default()).await;
    let zone = format!(
        "elsewhere.kz MX 10 mx.elsewhere.kz\nelsewhere.kz MX 20 {second}\nmx.elsewhere.kz A 127.0.0.1\n{second} A 127.0.0.9\n"
    );
    let (post, outbound) = by_mx(&zone, &sink, Settings { allow_private_targets: true, ..Settings::default() }).await;
    round(&outbound).await;
    assert_eq!(sink.heard().len(), 1);
    (behind.heard().len(), post.queue().await.len())
}

#[tokio::test]
async fn rfc7505_a_domain_that_takes_no_mail_is_told_at_once() {
    let post = Post::with(crate::intake::Settings::default(), Some("elsewhere.kz MX 0 .\n")).await;
    let outbound = manager(&post, &Settings::default());
    let user = post.user("aigul").await;
    post.accept(user, AIGUL, &[SOMEBODY, "x@nowhere.kz"], letter(AIGUL, "")).await.unwrap();
    round(&outbound).await;
    assert!(post.queue().await.is_empty());
    let reports: String = post.inbox("aigul").await.iter().map(Letter::text).collect();
    assert!(reports.contains("Status: 5.1.10\r\n") && reports.contains("Status: 5.1.2\r\n"), "{reports}");
}
