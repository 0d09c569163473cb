//! What can be wrong with a mark, and how that is said in three languages.

use serde::{Serialize, Serializer};

use super::super::MarkError;
use super::super::tag_list::{MAX_TAGS, TagListError};
use super::{MarkReport, Report, Verdict};

/// Something that keeps a mark from being valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It carries no signature.
    Unsigned,
    /// It carries a signature, and there are no keys to check it with.
    SignatureNotChecked,
    /// It is signed in a way that is not judged here.
    UnknownAlgorithm {
        /// Which.
        algorithm: String,
    },
    /// Its operator publishes no such key for this facility.
    UnknownKey {
        /// Where it would be in the DNS.
        selector: String,
    },
    /// The key was not in use at that instant.
    KeyNotInUse {
        /// Which.
        selector: String,
    },
    /// P31: the device had been withdrawn by then.
    RevokedDevice {
        /// Which.
        device: String,
        /// Since when.
        revoked_at: String,
    },
    /// The body is not the one that was marked.
    AlteredBody,
    /// A signed field was changed, added or taken away.
    AlteredHeader,
    /// The mark itself was changed, or was never this device's.
    AlteredMark,
    /// The mark was made for another message: neither header nor body are those that it signs.
    OtherMessage,
    /// The signature does not hold; header or mark were altered.
    BadSignature,
    /// It points to a mark that is not there, or to none where it must.
    BrokenChain,
    /// It breaks the grammar.
    Malformed {
        /// How.
        reason: Detail,
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
        expected: Detail,
    },
    /// More marks than are looked at.
    TooMany,
}

/// What a finding is about: as it stands in the mark or in what is published, or in words of this program. In JSON the
/// words are English.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detail {
    /// As it stands there.
    Plain(String),
    /// In words.
    Phrase {
        /// Which.
        name: &'static str,
        /// The tag or the text that they speak of.
        what: String,
    },
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

impl From<MarkError> for Finding {
    fn from(error: MarkError) -> Self {
        match error {
            MarkError::UnknownVersion(version) => Finding::UnknownVersion { version },
            MarkError::TokenContradictsInstant { token, expected } => {
                Finding::TokenContradictsInstant { token, expected }
            }
            MarkError::TagList(error) => Finding::Malformed { reason: Detail::from(error) },
            MarkError::Missing(tag) => Finding::Malformed { reason: Detail::phrase("missing_tag", tag) },
            MarkError::Value(tag) => Finding::Malformed { reason: Detail::phrase("wrong_value", tag) },
            MarkError::Misplaced(tag) => Finding::Malformed { reason: Detail::phrase("misplaced_tag", tag) },
        }
    }
}

impl From<TagListError> for Detail {
    fn from(error: TagListError) -> Self {
        match error {
            TagListError::NotAscii => Detail::phrase("not_ascii", ""),
            TagListError::NotATag(text) => Detail::phrase("not_a_tag", format!("{text:?}")),
            TagListError::Duplicate(tag) => Detail::phrase("duplicate_tag", tag),
            TagListError::TooMany => Detail::phrase("too_many_tags", MAX_TAGS.to_string()),
        }
    }
}

impl Detail {
    pub(super) fn phrase(name: &'static str, what: impl Into<String>) -> Self {
        Detail::Phrase { name, what: what.into() }
    }

    /// For people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        match self {
            Detail::Plain(text) => text.clone(),
            Detail::Phrase { name, what } => {
                let words = PHRASES.iter().find(|(phrase, _)| phrase == name).map_or([*name; 3], |(_, words)| *words);
                language.of(words).replace(WHAT, what)
            }
        }
    }
}

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text(Language::En))
    }
}

impl Finding {
    /// It proves that the mark is false or not on its own message; the others say that it cannot be judged.
    #[must_use]
    pub fn is_forgery(&self) -> bool {
        match self {
            Finding::AlteredBody
            | Finding::AlteredHeader
            | Finding::AlteredMark
            | Finding::OtherMessage
            | Finding::BadSignature
            | Finding::BrokenChain
            | Finding::KeyNotInUse { .. }
            | Finding::RevokedDevice { .. }
            | Finding::TokenContradictsInstant { .. }
            | Finding::DuplicateId
            | Finding::ContradictsFacility { .. } => true,
            Finding::Unsigned
            | Finding::SignatureNotChecked
            | Finding::UnknownAlgorithm { .. }
            | Finding::UnknownKey { .. }
            | Finding::Malformed { .. }
            | Finding::UnknownVersion { .. }
            | Finding::UnknownOperator
            | Finding::UnknownFacility
            | Finding::FacilityNotInUse
            | Finding::TooMany => false,
        }
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let said = language.of(self.words());
        match self {
            Finding::UnknownAlgorithm { algorithm: what }
            | Finding::UnknownKey { selector: what }
            | Finding::KeyNotInUse { selector: what }
            | Finding::UnknownVersion { version: what } => format!("{said}: {what}"),
            Finding::Malformed { reason } => format!("{said}: {}", reason.text(language)),
            Finding::RevokedDevice { device, revoked_at } => format!("{said}: {device}, {revoked_at}"),
            Finding::TokenContradictsInstant { token, expected } => format!("{said}: {token}, {expected}"),
            Finding::ContradictsFacility { tag, expected } => format!("{said} ({tag}): {}", expected.text(language)),
            _ => said.to_owned(),
        }
    }

    /// As the report in JSON names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Finding::Unsigned => "unsigned",
            Finding::SignatureNotChecked => "signature_not_checked",
            Finding::UnknownAlgorithm { .. } => "unknown_algorithm",
            Finding::UnknownKey { .. } => "unknown_key",
            Finding::KeyNotInUse { .. } => "key_not_in_use",
            Finding::RevokedDevice { .. } => "revoked_device",
            Finding::AlteredBody => "altered_body",
            Finding::AlteredHeader => "altered_header",
            Finding::AlteredMark => "altered_mark",
            Finding::OtherMessage => "other_message",
            Finding::BadSignature => "bad_signature",
            Finding::BrokenChain => "broken_chain",
            Finding::Malformed { .. } => "malformed",
            Finding::UnknownVersion { .. } => "unknown_version",
            Finding::TokenContradictsInstant { .. } => "token_contradicts_instant",
            Finding::DuplicateId => "duplicate_id",
            Finding::UnknownOperator => "unknown_operator",
            Finding::UnknownFacility => "unknown_facility",
            Finding::FacilityNotInUse => "facility_not_in_use",
            Finding::ContradictsFacility { .. } => "contradicts_facility",
            Finding::TooMany => "too_many",
        }
    }

    /// Kazakh, Russian, English.
    fn words(&self) -> [&'static str; 3] {
        let name = self.name();
        FINDINGS.iter().find(|(finding, _)| *finding == name).map_or([name; 3], |(_, words)| *words)
    }
}

/// What can be wrong, in Kazakh, Russian and English.
const FINDINGS: &[(&str, [&str; 3])] = &[
    ("unsigned", ["белгіге қол қойылмаған", "оттиск не подписан", "the mark is unsigned"]),
    ("signature_not_checked", ["қолтаңба тексерілмеді", "подпись не проверена", "the signature was not checked"]),
    (
        "unknown_algorithm",
        ["қолтаңба алгоритмі белгісіз", "алгоритм подписи неизвестен", "unknown signature algorithm"],
    ),
    ("unknown_key", ["кілт белгісіз", "ключ неизвестен", "unknown key"]),
    (
        "key_not_in_use",
        [
            "кілт сол сәтте қолданыста болмаған",
            "ключ в этот момент не действовал",
            "the key was not in use at that instant",
        ],
    ),
    ("revoked_device", ["құрылғы қолданыстан алынған", "устройство отозвано", "the device had been withdrawn"]),
    ("altered_body", ["хаттың мазмұны өзгертілген", "текст письма изменён", "the body was altered"]),
    ("altered_header", ["хаттың тақырыбы өзгертілген", "заголовок письма изменён", "the header was altered"]),
    ("altered_mark", ["белгінің өзі өзгертілген", "сам оттиск изменён", "the mark itself was altered"]),
    (
        "other_message",
        ["белгі басқа хатқа басылған", "оттиск сделан на другом письме", "the mark was made for another message"],
    ),
    (
        "bad_signature",
        [
            "қолтаңба жарамсыз: тақырып не белгі өзгертілген",
            "подпись неверна: изменён заголовок или оттиск",
            "bad signature: header or mark were altered",
        ],
    ),
    ("broken_chain", ["белгілер тізбегі үзілген", "цепочка оттисков разорвана", "the chain of marks is broken"]),
    ("malformed", ["белгі бүлінген", "оттиск испорчен", "the mark is malformed"]),
    ("unknown_version", ["белгінің нұсқасы белгісіз", "версия неизвестна", "unknown version"]),
    (
        "token_contradicts_instant",
        ["күні уақытқа қайшы", "дата противоречит моменту времени", "the date contradicts the instant"],
    ),
    ("duplicate_id", ["бедер нөмірі қайталанады", "номер оттиска повторяется", "two marks have this id"]),
    ("unknown_operator", ["оператор белгісіз", "оператор неизвестен", "unknown operator"]),
    ("unknown_facility", ["өндірістік объект белгісіз", "объект неизвестен", "unknown facility"]),
    (
        "facility_not_in_use",
        [
            "өндірістік объект ол күні жұмыс істемеген",
            "объект в этот день не действовал",
            "the facility was not there on that day",
        ],
    ),
    (
        "contradicts_facility",
        ["объект деректеріне қайшы", "противоречит данным объекта", "contradicts the facility's data"],
    ),
    ("too_many", ["белгілер тым көп", "слишком много оттисков", "too many marks"]),
];

/// In a phrase: what it speaks of.
const WHAT: &str = "{ $what }";

/// How a mark is malformed, and what was expected of it, in Kazakh, Russian and English.
const PHRASES: &[(&str, [&str; 3])] = &[
    (
        "not_ascii",
        [
            "белгі тек ASCII таңбаларынан тұрады, ал мұнда басқалары да бар",
            "оттиск состоит только из знаков ASCII, а здесь есть и другие",
            "a mark is plain ASCII; this one has other characters",
        ],
    ),
    (
        "not_a_tag",
        ["{ $what } «аты=мәні» түрінде емес", "{ $what } не имеет вида «имя=значение»", "{ $what } is not name=value"],
    ),
    ("duplicate_tag", ["{ $what } тегі екі рет тұр", "тег { $what } стоит дважды", "the tag { $what } stands twice"]),
    ("too_many_tags", ["тегтер саны { $what } шегінен асады", "тегов больше { $what }", "more than { $what } tags"]),
    ("missing_tag", ["{ $what } тегі жоқ", "нет тега { $what }", "the tag { $what } is missing"]),
    (
        "wrong_value",
        [
            "{ $what } тегінің мәні жарамсыз",
            "у тега { $what } недопустимое значение",
            "the tag { $what } has a value that cannot be",
        ],
    ),
    (
        "misplaced_tag",
        [
            "{ $what } тегі мұндай белгіде болмайды",
            "тега { $what } в таком оттиске не бывает",
            "the tag { $what } does not belong in this mark",
        ],
    ),
    (
        "usable_device",
        [
            "сол күні қолданыста болған құрылғы",
            "устройство, которое в тот день было в употреблении",
            "a device in use on that day",
        ],
    ),
    ("known_letter_box", ["белгілі пошта жәшігі", "известный почтовый ящик", "a known letter box"]),
];

impl Verdict {
    /// The answer for people.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        VERDICTS.iter().find(|(verdict, _)| *verdict == self).map_or("", |(_, words)| language.of(*words))
    }

    /// As the report in JSON names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::NotValid => "not_valid",
            Verdict::Forged => "forged",
            Verdict::Absent => "absent",
            Verdict::Stripped => "stripped",
        }
    }
}

/// The answers, in Kazakh, Russian and English.
const VERDICTS: &[(Verdict, [&str; 3])] = &[
    (Verdict::Valid, ["Барлық белгілер жарамды", "Все оттиски действительны", "Every mark is valid"]),
    (
        Verdict::NotValid,
        [
            "Жарамды деп тану мүмкін емес белгі бар",
            "Есть оттиск, который нельзя признать действительным",
            "A mark cannot be judged or is unsigned",
        ],
    ),
    (
        Verdict::Forged,
        ["Жалған немесе бүлінген белгі бар", "Есть поддельный или повреждённый оттиск", "A mark is forged or broken"],
    ),
    (Verdict::Absent, ["Пошта белгісі жоқ", "Почтового оттиска нет", "There is no postal mark"]),
    (
        Verdict::Stripped,
        ["Пошта белгісі алынып тасталған", "Почтовый оттиск был удалён", "The postal mark was taken off"],
    ),
];

impl Report {
    /// The whole report for people: the verdict, then each mark with what is wrong with it, the newest first.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let mut text = self.verdict.text(language).to_owned();
        for mark in &self.marks {
            text.push_str("\n  ");
            text.push_str(&mark.text(language));
        }
        text
    }
}

impl MarkReport {
    /// The mark in a line for people, with what is wrong with it.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let mut parts: Vec<String> =
            self.kind.map(|kind| language.of(kind_words(kind)).to_owned()).into_iter().collect();
        parts.extend([self.maker(), self.instant.clone(), self.token.clone()].into_iter().flatten());
        let judged: Vec<String> = match self.findings.as_slice() {
            [] => vec![language.of(["жарамды", "действителен", "valid"]).to_owned()],
            findings => findings.iter().map(|finding| finding.text(language)).collect(),
        };
        parts.push(judged.join("; "));
        parts.join("  ")
    }

    /// Operator, place, facility and device by name, and the ids that they have in what is published.
    fn maker(&self) -> Option<String> {
        let facility = self.facility_name.as_ref().filter(|name| Some(*name) != self.place.as_ref());
        let names = [self.operator_name.as_ref(), self.place.as_ref(), facility, self.device.as_ref()];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        Some(format!("{} ({} {})", names.join(" · "), self.operator.as_ref()?, self.facility.as_ref()?))
    }
}

/// P6: the words of the order for each kind.
const KINDS: &[(&str, [&str; 3])] = &[
    ("accept", ["қабылдау", "приём", "accepted"]),
    ("receive", ["алу", "получение", "received"]),
    ("deliver", ["жеткізу", "доставка", "delivered"]),
    ("surcharge", ["қосымша төлеу", "доплата", "surcharge"]),
    ("cancel", ["арнайы белгі соғу", "гашение", "cancelled"]),
    ("seal", ["мөрленді", "опечатано", "sealed"]),
];

fn kind_words(kind: &'static str) -> [&'static str; 3] {
    KINDS.iter().find(|(tag, _)| *tag == kind).map_or([kind; 3], |(_, words)| *words)
}

/// Every word of a report in this language, under `verdict-`, `kind-`, `finding-` or `phrase-` and its name: for who
/// writes reports elsewhere.
pub fn words(language: Language) -> impl Iterator<Item = (String, &'static str)> {
    let verdicts = VERDICTS.iter().map(|(verdict, words)| (format!("verdict-{}", verdict.name()), *words));
    let kinds = KINDS.iter().map(|(kind, words)| (format!("kind-{kind}"), *words));
    let findings = FINDINGS.iter().map(|(finding, words)| (format!("finding-{finding}"), *words));
    let phrases = PHRASES.iter().map(|(phrase, words)| (format!("phrase-{phrase}"), *words));
    verdicts.chain(kinds).chain(findings).chain(phrases).map(move |(key, words)| (key, language.of(words)))
}

impl Language {
    fn of(self, [kk, ru, en]: [&'static str; 3]) -> &'static str {
        match self {
            Language::Kk => kk,
            Language::Ru => ru,
            Language::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_one_name_everywhere() {
        let text = String::new;
        let findings = [
            Finding::AlteredBody,
            Finding::UnknownKey { selector: text() },
            Finding::RevokedDevice { device: text(), revoked_at: text() },
            Finding::TokenContradictsInstant { token: text(), expected: text() },
            Finding::ContradictsFacility { tag: "z", expected: Detail::Plain(text()) },
            Finding::TooMany,
        ];
        for finding in findings {
            assert_eq!(serde_json::to_value(&finding).unwrap()["finding"], finding.name());
            assert_ne!(finding.words(), [finding.name(); 3]);
        }
        for (verdict, _) in VERDICTS {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }

    #[test]
    fn p25_a_malformed_mark_is_explained_in_every_language() {
        let errors = [
            MarkError::TagList(TagListError::NotAscii),
            MarkError::TagList(TagListError::NotATag("a \"b".into())),
            MarkError::TagList(TagListError::Duplicate("st".into())),
            MarkError::TagList(TagListError::TooMany),
            MarkError::Missing("pl"),
            MarkError::Value("ix"),
            MarkError::Misplaced("am"),
        ];
        for error in errors {
            let said = error.to_string();
            let finding = Finding::from(error);
            // What programs read is as it always was.
            assert_eq!(serde_json::to_value(&finding).unwrap()["reason"], said);
            let [kk, ru, en] = [Language::Kk, Language::Ru, Language::En].map(|language| finding.text(language));
            assert_eq!(en, format!("the mark is malformed: {said}"));
            for text in [&kk, &ru] {
                assert!(!text.contains(&said) && !text.contains('$'), "{text}");
                assert!(text.split(": ").nth(1).is_some_and(|reason| reason.contains(is_cyrillic)), "{text}");
            }
            assert_ne!(kk, ru);
        }
        let missing = Finding::from(MarkError::Missing("pl"));
        assert_eq!(missing.text(Language::Kk), "белгі бүлінген: pl тегі жоқ");
        assert_eq!(missing.text(Language::Ru), "оттиск испорчен: нет тега pl");
    }

    fn is_cyrillic(c: char) -> bool {
        ('\u{400}'..='\u{4ff}').contains(&c)
    }
}
