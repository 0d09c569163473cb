//! `/admin`: is it well? What an administrator sees first when something is wrong at night.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::clock::Timestamp;
use crate::locale::size;
use crate::postal::FacilityKind;
use crate::pulse::{Numbers, Trace};
use crate::store::applications::{Queue, State as Standing};
use crate::store::{self, Batch, View};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in};
use super::{shown_bytes, shown_ms, shown_time};

/// How long the store may take to answer that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

/// Readings that become one point of a picture: there are some sixty of them.
const TOGETHER: usize = 4;

/// The picture of a number, in its own units.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 36.0;

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct Overview {
    frame: Frame,
    /// Why no letters can be taken in; nothing when they can.
    problems: Vec<String>,
    rates: Vec<Rate>,
    ages: Vec<Age>,
    facts: Vec<(&'static str, String)>,
}

/// How often something happens.
struct Rate {
    key: &'static str,
    lately: String,
    total: u64,
    /// The points of a line; nothing while there is none.
    points: Option<String>,
}

/// How long the oldest thing waits in a queue.
struct Age {
    key: &'static str,
    /// For whom, where there are several such queues.
    of: String,
    since: String,
    age: String,
    href: &'static str,
}

/// `GET /admin`
pub(super) async fn show(State(api): State<Api>, asked: Asked, _: Staff) -> Result<Response, Fault> {
    let frame = Frame::new(asked, "admin-title");
    let page = Overview {
        problems: problems(&api, &frame).await,
        rates: rates(&api),
        ages: ages(&api, &frame).await?,
        facts: facts(&api).await?,
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

async fn problems(api: &Api, frame: &Frame) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    problems.extend(api.store().check_space().err().map(|error| store_problem(frame, &error)));
    // P31: without an impression no letter is accepted.
    problems.extend(api.devices().clock_problem().map(|lock| lock.text(frame.lang())));
    match tokio::time::timeout(PATIENCE, api.store().commit(Batch::new())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => problems.push(store_problem(frame, &error)),
        Err(_) => problems.push(frame.text("admin-problem-silent")),
    }
    problems
}

/// What the operating system said of a disk stays in its own words.
fn store_problem(frame: &Frame, error: &store::Error) -> String {
    match error {
        store::Error::Full { free, watermark } => {
            let (free, needed) = (size(frame.lang(), *free), size(frame.lang(), *watermark));
            frame.text_with("admin-problem-full", &[("free", &free), ("needed", &needed)])
        }
        store::Error::Closed | store::Error::Stuck { .. } => frame.text("admin-problem-silent"),
        other => frame.text_with("admin-problem-store", &[("error", &other.to_string())]),
    }
}

/// One of the numbers.
type Number = fn(&Numbers) -> u64;

fn rates(api: &Api) -> Vec<Rate> {
    const RATES: [(&str, Number); 6] = [
        ("admin-rate-in", |numbers| numbers.taken_in),
        ("admin-rate-out", |numbers| numbers.sent),
        ("admin-rate-deferred", |numbers| numbers.deferred),
        ("admin-rate-failed", |numbers| numbers.failed),
        ("admin-rate-refused", |numbers| numbers.refused),
        ("admin-rate-logins", |numbers| numbers.wrong_logins),
    ];
    let newest = api.pulse().newest();
    let rate = |(key, number): (&'static str, Number)| {
        let trace = api.pulse().trace(number);
        Rate { key, lately: format!("{:.2}", trace.lately), total: number(&newest), points: points(&trace) }
    };
    RATES.into_iter().map(rate).collect()
}

/// A line from left to right, as high as the largest value is.
fn points(trace: &Trace) -> Option<String> {
    let mean = |readings: &[f64]| readings.iter().sum::<f64>() / f64::from(u32::try_from(readings.len()).unwrap_or(1));
    let values: Vec<f64> = trace.by_reading.chunks(TOGETHER).map(mean).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let steps = f64::from(u32::try_from(values.len().checked_sub(1)?).ok()?);
    if most <= 0.0 || steps < 1.0 {
        return None;
    }
    let point = |(at, value): (u32, &f64)| {
        let (x, y) = (f64::from(at) / steps * WIDTH, (HEIGHT - 1.0) - value / most * (HEIGHT - 2.0));
        format!("{x:.0},{y:.0}")
    };
    Some((0..).zip(&values).map(point).collect::<Vec<_>>().join(" "))
}

/// What is first in each queue, and since when.
type Firsts = Vec<(&'static str, String, Option<Timestamp>, &'static str)>;

async fn ages(api: &Api, frame: &Frame) -> Result<Vec<Age>, Fault> {
    let now = api.now();
    let centres = api.facilities_of(FacilityKind::PrintCentre);
    let found = api.store().read(move |view| firsts(view, now, &centres)).await?;
    let age = |(key, of, since, href): (&'static str, String, Option<Timestamp>, &'static str)| Age {
        key,
        of,
        since: since.map_or_else(|| "—".to_owned(), shown_time),
        age: since.map_or_else(String::new, |since| shown_age(frame, now, since)),
        href,
    };
    Ok(found.into_iter().map(age).collect())
}

fn firsts(view: &View<'_>, now: Timestamp, centres: &[String]) -> store::Result<Firsts> {
    let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let us = |us: i64| Timestamp::from_microsecond(us).ok();
    let outbound = view.outbound_behind(None, 1)?.first().map(|row| row.id.item.made_at());
    let to_render = view.jobs_to_render(now_ms, 1)?.due.first().map(|item| item.made_at());
    let mut firsts = vec![
        ("admin-age-outbound", String::new(), outbound, "/admin/queues"),
        ("admin-age-render", String::new(), to_render, "/admin/print?state=accepted"),
    ];
    for centre in centres {
        let waits = view.jobs_for_centre(centre, now_ms, 1)?.due.first().map(|item| item.made_at());
        firsts.push(("admin-age-centre", centre.clone(), waits, "/admin/print?state=queued"));
    }
    let told = view.notices(1)?.first().map(|notice| notice.item.made_at());
    let scan = view.scans_to_review(1)?.first().and_then(|stored| us(stored.scan.received_us));
    let asked = view.applications_behind(Queue::AskAgain, None, 1)?;
    let asked = asked.first().and_then(|stored| match stored.application.state {
        Standing::Waiting { since_us, .. } => us(since_us),
        _ => None,
    });
    let second = view.desk_cases_behind(None, 1)?.first().and_then(|stored| us(stored.case.at_us));
    firsts.extend([
        ("admin-age-notices", String::new(), told, "/admin/print"),
        ("admin-age-scans", String::new(), scan, "/admin/scans"),
        ("admin-age-registers", String::new(), asked, "/admin/applications"),
        ("admin-age-second", String::new(), second, "/admin/applications?part=second"),
    ]);
    Ok(firsts)
}

fn shown_age(frame: &Frame, now: Timestamp, since: Timestamp) -> String {
    let minutes = now.duration_since(since).as_secs().max(0) / 60;
    frame.text_with("admin-age", &[("hours", &(minutes / 60).to_string()), ("minutes", &(minutes % 60).to_string())])
}

async fn facts(api: &Api) -> Result<Vec<(&'static str, String)>, Fault> {
    let read = api.store().read(|view| Ok((view.audit_head()?, view.outbound_next_due()?, view.given()?)));
    let (head, next_due, given) = read.await?;
    let store = api.store().clone();
    let sizes = tokio::task::spawn_blocking(move || store.sizes()).await.map_err(|error| Fault::inside(&error))??;
    Ok(vec![
        ("admin-version", env!("CARGO_PKG_VERSION").to_owned()),
        ("admin-time", shown_time(api.now())),
        ("admin-mail-sessions", api.pulse().newest().sessions.to_string()),
        ("admin-next-due", next_due.map_or_else(|| "—".to_owned(), shown_ms)),
        ("admin-free", shown_bytes(sizes.free_bytes)),
        ("admin-size-rows", shown_bytes(sizes.engine_bytes)),
        ("admin-size-packs", format!("{} ({})", shown_bytes(sizes.pack_bytes), sizes.packs)),
        ("admin-size-journal", shown_bytes(sizes.journal_bytes)),
        ("admin-given-accounts", given.accounts.to_string()),
        ("admin-given-applications", given.applications.to_string()),
        ("admin-audit-entries", head.number.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_the_left_to_the_right_and_up_to_its_largest_value() {
        let trace = |by_reading| Trace { lately: 0.0, by_reading };
        assert_eq!(points(&trace(Vec::new())), None);
        assert_eq!(points(&trace(vec![0.0; 8])), None, "nothing happened");
        assert_eq!(points(&trace(vec![3.0; 4])), None, "a point is no line");
        let line = points(&trace([[1.0; 4], [0.0; 4], [2.0; 4]].concat()));
        assert_eq!(line.as_deref(), Some("0,18 120,35 240,1"));
    }
}
