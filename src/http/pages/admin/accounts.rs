//! Accounts: a list by number, one of them, and what can be done with it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::accounts::{Account, AccountError};
use crate::administration::{AdministrationError, By, Closed, Seen};
use crate::ids::AccountId;
use crate::store::accounts::{CredentialKind, Kind, OwnQuota, State as Life};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::Proved;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in, show_as};
use super::{PAGE, Said, Shell, actor, reason, shown_bytes, shown_time};

const MIB: u64 = 1 << 20;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    find: String,
    after: Option<u64>,
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct ListPage {
    frame: Frame,
    find: String,
    /// Nobody is called so.
    is_missing: bool,
    rows: Vec<Row>,
    next: Option<u64>,
}

struct Row {
    id: u64,
    login: String,
    address: String,
    created: String,
    is_open: bool,
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct ShowPage {
    frame: Frame,
    id: u64,
    login: String,
    is_open: bool,
    facts: Vec<(&'static str, String)>,
    steps: Vec<(String, String)>,
    own_mib: String,
    own_messages: String,
    shell: Shell,
    /// A password that is shown this once.
    password: Option<String>,
}

/// `GET /admin/accounts`
pub(super) async fn list(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let Wanted { find, after } = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let find = find.trim().to_owned();
    let mut is_missing = false;
    if !find.is_empty() {
        match api.administration().find(&find).await? {
            Some(id) => return Ok(Redirect::to(&format!("/admin/accounts/{}", id.0)).into_response()),
            None => is_missing = true,
        }
    }
    let accounts = api.administration().list(&actor(&staff), after.map(AccountId), PAGE).await?;
    let next = accounts.last().filter(|_| accounts.len() == PAGE).map(|account| account.id.0);
    let rows = accounts.iter().map(row).collect();
    let frame = Frame::new(asked, "admin-accounts");
    Ok(show_in(&frame, &ListPage { frame: frame.clone(), find, is_missing, rows, next }))
}

fn row(account: &Account) -> Row {
    Row {
        id: account.id.0,
        login: account.login.clone(),
        address: account.address.to_string(),
        created: shown_time(account.created),
        is_open: account.is_active(),
    }
}

/// `GET /admin/accounts/{id}`
pub(super) async fn show(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(id): Path<u64>,
) -> Result<Response, Fault> {
    page(&api, asked, &staff, AccountId(id), Outcome::default()).await
}

/// What came of an act.
#[derive(Default)]
struct Outcome {
    said: Said,
    /// A password that is shown this once.
    password: Option<String>,
}

impl From<Said> for Outcome {
    fn from(said: Said) -> Self {
        Outcome { said, password: None }
    }
}

#[derive(Deserialize)]
pub(super) struct Form {
    act: String,
    #[serde(default)]
    mib: String,
    #[serde(default)]
    messages: String,
    #[serde(default)]
    confirm: String,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/accounts/{id}`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Path(id): Path<u64>,
    _: Proved,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let id = AccountId(id);
    let outcome = match reason(&form.reason) {
        Ok(why) => match done(&api, &staff, id, &form, By { who: &actor(&staff), why: &why }).await {
            Ok(outcome) => outcome,
            Err(AdministrationError::Account(AccountError::Missing)) => return Err(Fault::not_found()),
            Err(error) => return Err(error.into()),
        },
        Err(said) => said.into(),
    };
    page(&api, asked, &staff, id, outcome).await
}

async fn done(
    api: &Api,
    staff: &Staff,
    id: AccountId,
    form: &Form,
    by: By<'_>,
) -> Result<Outcome, AdministrationError> {
    let administration = api.administration();
    match form.act.as_str() {
        "sessions" => {
            administration.end_sessions(by, id).await?;
            Ok(Said::done("admin-done-sessions").into())
        }
        "quota" => {
            let Some(own) = own_quota(form) else { return Ok(Said::wrong("admin-bad-number").into()) };
            administration.set_quota(by, id, own).await?;
            Ok(Said::done("admin-done-quota").into())
        }
        "password" => {
            let password = administration.reset_password(by, id, staff.signed_in.ip).await?;
            let password = Some(password.expose().to_owned());
            Ok(Outcome { said: Said::done("admin-done-password"), password })
        }
        act @ ("close" | "destroy") => {
            // The name is typed, so that nobody closes the wrong one, or by a slip.
            if !administration.is_called(id, form.confirm.trim()).await? {
                return Ok(Said::wrong("admin-not-confirmed").into());
            }
            let closed = match act {
                "close" => administration.close(by, id).await?,
                _ => administration.destroy(by, id).await?,
            };
            let said = match closed {
                Closed::LettersUntil(until) => Said::done("admin-done-close").with(shown_time(until)),
                Closed::Destroyed => Said::done("admin-done-destroy"),
            };
            Ok(said.into())
        }
        _ => Ok(Said::wrong("page-bad-form-text").into()),
    }
}

/// Empty fields are what all accounts get.
fn own_quota(form: &Form) -> Option<OwnQuota> {
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse::<u64>().ok().map(Some),
    };
    let bytes = match number(&form.mib)? {
        Some(mib) => Some(mib.checked_mul(MIB)?),
        None => None,
    };
    Some(OwnQuota { bytes, messages: number(&form.messages)? })
}

async fn page(api: &Api, asked: Asked, staff: &Staff, id: AccountId, outcome: Outcome) -> Result<Response, Fault> {
    let seen = api.administration().show(&actor(staff), id).await?.ok_or_else(Fault::not_found)?;
    let frame = Frame::new(asked, "admin-account");
    let Outcome { said, password } = outcome;
    let page = ShowPage {
        id: id.0,
        login: seen.account.login.clone(),
        is_open: seen.account.is_active(),
        facts: facts(&frame, &seen),
        steps: steps(&frame, &seen),
        own_mib: seen.account.quota.bytes.map_or_else(String::new, |bytes| (bytes / MIB).to_string()),
        own_messages: seen.account.quota.messages.map_or_else(String::new, |messages| messages.to_string()),
        shell: Shell::new(api, &frame, staff, &format!("/admin/accounts/{}", id.0), &said),
        password,
        frame: frame.clone(),
    };
    Ok(show_as(said.status(), &frame, &page))
}

fn facts(frame: &Frame, seen: &Seen) -> Vec<(&'static str, String)> {
    let Seen { account, usage, allowance, sessions, grants, .. } = seen;
    let limit = |most: Option<String>| most.unwrap_or_else(|| frame.text("admin-no-limit"));
    let roles: Vec<String> = grants
        .iter()
        .filter_map(|grant| grant.role())
        .map(|role| frame.text(&format!("admin-role-{}", role.name().replace('_', "-"))))
        .collect();
    let applications = account.credentials.iter().filter(|credential| credential.kind != CredentialKind::Main).count();
    vec![
        ("admin-number", account.id.0.to_string()),
        ("admin-address", account.address.to_string()),
        ("admin-name", account.display_name.clone()),
        ("admin-kind", frame.text(if account.kind == Kind::Individual { "admin-individual" } else { "admin-legal" })),
        (
            "admin-person",
            account.person.as_ref().map_or_else(|| "—".into(), |person| format!("…{}", person.last_digits)),
        ),
        ("admin-created", shown_time(account.created)),
        (
            "admin-state",
            match account.state {
                Life::Active => frame.text("admin-open"),
                Life::Closed { at } => frame.text_with("admin-closed-since", &[("time", &shown_time(at))]),
            },
        ),
        ("admin-confirmed", frame.text(if account.eds_confirmed { "admin-yes" } else { "admin-no" })),
        ("admin-holds", format!("{} / {}", shown_bytes(usage.bytes), limit(allowance.bytes.most.map(shown_bytes)))),
        (
            "admin-messages",
            format!("{} / {}", usage.messages, limit(allowance.messages.most.map(|most| most.to_string()))),
        ),
        ("admin-applications", applications.to_string()),
        ("admin-sessions", sessions.to_string()),
        ("admin-roles", if roles.is_empty() { "—".to_owned() } else { roles.join(", ") }),
    ]
}

fn steps(frame: &Frame, seen: &Seen) -> Vec<(String, String)> {
    let steps = seen.standing.iter().flat_map(crate::identity::base::Standing::steps);
    steps
        .map(|(step, at)| (frame.text(&format!("admin-step-{}", step.name().replace('_', "-"))), shown_time(at)))
        .collect()
}
