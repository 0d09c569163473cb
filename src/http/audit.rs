//! Controllers read the audit (P32, M20). What they read is an entry itself, written before anything is shown.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::AuditError;
use crate::clock::Timestamp;
use crate::store::audit::{AuditEntry, AuditPage, AuditPlace, AuditQuery};

use super::guard::Caller;
use super::problem::Problem;
use super::{Api, rfc3339_us};

/// Entries on one page, if nothing else is asked for; and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

/// Bytes of a word that is looked for.
const LONGEST_WORD: usize = 200;

/// What is looked for, as it stands behind the question mark. Nothing of it is secret: an IIN finds nothing, as none
/// stands in the audit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    pub(super) actor: String,
    #[serde(default)]
    pub(super) action: String,
    #[serde(default)]
    pub(super) object: String,
    #[serde(default)]
    pub(super) from: String,
    #[serde(default)]
    pub(super) to: String,
    #[serde(default)]
    pub(super) before: String,
    #[serde(default)]
    pub(super) limit: String,
}

/// A word of a query that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadQuery {
    #[error("from and to are days such as 2026-11-29, or instants of RFC 3339")]
    Time,
    #[error("before is what an answer had as next")]
    Place,
    #[error("limit is a number from 1 to {LONGEST_PAGE}")]
    Limit,
    #[error("a word that is looked for has at most {LONGEST_WORD} bytes")]
    Word,
}

impl Wanted {
    /// What the store is asked.
    pub(super) fn query(&self) -> Result<AuditQuery, BadQuery> {
        let word = |text: &str| match text.trim() {
            "" => Ok(None),
            word if word.len() <= LONGEST_WORD => Ok(Some(word.to_owned())),
            _ => Err(BadQuery::Word),
        };
        let time = |text: &str, end: End| match text.trim() {
            "" => Ok(None),
            text => instant(text, end).map(|at| Some(at.as_microsecond())).ok_or(BadQuery::Time),
        };
        let before = match self.before.as_str() {
            "" => None,
            text => Some(place(text).ok_or(BadQuery::Place)?),
        };
        Ok(AuditQuery {
            actor: word(&self.actor)?,
            action: word(&self.action)?,
            object: word(&self.object)?,
            from_us: time(&self.from, End::Beginning)?,
            until_us: time(&self.to, End::Last)?,
            before,
        })
    }

    pub(super) fn limit(&self) -> Result<usize, BadQuery> {
        match self.limit.as_str() {
            "" => Ok(PAGE),
            text => text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit)).ok_or(BadQuery::Limit),
        }
    }
}

/// Which end of a day is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Beginning,
    Last,
}

/// An instant, or a day of UTC: the audit is of the whole country.
fn instant(text: &str, end: End) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let day: Date = text.parse().ok()?;
    let day = if end == End::Last { day.tomorrow().ok()? } else { day };
    day.to_zoned(TimeZone::UTC).ok().map(|begin| begin.timestamp())
}

/// A place as answers write it.
pub(super) fn written(place: AuditPlace) -> String {
    format!("{}-{}", place.at_us, place.number)
}

fn place(text: &str) -> Option<AuditPlace> {
    let (at_us, number) = text.split_once('-')?;
    Some(AuditPlace { at_us: at_us.parse().ok()?, number: number.parse().ok()? })
}

/// `GET /api/v1/audit`
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(wanted) = wanted.map_err(|error| Problem::bad_input(error.body_text()))?;
    let bad = |error: BadQuery| Problem::bad_input(error.to_string());
    let (query, limit) = (wanted.query().map_err(bad)?, wanted.limit().map_err(bad)?);
    let page = api.audit().read(&caller.name, query, limit).await?;
    Ok(Json(shown(&page)))
}

fn shown(page: &AuditPage) -> Value {
    let entry = |(number, entry): &(u64, AuditEntry)| {
        json!({
            "number": number, "at": rfc3339_us(entry.at_us), "actor": entry.actor, "action": entry.action,
            "object": entry.object, "details": entry.details,
        })
    };
    json!({ "entries": page.entries.iter().map(entry).collect::<Vec<_>>(), "next": page.next.map(written) })
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        Problem::temporary(&error)
    }
}

pub(super) fn list_query() -> Value {
    let text = |what: &str| json!({ "type": "string", "description": what });
    json!({ "type": "object", "properties": {
        "actor": text("Part of the name of who did it"),
        "action": text("What was done, such as account.show, or all of a kind: account"),
        "object": text("Part of the name of what it was done to, such as account 281474976710657"),
        "from": text("The first day (UTC), or an instant"),
        "to": text("The last day (UTC), or the instant before which"),
        "before": text("next of the page before"),
        "limit": { "type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE },
    } })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn wanted(from: &str, to: &str) -> Wanted {
        Wanted { from: from.into(), to: to.into(), ..Wanted::default() }
    }

    #[test]
    fn m20_a_day_is_whole() {
        let query = wanted("2026-11-29", "2026-11-29").query().unwrap();
        assert_eq!(query.until_us.unwrap() - query.from_us.unwrap(), 86_400_000_000);
        let query = wanted("2026-11-29T10:00:00+05:00", " ").query().unwrap();
        assert_eq!(rfc3339_us(query.from_us.unwrap()), "2026-11-29T05:00:00Z");
        assert_eq!(query.until_us, None);
    }

    #[test_case(&wanted("yesterday", "") => BadQuery::Time; "no time")]
    #[test_case(&wanted("", "2026-02-30") => BadQuery::Time; "no day")]
    #[test_case(&Wanted { before: "12".into(), ..Wanted::default() } => BadQuery::Place; "no place")]
    #[test_case(&Wanted { actor: "x".repeat(201), ..Wanted::default() } => BadQuery::Word; "a long word")]
    fn m20_what_cannot_be_looked_for_is_said(wanted: &Wanted) -> BadQuery {
        wanted.query().unwrap_err()
    }

    #[test]
    fn m20_pages_follow_each_other() {
        let place_there = AuditPlace { at_us: 1_795_000_000_000_000, number: 17 };
        let next = Wanted { before: written(place_there), ..Wanted::default() };
        assert_eq!(next.query().unwrap().before, Some(place_there));
        for limit in ["0", "1001", "-1", "x"] {
            assert_eq!(Wanted { limit: limit.into(), ..Wanted::default() }.limit(), Err(BadQuery::Limit));
        }
        assert_eq!(Wanted::default().limit(), Ok(PAGE));
    }
}
