//! Requests about payment signs, and about the terms on which accounts pay.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::payment::{NewSign, TermsChange};
use crate::postal::{NotASignHash, SignHash, Standing};
use crate::server::Services;
use crate::store::payment_signs::StoredSign;
use crate::store::payments::{ItemPayment, OwnWay, Terms};

use super::execute::json as to_json;
use super::{Answer, Failure, accounts};

/// Who decides, in the audit.
const ACTOR: &str = "command line";

pub(super) async fn import(services: &Services, signs: Vec<NewSign>) -> Answer {
    to_json(services.paper.payments().import(signs, ACTOR).await.map_err(failed)?)
}

pub(super) async fn list(services: &Services, after: Option<&str>, limit: usize) -> Answer {
    let after = after.map(hash).transpose()?;
    let signs = services.paper.payments().signs(after, limit).await.map_err(failed)?;
    Ok(signs.iter().map(shown_sign).collect())
}

pub(super) async fn show(services: &Services, sign: &str) -> Answer {
    let sign = services.paper.payments().sign(hash(sign)?).await.map_err(failed)?;
    Ok(shown_sign(&sign))
}

pub(super) async fn withdraw(services: &Services, signs: &[String], reason: &str) -> Answer {
    let signs = signs.iter().map(|sign| hash(sign)).collect::<Result<Vec<_>, _>>()?;
    let withdrawn = services.paper.payments().withdraw(&signs, reason, ACTOR).await.map_err(failed)?;
    Ok(json!({ "withdrawn": withdrawn }))
}

pub(super) async fn terms(services: &Services, name: &str, change: Option<TermsChange>) -> Answer {
    let account = accounts::find(services, name).await?;
    let payments = services.paper.payments();
    let terms = match change {
        Some(change) => payments.change_terms(account.id, change, ACTOR).await,
        None => payments.terms_of(account.id).await,
    };
    let Terms { way, balance } = terms.map_err(failed)?;
    let (way, contract) = match way {
        OwnWay::AsConfigured => ("as configured", None),
        OwnWay::Contract(number) => ("contract", Some(number)),
        OwnWay::Prepaid => ("prepaid", None),
    };
    Ok(json!({
        "login": account.login.to_string(), "way": way, "contract": contract, "balance_tiyn": balance.0,
    }))
}

/// What was paid for a letter.
pub(super) fn shown(payment: &ItemPayment) -> Value {
    json!({
        "state": payment.state.name(), "price_tiyn": payment.price.0, "by_signs_tiyn": payment.by_signs.0,
        "by_balance_tiyn": payment.by_balance.0, "by_contract_tiyn": payment.by_contract.0,
        "due_tiyn": payment.due.0, "signs": payment.signs.iter().map(SignHash::to_string).collect::<Vec<_>>(),
        "receipt_mark": payment.receipt.as_ref().map(|receipt| receipt.impression.to_string()),
    })
}

fn shown_sign(stored: &StoredSign) -> Value {
    let StoredSign { hash, sign, imported_us, end, .. } = stored;
    let item = match sign.standing {
        Standing::Cancelled(item) => Some(item.to_string()),
        Standing::Issued | Standing::Withdrawn => None,
    };
    json!({
        "sign": hash.to_string(), "kind": sign.kind.name(), "issuer": sign.issuer, "value_tiyn": sign.value.0,
        "valid_from": sign.period.from.map(|day| day.to_string()),
        "valid_to": sign.period.to.map(|day| day.to_string()),
        "state": sign.standing.name(), "item": item, "imported": at(*imported_us),
        "ended": end.as_ref().and_then(|end| at(end.at_us)),
        "reason": end.as_ref().and_then(|end| end.reason.clone()),
    })
}

fn at(us: i64) -> Option<String> {
    Timestamp::from_microsecond(us).ok().map(|at| at.to_string())
}

fn hash(text: &str) -> Result<SignHash, Failure> {
    text.parse().map_err(|error: NotASignHash| Failure::from_error(&error))
}

fn failed(error: crate::payment::OfficeError) -> Failure {
    Failure::from_error(&error)
}
