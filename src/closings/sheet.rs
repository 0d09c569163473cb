//! A closing as people read it, on a page and on paper (P32): headings, labels and values in one language.

use crate::clock::Timestamp;
use crate::locale::{Lang, text};
use crate::postal::{ActNote, ClockNote, Closing, Zone};

/// A closing in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// What it is.
    pub title: String,
    /// Its parts.
    pub sections: Vec<Section>,
    /// How it can be checked.
    pub note: String,
}

/// A part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// What it is about.
    pub heading: String,
    /// Labels and values.
    pub rows: Vec<(String, String)>,
}

impl Sheet {
    /// A closing in a language.
    #[must_use]
    pub fn of(closing: &Closing, lang: Lang) -> Self {
        let writer = Writer { closing, lang, zone: Zone::named(&closing.zone).ok() };
        let sections = [
            ("closing-device", writer.device()),
            ("closing-day", writer.day()),
            ("closing-impressions", writer.impressions()),
            ("closing-acts", writer.acts()),
            ("closing-clock", writer.clock()),
            ("closing-proof", writer.proof()),
        ];
        let sections = sections.into_iter().map(|(heading, rows)| Section { heading: writer.say(heading), rows });
        Sheet {
            title: text(lang, "closing-title", &[("device", &closing.device), ("day", &closing.day)]),
            sections: sections.filter(|section| !section.rows.is_empty()).collect(),
            note: writer.say("closing-note"),
        }
    }
}

struct Writer<'a> {
    closing: &'a Closing,
    lang: Lang,
    zone: Option<Zone>,
}

impl Writer<'_> {
    fn say(&self, key: &str) -> String {
        text(self.lang, key, &[])
    }

    fn row(&self, key: &str, value: impl Into<String>) -> (String, String) {
        (self.say(key), value.into())
    }

    /// What the facility's clocks showed, with the zone's offset.
    fn at(&self, instant: &str) -> String {
        match (&self.zone, instant.parse::<Timestamp>()) {
            (Some(zone), Ok(at)) => {
                let shown = zone.civil_at(at);
                format!(
                    "{} {:02}:{:02}:{:02} ({})",
                    shown.date(),
                    shown.hour(),
                    shown.minute(),
                    shown.second(),
                    zone.offset_at(at)
                )
            }
            _ => instant.to_owned(),
        }
    }

    fn device(&self) -> Vec<(String, String)> {
        let closing = self.closing;
        let kind = serde_json::to_value(closing.kind).ok();
        let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
        let issued = match &closing.issued {
            None => self.say("closing-not-issued"),
            Some(issued) => {
                let who = [issued.holder.as_deref(), issued.role.as_deref(), Some(issued.node.as_str())];
                who.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
        };
        vec![
            self.row("closing-device-name", &closing.device),
            self.row("closing-kind", self.say(&format!("closing-kind-{}", kind.replace('_', "-")))),
            self.row("closing-facility", format!("{} · {}", closing.operator, closing.facility)),
            self.row("closing-engraving", &closing.engraving),
            self.row("closing-issued", issued),
        ]
    }

    fn day(&self) -> Vec<(String, String)> {
        let closing = self.closing;
        let opened: Vec<String> = closing.opened.iter().map(|at| self.at(at)).collect();
        vec![
            self.row("closing-from", self.at(&closing.from)),
            self.row("closing-to", self.at(&closing.to)),
            self.row("closing-opened", if opened.is_empty() { "—".to_owned() } else { opened.join("; ") }),
            self.row("closing-closed", self.at(&closing.closed)),
        ]
    }

    fn impressions(&self) -> Vec<(String, String)> {
        let closing = self.closing;
        let kinds = closing.impressions.iter().map(|(kind, count)| {
            let label = self.say(&format!("closing-impression-{kind}"));
            (label, count.to_string())
        });
        let mut rows: Vec<(String, String)> = kinds.collect();
        rows.push(self.row("closing-total", closing.total.to_string()));
        let numbers = closing.first.zip(closing.last).map(|(first, last)| format!("{first} – {last}"));
        rows.push(self.row("closing-numbers", numbers.unwrap_or_else(|| "—".to_owned())));
        let void = closing
            .void
            .iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} – {last}") });
        let void: Vec<String> = void.collect();
        rows.push(self.row("closing-void", if void.is_empty() { "—".to_owned() } else { void.join("; ") }));
        rows
    }

    fn acts(&self) -> Vec<(String, String)> {
        let row = |act: &ActNote| {
            let said = [&act.holder, &act.role, &act.node, &act.reason].into_iter().flatten().cloned();
            let what = self.say(&format!("closing-act-{}", act.act));
            (self.at(&act.at), std::iter::once(what).chain(said).collect::<Vec<_>>().join(", "))
        };
        self.closing.acts.iter().map(row).collect()
    }

    fn clock(&self) -> Vec<(String, String)> {
        let row = |check: &ClockNote| {
            let mut said = vec![self.say(&format!("closing-clock-{}", check.state))];
            said.extend(check.drift_ms.map(|drift| format!("{drift:+} ms")));
            said.extend(check.server.clone());
            (self.at(&check.at), said.join(", "))
        };
        self.closing.clock.iter().map(row).collect()
    }

    fn proof(&self) -> Vec<(String, String)> {
        let closing = self.closing;
        let leaves = closing.log.as_ref().map(|log| match log.first.zip(log.last) {
            // Not a span: the leaves of a moment are shuffled.
            Some((first, last)) => format!("{}: {first}, {last} / {}", log.origin, log.size),
            None => format!("{}: — / {}", log.origin, log.size),
        });
        vec![
            self.row("closing-leaves", leaves.unwrap_or_else(|| "—".to_owned())),
            self.row("closing-marks", &closing.marks_sha256),
            self.row("closing-previous", closing.previous.clone().unwrap_or_else(|| "—".to_owned())),
            self.row("closing-digest", closing.digest()),
            self.row("closing-key", format!("{} ({})", closing.selector, closing.algorithm)),
            self.row("closing-signature", &closing.signature),
        ]
    }
}
