//! `/admin/notices`: planned work that people are told of before it begins (M16). Announces and withdraws, as the
//! command does.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use serde::Deserialize;

use crate::administration::By;
use crate::announcements::{AnnounceError, Standing, Wanted};
use crate::clock::Timestamp;
use crate::store::announcements::Announcement;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{Said, Shell, actor, reason};

#[derive(Template)]
#[template(path = "admin/notices.html")]
struct NoticesPage {
    frame: Frame,
    rows: Vec<Row>,
    /// What was typed, in a form that comes back.
    typed: Typed,
    shell: Shell,
}

struct Row {
    number: u32,
    period: String,
    standing: String,
    texts: [String; 3],
    by: String,
}

/// A new announcement as it is typed; times are those of Kazakhstan.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    from: String,
    until: String,
    kk: String,
    ru: String,
    en: String,
}

#[derive(Deserialize)]
pub(super) struct Form {
    act: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    reason: String,
    #[serde(flatten)]
    typed: Typed,
}

/// `GET /admin/notices`
pub(super) async fn show(State(api): State<Api>, asked: Asked, staff: Staff) -> Response {
    page(&api, asked, &staff, &Said::default(), Typed::default())
}

/// `POST /admin/notices`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let said = match reason(&form.reason) {
        Ok(why) => done(&api, &form, By { who: &actor(&staff), why: &why }).await?,
        Err(said) => said,
    };
    let typed = if said.is_wrong { form.typed } else { Typed::default() };
    Ok(page(&api, asked, &staff, &said, typed))
}

async fn done(api: &Api, form: &Form, by: By<'_>) -> Result<Said, Fault> {
    let changed = match form.act.as_str() {
        "add" => {
            let Typed { from, until, kk, ru, en } = &form.typed;
            let (Some(from), Some(until)) = (moment(from), moment(until)) else {
                return Ok(Said::wrong("admin-notice-no-time"));
            };
            let wanted = Wanted { from, until, texts: [kk, ru, en].map(String::clone) };
            api.announcements().add(&wanted, by.who, Some(by.why)).await.map(|_| "admin-done-notice")
        }
        "withdraw" => {
            let number = form.number.parse().map_err(|_| Fault::bad_form())?;
            let withdrawn = api.announcements().withdraw(number, by.who, Some(by.why)).await;
            withdrawn.map(|_| "admin-done-notice-withdrawn")
        }
        _ => return Err(Fault::bad_form()),
    };
    match changed {
        Ok(key) => Ok(Said::done(key)),
        Err(AnnounceError::NoTime(_)) => Ok(Said::wrong("admin-notice-no-time")),
        Err(AnnounceError::Text) => Ok(Said::wrong("admin-notice-no-text")),
        Err(AnnounceError::TooMany) => Ok(Said::wrong("admin-notice-too-many")),
        Err(AnnounceError::Missing(_)) => Ok(Said::wrong("admin-notice-gone")),
        Err(AnnounceError::Store(error)) => Err(error.into()),
    }
}

/// What `datetime-local` sends (HTML, "local date and time"), by the clocks of Kazakhstan.
fn moment(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::fixed(tz::offset(5))).ok()?.timestamp())
}

/// What is announced is for everybody to see: looking at it is no entry.
fn page(api: &Api, asked: Asked, staff: &Staff, said: &Said, typed: Typed) -> Response {
    // What this request changed is told of on this page too.
    let asked = asked.telling(api.announcements().shown());
    let frame = Frame::new(asked, "admin-notices");
    let listed = api.announcements().list();
    let page = NoticesPage {
        shell: Shell::new(api, &frame, staff, "/admin/notices", said),
        rows: listed.into_iter().map(|(announcement, standing)| row(&frame, announcement, standing)).collect(),
        typed,
        frame: frame.clone(),
    };
    show_as(said.status(), &frame, &page)
}

fn row(frame: &Frame, announcement: Announcement, standing: Standing) -> Row {
    Row {
        number: announcement.number,
        period: announcement.period(frame.lang()),
        standing: frame.text(&format!("admin-notice-{}", standing.name())),
        texts: announcement.texts,
        by: announcement.by,
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    #[test_case("2026-12-05T02:00" => Some("2026-12-04T21:00:00Z".to_owned()); "as browsers send it")]
    #[test_case("2026-12-05 02:00:00" => Some("2026-12-04T21:00:00Z".to_owned()); "as people type it where there is no such field")]
    #[test_case("" => None; "nothing")]
    #[test_case("tomorrow" => None; "no time")]
    fn m16_times_are_those_of_kazakhstan(text: &str) -> Option<String> {
        super::moment(text).map(|at| at.to_string())
    }
}
