//! What senders hear about their letters on paper: one message for accepted, handed over, failed, returned and lost, and for
//! delivered where the class promises it, threaded to the letter (In-Reply-To), in Kazakh, Russian and English.
//!
//! For machines it is a delivery report (RFC 3464) with the letter's marks so far: with the sender's own copy of the
//! letter they can be verified.
//!
//! Each is owed by a row that stands in the commit of its event and goes in the commit that accepts the message:
//! a crash neither loses nor doubles one.

use std::time::Duration;

use jiff::tz::Offset;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::intake::{Intake, Refusal};
use crate::locale::{self, Lang};
use crate::message::headers;
use crate::message::report::{Action, DeliveryReport, Letter, Named, Original, Passage, RecipientStatus};
use crate::postal::Mark;
use crate::store::items::ItemEvent;
use crate::store::payments::ReceiptMark;
use crate::store::print_jobs::{NOTICES, Notice, PrintJob, State, remove_notice};
use crate::store::{Batch, Topic};

use super::Paper;
use super::paper_marks::{PAPER, marks_until, recipient, unfolded};

/// Messages that are looked up at once.
const BATCH: usize = 100;

impl Paper {
    /// Writes status messages until the token is cancelled.
    pub async fn run_notices(self, intake: Intake, stop: CancellationToken) {
        // What could not be sent is tried again after this time.
        const PAUSE: Duration = Duration::from_secs(2);
        loop {
            let mut watcher = self.store().watch(Topic::Print(NOTICES.to_owned()));
            let sent = tokio::select! {
                () = stop.cancelled() => return,
                sent = self.send_notices(&intake) => sent,
            };
            if let Err(error) = &sent {
                tracing::warn!(%error, "status messages cannot be sent now");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = tokio::time::sleep(PAUSE), if sent.is_err() => {}
            }
        }
    }

    /// Sends what is owed now.
    ///
    /// # Errors
    /// Store; a temporary refusal of intake. The other messages are sent all the same.
    pub async fn send_notices(&self, intake: &Intake) -> Result<(), Refusal> {
        loop {
            let notices = self.store().read(|view| view.notices(BATCH)).await?;
            if notices.is_empty() {
                return Ok(());
            }
            let mut failed = None;
            for notice in notices {
                if let Err(refusal) = self.send_notice(intake, notice).await {
                    failed = Some(refusal);
                }
            }
            if let Some(refusal) = failed {
                return Err(refusal);
            }
        }
    }

    async fn send_notice(&self, intake: &Intake, notice: Notice) -> Result<(), Refusal> {
        let item = notice.item;
        let read = self.store().read(move |view| {
            let own = view.item_payment(item)?.and_then(|payment| payment.receipt);
            Ok((view.print_job(item)?, view.item_events(item)?, own))
        });
        let (job, events, own) = read.await?;
        let event = events.iter().find(|(number, _)| *number == notice.event).map(|(_, event)| event);
        let mut batch = Batch::new();
        remove_notice(&mut batch, notice);
        if let (Some(stored), Some(event)) = (job, event)
            && let Some(recipient) = stored.job.report_to.as_ref().and_then(|text| text.parse::<Address>().ok())
        {
            let subject = self.store().open_text(&stored.job.subject)?;
            let marks = marks_told(&events, (notice.event, event), own.as_ref());
            let news = News { event, number: notice.event, marks };
            let message = status_message(&stored.job, &subject, &news, self.mail_domain());
            match intake.accept_system(&recipient, message, batch).await {
                Ok(receipt) => {
                    tracing::info!(%item, report = %receipt.item, event = event.name, "sender was told");
                    return Ok(());
                }
                Err(refusal @ (Refusal::Store(_) | Refusal::Temporary(_))) => return Err(refusal),
                // Nobody is there any more to be told.
                Err(refusal) => tracing::info!(%item, %refusal, "sender cannot be told"),
            }
            batch = Batch::new();
            remove_notice(&mut batch, notice);
        }
        self.store().commit(batch).await?;
        Ok(())
    }
}

/// What a message tells.
struct News<'a> {
    event: &'a ItemEvent,
    number: u32,
    /// The marks that the letter has, the newest first.
    marks: Vec<String>,
}

/// The marks that a message about an event shows. P24: the acceptance is told as a receipt shows it, without the date
/// of a letter box; the marks of later events point to that of the item, and are told with it.
fn marks_told(events: &[(u32, ItemEvent)], told: (u32, &ItemEvent), own: Option<&ReceiptMark>) -> Vec<String> {
    let (number, event) = told;
    let own = own.filter(|_| event.name == State::Accepted.name());
    match own.and_then(|own| headers::find(own.header.as_bytes(), "Postal-Mark").map(|field| field.text())) {
        Some(acceptance) => vec![acceptance],
        None => marks_until(events, number),
    }
}

/// RFC 3464 §2.3.3, RFC 3463: what became of the letter, for machines.
fn action(event: &ItemEvent) -> (Action, &'static str) {
    match event.name.as_str() {
        "delivered" => (Action::Delivered, "2.0.0"),
        "check_failed" => (Action::Failed, "5.6.0"),
        "failed" => (Action::Failed, "5.3.0"),
        "returned" | "lost" => (Action::Failed, "5.0.0"),
        // The post has it, and sends no such reports of its own.
        _ => (Action::Relayed, "2.0.0"),
    }
}

/// The message about one event.
fn status_message(job: &PrintJob, subject: &str, news: &News<'_>, domain: &str) -> Vec<u8> {
    let (number, event) = (news.number, news.event);
    let reason = event.reason.as_deref().unwrap_or("—");
    let args = [("s10", job.s10.as_str()), ("subject", subject), ("reason", reason)];
    let key = |what: &str| format!("status-{}-{what}", event.name);
    let passage = |lang: Lang| Passage { language: lang.tag().into(), text: locale::text(lang, &key("body"), &args) };
    let report = DeliveryReport {
        letter: Letter {
            from: Named { name: "Poshta".into(), address: format!("postmaster@{domain}") },
            to: Named { name: String::new(), address: job.report_to.clone().unwrap_or_default() },
            subject: locale::in_all(&key("subject"), &args, &Lang::ALL, " · "),
            date: Timestamp::from_microsecond(event.at_us).unwrap_or_default(),
            offset: Offset::UTC,
            message_id: format!("status.{}.{number}@{domain}", job.item),
            in_reply_to: job.message_id.clone(),
            references: Vec::new(),
            extensions: vec![("Postal-Status".into(), format!("{}; id={}; item={}", event.name, job.s10, job.item))],
            text: Lang::ALL.into_iter().map(passage).collect(),
            boundary: format!("status{}-{number}", job.item),
        },
        reporting_mta: domain.to_owned(),
        original_envelope_id: None,
        arrival: None,
        extensions: vec![("Postal-Item-Id".into(), job.item.to_string())],
        recipients: vec![recipient_status(job, news)],
        enclosure: None,
        original: Original::Nothing,
    };
    report.render()
}

/// The part for machines: what became of the letter, and its marks.
fn recipient_status(job: &PrintJob, news: &News<'_>) -> RecipientStatus {
    let (action, status) = action(news.event);
    let marks = news.marks.iter().filter_map(|mark| Mark::folded(mark));
    RecipientStatus {
        original_recipient: None,
        address_type: PAPER.into(),
        final_recipient: recipient(job),
        action,
        status: status.into(),
        remote_mta: None,
        diagnostic: None,
        last_attempt: None,
        will_retry_until: None,
        // Where a mark was folded, the report may fold it again.
        extensions: marks.map(|field| ("Postal-Mark".to_owned(), unfolded(&field))).collect(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use test_case::test_case;

    use super::*;
    use crate::ids::{BodyId, ImpressionId, ItemId};
    use crate::store::vault::RowText;

    pub(crate) fn job() -> PrintJob {
        PrintJob {
            item: ItemId(7),
            s10: "RR123456785KZ".into(),
            state: State::Accepted,
            format: "letter".into(),
            class: "registered".into(),
            colour: false,
            duplex: false,
            postal_index: "010000".into(),
            account: None,
            report_to: Some("user001@poshta.example".into()),
            message_id: Some("<m1@x>".into()),
            subject: RowText::Plain("Келісімшарт".into()),
            body: BodyId([0; 32]),
            data_key: None,
            body_bytes: 0,
            accepted_us: 0,
            offers: Vec::new(),
            lease: None,
            fence: 0,
            attempts: 0,
            document: None,
        }
    }

    #[test_case(State::Accepted)]
    #[test_case(State::HandedToPost)]
    #[test_case(State::CheckFailed)]
    #[test_case(State::Failed)]
    #[test_case(State::Returned)]
    #[test_case(State::Lost)]
    #[test_case(State::Delivered)]
    fn status_messages_are_threaded_and_trilingual(state: State) {
        let event = ItemEvent {
            at_us: 1_795_266_180_000_000,
            name: state.name().into(),
            actor: "server".into(),
            reason: Some("себебі".into()),
            sheets: None,
            mark: None,
        };
        let mark = format!("v=1; k=accept; bh={}; b={}", "x".repeat(44), "y".repeat(88));
        let news = News { event: &event, number: 3, marks: vec![mark.clone()] };
        let bytes = status_message(&job(), "Келісімшарт", &news, "poshta.example");
        let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.in_reply_to().as_text(), Some("m1@x"));
        assert_eq!(message.message_id(), Some("status.00000000000000000000000007.3@poshta.example"));
        assert_eq!(message.header("Auto-Submitted").and_then(|value| value.as_text()), Some("auto-generated"));
        let (subject, body) = (message.subject().unwrap(), message.body_text(0).unwrap());
        assert!(subject.contains("RR123456785KZ") && !subject.contains("status-"), "{subject}");
        assert_eq!(body.matches("Келісімшарт").count(), 3, "{body}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|line| line.len() <= 78 || !line.starts_with(' ')), "{text}");
        let status = text.split_once("Content-Type: message/delivery-status").unwrap().1;
        assert!(status.contains("Final-Recipient: x-postal; 010000 RR123456785KZ\r\nAction: "), "{status}");
        let field = status.split_once("Postal-Mark:").unwrap().1.split_once("\r\n\r\n").unwrap().0;
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert!(bare(field).starts_with(&bare(&mark)), "{field}");
    }

    fn event(state: State, mark: &str) -> ItemEvent {
        ItemEvent {
            at_us: 0,
            name: state.name().into(),
            actor: "server".into(),
            reason: None,
            sheets: None,
            mark: Some(mark.into()),
        }
    }

    #[test_case(State::Accepted, 1 => vec!["v=1; k=accept; i=own"]; "without the date of the box")]
    #[test_case(State::HandedToPost, 2 => vec!["receive", "accept; lb=box"]; "what is pointed to is there")]
    fn p24_the_acceptance_is_told_as_its_receipt_shows_it(state: State, number: u32) -> Vec<String> {
        let events = [(1, event(State::Accepted, "accept; lb=box")), (2, event(State::HandedToPost, "receive"))];
        let own = ReceiptMark {
            header: "Postal-Mark: v=1;\r\n k=accept; i=own\r\nPostal-Mark-Text: ASTANA\r\n".into(),
            line: "ASTANA".into(),
            facility: "astana-print".into(),
            device: "astana-print-a".into(),
            impression: ImpressionId(1),
            instant_s: 0,
        };
        let told = marks_told(&events, (number, &event(state, "")), Some(&own));
        told.iter().map(|mark| mark.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn without_an_own_acceptance_that_of_the_item_is_told() {
        let events = [(1, event(State::Accepted, "accept"))];
        assert_eq!(marks_told(&events, (1, &events[0].1), None), ["accept"]);
    }
}
