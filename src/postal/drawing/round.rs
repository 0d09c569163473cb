//! The round postmark: two outer circles and an inner one, the state and the facility between them, the date in a bar.

use std::fmt::Write as _;

use super::super::{DeviceMark, Impression, Ink, Inscription, Kind, Script};
use super::lettering::{Arc, CENTRE, MIDDLE, MONO, Place, SERIF, Side, escaped, line, open};
use super::{INSURANCE, ROUND_POSTMARK_MM};

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
    ornament: Ornament,
    ink: &'static str,
    title: String,
}

/// What stands between the two texts of the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ornament {
    Diamond,
    /// P8: a special stamp.
    Star,
}

/// What a round postmark is cut from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engraving<'a> {
    pub(super) inscription: &'a Inscription,
    pub(super) letter: Option<&'a DeviceMark>,
    /// P8: title of the event of a special stamp.
    pub(super) event: Option<&'a str>,
    pub(super) token: &'a str,
    pub(super) ink: Ink,
    pub(super) title: &'a str,
}

impl RoundPostmark {
    /// The stamp of an impression: state on the upper ring, facility on the lower, date in the bar. On a special stamp
    /// (P8) the lower ring tells the event, on the seal (P9) what it is for.
    #[must_use]
    pub fn of(impression: &Impression) -> Self {
        RoundPostmark::engraved(Engraving {
            inscription: impression.inscription(),
            letter: impression.device().mark.as_ref(),
            event: match impression.kind() {
                Kind::Seal => Some(INSURANCE),
                _ => impression.device().event_kk.as_deref(),
            },
            token: &impression.token().to_string(),
            ink: impression.ink(),
            title: &impression.line(),
        })
    }

    pub(super) fn engraved(engraving: Engraving<'_>) -> Self {
        let Engraving { inscription, letter, event, token, ink, title } = engraving;
        let own_name = Some(&inscription.facility).filter(|name| **name != inscription.settlement);
        let (bottom, below) = match (event, own_name) {
            (Some(event), name) => (event, Some(name.unwrap_or(&inscription.operator))),
            (None, Some(name)) => (name.as_str(), Some(&inscription.operator)),
            (None, None) => (inscription.operator.as_str(), None),
        };
        RoundPostmark {
            top: inscription.state.to_uppercase(),
            bottom: bottom.to_uppercase(),
            above: inscription.oblast.map(str::to_uppercase),
            settlement: inscription.settlement.to_uppercase(),
            token: token.to_owned(),
            below: below.map(|name| name.to_uppercase()),
            foot: foot(inscription, letter),
            ornament: if event.is_some() { Ornament::Star } else { Ornament::Diamond },
            ink: ink.hex(),
            title: title.to_owned(),
        }
    }

    /// The drawing. Fonts are named by family and not embedded; whoever renders it must have one of them.
    #[must_use]
    pub fn svg(&self) -> String {
        // Air on either side of the texts of the ring, in radians, and the most that each may take.
        const AIR: f64 = 0.34;
        const WIDEST: f64 = 3.2;
        let upper = Arc::within(Side::Upper, &self.top, WIDEST);
        let left = std::f64::consts::TAU - upper.angle() - 2.0 * AIR;
        let lower = Arc::within(Side::Lower, &self.bottom, left.min(WIDEST));
        let mut svg = String::new();
        open(&mut svg, [400.0, 400.0], ROUND_POSTMARK_MM, &self.title);
        self.rings(&mut svg);
        let gap = (upper.angle() / 2.0 + std::f64::consts::PI - lower.angle() / 2.0) / 2.0;
        self.ornaments(&mut svg, gap);
        let ink = self.ink;
        let _ = write!(svg, "<g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\">");
        upper.draw(&mut svg);
        lower.draw(&mut svg);
        self.middle(&mut svg);
        svg.push_str("</g></svg>");
        svg
    }

    /// Two outer circles, the inner one, and the bar of the date.
    fn rings(&self, svg: &mut String) {
        let _ = write!(
            svg,
            "<g fill=\"none\" stroke=\"{}\"><circle cx=\"200\" cy=\"200\" r=\"195\" stroke-width=\"6\"/>\
             <circle cx=\"200\" cy=\"200\" r=\"187\" stroke-width=\"1.5\"/>\
             <circle cx=\"200\" cy=\"200\" r=\"145\" stroke-width=\"3\"/>\
             <path d=\"M 57.5 173 H 342.5 M 57.5 231 H 342.5\" stroke-width=\"3\"/></g>",
            self.ink
        );
    }

    /// One in the middle of either gap, at this angle from the top.
    fn ornaments(&self, svg: &mut String, angle: f64) {
        let path = match self.ornament {
            Ornament::Diamond => "M 0 -8 l 6 8 l -6 8 l -6 -8 z",
            Ornament::Star => {
                "M 0 -11 l 2.6 7.4 h 7.9 l -6.3 4.8 l 2.3 7.6 l -6.5 -4.5 l -6.5 4.5 l 2.3 -7.6 l -6.3 -4.8 h 7.9 z"
            }
        };
        for side in [-1.0, 1.0] {
            let (x, y) = (CENTRE + side * MIDDLE * angle.sin(), CENTRE - MIDDLE * angle.cos());
            let _ = write!(svg, "<path transform=\"translate({x:.2} {y:.2})\" d=\"{path}\" fill=\"{}\"/>", self.ink);
        }
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

/// `№2 · Б`, or as much of it as there is.
pub(super) fn foot(inscription: &Inscription, letter: Option<&DeviceMark>) -> String {
    let sign = if inscription.script == Script::Latin { "No " } else { "№" };
    let number = inscription.number.map(|number| format!("{sign}{number}"));
    let parts: Vec<String> = number.into_iter().chain(letter.map(ToString::to_string)).collect();
    parts.join(" · ")
}
