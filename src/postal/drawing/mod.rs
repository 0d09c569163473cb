//! The drawn stamps as SVG, and where on a letter they may stand: one renderer for letters, receipts, pages and
//! commands.
//!
//! A [`Stamp`] is drawn from an impression that was made, or from a mark that stands on a letter; nothing else makes one
//! (P3, P19, P24). What is drawn of a device without an impression is a [`Specimen`], which says so across its face.

mod lettering;
mod plain;
mod round;
mod specimen;
mod surcharge;

use serde::{Deserialize, Serialize};

use super::{Finding, Impression, Ink, Inscription, Kind, Mark, MarksFile, Script};

pub use round::RoundPostmark;
pub use specimen::Specimen;
pub use surcharge::SurchargeStamp;

use round::Engraving;

/// What stands across a mark that is forged or altered.
const NOT_VALID: &str = "ЖАРАМСЫЗ";

/// What stands across a mark that cannot be judged.
const NOT_VERIFIED: &str = "ТЕКСЕРІЛМЕДІ";

/// A stamp as it stands on a letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// A postmark, or a special stamp.
    Round(RoundPostmark),
    /// P7: what is still to be paid.
    Surcharge(SurchargeStamp),
}

impl Stamp {
    /// The stamp of an impression.
    #[must_use]
    pub fn of(impression: &Impression) -> Self {
        match impression.amount_due() {
            None => Stamp::Round(RoundPostmark::of(impression)),
            Some(amount) => Stamp::Surcharge(SurchargeStamp::engraved(
                Engraving {
                    inscription: impression.inscription(),
                    letter: impression.device().mark.as_ref(),
                    event: None,
                    token: &impression.token().to_string(),
                    ink: impression.ink(),
                    title: &impression.line(),
                },
                amount,
            )),
        }
    }

    /// The stamp of a mark: what it says, completed by what its operator publishes. Whether the mark is valid is not
    /// asked here; say it beside the drawing.
    #[must_use]
    pub fn of_mark(mark: &Mark, keys: Option<&MarksFile>) -> Self {
        let shown = Shown::of(mark, keys);
        let (letter, token) = (mark.device.as_ref(), mark.token.to_string());
        let title = shown.inscription.line(letter, mark.token);
        let engraving = Engraving {
            inscription: &shown.inscription,
            letter,
            event: shown.event.as_deref(),
            token: &token,
            ink: shown.ink,
            title: &title,
        };
        match mark.amount_due {
            None => Stamp::Round(RoundPostmark::engraved(engraving)),
            Some(amount) => Stamp::Surcharge(SurchargeStamp::engraved(engraving, amount)),
        }
    }

    /// The drawing. Fonts are named by family and not embedded; whoever renders it must have one of them.
    #[must_use]
    pub fn svg(&self) -> String {
        match self {
            Stamp::Round(stamp) => stamp.svg(),
            Stamp::Surcharge(stamp) => stamp.svg(),
        }
    }

    /// The drawing of a mark of which this was found: one that is not valid says so across its face, so that it cannot
    /// pass for one that is.
    #[must_use]
    pub fn svg_judged(&self, findings: &[Finding]) -> String {
        let word = match findings {
            [] => return self.svg(),
            findings if findings.iter().any(Finding::is_forgery) => NOT_VALID,
            _ => NOT_VERIFIED,
        };
        lettering::across(&self.svg(), word, Ink::Red.hex(), lettering::Cover::Solid)
    }
}

/// P9: order 57 cl. 4 ¶5. What stands on the seal in the place of an event.
const INSURANCE: &str = "«Сақтандыру»";

/// What is to be seen of a mark.
struct Shown {
    inscription: Inscription,
    event: Option<String>,
    ink: Ink,
}

impl Shown {
    fn of(mark: &Mark, keys: Option<&MarksFile>) -> Self {
        let operator = keys.and_then(|keys| keys.operator(mark.operator.as_str()));
        let facility = operator.and_then(|operator| operator.facility(mark.facility.as_str()));
        let version = facility.and_then(|facility| facility.version_at(mark.instant));
        // P25, P26: names are in Kazakh, or in Latin letters alone.
        let script = if mark.facility_name.is_ascii() { Script::Latin } else { Script::Kazakh };
        let pick = |kazakh: &str, latin: Option<&String>| match script {
            Script::Kazakh => kazakh.to_owned(),
            Script::Latin => latin.cloned().unwrap_or_else(|| kazakh.to_owned()),
        };
        let settlement = version.map(|version| pick(&version.settlement_kk, version.settlement_lat.as_ref()));
        let operator_name = operator.map(|operator| pick(&operator.name_kk, operator.name_lat.as_ref()));
        let usual = facility.map_or(Ink::Black, |facility| Ink::usual(facility.kind));
        let device = facility.and_then(|facility| facility.signing_device(mark)).map(|(device, _)| device);
        Shown {
            inscription: Inscription {
                script,
                state: script.state(),
                oblast: mark.oblast.map(|oblast| oblast.name(script)),
                settlement: mark.place.clone().or(settlement).unwrap_or_default(),
                operator: operator_name.unwrap_or_else(|| mark.operator.to_string()),
                facility: mark.facility_name.clone(),
                number: mark.number,
            },
            event: match mark.kind {
                Kind::Cancel => device.and_then(|device| device.event_kk.clone()),
                Kind::Seal => Some(INSURANCE.to_owned()),
                _ => None,
            },
            ink: version.and_then(|version| version.ink).unwrap_or(usual),
        }
    }
}

/// Printed width and height of a round postmark, in millimetres.
pub const ROUND_POSTMARK_MM: f64 = 30.0;

/// Printed width and height of a surcharge stamp, in millimetres.
pub const SURCHARGE_STAMP_MM: (f64, f64) = (30.0, 19.5);

/// A rectangle on a page, in millimetres from its upper left corner.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// What a mark, seal or barcode must not cover.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Placement<'a> {
    /// Where the mark is to stand.
    pub mark: Area,
    /// The address blocks of sender and addressee.
    pub addresses: &'a [Area],
    /// Faces in portraits on payment signs.
    pub faces: &'a [Area],
}

/// Why a mark must not stand there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum PlacementError {
    /// P11.
    #[error("the mark would cover an address (P11)")]
    CoversAddress,
    /// P21.
    #[error("the mark would soil the face of a portrait (P21)")]
    SoilsFace,
}

/// P11: order 57 cl. 4 ¶7 (addresses stay free); P21: order 57 cl. 8 (faces stay clean). Areas that only touch do
/// not overlap.
///
/// # Errors
/// Names what the mark would cover.
pub fn check_placement(placement: Placement<'_>) -> Result<(), PlacementError> {
    let covers = |areas: &[Area]| areas.iter().any(|area| area.overlaps(&placement.mark));
    if covers(placement.addresses) {
        return Err(PlacementError::CoversAddress);
    }
    if covers(placement.faces) { Err(PlacementError::SoilsFace) } else { Ok(()) }
}

impl Area {
    /// True when the two have more than an edge in common.
    #[must_use]
    pub fn overlaps(&self, other: &Area) -> bool {
        let along = |a: f64, a_size: f64, b: f64, b_size: f64| a < b + b_size && b < a + a_size;
        along(self.x, self.width, other.x, other.width) && along(self.y, self.height, other.y, other.height)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::registry::tests::{now, sample};
    use super::super::{Details, Occasion};
    use super::*;
    use crate::ids::{ImpressionId, ItemId};

    fn impression(facility: &str, kind: Kind, details: Details) -> Impression {
        let registry = sample();
        let workplace = registry.workplace(&facility.parse().unwrap(), kind, now()).unwrap();
        let occasion = Occasion { id: ImpressionId(1), item: ItemId(2), kind, instant: now() };
        Impression::make(workplace, occasion, details).unwrap()
    }

    fn drawn(facility: &str) -> String {
        Stamp::of(&impression(facility, Kind::Accept, Details::default())).svg()
    }

    /// Letters on the ring stand one by one; those inside are whole.
    fn shows(svg: &str, part: &str) -> bool {
        let on_ring: String = part.chars().filter(|c| *c != ' ').collect();
        let ring: String = svg.split("</text>").filter_map(|text| text.rsplit('>').next()).collect();
        svg.contains(part) || ring.contains(&on_ring)
    }

    #[test_case("ayagoz-2", &["АБАЙ ОБЛЫСЫ", ">АЯГӨЗ<", "№2 · А", "«ҚАЗПОШТА» АҚ", "21112609"]; "oblast, number and letter")]
    #[test_case("kokshetau", &["ҚАЗАҚСТАН РЕСПУБЛИКАСЫ", ">КӨКШЕТАУ<", "КӨКШЕТАУ ПОШТА БАЙЛАНЫСЫ ТОРАБЫ"]; "oblast centre")]
    #[test_case("almaty-intl", &["REPUBLIC OF KAZAKHSTAN", "ALMATY", "No 1 · A"]; "p26 latin")]
    #[test_case("wagon-almaty-astana", &["#b3201f"]; "p28 red")]
    #[test_case("zerendi", &[">211126<"]; "p30 no hour")]
    fn p14_stamp_shows_every_part(facility: &str, parts: &[&str]) {
        let svg = drawn(facility);
        for part in parts {
            assert!(shows(&svg, part), "{part} is not in {svg}");
        }
    }

    #[test_case("ayagoz-2" => Ink::Black.hex(); "black at a counter")]
    #[test_case("wagon-almaty-astana" => Ink::Red.hex(); "red in a mail wagon")]
    fn p28_a_stamp_has_one_ink(facility: &str) -> &'static str {
        let svg = drawn(facility);
        let inks = [Ink::Black, Ink::Blue, Ink::Red].map(Ink::hex);
        let mut used = inks.into_iter().filter(|ink| svg.contains(ink));
        let ink = used.next().unwrap();
        assert_eq!(used.next(), None);
        ink
    }

    #[test]
    fn p7_a_surcharge_stamp_shows_the_amount() {
        let details = Details { amount_due: Some(12_050), ..Details::default() };
        let svg = Stamp::of(&impression("astana-1", Kind::Surcharge, details)).svg();
        for part in ["ҚОСЫМША ТӨЛЕУ", "120,50 ₸", ">T<", "21112609"] {
            assert!(shows(&svg, part), "{part} is not in {svg}");
        }
    }

    const ADDRESS: Area = Area { x: 100.0, y: 45.0, width: 90.0, height: 30.0 };

    #[test_case(Area { x: 160.0, y: 10.0, width: 30.0, height: 30.0 } => Ok(()); "above the address")]
    #[test_case(Area { x: 160.0, y: 15.0, width: 30.0, height: 30.0 } => Ok(()); "touching it")]
    #[test_case(Area { x: 160.0, y: 15.1, width: 30.0, height: 30.0 } => Err(PlacementError::CoversAddress); "over its edge")]
    #[test_case(Area { x: 120.0, y: 50.0, width: 3.0, height: 3.0 } => Err(PlacementError::CoversAddress); "inside it")]
    #[test_case(Area { x: 20.0, y: 10.0, width: 30.0, height: 30.0 } => Err(PlacementError::SoilsFace); "p21 over the face")]
    fn p11_p21_placement(mark: Area) -> Result<(), PlacementError> {
        let face = Area { x: 45.0, y: 30.0, width: 10.0, height: 10.0 };
        check_placement(Placement { mark, addresses: &[ADDRESS], faces: &[face] })
    }
}
