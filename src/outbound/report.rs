//! The report to the sender of a letter that is late, could not be delivered, or went to a server that does not
//! report (RFC 3464), in three languages.

use jiff::tz::Offset;

use super::attempt::{Diagnosis, Means};
use crate::address::Address;
use crate::clock::{Timestamp, World};
use crate::ids::ItemId;
use crate::locale::{self, Lang};
use crate::message::headers;
use crate::message::report::{
    self as message, DeliveryReport, Letter, Named, Original, Passage, RecipientStatus, header_of,
};
use crate::store;
use crate::store::mailboxes::MessageBytes;
use crate::store::queue::{Queued, Returned};

/// What is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Given up.
    Failed,
    /// Goes on trying.
    Delayed,
    /// Given to a server that does not report (RFC 3461 §5.2.2).
    Relayed,
}

/// A recipient that is reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported<'a> {
    /// Its row.
    pub(super) row: &'a Queued,
    /// What came of the last attempt.
    pub(super) diagnosis: &'a Diagnosis,
}

/// Where the header of the original comes back, it is up to this many bytes of it.
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
    let original = original(means, first, action).await.unwrap_or_else(|error| {
        tracing::error!(item = %first.id.item, %error, "a letter that comes back cannot be read");
        Original::Header(Vec::new())
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
            in_reply_to: message_id(&original),
            references: Vec::new(),
            extensions: Vec::new(),
            text: Lang::ALL.into_iter().map(|lang| passage(lang, action, reported)).collect(),
            boundary: format!("report{id}"),
        },
        reporting_mta: means.our_name.to_string(),
        original_envelope_id: first.details.envelope_id.clone(),
        arrival: Some(accepted),
        extensions: vec![("Postal-Item-Id".into(), first.id.item.to_string())],
        recipients: reported.iter().map(|reported| status(means, action, now, reported)).collect(),
        enclosure: None,
        original,
    };
    report.render()
}

fn subject_key(action: Action) -> &'static str {
    match action {
        Action::Failed => "report-failed-subject",
        Action::Delayed => "report-delayed-subject",
        Action::Relayed => "report-relayed-subject",
    }
}

fn passage(lang: Lang, action: Action, reported: &[Reported<'_>]) -> Passage {
    let (intro, outro) = match action {
        Action::Failed => ("report-failed-intro", "report-failed-outro"),
        Action::Delayed => ("report-delayed-intro", "report-delayed-outro"),
        Action::Relayed => ("report-relayed-intro", "report-relayed-outro"),
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
            Action::Relayed => message::Action::Relayed,
        },
        status: diagnosis.status.clone(),
        remote_mta: diagnosis.host.clone(),
        diagnostic: Some(diagnosis.text.clone()),
        last_attempt: Some(now),
        will_retry_until: (action == Action::Delayed).then(|| instant(until)),
        extensions: Vec::new(),
    }
}

/// RFC 3461 §4.3: all of the letter where the sender wants it back with a failure and it is not too large; else its
/// header. So also where the header is neither ASCII nor UTF-8: no media type holds that.
async fn original(means: &Means, row: &Queued, action: Action) -> store::Result<Original> {
    let bytes = means.store.item_bytes(row);
    let header = original_header(&bytes).await?;
    let wanted = action == Action::Failed && row.details.returned == Some(Returned::Full);
    if !wanted || bytes.len() > means.settings.max_returned_bytes {
        return Ok(Original::Header(header));
    }
    let len = usize::try_from(bytes.len()).unwrap_or(usize::MAX);
    let whole = bytes.read_at(0, len).await?.to_vec();
    let is_text = std::str::from_utf8(header_of(&whole)).is_ok();
    Ok(if is_text { Original::Whole(whole) } else { Original::Header(header) })
}

async fn original_header(bytes: &MessageBytes) -> store::Result<Vec<u8>> {
    let mut head = bytes.read_at(0, MAX_ORIGINAL_HEADER_BYTES).await?.to_vec();
    if let Some(end) = headers::end(&head) {
        head.truncate(end);
    } else if let Some(line_end) = head.windows(2).rposition(|window| window == b"\r\n") {
        head.truncate(line_end + 2);
    }
    Ok(head)
}

fn message_id(original: &Original) -> Option<String> {
    let (Original::Header(header) | Original::Whole(header)) = original else { return None };
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
