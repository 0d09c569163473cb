//! Daily closings for controllers and heads of facilities (P32: order 57 cl. 15): as JSON with the signature, as a
//! page, and as a PDF. They only read, and each reading is in the audit.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::closings::{self, Listed, Sheet, Wanted};
use crate::hybrid::report::ReportPage;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::locale::Lang;
use crate::postal::Closing;

use super::access::{Principal, Role};
use super::guard::Caller;
use super::pages::{Asked, Fault, Frame, Staff};
use super::problem::Problem;
use super::{Api, pages};

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Json,
    Html,
    Pdf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    device: Option<String>,
    from: Option<String>,
    to: Option<String>,
    /// `DEVICE/DAY` of the last one that was seen.
    after: Option<String>,
    format: Option<Form>,
    /// Read by [`Asked`].
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    format: Option<Form>,
    /// Read by [`Asked`].
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

/// Who reads: a machine or script with a token, or somebody of the staff in a browser.
struct Reader {
    name: String,
    role: Role,
    /// Whose devices are seen: those of a head's own facility; a controller sees all.
    facility: Option<String>,
    /// What the paths of the closings begin with, for links.
    root: &'static str,
}

impl Reader {
    fn with_token(caller: &Principal) -> Self {
        let facility = (caller.role != Role::Controller).then(|| caller.facility.clone());
        Reader { name: caller.name.clone(), role: caller.role, facility, root: "/api/v1/closings" }
    }

    fn signed_in(staff: &Staff) -> Self {
        let facility = (staff.role != Role::Controller)
            // A head of nowhere, which is never let in, would see nothing.
            .then(|| staff.facility.as_ref().map_or_else(String::new, ToString::to_string));
        Reader { name: staff.signed_in.login.clone(), role: staff.role, facility, root: "/closings" }
    }
}

/// `GET /api/v1/closings?device=&from=&to=`
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    asked: Asked,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let form = preferred(&headers);
    list_for(&api, &Reader::with_token(&caller), asked, form, query).await
}

/// `GET /closings`
pub(super) async fn list_page(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Fault> {
    Ok(list_for(&api, &Reader::signed_in(&staff), asked, Form::Html, query).await?)
}

async fn list_for(
    api: &Api,
    reader: &Reader,
    asked: Asked,
    form: Form,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let form = query.format.unwrap_or(form);
    if form == Form::Pdf {
        return Err(Problem::bad_input("a list is json or html; each closing is also a pdf"));
    }
    let wanted = Wanted {
        device: query.device.clone(),
        facility: reader.facility.clone(),
        from: day(query.from.as_deref())?,
        to: day(query.to.as_deref())?,
        after: query.after.as_deref().map(place).transpose()?,
    };
    let range = format!("{}..{}", query.from.as_deref().unwrap_or(""), query.to.as_deref().unwrap_or(""));
    let object = query.device.as_deref().unwrap_or("all devices");
    audit(api, reader, object, &range).await?;
    let listed = api.closings().list(wanted).await?;
    match form {
        Form::Html => {
            let frame = Frame::new(asked, "closing-list");
            Ok(pages::show(&frame, &shown_list(&listed, frame.clone(), reader.root, &query)))
        }
        _ => Ok(axum::Json(json!({ "closings": listed.closings, "more": listed.more })).into_response()),
    }
}

/// `GET /api/v1/closings/{device}/{day}`
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    asked: Asked,
    headers: HeaderMap,
    Path(path): Path<(String, String)>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let form = preferred(&headers);
    show_for(&api, &Reader::with_token(&caller), asked, path, (form, query)).await
}

/// `GET /closings/{device}/{day}`
pub(super) async fn show_page(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(path): Path<(String, String)>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Response, Fault> {
    Ok(show_for(&api, &Reader::signed_in(&staff), asked, path, (Form::Html, query)).await?)
}

async fn show_for(
    api: &Api,
    reader: &Reader,
    asked: Asked,
    (device, day): (String, String),
    (form, query): (Form, Result<Query<ShowQuery>, QueryRejection>),
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let form = query.format.unwrap_or(form);
    let date: Date = day.parse().ok().filter(|date: &Date| date.to_string() == day).ok_or_else(Problem::not_found)?;
    // What is another facility's does not exist for its neighbour.
    let is_seen = reader.facility.as_ref().is_none_or(|facility| api.closings().is_of(&device, facility));
    let closing = if is_seen { api.closings().find(&device, date).await? } else { None };
    let closing = closing.ok_or_else(Problem::not_found)?;
    audit(api, reader, &format!("{device} {day}"), &format!("{form:?}").to_lowercase()).await?;
    let lang = asked.lang;
    match form {
        Form::Json => Ok(axum::Json(&closing).into_response()),
        Form::Html => {
            let frame = Frame::new(asked, "closing-list");
            Ok(pages::show(&frame, &ClosingPage { sheet: Sheet::of(&closing, lang), frame: frame.clone() }))
        }
        Form::Pdf => pdf(api, &closing, lang).await,
    }
}

/// P32: who looked at what. Nothing is shown before that is written down.
async fn audit(api: &Api, reader: &Reader, object: &str, details: &str) -> Result<(), Problem> {
    let details = format!("{}: {details}", reader.role.name());
    Ok(api.audit().note(&reader.name, "closing.read", object, Some(details)).await?)
}

async fn pdf(api: &Api, closing: &Closing, lang: Lang) -> Result<Response, Problem> {
    let sheet = Sheet::of(closing, lang);
    let report = ReportPage {
        lang: lang.tag().to_owned(),
        title: sheet.title,
        sections: sheet.sections.into_iter().map(|section| (section.heading, section.rows)).collect(),
        stamps: Vec::new(),
        note: sheet.note,
        id: closing.digest(),
        made_s: closing.closed.parse().map_or(0, |at: Timestamp| at.as_second()),
    };
    match api.workers().perform(&Request::Report(Box::new(report))).await? {
        Answer::Pdf(bytes) => {
            let name = format!("inline; filename=\"{}-{}.pdf\"", closing.device, closing.day);
            let mut response = bytes.into_response();
            put(&mut response, header::CONTENT_TYPE, "application/pdf");
            put(&mut response, header::CONTENT_DISPOSITION, &name);
            put(&mut response, header::CACHE_CONTROL, "no-store");
            Ok(response)
        }
        other => Err(Problem::temporary(&format!("the report of a closing: {other:?}"))),
    }
}

#[derive(Template)]
#[template(path = "closing.html")]
struct ClosingPage {
    frame: Frame,
    sheet: Sheet,
}

#[derive(Template)]
#[template(path = "closings.html")]
struct ListPage {
    frame: Frame,
    /// What the paths of the closings begin with.
    root: &'static str,
    rows: Vec<ListRow>,
    /// Behind which the next page begins.
    next: Option<String>,
    query: String,
}

struct ListRow {
    device: String,
    day: String,
    issued: String,
    total: u64,
    numbers: String,
}

fn shown_list(listed: &Listed, frame: Frame, root: &'static str, query: &ListQuery) -> ListPage {
    let row = |closing: &Closing| ListRow {
        device: closing.device.clone(),
        day: closing.day.clone(),
        issued: match &closing.issued {
            Some(issued) => issued.holder.clone().unwrap_or_else(|| issued.node.clone()),
            None => frame.text("closing-not-issued"),
        },
        total: closing.total,
        numbers: closing.first.zip(closing.last).map_or("—".into(), |(first, last)| format!("{first} – {last}")),
    };
    let asked = [("device", &query.device), ("from", &query.from), ("to", &query.to)];
    let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    // Names of devices and days need no escapes; whatever else was asked for found nothing.
    let is_plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let query: Vec<String> =
        asked.filter(|(_, value)| is_plain(value)).map(|(name, value)| format!("{name}={value}")).collect();
    let rows = listed.closings.iter().map(row).collect();
    let next = listed.closings.last().filter(|_| listed.more).map(|last| format!("{}/{}", last.device, last.day));
    ListPage { frame, root, rows, next, query: query.join("&") }
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What the reader prefers, else JSON.
fn preferred(headers: &HeaderMap) -> Form {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = accept.split(',').map(|kind| kind.split(';').next().unwrap_or("").trim()).find_map(|kind| match kind {
        "text/html" => Some(Form::Html),
        "application/pdf" => Some(Form::Pdf),
        "application/json" => Some(Form::Json),
        _ => None,
    });
    first.unwrap_or(Form::Json)
}

/// The language that is asked for, else the first that the reader prefers, else the state language: for what is no page.
pub(super) fn lang(asked: Option<&str>, headers: &HeaderMap) -> Lang {
    let known = |tag: &str| Lang::ALL.into_iter().find(|lang| tag.trim().split(['-', ';']).next() == Some(lang.tag()));
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    asked.and_then(known).or_else(|| accept.split(',').find_map(known)).unwrap_or(Lang::Kk)
}

fn day(text: Option<&str>) -> Result<Option<Date>, Problem> {
    let parse = |text: &str| {
        text.parse::<Date>().map_err(|_| Problem::bad_input(format!("{text:?} is no day; write one like 2026-11-22")))
    };
    text.map(parse).transpose()
}

/// `DEVICE/DAY`.
fn place(text: &str) -> Result<(String, Date), Problem> {
    let wrong =
        || Problem::bad_input(format!("{text:?} is no place in the list; write one like astana-1-a/2026-11-22"));
    let (device, day) = text.split_once('/').ok_or_else(wrong)?;
    Ok((device.to_owned(), day.parse().map_err(|_| wrong())?))
}

impl From<closings::Error> for Problem {
    fn from(error: closings::Error) -> Self {
        Problem::temporary(&error)
    }
}

pub(super) fn list_query() -> Value {
    let day = |what: &str| json!({ "type": "string", "format": "date", "description": what });
    json!({ "type": "object", "properties": {
        "device": { "type": "string", "description": "only of this device" },
        "from": day("the first day"),
        "to": day("the last day"),
        "after": { "type": "string",
            "description": "DEVICE/DAY of the last closing that was seen, where the answer said more: what is behind it" },
        "format": { "enum": ["json", "html"], "description": "without it as Accept prefers, else json" },
        "lang": { "enum": ["kk", "ru", "en"], "description": "without it as Accept-Language prefers, else kk" },
    } })
}

pub(super) fn show_query() -> Value {
    json!({ "type": "object", "properties": {
        "format": { "enum": ["json", "html", "pdf"], "description": "without it as Accept prefers, else json" },
        "lang": { "enum": ["kk", "ru", "en"], "description": "without it as Accept-Language prefers, else kk" },
    } })
}
