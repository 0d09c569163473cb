//! Requests about planned work (M16).

use serde_json::{Value, json};

use crate::announcements::{Standing, Wanted, instant};
use crate::clock::Timestamp;
use crate::server::Services;
use crate::store::announcements::Announcement;

use super::{ACTOR, Answer, Failure, WantedNotice};

pub(super) async fn add(services: &Services, wanted: WantedNotice) -> Answer {
    let WantedNotice { from, until, kk, ru, en } = wanted;
    let wanted = Wanted { from: moment(&from)?, until: moment(&until)?, texts: [kk, ru, en] };
    let added = services.announcements.add(&wanted, ACTOR, None).await;
    let number = added.map_err(|error| Failure::from_error(&error))?.number;
    let listed = services.announcements.list().into_iter().find(|(announcement, _)| announcement.number == number);
    Ok(listed.map_or(Value::Null, |(announcement, standing)| shown(&announcement, standing)))
}

pub(super) fn list(services: &Services) -> Answer {
    let listed = services.announcements.list();
    Ok(listed.iter().map(|(announcement, standing)| shown(announcement, *standing)).collect())
}

pub(super) async fn withdraw(services: &Services, number: u32) -> Answer {
    let withdrawn = services.announcements.withdraw(number, ACTOR, None).await;
    withdrawn.map_err(|error| Failure::from_error(&error))?;
    super::execute::done()
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| Failure {
        message: format!("{text:?} is no instant with its zone; write 2027-01-01T02:00:00+05:00"),
    })
}

fn shown(announcement: &Announcement, standing: Standing) -> Value {
    let Announcement { number, from_us, until_us, texts: [kk, ru, en], by, at_us } = announcement;
    json!({
        "number": number, "standing": standing.name(), "from": instant(*from_us).to_string(),
        "until": instant(*until_us).to_string(), "kk": kk, "ru": ru, "en": en, "by": by,
        "announced": instant(*at_us).to_string(),
    })
}
