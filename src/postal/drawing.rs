//! The drawn stamp: a round postmark as SVG, and where on a letter it may stand.

use std::fmt::Write as _;

use super::{Impression, Inscription, Mark, MarksFile, Script};

/// A round postmark. [`RoundPostmark::svg`] draws it in the units of a square of 400 by 400; printed, it is
/// 30 mm wide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundPostmark {
    top: String,
    bottom: String,
    above: Option<String>,
    settlement: String,
    token: String,
    below: Option<String>,
    foot: String,
    ink: &'static str,
    title: String,
}

/// Printed width and height of a round postmark, in millimetres.
pub const ROUND_POSTMARK_MM: f64 = 30.0;

/// A rectangle on a page, in millimetres from its upper left corner.
#[derive(Clone, Copy, PartialEq, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
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

impl RoundPostmark {
    /// The stamp of an impression: state on the upper ring, facility on the lower, date in the bar.
    #[must_use]
    pub fn of(impression: &Impression) -> Self {
        let inscription = impression.inscription();
        let facility_is_settlement = inscription.facility == inscription.settlement;
        let (bottom, below) = match facility_is_settlement {
            true => (inscription.operator.clone(), None),
            false => (inscription.facility.clone(), Some(inscription.operator.clone())),
        };
        RoundPostmark {
            top: inscription.state.to_uppercase(),
            bottom: bottom.to_uppercase(),
            above: inscription.oblast.map(str::to_uppercase),
            settlement: inscription.settlement.to_uppercase(),
            token: impression.token().to_string(),
            below: below.map(|operator| operator.to_uppercase()),
            foot: foot(inscription, impression.device().mark.as_ref().map(super::DeviceMark::as_str)),
            ink: impression.ink().hex(),
            title: impression.line(),
        }
    }

    /// The stamp of a mark that stands on a letter: what it says, completed by what its operator publishes.
    #[must_use]
    pub fn of_mark(mark: &Mark, keys: &MarksFile) -> Self {
        let operator = keys.operators.iter().find(|operator| operator.id == mark.operator.to_string());
        let facility =
            operator.and_then(|it| it.facilities.iter().find(|facility| facility.id == mark.facility.to_string()));
        let settlement = facility.and_then(|facility| facility.versions.last()).map(|version| &version.settlement_kk);
        let operator = operator.map_or_else(|| mark.operator.to_string(), |operator| operator.name_kk.clone());
        let settlement = mark.place.clone().or_else(|| settlement.cloned()).unwrap_or_default();
        let (bottom, below) = match mark.facility_name == settlement {
            true => (operator, None),
            false => (mark.facility_name.clone(), Some(operator)),
        };
        let script = if mark.facility_name.is_ascii() { Script::Latin } else { Script::Kazakh };
        let sign = if script == Script::Latin { "No " } else { "№" };
        let parts = mark.number.map(|number| format!("{sign}{number}")).into_iter();
        let parts: Vec<String> = parts.chain(mark.device.as_ref().map(ToString::to_string)).collect();
        RoundPostmark {
            top: if script == Script::Latin {
                "REPUBLIC OF KAZAKHSTAN"
            } else {
                "ҚАЗАҚСТАН РЕСПУБЛИКАСЫ"
            }
            .into(),
            bottom: bottom.to_uppercase(),
            above: mark.oblast.map(|oblast| oblast.name_kk().to_uppercase()),
            settlement: settlement.to_uppercase(),
            token: mark.token.to_string(),
            below: below.map(|operator| operator.to_uppercase()),
            foot: parts.join(" · "),
            ink: super::Ink::Black.hex(),
            title: String::new(),
        }
    }

    /// The drawing. Fonts are named by family and not embedded; whoever renders it must have one of them.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let ink = self.ink;
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\" \
             width=\"{ROUND_POSTMARK_MM}mm\" height=\"{ROUND_POSTMARK_MM}mm\"><title>{}</title>",
            escaped(&self.title)
        );
        self.rings(&mut svg);
        let _ = write!(svg, "<g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\">");
        Arc::Upper.letter(&mut svg, &self.top);
        Arc::Lower.letter(&mut svg, &self.bottom);
        self.middle(&mut svg);
        svg.push_str("</g></svg>");
        svg
    }

    /// Two outer circles, the inner one, the bar of the date, and a diamond on either side of the ring.
    fn rings(&self, svg: &mut String) {
        let _ = write!(
            svg,
            "<g fill=\"none\" stroke=\"{0}\"><circle cx=\"200\" cy=\"200\" r=\"195\" stroke-width=\"6\"/>\
             <circle cx=\"200\" cy=\"200\" r=\"187\" stroke-width=\"1.5\"/>\
             <circle cx=\"200\" cy=\"200\" r=\"145\" stroke-width=\"3\"/>\
             <path d=\"M 57.5 173 H 342.5 M 57.5 231 H 342.5\" stroke-width=\"3\"/></g>\
             <path d=\"M 44 236 l 6 8 l -6 8 l -6 -8 z M 356 236 l 6 8 l -6 8 l -6 -8 z\" fill=\"{0}\"/>",
            self.ink
        );
    }

    /// The lines inside: oblast, settlement, date, operator, number and letter.
    fn middle(&self, svg: &mut String) {
        if let Some(oblast) = &self.above {
            line(svg, oblast, Place { y: 116.0, largest: 19.0 });
        }
        let settlement_y = if self.above.is_some() { 160.0 } else { 151.0 };
        line(svg, &self.settlement, Place { y: settlement_y, largest: 40.0 });
        let _ = write!(
            svg,
            "<text x=\"201\" y=\"218\" font-size=\"44\" letter-spacing=\"2\" font-family=\"{MONO}\">{}</text>",
            escaped(&self.token)
        );
        if let Some(operator) = &self.below {
            let y = if self.foot.is_empty() { 280.0 } else { 265.0 };
            line(svg, operator, Place { y, largest: 24.0 });
        }
        let foot_y = if self.below.is_some() { 307.0 } else { 288.0 };
        line(svg, &self.foot, Place { y: foot_y, largest: 34.0 });
    }
}

const SERIF: &str = "Libertinus Serif, DejaVu Serif, serif";
const MONO: &str = "DejaVu Sans Mono, monospace";
/// Centre of the drawing, in both directions.
const CENTRE: f64 = 200.0;
/// Radius that text inside keeps within: the inner circle and a little air.
const INSIDE: f64 = 135.0;
/// Height of capitals, as part of the font size.
const CAPITAL: f64 = 0.73;

/// The two halves of the ring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arc {
    Upper,
    Lower,
}

impl Arc {
    /// Letters a text along the ring, each letter on its own: renderers disagree about text on paths.
    fn letter(self, svg: &mut String, text: &str) {
        // Letters are as wide at the middle of the ring as they are said to be, and stand in its middle.
        const MIDDLE: f64 = 166.0;
        // Largest angle in radians, and the side of the centre that the letters are on.
        let (angle, up) = match self {
            Arc::Upper => (3.2, -1.0),
            Arc::Lower => (2.1, 1.0),
        };
        let size = (MIDDLE * angle / width(text)).min(26.0);
        let radius = MIDDLE + up * size * CAPITAL / 2.0;
        let mut at = -width(text) * size / 2.0;
        for c in text.chars() {
            let turn = (at + advance(c) * size / 2.0) / MIDDLE;
            at += advance(c) * size;
            if c == ' ' {
                continue;
            }
            let (x, y) = (CENTRE + radius * turn.sin(), CENTRE + up * radius * turn.cos());
            let degrees = -up * turn.to_degrees();
            let mut letter = [0; 4];
            let _ = write!(
                svg,
                "<text transform=\"translate({x:.2} {y:.2}) rotate({degrees:.2})\" font-size=\"{size:.1}\">{}</text>",
                escaped(c.encode_utf8(&mut letter))
            );
        }
    }
}

/// Where a line inside stands, and how large it may be.
#[derive(Clone, Copy)]
struct Place {
    y: f64,
    largest: f64,
}

/// A centred line, as large as the circle leaves room for.
fn line(svg: &mut String, text: &str, place: Place) {
    if text.is_empty() {
        return;
    }
    let from_centre = (CENTRE - (place.y - CAPITAL * place.largest)).max(place.y - CENTRE);
    let room = 2.0 * (INSIDE * INSIDE - from_centre * from_centre).max(0.0).sqrt();
    let size = (room / width(text)).min(place.largest);
    let _ = write!(svg, "<text x=\"200\" y=\"{}\" font-size=\"{size:.1}\">{}</text>", place.y, escaped(text));
}

/// Width of a text as part of the font size.
fn width(text: &str) -> f64 {
    text.chars().map(advance).sum::<f64>().max(1.0)
}

/// Width of a bold letter as part of the font size, in the widest of the fonts above.
fn advance(c: char) -> f64 {
    match c {
        ' ' | 'I' | 'І' | '.' | ',' | '·' | '-' | '\'' => 0.45,
        'М' | 'Ж' | 'Ш' | 'Щ' | 'Ю' | 'Ы' | 'Ф' | 'M' | 'W' | '№' | '—' => 1.12,
        _ if c.is_lowercase() || c.is_ascii_digit() => 0.72,
        _ => 0.84,
    }
}

/// `№2 · Б`, or as much of it as there is.
fn foot(inscription: &Inscription, device: Option<&str>) -> String {
    let sign = if inscription.script == Script::Latin { "No " } else { "№" };
    let number = inscription.number.map(|number| format!("{sign}{number}"));
    let parts: Vec<String> = number.into_iter().chain(device.map(str::to_owned)).collect();
    parts.join(" · ")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::registry::tests::{now, sample};
    use super::super::{Details, Kind, Occasion};
    use super::*;
    use crate::ids::{ImpressionId, ItemId};

    fn drawn(facility: &str) -> String {
        let registry = sample();
        let workplace = registry.workplace(&facility.parse().unwrap(), Kind::Accept, now()).unwrap();
        let occasion = Occasion { id: ImpressionId(1), item: ItemId(2), kind: Kind::Accept, instant: now() };
        RoundPostmark::of(&Impression::make(workplace, occasion, Details::default()).unwrap()).svg()
    }

    #[test_case("ayagoz-2", &["АБАЙ ОБЛЫСЫ", ">АЯГӨЗ<", "№2 · А", "«ҚАЗПОШТА» АҚ", "21112609"]; "oblast, number and letter")]
    #[test_case("kokshetau", &["ҚАЗАҚСТАН РЕСПУБЛИКАСЫ", ">КӨКШЕТАУ<", "КӨКШЕТАУ ПОШТА БАЙЛАНЫСЫ ТОРАБЫ"]; "oblast centre")]
    #[test_case("almaty-intl", &["REPUBLIC OF KAZAKHSTAN", "ALMATY", "No 1 · A"]; "p26 latin")]
    #[test_case("wagon-almaty-astana", &["#b3201f"]; "p28 red")]
    #[test_case("zerendi", &[">211126<"]; "p30 no hour")]
    fn p14_stamp_shows_every_part(facility: &str, parts: &[&str]) {
        let svg = drawn(facility);
        for part in parts {
            // Letters on the ring stand one by one; those inside are whole.
            let on_ring: String = part.chars().filter(|c| *c != ' ').collect();
            let ring: String = svg.split("</text>").filter_map(|text| text.rsplit('>').next()).collect();
            assert!(svg.contains(part) || ring.contains(&on_ring), "{part} is not in {svg}");
        }
        if let Ok(dir) = std::env::var("POSTMARK_SVG_DIR") {
            std::fs::write(format!("{dir}/{facility}.svg"), svg).unwrap();
        }
    }

    #[test]
    fn p14_names_are_text_not_markup() {
        assert_eq!(escaped("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
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
