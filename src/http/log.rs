//! The transparency log, for everybody: checkpoints, tiles and entries as c2sp.org/tlog-tiles has them, and proofs.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::identity::eds::response_with;
use crate::ids::ImpressionId;
use crate::tlog::folder::{self, View};
use crate::tlog::proof::Proof;
use crate::tlog::tile::Tile;

use super::Api;
use super::problem::Problem;

/// What never changes may be kept for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// What changes with the next impression may be kept for a moment.
const FLEETING: &str = "public, max-age=1";

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// RFC 3161 §3.4.
const STAMP: &str = "application/timestamp-reply";

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofQuery {
    i: String,
    #[serde(default)]
    format: Form,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsistencyQuery {
    from: u64,
    to: Option<u64>,
    #[serde(default)]
    format: Form,
}

/// A proof in JSON.
#[derive(Serialize)]
struct ProofBody {
    index: u64,
    path: Vec<String>,
    checkpoint: String,
}

/// `GET /log/checkpoint`
pub(super) async fn checkpoint(State(api): State<Api>) -> Result<Response, Problem> {
    let note = read(&api, |view| Ok(view.note().to_owned())).await?;
    Ok(answer(TEXT, FLEETING, note))
}

/// `GET /log/key`: what monitors need, once, over a way that they trust.
pub(super) async fn key(State(api): State<Api>) -> Result<Response, Problem> {
    let key = read(&api, |view| Ok(format!("{}\n", view.verifier()))).await?;
    Ok(answer(TEXT, FLEETING, key))
}

/// `GET /log/daily/{day}`: the last checkpoint of a day that is over; with `.tst` behind it the time stamp of that
/// (RFC 3161), with `.tsr` the same as an answer of its authority, which other programs want.
pub(super) async fn daily(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, Problem> {
    let (day, form) = name.split_once('.').map_or((name.as_str(), None), |(day, form)| (day, Some(form)));
    let day: Date = day.parse().ok().filter(|date: &Date| date.to_string() == day).ok_or_else(Problem::not_found)?;
    let stamp = move |view: &View| view.stamp(day);
    match form {
        None => {
            let note = read(&api, move |view| view.daily(day)).await?.ok_or_else(Problem::not_found)?;
            Ok(answer(TEXT, IMMUTABLE, note))
        }
        Some("tst") => {
            let token = read(&api, stamp).await?.ok_or_else(Problem::not_found)?;
            Ok(answer(BYTES, IMMUTABLE, token))
        }
        Some("tsr") => {
            let token = read(&api, stamp).await?.ok_or_else(Problem::not_found)?;
            Ok(answer(STAMP, IMMUTABLE, response_with(&token)))
        }
        Some(_) => Err(Problem::not_found()),
    }
}

/// `GET /log/tile/{path}`: hashes or entries.
pub(super) async fn tile(State(api): State<Api>, Path(path): Path<String>) -> Result<Response, Problem> {
    let tile: Tile = path.parse().map_err(|_| Problem::not_found())?;
    let bytes = read(&api, move |view| view.tile(tile)).await?.ok_or_else(Problem::not_found)?;
    Ok(answer(BYTES, IMMUTABLE, bytes))
}

/// `GET /log/proof?i=`: that an impression is in the newest tree (c2sp.org/tlog-proof).
pub(super) async fn proof(
    State(api): State<Api>,
    query: Result<Query<ProofQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ProofQuery { i, format }) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let id: ImpressionId = i.parse().map_err(|_| Problem::not_found())?;
    let find = move |view: &View| view.find(id)?.map(|index| view.prove(index)).transpose();
    let proof: Proof = read(&api, find).await?.ok_or_else(Problem::not_found)?;
    Ok(match format {
        Form::Text => answer(TEXT, FLEETING, proof.to_string()),
        Form::Json => {
            let path = proof.path.iter().map(ToString::to_string).collect();
            axum::Json(ProofBody { index: proof.index, path, checkpoint: proof.note }).into_response()
        }
    })
}

/// `GET /log/consistency?from=&to=`: that the log only grew; a hash a line, none where there is nothing to show.
pub(super) async fn consistency(
    State(api): State<Api>,
    query: Result<Query<ConsistencyQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ConsistencyQuery { from, to, format }) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let prove = move |view: &View| {
        let to = to.unwrap_or(view.size());
        Ok((to, view.size(), view.consistency(from, to)?))
    };
    let (to, size, path) = read(&api, prove).await?;
    let wrong = || Problem::bad_input(format!("from is at most to, and to at most {size}, the leaves of the log"));
    let path: Vec<String> = path.ok_or_else(wrong)?.iter().map(ToString::to_string).collect();
    Ok(match format {
        Form::Text => answer(TEXT, FLEETING, path.iter().map(|hash| format!("{hash}\n")).collect::<String>()),
        Form::Json => axum::Json(json!({ "from": from, "to": to, "path": path })).into_response(),
    })
}

pub(super) fn proof_query() -> Value {
    json!({ "type": "object", "required": ["i"], "properties": {
        "i": { "type": "string", "description": "tag i of the mark" },
        "format": { "enum": ["text", "json"], "default": "text" },
    } })
}

pub(super) fn consistency_query() -> Value {
    json!({ "type": "object", "required": ["from"], "properties": {
        "from": { "type": "integer", "description": "leaves of the earlier tree" },
        "to": { "type": "integer", "description": "leaves of the later tree; the newest without it" },
        "format": { "enum": ["text", "json"], "default": "text" },
    } })
}

fn answer(kind: &'static str, caching: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, caching)], body).into_response()
}

/// Reads the published log on a thread that may wait for the disk.
async fn read<T: Send + 'static>(
    api: &Api,
    read: impl FnOnce(&View) -> folder::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let publisher = api.publisher().clone();
    let done = tokio::task::spawn_blocking(move || publisher.view().map(|view| read(&view))).await;
    match done.map_err(|error| Problem::temporary(&error))? {
        Some(found) => found.map_err(|error| Problem::temporary(&error)),
        None => Err(Problem::temporary(&"there is no log that can be read")),
    }
}
