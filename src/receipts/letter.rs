//! The receipt as a letter: multipart/report (RFC 6522) with a text in three languages and the page, fields for
//! programs (RFC 3464) with the marks, and the header of the letter.

use jiff::tz::{Offset, TimeZone};

use super::Parts;
use super::material::{Material, Shown};
use crate::clock::Timestamp;
use crate::hybrid::receipt::{MAX_STAMPS, ReceiptPage};
use crate::ids::ItemId;
use crate::locale::{self, Lang};
use crate::message::report::{Action, DeliveryReport, Enclosure, Letter, Named, Original, Passage, RecipientStatus};
use crate::postal::{MARK_PROOF, Stamp, proof_address, proof_value};
use crate::store::receipts::{Owed, Stage};

/// One receipt in the making.
pub(super) struct Composer<'a> {
    pub(super) owed: &'a Owed,
    pub(super) material: &'a Material,
    pub(super) parts: &'a Parts,
    /// Where people reach the pages of this server.
    pub(super) url: &'a str,
}

/// As metrics and keys of texts name it.
#[must_use]
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Delivered => "delivered",
        Stage::Handed => "handed",
        Stage::Returned => "returned",
    }
}

impl Composer<'_> {
    /// The page.
    pub(super) fn page(&self) -> ReceiptPage {
        let keys = self.parts.devices.marks();
        let (drawn, more) = self.drawn();
        let draw = |shown: &Shown| (Stamp::of_mark(&shown.mark, Some(&keys)).svg(), shown.line.clone());
        let in_each = |key: &str| Lang::ALL.into_iter().map(|lang| locale::text(lang, key, &[])).collect();
        let label = |key: &str| locale::in_all(key, &[], &Lang::ALL, " · ");
        let mut facts = self.facts(&label);
        if more > 0 {
            facts.push((label("receipt-more-marks"), more.to_string()));
        }
        ReceiptPage {
            operator: self.operator(),
            titles: in_each(&self.key("title")),
            facts,
            stamps: drawn.into_iter().map(draw).collect(),
            proof_url: self
                .material
                .newest()
                .map_or_else(|| format!("{}/log", self.url), |shown| self.proof_url(shown)),
            proof_notes: in_each("receipt-proof"),
            item_id: self.owed.id.item.to_string(),
            accepted_unix: self.accepted().as_second(),
        }
    }

    /// The letter, with the page if there is one.
    pub(super) fn message(&self, pdf: Option<Vec<u8>>) -> Vec<u8> {
        let Composer { owed, parts, .. } = self;
        let (id, details) = (ItemId::generate(&parts.world), &owed.details);
        let args = self.arguments();
        let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let enclosure = pdf.map(|bytes| Enclosure {
            name: format!("receipt-{}-{}.pdf", stage_name(owed.id.stage), owed.id.item),
            media_type: "application/pdf".into(),
            bytes,
        });
        let report = DeliveryReport {
            letter: Letter {
                from: Named { name: "Poshta".into(), address: format!("postmaster@{}", parts.mail_domain) },
                to: Named { name: String::new(), address: details.to.to_string() },
                subject: locale::in_all(&self.key("subject"), &args, &Lang::ALL, " / "),
                date: parts.world.now(),
                offset: Offset::UTC,
                message_id: format!("receipt.{id}@{}", parts.mail_domain),
                in_reply_to: details.message_id.clone(),
                references: Vec::new(),
                extensions: Vec::new(),
                text: Lang::ALL.into_iter().map(|lang| self.passage(lang, &args)).collect(),
                boundary: format!("receipt{id}"),
            },
            reporting_mta: parts.host_name.clone(),
            original_envelope_id: details.envelope_id.clone(),
            arrival: Some(self.accepted()),
            extensions: self.message_fields(),
            recipients: vec![self.recipient()],
            enclosure,
            original: self.material.header.clone().map_or(Original::Nothing, Original::Header),
        };
        report.render()
    }

    /// For the item: its number, and its acceptance.
    fn message_fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("Postal-Item-Id".to_owned(), self.owed.id.item.to_string()),
            ("Postal-Event".to_owned(), stage_name(self.owed.id.stage).to_owned()),
        ];
        fields.extend(self.owed.details.s10.iter().map(|s10| ("Postal-Item-Number".to_owned(), s10.clone())));
        self.material.accept.iter().for_each(|shown| self.push_mark(&mut fields, shown));
        fields
    }

    /// For the recipient: the marks of that copy, and of no other.
    fn recipient(&self) -> RecipientStatus {
        let details = &self.owed.details;
        let mut extensions = Vec::new();
        self.material.others.iter().for_each(|shown| self.push_mark(&mut extensions, shown));
        // RFC 3464 §2.3.3: an item that is accepted is in other hands, and more will be told.
        let (action, status) = match self.owed.id.stage {
            Stage::Accepted => (Action::Relayed, "2.0.0"),
            Stage::Delivered | Stage::Handed => (Action::Delivered, "2.1.5"),
            Stage::Returned => (Action::Failed, "5.0.0"),
        };
        RecipientStatus {
            original_recipient: details.original_recipient.clone(),
            address_type: details.address_type.clone(),
            final_recipient: details.recipient.clone(),
            action,
            status: status.into(),
            remote_mta: None,
            diagnostic: details.reason.clone(),
            last_attempt: Some(self.happened()),
            will_retry_until: None,
            extensions,
        }
    }

    fn push_mark(&self, fields: &mut Vec<(String, String)>, shown: &Shown) {
        fields.push(("Postal-Mark".into(), shown.value.clone()));
        fields.push((MARK_PROOF.into(), proof_value(self.url, shown.mark.id, shown.proof.as_deref())));
    }

    fn passage(&self, lang: Lang, args: &[(&str, &str)]) -> Passage {
        let mut text = format!("{}\n\n", locale::text(lang, &self.key("intro"), args));
        for (label, value) in self.facts(&|key| locale::text(lang, key, &[])) {
            text.push_str(&format!("  {label}: {value}\n"));
        }
        text.push_str(&format!("\n{}\n", locale::text(lang, "receipt-proof", &[])));
        for shown in self.material.by_age() {
            text.push_str(&format!("  {}\n", self.proof_url(shown)));
        }
        Passage { language: lang.tag().into(), text }
    }

    /// Label and value, under labels in the language that `label` writes.
    fn facts(&self, label: &dyn Fn(&str) -> String) -> Vec<(String, String)> {
        let (details, title) = (&self.owed.details, self.key("title"));
        let mut facts = vec![
            (label("receipt-sender"), details.to.to_string()),
            (label("receipt-recipient"), details.recipient.clone()),
        ];
        let mut push = |key: &str, value: Option<&String>| {
            facts.extend(value.filter(|value| !value.is_empty()).map(|value| (label(key), value.clone())));
        };
        push("receipt-number", details.s10.as_ref());
        push("receipt-envelope-id", details.envelope_id.as_ref());
        let accepted = match &self.material.accept {
            Some(shown) => shown_at(shown),
            None => self.here(self.accepted()),
        };
        push("receipt-accepted-at", Some(&accepted));
        push("receipt-accepted-by", self.material.accept.as_ref().map(|shown| &shown.line));
        // What comes back has no mark of that.
        let about = self.material.others.first().filter(|_| self.owed.id.stage != Stage::Returned);
        if let Some(shown) = about {
            push(&title, Some(&shown_at(shown)));
            push("receipt-happened-by", Some(&shown.line));
        } else if self.owed.id.stage != Stage::Accepted {
            push(&title, Some(&self.here(self.happened())));
        }
        push("receipt-reason", details.reason.as_ref());
        push("receipt-item", Some(&self.owed.id.item.to_string()));
        facts
    }

    /// The marks that are drawn, the oldest first, and how many are not. Where the page has no place for all, it has
    /// the acceptance and the newest.
    fn drawn(&self) -> (Vec<&Shown>, usize) {
        let mut drawn: Vec<_> = self.material.by_age().collect();
        let more = drawn.len().saturating_sub(MAX_STAMPS);
        let kept = usize::from(self.material.accept.is_some());
        drawn.drain(kept..kept + more);
        (drawn, more)
    }

    fn arguments(&self) -> Vec<(&'static str, String)> {
        let details = &self.owed.details;
        vec![
            ("recipient", details.s10.clone().unwrap_or_else(|| details.recipient.clone())),
            ("reason", details.reason.clone().unwrap_or_else(|| "—".into())),
        ]
    }

    fn key(&self, what: &str) -> String {
        format!("receipt-{}-{what}", stage_name(self.owed.id.stage))
    }

    fn proof_url(&self, shown: &Shown) -> String {
        proof_address(self.url, shown.mark.id)
    }

    /// P24: order 57 cl. 10. The actual instant, whatever the item shows.
    fn accepted(&self) -> Timestamp {
        instant(self.owed.details.accepted_ms)
    }

    fn happened(&self) -> Timestamp {
        instant(self.owed.details.happened_ms)
    }

    /// An instant without a mark of its own: on the clock of the facility of another mark of the receipt, else of the
    /// one that accepts what users send.
    fn here(&self, instant: Timestamp) -> String {
        let Parts { registry, facilities, .. } = self.parts;
        let marked = self.material.marks().next();
        let facility = match marked {
            Some(shown) => Some(shown.mark.facility.clone()),
            None => facilities.submission_facility.parse().ok(),
        };
        let facility = facility.and_then(|id| registry.facility(&id, instant));
        let offset = facility.map(|facility| facility.zone.offset_at(instant));
        in_zone(instant, offset.or(marked.map(|shown| shown.mark.offset)).unwrap_or(Offset::UTC))
    }

    fn operator(&self) -> String {
        let registry = &self.parts.registry;
        let marked = self.material.newest().and_then(|shown| registry.operator(&shown.mark.operator));
        marked.or_else(|| registry.operators().first()).map(|operator| operator.name_kk.clone()).unwrap_or_default()
    }
}

/// The instant of a mark on the clock of its facility.
fn shown_at(shown: &Shown) -> String {
    in_zone(shown.mark.instant, shown.mark.offset)
}

fn in_zone(instant: Timestamp, offset: Offset) -> String {
    instant.to_zoned(TimeZone::fixed(offset)).strftime("%d.%m.%Y %H:%M:%S %:z").to_string()
}

pub(super) fn instant(milliseconds: u64) -> Timestamp {
    i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}
