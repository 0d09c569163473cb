//! P28: the colour of the ink, which depends on the facility alone.

use serde::{Deserialize, Serialize};

use super::FacilityKind;

/// Colour of an impression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ink {
    /// The usual one.
    Black,
    /// Allowed wherever black is.
    Blue,
    /// Mail wagons, and nobody else.
    Red,
}

/// The ink is not one of this kind of facility.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{ink:?} ink is not used here; mail wagons use red, all others black or blue")]
pub struct WrongInk {
    /// The ink that was asked for.
    pub ink: Ink,
}

impl Ink {
    /// P28: order 57 cl. 12. The ink a facility uses if it chose none.
    #[must_use]
    pub fn usual(kind: FacilityKind) -> Self {
        match kind {
            FacilityKind::MailWagon => Ink::Red,
            _ => Ink::Black,
        }
    }

    /// P28: order 57 cl. 12. Red in mail wagons, black or blue everywhere else.
    ///
    /// # Errors
    /// When this kind of facility must not use it.
    pub fn check(self, kind: FacilityKind) -> Result<Self, WrongInk> {
        let is_wagon = kind == FacilityKind::MailWagon;
        if (self == Ink::Red) == is_wagon { Ok(self) } else { Err(WrongInk { ink: self }) }
    }

    /// The colour as `#rrggbb`: stamp ink, not screen primaries.
    #[must_use]
    pub fn hex(self) -> &'static str {
        match self {
            Ink::Black => "#1c1c1e",
            Ink::Blue => "#1d3f8f",
            Ink::Red => "#b3201f",
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(FacilityKind::MailWagon => Ink::Red; "mail wagon")]
    #[test_case(FacilityKind::Counter => Ink::Black; "counter")]
    #[test_case(FacilityKind::IntlExchange => Ink::Black; "exchange place")]
    fn p28_usual_ink(kind: FacilityKind) -> Ink {
        Ink::usual(kind)
    }

    #[test_case(Ink::Red, FacilityKind::MailWagon => true; "red in a wagon")]
    #[test_case(Ink::Black, FacilityKind::MailWagon => false; "black in a wagon")]
    #[test_case(Ink::Blue, FacilityKind::MailWagon => false; "blue in a wagon")]
    #[test_case(Ink::Red, FacilityKind::Counter => false; "red at a counter")]
    #[test_case(Ink::Blue, FacilityKind::Counter => true; "blue at a counter")]
    #[test_case(Ink::Black, FacilityKind::Node => true; "black in a node")]
    fn p28_ink_is_checked(ink: Ink, kind: FacilityKind) -> bool {
        ink.check(kind).is_ok()
    }
}
