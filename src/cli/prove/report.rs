//! What is said of marks and their proofs, in JSON and in three languages.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::locale::{Lang, text};
use crate::postal::{self, MarkReport};

use super::super::postmark::Answer;
use super::closings::{Fault, OfClosing};

/// What is said of a message.
#[derive(Debug)]
pub(super) struct Report {
    /// The log.
    pub(super) origin: String,
    /// What `postmark verify` says of the message.
    pub(super) message: postal::Verdict,
    /// Its marks, newest first.
    pub(super) marks: Vec<OfMark>,
    /// Keys were given: then signatures have to hold.
    pub(super) is_signature_asked: bool,
    /// What is wrong with the daily closings; `None` where none were given.
    pub(super) faults: Option<Vec<Fault>>,
}

/// A mark, and what became of its proof.
#[derive(Debug, serde::Serialize)]
pub(super) struct OfMark {
    /// What `postmark verify` says of it.
    #[serde(flatten)]
    pub(super) mark: MarkReport,
    pub(super) verdict: Verdict,
    /// Tag `lg`: the log that it names.
    pub(super) log: Option<String>,
    /// Its leaf, from 0.
    pub(super) index: Option<u64>,
    /// Leaves of the tree that the proof leads to.
    pub(super) checkpoint_size: Option<u64>,
    /// The newest day that was looked at whose last checkpoint does not have it.
    pub(super) last_day_without: Option<String>,
    /// The first day whose last checkpoint has it.
    pub(super) first_day: Option<String>,
    /// The first of these with a time stamp.
    pub(super) stamped_day: Option<String>,
    /// When the authority saw that checkpoint, RFC 3339.
    pub(super) stamped_at: Option<String>,
    /// The authority, in its own words.
    pub(super) authority: Option<String>,
    /// What the daily closings say; null where none were given, or where the log is not known to have the mark.
    pub(super) closing: Option<OfClosing>,
    /// What a proof lacks, how the log contradicts itself, or why it cannot be read.
    pub(super) problem: Option<String>,
}

/// The answer for a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is in the log, and nothing that others have seen is against its instant.
    Proved,
    /// The log says that it does not have it.
    NotInLog,
    /// There is a proof, and it proves something else or nothing.
    BadProof,
    /// It came into the log more than a day after its instant.
    BackDated,
    /// An authority has seen it in the log before its instant.
    AfterStamp,
    /// By the daily closings its device did not make it on its day.
    NotInClosing,
    /// There is no proof, and the log was not asked or is another one.
    NoProof,
    /// The log does not stand by what it says.
    Contradiction,
    /// The log cannot be read.
    Unknown,
    /// It is no mark that can be read.
    Unread,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Proved => "proved",
            Verdict::NotInLog => "not_in_log",
            Verdict::BadProof => "bad_proof",
            Verdict::BackDated => "back_dated",
            Verdict::AfterStamp => "after_stamp",
            Verdict::NotInClosing => "not_in_closing",
            Verdict::NoProof => "no_proof",
            Verdict::Contradiction => "contradiction",
            Verdict::Unknown => "unknown",
            Verdict::Unread => "unread",
        }
    }
}

impl Report {
    /// 0 when every mark is proved and none is found false, 3 when there is no mark, otherwise 1.
    pub(super) fn exit_code(&self) -> u8 {
        match self.message {
            postal::Verdict::Absent | postal::Verdict::Stripped => 3,
            // Without keys no signature can be judged, and the log vouches for the marks, not for the letter.
            postal::Verdict::Valid => u8::from(!self.is_proved()),
            postal::Verdict::NotValid => u8::from(self.is_signature_asked || !self.is_proved()),
            postal::Verdict::Forged => 1,
        }
    }

    fn is_proved(&self) -> bool {
        self.faults().is_empty() && self.marks.iter().all(|mark| mark.verdict == Verdict::Proved)
    }

    fn faults(&self) -> &[Fault] {
        self.faults.as_deref().unwrap_or_default()
    }

    fn verdict(&self) -> &'static str {
        match self.message {
            postal::Verdict::Absent | postal::Verdict::Stripped => self.message.name(),
            _ if self.is_proved() => "proved",
            _ => "not_proved",
        }
    }

    /// For people: the answer, then each mark as `postmark verify` tells it, and below it what the log says.
    pub(super) fn text(&self, language: Answer) -> String {
        let lang = lang(language);
        let mut lines = Vec::new();
        let of_message = self.message.text(language.into()).to_owned();
        if self.marks.is_empty() {
            return of_message;
        }
        let key = if self.is_proved() { "prove-all" } else { "prove-not-all" };
        lines.push(text(lang, key, &[("origin", &self.origin)]));
        if self.is_signature_asked || self.message == postal::Verdict::Forged {
            lines.push(of_message);
        }
        for Fault { device, day, fault } in self.faults() {
            lines.push(text(lang, "prove-closing-fault", &[("device", device), ("day", day), ("reason", fault)]));
        }
        for mark in &self.marks {
            lines.push(format!("  {}", mark.mark.text(language.into())));
            lines.extend(mark.sentences(lang, &self.origin).into_iter().map(|sentence| format!("    {sentence}")));
        }
        lines.join("\n")
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("verdict", self.verdict())?;
        map.serialize_entry("origin", &self.origin)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("closing_faults", &self.faults)?;
        map.serialize_entry("marks", &self.marks)?;
        map.end()
    }
}

impl OfMark {
    /// A mark of which nothing more is known.
    pub(super) fn unread(mark: MarkReport) -> Self {
        OfMark {
            mark,
            verdict: Verdict::Unread,
            log: None,
            index: None,
            checkpoint_size: None,
            last_day_without: None,
            first_day: None,
            stamped_day: None,
            stamped_at: None,
            authority: None,
            closing: None,
            problem: None,
        }
    }

    fn sentences(&self, lang: Lang, origin: &str) -> Vec<String> {
        let mut sentences = Vec::new();
        if let (Some(index), Some(size)) = (self.index, self.checkpoint_size) {
            let (index, size) = (index.to_string(), size.to_string());
            sentences.push(text(lang, "prove-in-log", &[("index", &index), ("size", &size)]));
        }
        if matches!(self.verdict, Verdict::BackDated) {
            sentences.push(self.said(lang, "prove-back_dated", self.last_day_without.as_ref()));
        }
        sentences.push(match self.verdict {
            // A day or a stamp is told also where the closing is against it.
            Verdict::Proved | Verdict::BackDated | Verdict::NotInClosing => self.dated(lang),
            Verdict::NoProof if self.log.as_ref().is_some_and(|log| log != origin) => {
                self.said(lang, "prove-other_log", None)
            }
            other => self.said(lang, &format!("prove-{}", other.name()), None),
        });
        sentences.extend(self.closing.as_ref().map(|closing| self.closed(lang, closing)));
        sentences
    }

    /// Since when others have seen it in the log.
    fn dated(&self, lang: Lang) -> String {
        match &self.first_day {
            _ if self.stamped_at.is_some() => self.said(lang, "prove-seen", None),
            Some(day) => self.said(lang, "prove-day", Some(day)),
            None => self.said(lang, "prove-no-day", None),
        }
    }

    /// What the daily closings say.
    fn closed(&self, lang: Lang, closing: &OfClosing) -> String {
        let size = closing.leaves.as_ref().map(|leaves| leaves.size.to_string()).unwrap_or_default();
        let log = closing.leaves.as_ref().map(|leaves| leaves.origin.as_str()).unwrap_or_default();
        let instant = self.mark.instant.as_deref().unwrap_or_default();
        let [device, day] = [&closing.device, &closing.day].map(|text| text.as_deref().unwrap_or_default());
        let arguments = [("device", device), ("day", day), ("size", &size), ("log", log), ("instant", instant)];
        text(lang, &format!("prove-closing-{}", closing.answer.name()), &arguments)
    }

    fn said(&self, lang: Lang, key: &str, day: Option<&String>) -> String {
        let or_nothing = |value: Option<&String>| value.cloned().unwrap_or_default();
        let arguments = [
            ("instant", or_nothing(self.mark.instant.as_ref())),
            ("day", or_nothing(day)),
            ("time", or_nothing(self.stamped_at.as_ref())),
            ("authority", or_nothing(self.authority.as_ref())),
            ("log", or_nothing(self.log.as_ref())),
            ("reason", or_nothing(self.problem.as_ref())),
        ];
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        text(lang, key, &arguments)
    }
}

fn lang(language: Answer) -> Lang {
    match language {
        Answer::Kk => Lang::Kk,
        Answer::Ru => Lang::Ru,
        Answer::En => Lang::En,
    }
}
