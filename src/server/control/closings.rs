//! Requests about daily closings.

use jiff::civil::Date;

use crate::closings::Wanted;
use crate::server::Services;

use super::execute::json;
use super::{Answer, Failure, WantedClosings};

pub(super) async fn list(services: &Services, wanted: WantedClosings) -> Answer {
    let WantedClosings { device, facility, from, to, after } = wanted;
    let after = match after {
        Some((device, last)) => day(Some(last))?.map(|last| (device, last)),
        None => None,
    };
    let wanted = Wanted { device, facility, from: day(from)?, to: day(to)?, after };
    let listed = services.closings.list(wanted).await.map_err(|error| Failure::from_error(&error))?;
    json(serde_json::json!({ "closings": listed.closings, "more": listed.more }))
}

pub(super) async fn show(services: &Services, device: &str, day: &str) -> Answer {
    let date = self::day(Some(day.to_owned()))?.unwrap_or_default();
    let found = services.closings.find(device, date).await.map_err(|error| Failure::from_error(&error))?;
    let missing = || Failure {
        message: format!(
            "{device} has no closing of {date}, or not yet; `poshta facility closing list` shows those there are"
        ),
    };
    json(found.ok_or_else(missing)?)
}

fn day(text: Option<String>) -> Result<Option<Date>, Failure> {
    let parse = |text: String| {
        let wrong = |_| Failure { message: format!("{text:?} is no day; write one like 2026-11-22") };
        text.parse::<Date>().map_err(wrong)
    };
    text.map(parse).transpose()
}
