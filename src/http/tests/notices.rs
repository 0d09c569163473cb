//! Planned work on the pages (M16): who announces it, and that every page tells of it.

use jiff::SignedDuration;

use super::*;
use crate::clock::{Timestamp, World};
use crate::identity::Role;

const PATH: &str = "/admin/notices";

/// So many hours from now, as a browser sends it, by Kazakhstan's clocks.
fn local(hours: i64) -> String {
    let at: Timestamp = World::system().now() + SignedDuration::from_hours(hours + 5);
    at.strftime("%Y-%m-%dT%H:%M").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_what_an_administrator_announces_stands_above_every_page_until_it_is_withdrawn() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let nobody = office.nobody();
    let (from, until) = (local(24), local(26));
    let fields = |reason| {
        [
            ("act", "add"),
            ("from", from.as_str()),
            ("until", until.as_str()),
            ("kk", "Жаңарту"),
            ("ru", "Обновление"),
            ("en", "An update"),
            ("reason", reason),
        ]
    };
    let (status, _, page) = admin.post(PATH, &fields(" ")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("value=\"An update\""), "what was typed is not lost: {page}");
    let (status, _, page) = admin.post(PATH, &fields("weekly")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    for (lang, text) in [("kk", "Жаңарту"), ("ru", "Обновление"), ("en", "An update")] {
        for path in ["/sign-in", "/verify", "/agreement"] {
            let (_, _, page) = nobody.get(&format!("{path}?lang={lang}")).await;
            let banner = page.split("role=\"status\">").nth(1).unwrap_or_else(|| panic!("{path} {lang}: {page}"));
            assert!(banner.split("</p>").next().unwrap().contains(text), "{path} {lang}: {banner}");
        }
    }
    let entry = office.entry("notice.add").await.unwrap();
    assert_eq!((entry.actor.as_str(), entry.object.as_str()), ("administrator saule", "notice 1"));
    assert!(entry.details.unwrap().ends_with("; weekly"));
    let (_, _, page) = admin.post(PATH, &[("act", "withdraw"), ("number", "1"), ("reason", "not needed")]).await;
    assert!(!page.contains("An update"), "{page}");
    assert!(!nobody.get("/sign-in?lang=en").await.2.contains("An update"));
    let entry = office.entry("notice.withdraw").await.unwrap();
    assert_eq!((entry.actor.as_str(), entry.object.as_str()), ("administrator saule", "notice 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m16_what_comes_later_than_three_days_or_is_not_proved_is_told_nobody() {
    let office = office().await;
    let admin = office.person("saule", &[Role::Administrator]).await;
    let (from, until) = (local(80), local(81));
    let fields = [
        ("act", "add"),
        ("from", &*from),
        ("until", &*until),
        ("kk", "a"),
        ("ru", "b"),
        ("en", "An update"),
        ("reason", "x"),
    ];
    let stale = office.person_of_before("dauren", &[Role::Administrator]).await;
    assert_eq!(stale.post(PATH, &fields).await.0, StatusCode::SEE_OTHER);
    assert!(office.announcements.list().is_empty());
    let (status, _, page) = admin.post(PATH, &fields).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(page.contains("An update"), "the list has it");
    assert!(!office.nobody().get("/sign-in?lang=en").await.2.contains("An update"));
}
