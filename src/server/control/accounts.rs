//! Requests about accounts.

use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use crate::accounts::{Account, AccountError, NewAccount};
use crate::server::Services;
use crate::store::accounts::{CredentialKind, Kind, OwnQuota, State};
use crate::store::receipts::Consent;

use super::execute::{done, json};
use super::{AccountAdd, Answer, Failure, Page, Password, QuotaChange};

/// Whoever speaks over the control socket is on this machine.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An account as commands show it. No hash and no IIN leaves the store.
#[derive(Serialize)]
struct Shown {
    id: u64,
    login: String,
    address: String,
    kind: Kind,
    name: String,
    state: &'static str,
    postal_index: Option<String>,
    person_last_digits: Option<String>,
    eds_confirmed: bool,
    created: String,
    credentials: Vec<ShownCredential>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<ShownQuota>,
}

/// What an account may hold; no number is no limit.
#[derive(Serialize)]
struct ShownQuota {
    bytes: Option<u64>,
    messages: Option<u64>,
    /// Whether that was set for this account.
    own_bytes: bool,
    own_messages: bool,
}

#[derive(Serialize)]
struct ShownCredential {
    id: u32,
    kind: String,
    created: String,
    last_used: Option<String>,
}

pub(super) async fn add(services: &Services, new: AccountAdd) -> Answer {
    services.authenticator.check_new(&new.password.0).map_err(|error| Failure::from_error(&error))?;
    let address = match new.address.as_deref().map(str::parse) {
        Some(Err(error)) => return Err(Failure { message: format!("the address: {error}") }),
        Some(Ok(address)) => Some(address),
        None => None,
    };
    let person = match &new.person {
        Some(number) => Some(number.0.expose().parse().map_err(|error| Failure::from_error(&error))?),
        None => None,
    };
    let password =
        services.authenticator.hash(&new.password.0, HERE).await.map_err(|error| Failure::from_error(&error))?;
    let account = NewAccount {
        login: new.login,
        address,
        kind: new.kind,
        display_name: new.display_name,
        person,
        postal_index: checked_index(new.postal_index)?,
        password,
    };
    let made = services.accounts.create(account).await.map_err(|error| Failure::from_error(&error))?;
    json(shown(&made))
}

pub(super) async fn list(services: &Services, page: Page) -> Answer {
    let after = page.after.map(crate::ids::AccountId);
    let accounts = services.accounts.list(after, page.limit).await.map_err(|error| Failure::from_error(&error))?;
    json(accounts.iter().map(shown).collect::<Vec<_>>())
}

pub(super) async fn show(services: &Services, name: &str) -> Answer {
    let account = find(services, name).await?;
    json(with_usage(services, &account).await?)
}

async fn with_usage(services: &Services, account: &Account) -> Result<Shown, Failure> {
    let id = account.id;
    let held = services.store.read(move |view| view.usage(id)).await.map_err(|error| Failure::from_error(&error))?;
    let allowance = services.config.quota.allowance(Some(account));
    let quota = ShownQuota {
        bytes: allowance.bytes.most,
        messages: allowance.messages.most,
        own_bytes: account.quota.bytes.is_some(),
        own_messages: account.quota.messages.is_some(),
    };
    let (messages, bytes) = (Some(held.messages), Some(held.bytes));
    Ok(Shown { messages, bytes, quota: Some(quota), ..shown(account) })
}

pub(super) async fn set_quota(services: &Services, name: &str, change: QuotaChange) -> Answer {
    let account = find(services, name).await?;
    let quota = match change {
        QuotaChange::Default => OwnQuota::default(),
        QuotaChange::Set { bytes, messages } => {
            OwnQuota { bytes: bytes.or(account.quota.bytes), messages: messages.or(account.quota.messages) }
        }
    };
    let settings = &services.config.quota;
    let allowance = |account: &Account| settings.allowance(Some(account));
    let set = services.accounts.set_quota(account.id, quota, allowance).await;
    set.map_err(|error| Failure::from_error(&error))?;
    json(with_usage(services, &Account { quota, ..account }).await?)
}

/// What the user decided about receipts for fetched letters, after it was set if there is something to set.
pub(super) async fn receipts(services: &Services, name: &str, consent: Option<Consent>) -> Answer {
    let id = find(services, name).await?.id;
    if let Some(consent) = consent {
        services.accounts.set_consent(id, consent).await.map_err(|error| Failure::from_error(&error))?;
    }
    let now = services.store.read(move |view| view.consent(id)).await.map_err(|error| Failure::from_error(&error))?;
    json(serde_json::json!({ "account": id, "receipts": if now == Consent::Given { "on" } else { "off" } }))
}

pub(super) async fn set_password(services: &Services, name: &str, password: &Password) -> Answer {
    services.authenticator.check_new(&password.0).map_err(|error| Failure::from_error(&error))?;
    let account = find(services, name).await?;
    let hash = services.authenticator.hash(&password.0, HERE).await.map_err(|error| Failure::from_error(&error))?;
    services.accounts.set_password(account.id, hash).await.map_err(|error| Failure::from_error(&error))?;
    done()
}

/// Closes the account. Its letters stay as long as `[retention]` says, which may be no longer than it was open.
pub(super) async fn close(services: &Services, name: &str) -> Answer {
    let account = find(services, name).await?;
    let retention = &services.config.retention;
    if retention.closed_days == 0 {
        return destroy(services, name).await;
    }
    let at = services.accounts.close(account.id).await.map_err(|error| Failure::from_error(&error))?;
    json(serde_json::json!({ "account": account.id, "letters_until": retention.closed_until(at).to_string() }))
}

/// Closes the account, if it is open, and destroys its letters.
pub(super) async fn destroy(services: &Services, name: &str) -> Answer {
    let destroyed = services.accounts.destroy(name).await.map_err(|error| match error {
        AccountError::Missing => {
            Failure { message: format!("there is and was no account {name:?}; `poshta account list` shows all") }
        }
        other => Failure::from_error(&other),
    })?;
    json(destroyed)
}

pub(super) async fn find(services: &Services, name: &str) -> Result<Account, Failure> {
    let found = services.accounts.find_login(name).await.map_err(|error| Failure::from_error(&error))?;
    found.ok_or_else(|| Failure {
        message: format!("there is no open account {name:?}; `poshta account list` shows all"),
    })
}

fn checked_index(text: Option<String>) -> Result<Option<String>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let index = text.parse::<crate::postal::PostalIndex>();
    index
        .map(|index| Some(index.to_string()))
        .map_err(|error| Failure { message: format!("the postal index: {error}") })
}

fn shown(account: &Account) -> Shown {
    let credentials = account.credentials.iter().map(|credential| ShownCredential {
        id: credential.id,
        kind: match &credential.kind {
            CredentialKind::Main => "main".to_owned(),
            CredentialKind::Application(name) => format!("application {name}"),
        },
        created: credential.created.to_string(),
        last_used: credential.last_used.map(|at| at.to_string()),
    });
    Shown {
        id: account.id.0,
        login: account.login.clone(),
        address: account.address.to_string(),
        kind: account.kind,
        name: account.display_name.clone(),
        state: match account.state {
            State::Active => "active",
            State::Closed { .. } => "closed",
        },
        postal_index: account.postal_index.clone(),
        person_last_digits: account.person.as_ref().map(|person| person.last_digits.clone()),
        eds_confirmed: account.eds_confirmed,
        created: account.created.to_string(),
        credentials: credentials.collect(),
        messages: None,
        bytes: None,
        quota: None,
    }
}
