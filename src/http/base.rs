//! What state systems ask of the unified base (M23): who has which address. The IIN or BIN comes in the body, so that
//! no address, log or history of anybody holds it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::identity::basis::Basis;
use crate::identity::{Bin, Iin, NumberError, PersonalNumber};
use crate::people::lookups::{LookupError, Told};

use super::guard::Caller;
use super::problem::Problem;
use super::{Api, parse_json};

/// A person or company; exactly one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    iin: Option<String>,
    bin: Option<String>,
}

#[derive(Deserialize)]
struct One {
    #[serde(flatten)]
    asked: Asked,
    basis: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    persons: Vec<Asked>,
    basis: String,
}

/// `POST /api/v1/base/lookup`: 404 for everybody who is not in the base, known or not.
pub(super) async fn look_up(State(api): State<Api>, caller: Caller, body: Bytes) -> Result<Json<Value>, Problem> {
    let One { asked, basis } = parse_json(&body)?;
    let told = ask(&api, &caller, &[asked.number()?], &basis).await?;
    match told.into_iter().next().flatten() {
        Some(told) => Ok(Json(shown(&told))),
        None => Err(Problem::not_found()),
    }
}

/// `POST /api/v1/base/lookups`: the answers in the order of the persons, `null` where a single look-up would be 404.
pub(super) async fn look_up_many(State(api): State<Api>, caller: Caller, body: Bytes) -> Result<Json<Value>, Problem> {
    let Many { persons, basis } = parse_json(&body)?;
    // Before any is read: a number takes longer than a comma.
    let most = api.lookups().max_batch();
    if persons.len() > most {
        return Err(LookupError::TooMany(most).into());
    }
    let numbers = persons.into_iter().map(Asked::number).collect::<Result<Vec<_>, _>>()?;
    let told = ask(&api, &caller, &numbers, &basis).await?;
    Ok(Json(json!({ "found": told.iter().map(|told| told.as_ref().map(shown)).collect::<Vec<_>>() })))
}

async fn ask(
    api: &Api,
    caller: &Caller,
    numbers: &[PersonalNumber],
    basis: &str,
) -> Result<Vec<Option<Told>>, Problem> {
    let basis: Basis =
        basis.parse().map_err(|error: crate::identity::basis::BadBasis| Problem::bad_input(error.to_string()))?;
    Ok(api.lookups().look_up(&caller.name, numbers, &basis).await?)
}

impl Asked {
    fn number(self) -> Result<PersonalNumber, Problem> {
        let bad = |error: NumberError| Problem::bad_input(error.to_string());
        match (self.iin, self.bin) {
            (Some(iin), None) => iin.parse::<Iin>().map(PersonalNumber::Iin).map_err(bad),
            (None, Some(bin)) => bin.parse::<Bin>().map(PersonalNumber::Bin).map_err(bad),
            _ => Err(Problem::bad_input("name exactly one: iin or bin")),
        }
    }
}

fn shown(told: &Told) -> Value {
    json!({ "address": told.address.to_string(), "eds_confirmed": told.is_eds_confirmed })
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Nobody | LookupError::TooMany(_) => Problem::bad_input(error.to_string()),
            LookupError::TooFast { seconds } => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many", error.to_string()).after(seconds)
            }
            LookupError::Store(error) => error.into(),
        }
    }
}

fn asked_properties() -> Value {
    json!({
        "iin": { "type": "string", "pattern": "^[0-9]{12}$" },
        "bin": { "type": "string", "pattern": "^[0-9]{12}$" },
    })
}

fn basis_schema() -> Value {
    json!({
        "type": "string", "minLength": 5, "maxLength": 200,
        "description": "Why: the number of a case, for example. The person sees it; no IIN or BIN may stand in it.",
    })
}

pub(super) fn look_up_schema() -> Value {
    let mut properties = asked_properties();
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("basis".into(), basis_schema());
    }
    json!({
        "type": "object", "required": ["basis"], "properties": properties, "additionalProperties": false,
        "oneOf": [{ "required": ["iin"] }, { "required": ["bin"] }],
    })
}

pub(super) fn look_up_many_schema() -> Value {
    let person = json!({
        "type": "object", "properties": asked_properties(), "additionalProperties": false,
        "oneOf": [{ "required": ["iin"] }, { "required": ["bin"] }],
    });
    json!({
        "type": "object", "required": ["persons", "basis"], "additionalProperties": false,
        "properties": { "persons": { "type": "array", "minItems": 1, "items": person }, "basis": basis_schema() },
    })
}

/// What a single look-up answers.
pub(super) fn told_schema() -> Value {
    json!({
        "type": "object", "required": ["address", "eds_confirmed"],
        "properties": {
            "address": { "type": "string", "format": "email" },
            "eds_confirmed": {
                "type": "boolean",
                "description": "The user confirmed the cabinet data with an electronic signature: the mailbox takes official letters",
            },
        },
    })
}

/// What a look-up of many answers.
pub(super) fn told_many_schema() -> Value {
    json!({
        "type": "object", "required": ["found"],
        "properties": { "found": { "type": "array", "items": { "anyOf": [told_schema(), { "type": "null" }] } } },
    })
}
