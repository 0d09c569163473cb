//! Judges the marks in the header of a message: what `poshta postmark verify` says.
//!
//! Only the message's own header is read. Marks inside an attached message belong to that message and are never
//! looked at (P19).

use serde::Serialize;

use super::{
    DateToken, FacilityKind, Mark, MarkError, MarksFacility, MarksFile, MarksVersion, OblastCode, Zone, is_oblast_shown,
};

/// More marks than any way through several operators leaves.
const MAX_MARKS: usize = 100;

/// What is to be said about a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// Its `Postal-Item-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// Its marks, newest first.
    pub marks: Vec<MarkReport>,
    /// Fields that claimed to be marks when the message came in, and were not believed.
    pub untrusted: usize,
}

/// The answer in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every mark is valid.
    Valid,
    /// A mark is forged, broken, unsigned or cannot be judged.
    NotValid,
    /// There is no mark, and nothing says that there was one.
    Absent,
    /// There is no mark, yet the message has passed a postal operator: marks were taken off.
    Stripped,
}

/// One mark.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct MarkReport {
    /// Tag `i`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Tag `k`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Tag `op`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Tag `f`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// Tag `ts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Tag `t`, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instant: Option<String>,
    /// What is wrong with it; nothing for a valid mark.
    pub findings: Vec<Finding>,
}

/// Something that keeps a mark from being valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It carries no signature.
    Unsigned,
    /// It carries a signature that was not checked.
    SignatureNotChecked,
    /// It breaks the grammar.
    Malformed {
        /// How.
        reason: String,
    },
    /// Another version of the format.
    UnknownVersion {
        /// Which.
        version: String,
    },
    /// P29: the digits are not those of the instant.
    TokenContradictsInstant {
        /// What it shows.
        token: String,
        /// What it should show.
        expected: String,
    },
    /// Two marks have this id.
    DuplicateId,
    /// The keys name no such operator.
    UnknownOperator,
    /// The operator has no such facility.
    UnknownFacility,
    /// The facility was not there on that day.
    FacilityNotInUse,
    /// What the mark says of the facility is not so.
    ContradictsFacility {
        /// The tag.
        tag: &'static str,
        /// What it should be.
        expected: String,
    },
    /// More marks than are looked at.
    TooMany,
}

/// Language of the texts for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Kazakh.
    Kk,
    /// Russian.
    Ru,
    /// English.
    En,
}

/// Judges the marks of a message; with `keys`, also against what its operators publish.
#[must_use]
pub fn verify(message: &[u8], keys: Option<&MarksFile>) -> Report {
    let header = Header::read(message);
    let mut marks: Vec<MarkReport> = header.marks.iter().take(MAX_MARKS).map(|value| judge(value, keys)).collect();
    mark_duplicates(&mut marks);
    if header.marks.len() > MAX_MARKS {
        marks.push(MarkReport { findings: vec![Finding::TooMany], ..MarkReport::default() });
    }
    let verdict = match marks.is_empty() {
        true if header.was_ours(keys) => Verdict::Stripped,
        true => Verdict::Absent,
        false if marks.iter().all(|mark| mark.findings.is_empty()) => Verdict::Valid,
        false => Verdict::NotValid,
    };
    Report { verdict, item_id: header.item_id, marks, untrusted: header.untrusted }
}

impl Report {
    /// Exit code of `poshta postmark verify`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Valid => 0,
            Verdict::NotValid => 1,
            Verdict::Absent | Verdict::Stripped => 3,
        }
    }
}

/// What the header of a message says, as far as marks go.
#[derive(Default)]
struct Header {
    marks: Vec<String>,
    item_id: Option<String>,
    received_by: Vec<String>,
    untrusted: usize,
}

impl Header {
    fn read(message: &[u8]) -> Self {
        let mut header = Header::default();
        for (name, value) in fields(message) {
            match name.to_ascii_lowercase().as_str() {
                "postal-mark" => header.marks.push(value),
                "postal-mark-untrusted" => header.untrusted += 1,
                "postal-item-id" => header.item_id = Some(value.trim().to_owned()),
                "received" => header.received_by.extend(received_by(&value)),
                _ => {}
            }
        }
        header
    }

    /// True when the message bears another trace of a postal operator.
    fn was_ours(&self, keys: Option<&MarksFile>) -> bool {
        let operators = keys.map(|keys| keys.operators.as_slice()).unwrap_or_default();
        let domains = || operators.iter().flat_map(|operator| &operator.domains);
        let is_in = |host: &str, domain: &str| {
            host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        };
        self.item_id.is_some() || self.received_by.iter().any(|host| domains().any(|domain| is_in(host, domain)))
    }
}

/// The fields before the first empty line, unfolded. A value that is no UTF-8 keeps what can be read of it.
fn fields(message: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in message.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(&line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim_end().to_owned(), value.to_owned()));
        }
    }
    fields
}

/// The host behind `by` in a `Received` field (RFC 5321 §4.4).
fn received_by(value: &str) -> Option<String> {
    let mut words = value.split_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("by"))?;
    words.next().map(|host| host.trim_end_matches([';', '.']).to_ascii_lowercase())
}

fn judge(value: &str, keys: Option<&MarksFile>) -> MarkReport {
    let mark = match Mark::parse(value) {
        Ok(mark) => mark,
        Err(error) => return MarkReport { findings: vec![Finding::from(error)], ..MarkReport::default() },
    };
    let signature = if mark.signature.is_some() { Finding::SignatureNotChecked } else { Finding::Unsigned };
    let mut findings = vec![signature];
    if let Some(keys) = keys {
        judge_by_keys(&mark, keys, &mut findings);
    }
    MarkReport {
        id: Some(mark.id.to_string()),
        kind: Some(mark.kind.tag()),
        operator: Some(mark.operator.to_string()),
        facility: Some(mark.facility.to_string()),
        token: Some(mark.token.to_string()),
        instant: Some(mark.instant.to_string()),
        findings,
    }
}

/// A duplicate `i` makes every mark that has it invalid.
fn mark_duplicates(marks: &mut [MarkReport]) {
    let ids: Vec<Option<String>> = marks.iter().map(|mark| mark.id.clone()).collect();
    for mark in marks.iter_mut().filter(|mark| mark.id.is_some()) {
        if ids.iter().filter(|id| **id == mark.id).count() > 1 {
            mark.findings.push(Finding::DuplicateId);
        }
    }
}

fn judge_by_keys(mark: &Mark, keys: &MarksFile, findings: &mut Vec<Finding>) {
    let Some(operator) = keys.operator(mark.operator.as_str()) else {
        findings.push(Finding::UnknownOperator);
        return;
    };
    let Some(facility) = operator.facility(mark.facility.as_str()) else {
        findings.push(Finding::UnknownFacility);
        return;
    };
    match version_at(facility, mark) {
        Some((version, zone)) => judge_by_version(mark, facility, version, &zone, findings),
        None => findings.push(Finding::FacilityNotInUse),
    }
}

fn version_at<'a>(facility: &'a MarksFacility, mark: &Mark) -> Option<(&'a MarksVersion, Zone)> {
    facility.versions.iter().find_map(|version| {
        let zone = Zone::named(&version.zone).ok()?;
        let date = zone.civil_at(mark.instant).date().to_string();
        // ISO dates compare as text.
        let begun = version.from.as_ref().is_none_or(|from| *from <= date);
        let lasting = version.to.as_ref().is_none_or(|to| date <= *to);
        (begun && lasting).then_some((version, zone))
    })
}

fn judge_by_version(
    mark: &Mark,
    facility: &MarksFacility,
    version: &MarksVersion,
    zone: &Zone,
    findings: &mut Vec<Finding>,
) {
    let mut expect = |tag: &'static str, agrees: bool, expected: String| {
        if !agrees {
            findings.push(Finding::ContradictsFacility { tag, expected });
        }
    };
    // P25, P26: the script hangs on the facility.
    let (name, place) = match facility.kind {
        FacilityKind::IntlExchange => (version.name_lat.as_ref(), version.settlement_lat.as_ref()),
        _ => (Some(&version.name_kk), Some(&version.settlement_kk)),
    };
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    expect("fn", name == Some(&mark.facility_name), text(name));
    expect("pl", mark.place.is_none() || mark.place.as_ref() == place, text(place));
    expect("ix", mark.index.as_str() == version.postal_index, version.postal_index.clone());
    expect("no", mark.number == version.number, version.number.map_or_else(String::new, |number| number.to_string()));
    let date = zone.civil_at(mark.instant).date();
    let oblast = version.oblast.parse::<OblastCode>().ok();
    let oblast = oblast.filter(|oblast| is_oblast_shown(*oblast, &version.settlement_kk, date));
    expect("ob", mark.oblast == oblast, oblast.map_or_else(String::new, |oblast| oblast.to_string()));
    let offset = zone.offset_at(mark.instant);
    expect("z", mark.offset == offset, super::impression::offset_tag(offset));
    expect("dv", has_device(mark, facility, &date.to_string()), "a device in use on that day".into());
    let token = token_expected(mark, version, zone);
    expect("ts", token == Some(mark.token), token.map_or_else(|| "a known letter box".into(), |it| it.to_string()));
}

fn has_device(mark: &Mark, facility: &MarksFacility, date: &str) -> bool {
    let letter = mark.device.as_ref().map(super::DeviceMark::as_str);
    facility.devices.iter().any(|device| {
        let begun = device.from.as_ref().is_none_or(|from| from.as_str() <= date);
        let lasting = device.to.as_ref().is_none_or(|to| date <= to.as_str());
        let revoked = device.revoked_at.as_ref().and_then(|at| at.parse::<crate::clock::Timestamp>().ok());
        let fits = device.letter.as_deref() == letter && mark.kind.is_made_by(device.kind);
        fits && begun && lasting && revoked.is_none_or(|revoked| mark.instant < revoked)
    })
}

/// P23 and P30, now that the collection time and the facility's traffic are known.
fn token_expected(mark: &Mark, version: &MarksVersion, zone: &Zone) -> Option<DateToken> {
    let clock = DateToken::under(mark.instant, zone.offset_at(mark.instant));
    let Some(id) = &mark.letter_box else {
        return Some(if version.low_volume { clock.without_hour() } else { clock });
    };
    let published = version.collection_times.iter().find(|published| published.id == id.as_str())?;
    let collection: jiff::civil::Time = published.time.parse().ok()?;
    let late = zone.civil_at(mark.instant).time() > collection;
    Some(if late { clock.next_day() } else { clock.without_hour() })
}

impl From<MarkError> for Finding {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::UnknownVersion(version) => Finding::UnknownVersion { version },
            MarkError::TokenContradictsInstant { token, expected } => {
                Finding::TokenContradictsInstant { token, expected }
            }
            other => Finding::Malformed { reason: other.to_string() },
        }
    }
}

impl Verdict {
    /// The answer for people.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        let [kk, ru, en] = match self {
            Verdict::Valid => ["Барлық белгілер жарамды", "Все оттиски действительны", "Every mark is valid"],
            Verdict::NotValid => [
                "Жарамды деп тану мүмкін емес белгі бар",
                "Есть оттиск, который нельзя признать действительным",
                "A mark is not valid or cannot be judged",
            ],
            Verdict::Absent => ["Пошта белгісі жоқ", "Почтового оттиска нет", "There is no postal mark"],
            Verdict::Stripped => {
                ["Пошта белгісі алынып тасталған", "Почтовый оттиск был удалён", "The postal mark was taken off"]
            }
        };
        language.pick(kk, ru, en)
    }
}

impl Finding {
    /// What is wrong, for people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let say = |kk: &str, ru: &str, en: &str| language.pick(kk, ru, en).to_owned();
        match self {
            Finding::Unsigned => say("белгіге қол қойылмаған", "оттиск не подписан", "the mark is unsigned"),
            Finding::SignatureNotChecked => {
                say("қолтаңба тексерілмеді", "подпись не проверена", "the signature was not checked")
            }
            Finding::Malformed { reason } => {
                format!("{}: {reason}", say("белгі бүлінген", "оттиск испорчен", "the mark is malformed"))
            }
            Finding::UnknownVersion { version } => {
                format!("{}: {version}", say("белгінің нұсқасы белгісіз", "версия неизвестна", "unknown version"))
            }
            Finding::TokenContradictsInstant { token, expected } => format!(
                "{}: {token}, {expected}",
                say("күні уақытқа қайшы", "дата противоречит моменту времени", "the date contradicts the instant")
            ),
            Finding::DuplicateId => {
                say("бедер нөмірі қайталанады", "номер оттиска повторяется", "two marks have this id")
            }
            Finding::UnknownOperator => say("оператор белгісіз", "оператор неизвестен", "unknown operator"),
            Finding::UnknownFacility => say("өндірістік объект белгісіз", "объект неизвестен", "unknown facility"),
            Finding::FacilityNotInUse => say(
                "өндірістік объект ол күні жұмыс істемеген",
                "объект в этот день не действовал",
                "the facility was not there on that day",
            ),
            Finding::ContradictsFacility { tag, expected } => format!(
                "{} ({tag}): {expected}",
                say("объект деректеріне қайшы", "противоречит данным объекта", "contradicts the facility's data")
            ),
            Finding::TooMany => say("белгілер тым көп", "слишком много оттисков", "too many marks"),
        }
    }
}

impl Language {
    fn pick<'a>(self, kk: &'a str, ru: &'a str, en: &'a str) -> &'a str {
        match self {
            Language::Kk => kk,
            Language::Ru => ru,
            Language::En => en,
        }
    }
}
