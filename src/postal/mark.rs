//! The field `Postal-Mark` as it is read: its tags, checked one by one and against each other.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::tz::Offset;

use crate::clock::Timestamp;
use crate::ids::ImpressionId;

use super::impression::OffsetTag;
use super::signing::{CANONICALIZATION, Listed, MAX_NAMES};
use super::tag_list::{TagList, TagListError, decode_quoted_printable};
use super::{
    DateToken, DeviceMark, FacilityId, Kind, LetterBoxId, MarkDigest, OblastCode, OperatorId, PostalIndex,
    RecipientTag, S10,
};

/// A mark whose tags agree with the grammar and with each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Tag `i`.
    pub id: ImpressionId,
    /// Tags `k` and `dk`.
    pub kind: Kind,
    /// Tag `op`.
    pub operator: OperatorId,
    /// Tag `f`.
    pub facility: FacilityId,
    /// Tag `ix`.
    pub index: PostalIndex,
    /// Tag `no`.
    pub number: Option<u16>,
    /// Tag `dv`.
    pub device: Option<DeviceMark>,
    /// Tag `fn`.
    pub facility_name: String,
    /// Tag `pl`; always there for accept and receive.
    pub place: Option<String>,
    /// Tag `ob`.
    pub oblast: Option<OblastCode>,
    /// Tag `ts`.
    pub token: DateToken,
    /// Tag `t`.
    pub instant: Timestamp,
    /// Tag `z`.
    pub offset: Offset,
    /// Tag `lb`.
    pub letter_box: Option<LetterBoxId>,
    /// Tag `id`.
    pub s10: Option<S10>,
    /// Tag `pc=official`.
    pub official: bool,
    /// Tag `am`, in tiyn.
    pub amount_due: Option<u64>,
    /// Tag `ps`.
    pub payment_sign: Option<[u8; 32]>,
    /// Tag `rc`.
    pub recipient: Option<RecipientTag>,
    /// The tags of a signed mark; `None` for an unsigned one.
    pub signature: Option<SignatureTags>,
    tags: TagList,
}

/// The tags that come with a signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureTags {
    /// Tag `d`: the signing domain.
    pub domain: String,
    /// Tag `s`: the device key.
    pub selector: String,
    /// Tag `a`.
    pub algorithm: String,
    /// Tag `h`: the signed fields.
    pub fields: Vec<String>,
    /// Tag `bh`.
    pub body_hash: Vec<u8>,
    /// Tag `hh`: hash of the signed fields alone, if the signer wrote it.
    pub header_hash: Option<Vec<u8>>,
    /// Tag `pv`: hash of the previous mark; not in an acceptance.
    pub previous: Option<Vec<u8>>,
    /// Tag `lg`: origin of the log.
    pub log: Option<String>,
    /// Tag `n`: sequence number of the device.
    pub sequence: Option<u64>,
    /// Tag `b`.
    pub signature: Vec<u8>,
}

/// Why a field is no mark that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// No tag list.
    #[error(transparent)]
    TagList(#[from] TagListError),
    /// Another version of the format: it cannot be judged.
    #[error("version {0:?} of the mark format is not known here")]
    UnknownVersion(String),
    /// A tag that must be there.
    #[error("the tag {0} is missing")]
    Missing(&'static str),
    /// A value that the grammar does not have.
    #[error("the tag {0} has a value that cannot be")]
    Value(&'static str),
    /// A tag that this kind of mark does not have.
    #[error("the tag {0} does not belong in this mark")]
    Misplaced(&'static str),
    /// P29: the digits are not those of the instant.
    #[error("the date token {token} contradicts the instant, which is {expected}")]
    TokenContradictsInstant {
        /// What the mark shows.
        token: String,
        /// What `t` and `z` give.
        expected: String,
    },
}

impl Mark {
    /// Reads the value of a field `Postal-Mark`, folded or not. Unknown tags are ignored.
    ///
    /// # Errors
    /// What the grammar does not allow, and what contradicts itself.
    pub fn parse(value: &str) -> Result<Self, MarkError> {
        let tags = TagList::parse(value)?;
        let version = required(&tags, "v")?;
        if version != "1" {
            return Err(MarkError::UnknownVersion(version.into()));
        }
        let kind = Kind::from_tags(required(&tags, "k")?, tags.get("dk")).ok_or(MarkError::Value("k"))?;
        if required(&tags, "st")? != "KZ" {
            return Err(MarkError::Value("st"));
        }
        let mark = Mark {
            id: value_of(&tags, "i")?,
            kind,
            operator: value_of(&tags, "op")?,
            facility: value_of(&tags, "f")?,
            index: value_of(&tags, "ix")?,
            number: digits(&tags, "no", 3)?,
            device: text(&tags, "dv")?.map(|mark| parsed("dv", &mark)).transpose()?,
            facility_name: text(&tags, "fn")?.ok_or(MarkError::Missing("fn"))?,
            place: text(&tags, "pl")?,
            oblast: optional(&tags, "ob")?,
            token: value_of(&tags, "ts")?,
            instant: instant(&tags)?,
            offset: offset(required(&tags, "z")?).ok_or(MarkError::Value("z"))?,
            letter_box: optional(&tags, "lb")?,
            s10: optional(&tags, "id")?,
            official: is_official(&tags)?,
            amount_due: digits(&tags, "am", 18)?,
            payment_sign: payment_sign(&tags)?,
            recipient: optional_with(&tags, "rc", RecipientTag::parse)?,
            signature: signature(&tags)?,
            tags,
        };
        mark.check_kind()?;
        mark.check_token()?;
        Ok(mark)
    }

    /// The field `Postal-Mark` with this value, folded, with its final CRLF; `None` for a value that is no tag list.
    #[must_use]
    pub fn folded(value: &str) -> Option<String> {
        TagList::parse(value).ok().map(|tags| tags.header("Postal-Mark"))
    }

    /// `postal-mark:` and the tags in their order, without white space: what `pv` and the log are made of.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.tags.canonical("Postal-Mark")
    }

    /// What `pv` of the next mark is.
    #[must_use]
    pub fn digest(&self) -> MarkDigest {
        MarkDigest::of(&self.canonical())
    }

    /// The form that is signed: the canonical one with an empty `b=`.
    pub(super) fn signed_form(&self) -> String {
        self.tags.with("b", "").canonical("Postal-Mark")
    }

    /// The form that would be signed if `hh` were this.
    pub(super) fn signed_form_with(&self, header_hash: &[u8; 32]) -> String {
        self.tags.with("b", "").with("hh", &STANDARD.encode(header_hash)).canonical("Postal-Mark")
    }

    fn check_kind(&self) -> Result<(), MarkError> {
        let is_handover = matches!(self.kind, Kind::Receive | Kind::Deliver(_));
        // P6: acceptances and receipts name the place.
        if matches!(self.kind, Kind::Accept | Kind::Receive) && self.place.is_none() {
            return Err(MarkError::Missing("pl"));
        }
        if self.letter_box.is_some() && self.kind != Kind::Accept {
            return Err(MarkError::Misplaced("lb"));
        }
        if self.recipient.is_some() && !is_handover {
            return Err(MarkError::Misplaced("rc"));
        }
        match (self.kind == Kind::Surcharge, self.amount_due) {
            (true, None) => return Err(MarkError::Missing("am")),
            (false, Some(_)) => return Err(MarkError::Misplaced("am")),
            _ => {}
        }
        if self.kind == Kind::Cancel && self.payment_sign.is_none() {
            return Err(MarkError::Missing("ps"));
        }
        Ok(())
    }

    /// `ts` is what clocks under `z` showed at `t`: with the hour, or the date alone (P30); for a letter from a
    /// box that date or the next (P23). Which of them is right the facility's data tell.
    fn check_token(&self) -> Result<(), MarkError> {
        let clock = DateToken::under(self.instant, self.offset);
        let date = clock.without_hour();
        let agrees = match self.letter_box {
            Some(_) => self.token == date || self.token == clock.next_day(),
            None => self.token == clock || self.token == date,
        };
        if agrees {
            return Ok(());
        }
        let expected = if self.letter_box.is_some() { date } else { clock };
        Err(MarkError::TokenContradictsInstant { token: self.token.to_string(), expected: expected.to_string() })
    }
}

fn required<'a>(tags: &'a TagList, name: &'static str) -> Result<&'a str, MarkError> {
    tags.get(name).ok_or(MarkError::Missing(name))
}

fn parsed<T: FromStr>(name: &'static str, value: &str) -> Result<T, MarkError> {
    value.parse().map_err(|_| MarkError::Value(name))
}

fn value_of<T: FromStr>(tags: &TagList, name: &'static str) -> Result<T, MarkError> {
    parsed(name, required(tags, name)?)
}

fn optional<T: FromStr>(tags: &TagList, name: &'static str) -> Result<Option<T>, MarkError> {
    tags.get(name).map(|value| parsed(name, value)).transpose()
}

fn optional_with<T>(
    tags: &TagList,
    name: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, MarkError> {
    tags.get(name).map(|value| read(value).ok_or(MarkError::Value(name))).transpose()
}

/// A value in dkim-quoted-printable, not empty.
fn text(tags: &TagList, name: &'static str) -> Result<Option<String>, MarkError> {
    optional_with(tags, name, |value| decode_quoted_printable(value).filter(|text| !text.trim().is_empty()))
}

/// At most `length` digits.
fn digits<T: FromStr>(tags: &TagList, name: &'static str, length: usize) -> Result<Option<T>, MarkError> {
    let is_number = |value: &str| value.len() <= length && value.bytes().all(|byte| byte.is_ascii_digit());
    optional_with(tags, name, |value| is_number(value).then(|| value.parse().ok()).flatten())
}

fn instant(tags: &TagList) -> Result<Timestamp, MarkError> {
    let seconds: i64 = digits(tags, "t", 12)?.ok_or(MarkError::Missing("t"))?;
    Timestamp::from_second(seconds).map_err(|_| MarkError::Value("t"))
}

/// `+0500`; real offsets lie between -12:00 and +14:00.
fn offset(text: &str) -> Option<Offset> {
    let digits = text.strip_prefix(['+', '-']).filter(|digits| digits.len() == 4)?;
    let (hours, minutes) = (digits.get(..2)?.parse::<u8>().ok()?, digits.get(2..)?.parse::<u8>().ok()?);
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    let seconds = if text.starts_with('-') { -seconds } else { seconds };
    let offset = Offset::from_seconds(seconds).ok()?;
    let is_real = minutes < 60 && (-12 * 3600..=14 * 3600).contains(&seconds);
    // `-0000` and signs among the digits are written otherwise.
    (is_real && OffsetTag::of(offset).as_str() == text).then_some(offset)
}

fn is_official(tags: &TagList) -> Result<bool, MarkError> {
    match tags.get("pc") {
        None => Ok(false),
        Some("official") => Ok(true),
        Some(_) => Err(MarkError::Value("pc")),
    }
}

fn payment_sign(tags: &TagList) -> Result<Option<[u8; 32]>, MarkError> {
    optional_with(tags, "ps", |value| URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok())
}

/// d, s, a, c, h, bh and b come together or not at all; hh, pv, lg and n only with them. Which algorithms there are is
/// not for the grammar to say: a mark under a new one is whole, and cannot be judged.
fn signature(tags: &TagList) -> Result<Option<SignatureTags>, MarkError> {
    const ALL: [&str; 11] = ["d", "s", "a", "c", "h", "bh", "hh", "pv", "b", "lg", "n"];
    if ALL.iter().all(|name| tags.get(name).is_none()) {
        return Ok(None);
    }
    let base64 = |name: &'static str| STANDARD.decode(required(tags, name)?).map_err(|_| MarkError::Value(name));
    let algorithm = required(tags, "a")?;
    if required(tags, "c")? != CANONICALIZATION {
        return Err(MarkError::Value("c"));
    }
    let previous = tags.get("pv").map(|_| base64("pv")).transpose()?;
    if previous.is_some() && tags.get("k") == Some("accept") {
        return Err(MarkError::Misplaced("pv"));
    }
    Ok(Some(SignatureTags {
        domain: required(tags, "d")?.to_ascii_lowercase(),
        selector: required(tags, "s")?.into(),
        algorithm: algorithm.into(),
        fields: signed_fields(required(tags, "h")?)?,
        body_hash: base64("bh")?,
        header_hash: tags.get("hh").map(|_| base64("hh")).transpose()?,
        previous,
        log: tags.get("lg").map(str::to_owned),
        sequence: digits(tags, "n", 18)?,
        signature: base64("b")?,
    }))
}

/// Tag `h`: names with nothing between them, and all that a mark must sign (FACTS E).
fn signed_fields(text: &str) -> Result<Vec<String>, MarkError> {
    let names: Vec<String> = text.split(':').map(str::to_ascii_lowercase).collect();
    let is_name = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    let has_all = Listed::MARK.iter().all(|required| names.iter().any(|name| name == required.name));
    if names.len() <= MAX_NAMES && names.iter().all(is_name) && has_all {
        Ok(names)
    } else {
        Err(MarkError::Value("h"))
    }
}
