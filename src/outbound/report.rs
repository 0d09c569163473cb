//! The report to the sender of a letter that is late or could not be delivered (RFC 3464), in three languages.

use jiff::tz::Offset;

use super::attempt::{Diagnosis, Means};
use crate::address::Address;
use crate::clock::{Timestamp, World};
use crate::ids::ItemId;
use crate::locale::{self, Lang};
use crate::message::headers;
use crate::message::report::{self as message, DeliveryReport, Letter, Named, Passage, RecipientStatus};
use crate::store;
use crate::store::queue::Queued;

/// What is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Given up.
    Failed,
    /// Goes on trying.
    Delayed,
}

/// A recipient that is reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported<'a> {
    /// Its row.
    pub(super) row: &'a Queued,
    /// What came of the last attempt.
    pub(super) diagnosis: &'a Diagnosis,
}

/// Of the original, the header comes back, up to this many bytes.
const MAX_ORIGINAL_HEADER_BYTES: usize = 64 << 10;

/// Writes the report for rows of one item. An original that cannot be read any more is no reason to be silent about
/// it: then its header is left out.
pub(super) async fn compose(
    means: &Means,
    world: &World,
    action: Action,
    sender: &Address,
    reported: &[Reported<'_>],
) -> Vec<u8> {
    let Some(first) = reported.first().map(|reported| reported.row) else { return Vec::new() };
    let original_header = original_header(means, first).await.unwrap_or_else(|error| {
        tracing::error!(item = %first.id.item, %error, "the header of a letter that comes back cannot be read");
        Vec::new()
    });
    let now = world.now();
    let accepted = instant(first.details.accepted_ms);
    let id = ItemId::generate(world);
    let report = DeliveryReport {
        letter: Letter {
            from: Named { name: "Mail Delivery System".into(), address: postmaster(means) },
            to: Named { name: String::new(), address: sender.to_string() },
            subject: locale::in_all(subject_key(action), &[], &Lang::ALL, " / "),
            date: now,
            offset: Offset::UTC,
            message_id: format!("{id}@{}", means.our_name),
            in_reply_to: message_id(&original_header),
            references: Vec::new(),
            text: Lang::ALL.into_iter().map(|lang| passage(lang, action, reported)).collect(),
            boundary: format!("report{id}"),
        },
        reporting_mta: means.our_name.to_string(),
        original_envelope_id: first.details.envelope_id.clone(),
        arrival: Some(accepted),
        extensions: vec![("Postal-Item-Id".into(), first.id.item.to_string())],
        recipients: reported.iter().map(|reported| status(means, action, now, reported)).collect(),
        original_header,
    };
    report.render()
}

fn subject_key(action: Action) -> &'static str {
    match action {
        Action::Failed => "report-failed-subject",
        Action::Delayed => "report-delayed-subject",
    }
}

fn passage(lang: Lang, action: Action, reported: &[Reported<'_>]) -> Passage {
    let (intro, outro) = match action {
        Action::Failed => ("report-failed-intro", "report-failed-outro"),
        Action::Delayed => ("report-delayed-intro", "report-delayed-outro"),
    };
    let lines = reported.iter().map(|Reported { row, diagnosis }| {
        let host = diagnosis.host.as_deref().map(|host| format!("{host}: ")).unwrap_or_default();
        format!("    <{}>\n        {host}{}\n", row.details.recipient, diagnosis.text)
    });
    let text = format!(
        "{}\n\n{}\n{}",
        locale::text(lang, intro, &[]),
        lines.collect::<String>(),
        locale::text(lang, outro, &[])
    );
    Passage { language: lang.tag().into(), text }
}

fn status(means: &Means, action: Action, now: Timestamp, reported: &Reported<'_>) -> RecipientStatus {
    let Reported { row, diagnosis } = reported;
    let until = row.details.accepted_ms.saturating_add(means.settings.give_up_after_s.saturating_mul(1000));
    RecipientStatus {
        original_recipient: row.details.original_recipient.clone(),
        address_type: "rfc822".into(),
        final_recipient: row.details.recipient.to_string(),
        action: match action {
            Action::Failed => message::Action::Failed,
            Action::Delayed => message::Action::Delayed,
        },
        status: diagnosis.status.clone(),
        remote_mta: diagnosis.host.clone(),
        diagnostic: Some(diagnosis.text.clone()),
        last_attempt: Some(now),
        will_retry_until: (action == Action::Delayed).then(|| instant(until)),
        extensions: Vec::new(),
    }
}

async fn original_header(means: &Means, row: &Queued) -> store::Result<Vec<u8>> {
    let bytes = means.store.item_bytes(row);
    let mut head = bytes.read_at(0, MAX_ORIGINAL_HEADER_BYTES).await?.to_vec();
    if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
        head.truncate(end + 2);
    } else if let Some(line_end) = head.windows(2).rposition(|window| window == b"\r\n") {
        head.truncate(line_end + 2);
    }
    Ok(head)
}

fn message_id(header: &[u8]) -> Option<String> {
    let text = headers::find(header, "Message-ID")?.text();
    crate::message::ids::message_ids(&text).next().map(str::to_owned)
}

/// Whom answers reach.
fn postmaster(means: &Means) -> String {
    format!("postmaster@{}", means.mail_domain)
}

fn instant(milliseconds: u64) -> Timestamp {
    i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}
