//! Daily closings for controllers and heads of facilities (P32: order 57 cl. 15): as JSON with the signature, as a
//! page, and as a PDF. They only read, and each reading is in the audit.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::closings::{self, Listed, Sheet, Wanted};
use crate::hybrid::report::ReportPage;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::locale::{Lang, text};
use crate::postal::Closing;
use crate::store::Batch;
use crate::store::audit::{AuditEntry, add_audit};

use super::Api;
use super::access::{Principal, Role};
use super::guard::Caller;
use super::problem::Problem;

const CSS: &str = include_str!("pages/closings.css");

/// Only the style of the page itself, known by its hash; no script, no picture, no frame, no form. W3C, Content
/// Security Policy Level 3.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(CSS));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

const LANGUAGES: [(&str, &str); 3] = [("kk", "Қазақша"), ("ru", "Русский"), ("en", "English")];

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
    lang: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    format: Option<Form>,
    lang: Option<String>,
}

/// `GET /api/v1/closings?device=&from=&to=`
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let form = form(query.format, &headers);
    if form == Form::Pdf {
        return Err(Problem::bad_input("a list is json or html; each closing is also a pdf"));
    }
    let lang = lang(query.lang.as_deref(), &headers);
    let wanted = Wanted {
        device: query.device.clone(),
        facility: own_facility(&caller),
        from: day(query.from.as_deref())?,
        to: day(query.to.as_deref())?,
        after: query.after.as_deref().map(place).transpose()?,
    };
    let range = format!("{}..{}", query.from.as_deref().unwrap_or(""), query.to.as_deref().unwrap_or(""));
    let object = query.device.as_deref().unwrap_or("all devices");
    audit(&api, &caller, object, &range).await?;
    let listed = api.closings().list(wanted).await?;
    match form {
        Form::Html => page(&list_page(&listed, lang, &query)),
        _ => Ok(axum::Json(json!({ "closings": listed.closings, "more": listed.more })).into_response()),
    }
}

/// `GET /api/v1/closings/{device}/{day}`
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Path((device, day)): Path<(String, String)>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let (form, lang) = (form(query.format, &headers), lang(query.lang.as_deref(), &headers));
    let date: Date = day.parse().ok().filter(|date: &Date| date.to_string() == day).ok_or_else(Problem::not_found)?;
    // What is another facility's does not exist for its neighbour.
    let is_seen = own_facility(&caller).is_none_or(|facility| api.closings().is_of(&device, &facility));
    let closing = if is_seen { api.closings().find(&device, date).await? } else { None };
    let closing = closing.ok_or_else(Problem::not_found)?;
    audit(&api, &caller, &format!("{device} {day}"), &format!("{form:?}").to_lowercase()).await?;
    match form {
        Form::Json => Ok(axum::Json(&closing).into_response()),
        Form::Html => {
            let sheet = Sheet::of(&closing, lang);
            page(&ClosingPage { lang: lang.tag(), languages: &LANGUAGES, css: CSS, sheet })
        }
        Form::Pdf => pdf(&api, &closing, lang).await,
    }
}

/// A head of a facility sees its own devices; a controller sees all.
fn own_facility(caller: &Principal) -> Option<String> {
    (caller.role != Role::Controller).then(|| caller.facility.clone())
}

/// P32: who looked at what. Nothing is shown before that is written down.
async fn audit(api: &Api, caller: &Principal, object: &str, details: &str) -> Result<(), Problem> {
    let entry = AuditEntry {
        at_us: api.now().as_microsecond(),
        actor: caller.name.clone(),
        action: "closing.read".to_owned(),
        object: object.to_owned(),
        details: Some(format!("{}: {details}", caller.role.name())),
    };
    let mut batch = Batch::new();
    add_audit(&mut batch, &entry)?;
    api.store().commit(batch).await?;
    Ok(())
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
struct ClosingPage<'a> {
    lang: &'a str,
    languages: &'a [(&'a str, &'a str)],
    css: &'a str,
    sheet: Sheet,
}

#[derive(Template)]
#[template(path = "closings.html")]
struct ListPage<'a> {
    lang: &'a str,
    languages: &'a [(&'a str, &'a str)],
    css: &'a str,
    title: String,
    head: Vec<String>,
    rows: Vec<ListRow>,
    none: String,
    /// Behind which the next page begins.
    next: Option<String>,
    more: String,
    query: String,
}

struct ListRow {
    device: String,
    day: String,
    issued: String,
    total: u64,
    numbers: String,
}

fn list_page(listed: &Listed, lang: Lang, query: &ListQuery) -> ListPage<'static> {
    let say = |key: &str| text(lang, key, &[]);
    let row = |closing: &Closing| ListRow {
        device: closing.device.clone(),
        day: closing.day.clone(),
        issued: match &closing.issued {
            Some(issued) => issued.holder.clone().unwrap_or_else(|| issued.node.clone()),
            None => say("closing-not-issued"),
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
    ListPage {
        lang: lang.tag(),
        languages: &LANGUAGES,
        css: CSS,
        title: say("closing-list"),
        head: ["closing-device-name", "closing-issued", "closing-total", "closing-numbers"].map(say).to_vec(),
        rows: listed.closings.iter().map(row).collect(),
        next: listed.closings.last().filter(|_| listed.more).map(|last| format!("{}/{}", last.device, last.day)),
        more: say("closing-more"),
        none: say("closing-none"),
        query: query.join("&"),
    }
}

fn page(template: &impl Template) -> Result<Response, Problem> {
    let mut response = template.render().map_err(|error| Problem::temporary(&error))?.into_response();
    put(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    put(&mut response, header::CONTENT_SECURITY_POLICY, &POLICY);
    put(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, header::REFERRER_POLICY, "no-referrer");
    put(&mut response, header::CACHE_CONTROL, "no-store");
    Ok(response)
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What is asked for by name, else what the reader prefers, else JSON.
fn form(asked: Option<Form>, headers: &HeaderMap) -> Form {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = accept.split(',').map(|kind| kind.split(';').next().unwrap_or("").trim()).find_map(|kind| match kind {
        "text/html" => Some(Form::Html),
        "application/pdf" => Some(Form::Pdf),
        "application/json" => Some(Form::Json),
        _ => None,
    });
    asked.or(first).unwrap_or(Form::Json)
}

/// The language that is asked for, else the first that the reader prefers, else the state language.
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
