//! Requests about the user agreement.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::people::agreements::instant;
use crate::server::Services;
use crate::store::agreements::AgreementVersion;

use super::{Answer, Failure, WantedAgreement};

pub(super) async fn list(services: &Services) -> Answer {
    let agreements = &services.agreements;
    let current = agreements.current().await.map_err(|error| Failure::from_error(&error))?;
    let versions = agreements.versions().await.map_err(|error| Failure::from_error(&error))?;
    Ok(versions.iter().map(|version| shown(version, &current)).collect())
}

pub(super) async fn show(services: &Services, number: u32) -> Answer {
    let agreements = &services.agreements;
    let current = agreements.current().await.map_err(|error| Failure::from_error(&error))?;
    let found = agreements.published(number).await.map_err(|error| Failure::from_error(&error))?;
    let missing =
        || Failure { message: format!("there is no version {number}; `poshta agreement list` shows those there are") };
    let found = found.ok_or_else(missing)?;
    let mut shown = shown(&found.version, &current);
    if let Value::Object(fields) = &mut shown {
        for (lang, text) in [("kk", &found.text.kk), ("ru", &found.text.ru), ("en", &found.text.en)] {
            fields.insert(lang.to_owned(), Value::from(text.clone()));
        }
    }
    Ok(shown)
}

pub(super) async fn publish(services: &Services, wanted: WantedAgreement) -> Answer {
    let WantedAgreement { kk, ru, en, from } = wanted;
    let wrong = |text: String| Failure { message: format!("{text:?} is no instant; write 2027-01-01T00:00:00+05:00") };
    let from = match from {
        Some(text) => Some(text.parse::<Timestamp>().map_err(|_| wrong(text))?),
        None => None,
    };
    let published = services.agreements.publish([&kk, &ru, &en], from, "command").await;
    let version = published.map_err(|error| Failure::from_error(&error))?;
    let current = services.agreements.current().await.map_err(|error| Failure::from_error(&error))?;
    Ok(shown(&version, &current))
}

fn shown(version: &AgreementVersion, current: &AgreementVersion) -> Value {
    let standing = match version.number.cmp(&current.number) {
        std::cmp::Ordering::Less => "former",
        std::cmp::Ordering::Equal => "in force",
        std::cmp::Ordering::Greater => "to come",
    };
    json!({
        "number": version.number, "hash": version.hash.to_string(), "from": instant(version.from_us).to_string(),
        "published": instant(version.published_us).to_string(), "standing": standing,
    })
}
