//! Requests about the audit.

use serde_json::json;

use crate::audit::Kept;
use crate::clock::Timestamp;
use crate::server::Services;
use crate::store::audit::{AuditEntry, AuditPlace, AuditQuery};

use super::execute::blocking;
use super::{Answer, Failure, WantedAudit};

pub(super) async fn list(services: &Services, wanted: WantedAudit) -> Answer {
    let WantedAudit { actor, action, object, from, to, before, limit } = wanted;
    let time = |text: Option<String>| match text.map(|text| text.parse::<Timestamp>()) {
        None => Ok(None),
        Some(Ok(at)) => Ok(Some(at.as_microsecond())),
        Some(Err(error)) => Err(Failure::from_error(&error)),
    };
    let before = before.map(|(at_us, number)| AuditPlace { at_us, number });
    let query = AuditQuery { actor, action, object, from_us: time(from)?, until_us: time(to)?, before };
    let page = services.audit.read(super::ACTOR, query, limit).await.map_err(|error| Failure::from_error(&error))?;
    let entry = |(number, entry): &(u64, AuditEntry)| {
        let at = Timestamp::from_microsecond(entry.at_us).unwrap_or_default();
        json!({
            "number": number, "at": at.to_string(), "actor": entry.actor, "action": entry.action,
            "object": entry.object, "details": entry.details,
        })
    };
    let next = page.next.map(|place| (place.at_us, place.number));
    Ok(json!({ "entries": page.entries.iter().map(entry).collect::<Vec<_>>(), "next": next }))
}

pub(super) async fn verify(services: &Services, head: Option<String>, key: Option<String>) -> Answer {
    let key = key
        .map(|key| key.parse())
        .transpose()
        .map_err(|error: crate::tlog::note::BadKey| Failure::from_error(&error))?;
    let kept: Vec<Kept> = head.map(|note| Kept { note, key }).into_iter().collect();
    blocking(services, move |services| services.audit.verify(&kept)).await
}

pub(super) async fn head(services: &Services) -> Answer {
    let seal = |services: Services| {
        let signed = services.audit.seal()?;
        Ok::<_, crate::audit::AuditError>(json!({
            "number": signed.head.number, "hash": crate::audit::shown_hash(&signed.head), "key": signed.key,
            "note": signed.note,
        }))
    };
    blocking(services, seal).await
}
