//! Payment signs (P2, P20-P22): what is bought at the counter and given for a letter, as stamps are.
//!
//! A sign is known by its code, and the code is as good as money: whoever has it can use it. So a code is turned into
//! its hash where it is read, and nothing but the hash is kept, shown or logged. A code is long enough that nobody
//! finds it from the hash, which stands in the mark that cancels the sign.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::ids::ItemId;

use super::{DeviceKind, Facility, OperatorId, Period, Tiyn};

/// Fewest letters and digits of a code: with 32 to choose from they are 80 bits.
const SHORTEST_CODE: usize = 16;

/// Most letters and digits of a code.
const LONGEST_CODE: usize = 64;

/// SHA-256 of a sign's code (tag `ps`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SignHash(pub [u8; 32]);

/// Who issued a sign, by which alone it may be told who cancels it how (P8).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignKind {
    /// A state payment sign: by a state.
    State,
    /// An operator's own sign.
    Operator,
}

/// What may still be done with a sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// It was not used.
    Issued,
    /// P20: it paid for this item, and pays for no other.
    Cancelled(ItemId),
    /// P22: it was taken out of circulation before it was used.
    Withdrawn,
}

/// A sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentSign {
    /// By whom it was issued.
    pub kind: SignKind,
    /// The code of the state (`KZ`), or the operator's id.
    pub issuer: String,
    /// What it is worth.
    pub value: Tiyn,
    /// The days on which it is valid.
    pub period: Period,
    /// Whether it was used.
    pub standing: Standing,
}

/// Which signs are in circulation here.
#[derive(Clone, Copy, Debug)]
pub struct Circulation<'a> {
    /// The operator that accepts the letter.
    pub operator: &'a OperatorId,
    /// The calendar date at the facility that accepts it.
    pub on: Date,
}

/// Why a sign pays for nothing. Such a sign is not cancelled (P22).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum NotValid {
    /// Nobody issued it.
    #[error("unknown")]
    Unknown,
    /// Another state or another operator issued it.
    #[error("not in circulation here")]
    Foreign,
    /// It was withdrawn.
    #[error("withdrawn")]
    Withdrawn,
    /// Its first day is still to come.
    #[error("not valid yet")]
    NotYet,
    /// Its last day is over.
    #[error("no longer valid")]
    Expired,
    /// It paid for another item.
    #[error("used already")]
    Used,
}

/// No code of a sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a code of a payment sign has {SHORTEST_CODE} to {LONGEST_CODE} Latin letters and digits")]
pub struct NotACode;

/// `Postal-Payment` cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClaimError {
    /// Not in the form that it must have.
    #[error("Postal-Payment cannot be read; write: Postal-Payment: sign=<code>[,<code>...]")]
    Form,
    /// A code is none.
    #[error("code {number} in Postal-Payment is none: {NotACode}")]
    Code {
        /// Which, counted from one.
        number: usize,
    },
    /// More codes than a letter may have.
    #[error("Postal-Payment names more than {most} payment signs; a letter may have no more")]
    TooMany {
        /// How many it may have.
        most: usize,
    },
}

/// The state whose payment signs are in circulation here (P22: order 57 cl. 8).
const STATE: &str = "KZ";

impl SignHash {
    /// Of a code as people write it: in any case, in groups with hyphens or spaces between them.
    ///
    /// # Errors
    /// It is no code.
    pub fn of_code(text: &str) -> Result<Self, NotACode> {
        let is_separator = |c: &char| *c == '-' || c.is_ascii_whitespace();
        let code: String = text.chars().filter(|c| !is_separator(c)).map(|c| c.to_ascii_uppercase()).collect();
        let is_code = code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_code || !(SHORTEST_CODE..=LONGEST_CODE).contains(&code.len()) {
            return Err(NotACode);
        }
        Ok(SignHash(Sha256::digest(code).into()))
    }

    /// Those that the value of `Postal-Payment` names, each once. No more than `most` are looked at: whoever names
    /// more would keep a thread busy.
    ///
    /// # Errors
    /// The value cannot be read. The error does not repeat it: a code that was mistyped is still a secret.
    pub fn claimed(value: &str, most: usize) -> Result<Vec<Self>, ClaimError> {
        let (name, codes) = value.split_once('=').ok_or(ClaimError::Form)?;
        if !name.trim().eq_ignore_ascii_case("sign") || codes.contains([';', '=']) {
            return Err(ClaimError::Form);
        }
        let mut claimed = Vec::new();
        for (code, number) in codes.split(',').zip(1..) {
            if number > most {
                return Err(ClaimError::TooMany { most });
            }
            let hash = SignHash::of_code(code).map_err(|NotACode| ClaimError::Code { number })?;
            if !claimed.contains(&hash) {
                claimed.push(hash);
            }
        }
        Ok(claimed)
    }
}

impl fmt::Display for SignHash {
    /// As tag `ps` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for SignHash {
    type Err = NotASignHash;

    fn from_str(text: &str) -> Result<Self, NotASignHash> {
        let hash = URL_SAFE_NO_PAD.decode(text).ok().and_then(|hash| hash.try_into().ok());
        hash.map(SignHash).ok_or(NotASignHash)
    }
}

/// Not what tag `ps` has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("name a sign as the tag ps of its mark does: 43 letters, digits, - and _; `poshta payment list` shows them")]
pub struct NotASignHash;

impl SignKind {
    /// As files and commands name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SignKind::State => "state",
            SignKind::Operator => "operator",
        }
    }

    /// P2, P8: order 57 cl. 2, 4 ¶4. The device that cancels such a sign at this facility now: a special stamp while
    /// it has one in its period, and then state payment signs only; else the postmark.
    #[must_use]
    pub fn cancelled_by(self, facility: &Facility, instant: Timestamp) -> DeviceKind {
        match self {
            SignKind::State if facility.device(DeviceKind::Special, instant).is_some() => DeviceKind::Special,
            _ => DeviceKind::Postmark,
        }
    }
}

impl Standing {
    /// As commands name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Standing::Issued => "issued",
            Standing::Cancelled(_) => "cancelled",
            Standing::Withdrawn => "withdrawn",
        }
    }
}

impl PaymentSign {
    /// P20: order 57 cl. 8. The sign as it is once it paid for `item`: it pays once, and is the same when it is
    /// given for the same item again.
    ///
    /// # Errors
    /// P22: it is not valid for payment, and stays as it is.
    pub fn cancel(&self, item: ItemId, circulation: Circulation<'_>) -> Result<Self, NotValid> {
        let is_ours = match self.kind {
            SignKind::State => self.issuer == STATE,
            SignKind::Operator => self.issuer == circulation.operator.as_str(),
        };
        match self.standing {
            Standing::Cancelled(other) if other == item => return Ok(self.clone()),
            Standing::Cancelled(_) => return Err(NotValid::Used),
            Standing::Withdrawn => return Err(NotValid::Withdrawn),
            Standing::Issued => {}
        }
        if !is_ours {
            return Err(NotValid::Foreign);
        }
        if self.period.from.is_some_and(|from| circulation.on < from) {
            return Err(NotValid::NotYet);
        }
        if !self.period.contains(circulation.on) {
            return Err(NotValid::Expired);
        }
        Ok(PaymentSign { standing: Standing::Cancelled(item), ..self.clone() })
    }

    /// P22: the sign as it is once it is taken out of circulation.
    ///
    /// # Errors
    /// It was used.
    pub fn withdraw(&self) -> Result<Self, NotValid> {
        match self.standing {
            Standing::Cancelled(_) => Err(NotValid::Used),
            Standing::Issued | Standing::Withdrawn => Ok(PaymentSign { standing: Standing::Withdrawn, ..self.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::super::registry::tests::{now, sample};
    use super::*;

    const CODE: &str = "KZ26-ABCD-EFGH-2345";

    fn sign() -> PaymentSign {
        PaymentSign {
            kind: SignKind::State,
            issuer: "KZ".into(),
            value: Tiyn(35_000),
            period: Period { from: Some("2026-01-01".parse().unwrap()), to: Some("2026-12-31".parse().unwrap()) },
            standing: Standing::Issued,
        }
    }

    fn cancel(sign: &PaymentSign, item: u128, on: &str) -> Result<PaymentSign, NotValid> {
        let operator = "kazpost".parse().unwrap();
        sign.cancel(ItemId(item), Circulation { operator: &operator, on: on.parse().unwrap() })
    }

    #[test]
    fn p20_a_sign_is_cancelled_once() {
        let cancelled = cancel(&sign(), 7, "2026-11-21").unwrap();
        assert_eq!(cancelled.standing, Standing::Cancelled(ItemId(7)));
        assert_eq!(cancel(&cancelled, 7, "2026-11-22").as_ref(), Ok(&cancelled), "idempotent for the same item");
        assert_eq!(cancel(&cancelled, 7, "2030-01-01").as_ref(), Ok(&cancelled), "also when it has expired since");
        assert_eq!(cancel(&cancelled, 8, "2026-11-22"), Err(NotValid::Used), "refused for another");
        assert_eq!(cancelled.withdraw(), Err(NotValid::Used));
    }

    #[test_case(SignKind::State, "KZ", "2026-01-01" => Ok(()); "first day")]
    #[test_case(SignKind::State, "KZ", "2026-12-31" => Ok(()); "last day")]
    #[test_case(SignKind::State, "KZ", "2025-12-31" => Err(NotValid::NotYet))]
    #[test_case(SignKind::State, "KZ", "2027-01-01" => Err(NotValid::Expired))]
    #[test_case(SignKind::State, "KG", "2026-11-21" => Err(NotValid::Foreign); "another state")]
    #[test_case(SignKind::Operator, "kazpost", "2026-11-21" => Ok(()))]
    #[test_case(SignKind::Operator, "dala-express", "2026-11-21" => Err(NotValid::Foreign); "another operator")]
    #[test_case(SignKind::Operator, "KZ", "2026-11-21" => Err(NotValid::Foreign); "a state is no operator")]
    fn p22_what_is_valid_for_payment(kind: SignKind, issuer: &str, on: &str) -> Result<(), NotValid> {
        cancel(&PaymentSign { kind, issuer: issuer.into(), ..sign() }, 7, on).map(drop)
    }

    #[test]
    fn p22_a_withdrawn_sign_is_not_cancelled() {
        let withdrawn = sign().withdraw().unwrap();
        assert_eq!(cancel(&withdrawn, 7, "2026-11-21"), Err(NotValid::Withdrawn));
        assert_eq!(withdrawn.withdraw().as_ref(), Ok(&withdrawn));
    }

    #[test_case("2026-12-15", SignKind::State => DeviceKind::Postmark; "the day before")]
    #[test_case("2026-12-16", SignKind::State => DeviceKind::Special; "on its day")]
    #[test_case("2026-12-16", SignKind::Operator => DeviceKind::Postmark; "state signs only")]
    #[test_case("2026-12-17", SignKind::State => DeviceKind::Postmark; "the day after")]
    fn p8_special_stamp_cancels_state_signs_in_its_period(day: &str, kind: SignKind) -> DeviceKind {
        let registry = sample();
        let office = registry.facility(&"astana-1".parse().unwrap(), now()).unwrap();
        kind.cancelled_by(office, format!("{day}T06:00:00Z").parse().unwrap())
    }

    #[test_case("kz26 abcd efgh 2345" => true; "spaces and small letters")]
    #[test_case("KZ26ABCDEFGH2345" => true; "without hyphens")]
    #[test_case("KZ26-ABCD-EFGH-2346" => false; "another code")]
    fn codes_are_read_as_people_write_them(text: &str) -> bool {
        SignHash::of_code(text).unwrap() == SignHash::of_code(CODE).unwrap()
    }

    #[test_case("sign=KZ26-ABCD-EFGH-2345" => Ok(1))]
    #[test_case(" Sign = KZ26-ABCD-EFGH-2345 , KZ26-ABCD-EFGH-2346" => Ok(2); "spaces")]
    #[test_case("sign=KZ26-ABCD-EFGH-2345,KZ26ABCDEFGH2345" => Ok(1); "the same twice pays once")]
    #[test_case("KZ26-ABCD-EFGH-2345" => Err(ClaimError::Form); "no name")]
    #[test_case("card=KZ26-ABCD-EFGH-2345" => Err(ClaimError::Form); "another name")]
    #[test_case("sign=KZ26-ABCD-EFGH-2345; sum=1" => Err(ClaimError::Form); "more than is known")]
    #[test_case("sign=" => Err(ClaimError::Code { number: 1 }))]
    #[test_case("sign=KZ26-ABCD-EFGH-2345,short" => Err(ClaimError::Code { number: 2 }))]
    #[test_case("sign=ҚЗ26-ABCD-EFGH-2345" => Err(ClaimError::Code { number: 1 }); "no Latin letters")]
    fn interface_postal_payment(value: &str) -> Result<usize, ClaimError> {
        SignHash::claimed(value, 20).map(|claimed| claimed.len())
    }

    #[test]
    fn a_hash_is_written_as_in_the_mark() {
        let hash = SignHash::of_code(CODE).unwrap();
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().len(), 43);
        assert_eq!("KZ26-ABCD-EFGH-2345".parse::<SignHash>(), Err(NotASignHash));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn p20_of_any_items_only_the_first_is_paid(items in prop::collection::vec(0u128..5, 1..20)) {
            let mut now = sign();
            for item in &items {
                match cancel(&now, *item, "2026-11-21") {
                    Ok(after) => { prop_assert_eq!(*item, items[0]); now = after; }
                    Err(why) => { prop_assert_ne!(*item, items[0]); prop_assert_eq!(why, NotValid::Used); }
                }
            }
        }

        #[test]
        fn a_claim_that_cannot_be_read_is_not_repeated(value in "\\PC{0,60}") {
            if let Err(error) = SignHash::claimed(&format!("sign=SECRET{value}!"), 20) {
                prop_assert!(!error.to_string().contains("SECRET"));
            }
        }
    }
}
