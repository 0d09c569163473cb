//! Applications that do not go on by themselves now (M14, M24): the registers are silent, a second clerk is to confirm,
//! or their time runs out. Number, login and state; never what was filled in.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::administration::By;
use crate::identity::application::ApplicationNumber;
use crate::locale::Lang;
use crate::people::registration::{Applied, ApplyError, refusal_text};
use crate::store::applications::{Place, Queue, State as Standing, StoredApplication};
use crate::store::desk::Case;
use crate::store::{self, View};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{PAGE, Said, Shell, actor, note, note_look, reason, shown_us};

const PATH: &str = "/admin/applications";

/// For what they wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// The registers are asked again.
    Registers,
    /// A second clerk is to confirm what the first one has seen to.
    Second,
    /// They were filled in or refused, and are removed when their time is over.
    Kept,
}

impl Part {
    const ALL: [Self; 3] = [Self::Registers, Self::Second, Self::Kept];

    fn name(self) -> &'static str {
        match self {
            Part::Registers => "registers",
            Part::Second => "second",
            Part::Kept => "kept",
        }
    }

    fn of(name: &str) -> Self {
        Part::ALL.into_iter().find(|part| part.name() == name).unwrap_or(Part::Registers)
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    part: String,
    /// Those behind this one: its time and its serial number, or the serial number alone.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "admin/applications.html")]
struct ListPage {
    frame: Frame,
    shell: Shell,
    parts: Vec<(&'static str, String, bool)>,
    part: &'static str,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    number: String,
    login: String,
    state: String,
    since: String,
    until: String,
    may_retry: bool,
    may_refuse: bool,
}

/// `GET /admin/applications`
pub(super) async fn list(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    page(&api, asked, &staff, &wanted, &Said::default()).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    number: String,
    act: String,
    #[serde(default)]
    part: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/applications`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let number = form.number.parse().map_err(|_| Fault::bad_form())?;
    let said = match reason(&form.reason) {
        Ok(why) => {
            let by = By { who: &actor(&staff), why: &why };
            match form.act.as_str() {
                "retry" => retry(&api, number, by, asked.lang).await?,
                "refuse" => refuse(&api, number, by).await?,
                _ => return Err(Fault::bad_form()),
            }
        }
        Err(said) => said,
    };
    page(&api, asked, &staff, &Wanted { part: form.part, after: String::new() }, &said).await
}

async fn retry(api: &Api, number: ApplicationNumber, by: By<'_>, lang: Lang) -> Result<Said, Fault> {
    note(api, by, "application.retry", &format!("application {number}")).await?;
    match api.registration().retry(number).await {
        Ok(Applied::Registered { address, .. }) => {
            Ok(Said::done("admin-application-registered").with(address.to_string()))
        }
        Ok(Applied::Waiting { .. }) => Ok(Said::wrong("admin-application-waits")),
        Err(ApplyError::Missing | ApplyError::Busy | ApplyError::Accepted) => Ok(Said::wrong("admin-application-gone")),
        Err(ApplyError::Store(error)) => Err(error.into()),
        Err(error) => Ok(Said::wrong("admin-application-refused").with(error.text(lang))),
    }
}

async fn refuse(api: &Api, number: ApplicationNumber, by: By<'_>) -> Result<Said, Fault> {
    match api.registration().decline(number, by.why, by.who).await {
        Ok(()) => Ok(Said::done("admin-application-declined")),
        Err(ApplyError::Missing | ApplyError::Busy) => Ok(Said::wrong("admin-application-gone")),
        Err(error) => Err(Fault::inside(&error)),
    }
}

async fn page(api: &Api, asked: Asked, staff: &Staff, wanted: &Wanted, said: &Said) -> Result<Response, Fault> {
    let part = Part::of(&wanted.part);
    note_look(api, staff, "application.list", "applications").await?;
    let after = wanted.after.clone();
    let found = api.store().read(move |view| found(view, part, &after)).await?;
    let next = found.last().filter(|_| found.len() == PAGE).and_then(|last| place(part, last));
    let frame = Frame::new(asked, "admin-applications-title");
    let now_us = api.now().as_microsecond();
    let text = |part: Part| frame.text(&format!("admin-applications-{}", part.name()));
    let page = ListPage {
        shell: Shell::new(api, &frame, staff, PATH, said),
        parts: Part::ALL.into_iter().map(|each| (each.name(), text(each), each == part)).collect(),
        part: part.name(),
        rows: found.iter().map(|(stored, case)| row(&frame, stored, case.as_ref(), now_us)).collect(),
        next,
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

/// An application, with what a first clerk has seen to.
type Found = (StoredApplication, Option<Case>);

fn found(view: &View<'_>, part: Part, after: &str) -> store::Result<Vec<Found>> {
    let place = after.split_once('.');
    let place = place.and_then(|(at, serial)| Some(Place { at_us: at.parse().ok()?, serial: serial.parse().ok()? }));
    let queue = match part {
        Part::Registers => Queue::AskAgain,
        Part::Kept => Queue::Over,
        Part::Second => {
            let mut found = Vec::new();
            for stored in view.desk_cases_behind(after.parse().ok(), PAGE)? {
                if let Some(number) = view.application_number(stored.serial)?
                    && let Some(application) = view.application(number)?
                {
                    found.push((application, Some(stored.case)));
                }
            }
            return Ok(found);
        }
    };
    Ok(view.applications_behind(queue, place, PAGE)?.into_iter().map(|stored| (stored, None)).collect())
}

fn place(part: Part, (stored, _): &Found) -> Option<String> {
    match part {
        Part::Second => Some(stored.number.serial().to_string()),
        Part::Registers | Part::Kept => stored.place().map(|place| format!("{}.{}", place.at_us, place.serial)),
    }
}

fn row(frame: &Frame, stored: &StoredApplication, case: Option<&Case>, now_us: i64) -> Row {
    let application = &stored.application;
    let (state, since, until) = match (&application.state, case) {
        (Standing::Waiting { since_us, again_us, tries, .. }, _) => {
            let state = frame.text_with("admin-application-tries", &[("value", &tries.to_string())]);
            (state, *since_us, Some(*again_us))
        }
        (Standing::Open { until_us, .. }, Some(case)) => {
            let state = frame.text_with("admin-application-second", &[("value", &case.facility)]);
            (state, case.at_us, Some(*until_us))
        }
        (Standing::Open { until_us, .. }, None) if *until_us <= now_us => {
            (frame.text("admin-application-over"), application.applied_us, Some(*until_us))
        }
        (Standing::Open { until_us, .. }, None) => {
            (frame.text("admin-application-open"), application.applied_us, Some(*until_us))
        }
        (Standing::Refused { code, field, until_us }, _) => {
            (refusal_text(frame.lang(), code, field.as_deref()), application.applied_us, Some(*until_us))
        }
        (Standing::Registered { created_us, .. }, _) => (frame.text("admin-step-created"), *created_us, None),
    };
    Row {
        number: stored.number.to_string(),
        login: application.login.clone(),
        state,
        since: shown_us(since),
        until: until.map_or_else(|| "—".to_owned(), shown_us),
        may_retry: matches!(application.state, Standing::Waiting { .. }),
        may_refuse: case.is_some() || matches!(application.state, Standing::Waiting { .. }),
    }
}
