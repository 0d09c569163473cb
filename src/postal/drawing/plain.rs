//! The plain shapes: seals, plombs, and the bands of tape and plates (P9-P13). They leave no mark on a letter, so that
//! they are drawn as specimens only.

use std::fmt::Write as _;

use super::super::{Device, DeviceKind, Ink, Inscription, Plomb};
use super::ROUND_POSTMARK_MM;
use super::lettering::{Arc, Place, SERIF, Side, escaped, line, line_within, open, width};
use super::round::foot;

/// Draws the face of a device that makes no postmarks; `None` for one that does.
pub(super) fn svg(device: &Device, inscription: &Inscription, ink: Ink, title: &str) -> Option<String> {
    let face = Face { inscription, foot: foot(inscription, device.mark.as_ref()), ink: ink.hex(), title };
    match device.kind {
        DeviceKind::Postmark | DeviceKind::Surcharge | DeviceKind::Special => None,
        // P9: order 57 cl. 4 ¶5.
        DeviceKind::Insurance => Some(face.seal("САҚТАНДЫРУ")),
        // P13: order 57 cl. 4 ¶9. The number is the postal index.
        DeviceKind::MoneyOrder => Some(face.seal(device.money_order_number.as_deref().unwrap_or_default())),
        DeviceKind::Plomb => device.plomb.as_ref().map(|plomb| face.plomb(plomb)),
        DeviceKind::Rotary => Some(face.tape()),
        DeviceKind::Plate => Some(face.plate()),
    }
}

struct Face<'a> {
    inscription: &'a Inscription,
    foot: String,
    ink: &'static str,
    title: &'a str,
}

impl Face<'_> {
    /// A seal: one heavy ring, and what it is for between two lines.
    fn seal(&self, middle: &str) -> String {
        let (mut svg, ink) = (String::new(), self.ink);
        let upper = Arc::within(Side::Upper, &self.inscription.state.to_uppercase(), 3.2);
        let lower = Arc::within(Side::Lower, &self.inscription.facility.to_uppercase(), 2.6);
        open(&mut svg, [400.0, 400.0], ROUND_POSTMARK_MM, self.title);
        let _ = write!(
            svg,
            "<g fill=\"none\" stroke=\"{ink}\"><circle cx=\"200\" cy=\"200\" r=\"192\" stroke-width=\"12\"/>\
             <path d=\"M 62 166 H 338 M 62 234 H 338\" stroke-width=\"4\"/></g>\
             <g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\">"
        );
        upper.draw(&mut svg);
        lower.draw(&mut svg);
        line(&mut svg, &self.inscription.settlement.to_uppercase(), Place { y: 145.0, largest: 30.0 });
        line_within(&mut svg, middle, Place { y: 216.0, largest: 44.0 }, 272.0);
        line(&mut svg, &self.inscription.operator.to_uppercase(), Place { y: 266.0, largest: 22.0 });
        line(&mut svg, &self.foot, Place { y: 298.0, largest: 26.0 });
        svg.push_str("</g></svg>");
        svg
    }

    /// P10: both sides of a plomb, letters on the left and digits on the right.
    fn plomb(&self, plomb: &Plomb) -> String {
        let (mut svg, ink) = (String::new(), self.ink);
        open(&mut svg, [400.0, 200.0], ROUND_POSTMARK_MM, self.title);
        for (x, side) in [(100.0, &plomb.letters), (300.0, &plomb.digits)] {
            let _ = write!(
                svg,
                "<circle cx=\"{x}\" cy=\"100\" r=\"90\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"7\"/>\
                 <circle cx=\"{x}\" cy=\"100\" r=\"76\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.5\"/>\
                 <text x=\"{x}\" y=\"120\" fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" \
                 font-family=\"{SERIF}\" font-size=\"{:.1}\">{}</text>",
                (130.0 / width(side)).min(56.0),
                escaped(side)
            );
        }
        svg.push_str("</svg>");
        svg
    }

    /// P11: tape that repeats the facility's name.
    fn tape(&self) -> String {
        let (mut svg, ink) = (String::new(), self.ink);
        open(&mut svg, [800.0, 120.0], 2.0 * ROUND_POSTMARK_MM, self.title);
        let name = self.name();
        let size = (330.0 / width(&name)).min(34.0);
        let _ = write!(
            svg,
            "<path d=\"M 0 8 H 800 M 0 112 H 800\" stroke=\"{ink}\" stroke-width=\"6\"/>\
             <g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\" font-size=\"{size:.1}\">"
        );
        for x in [200, 600] {
            let _ = write!(svg, "<text x=\"{x}\" y=\"72\">{}</text>", escaped(&name));
        }
        svg.push_str("</g></svg>");
        svg
    }

    /// P12: a plate engraved with the structural unit.
    fn plate(&self) -> String {
        let (mut svg, ink) = (String::new(), self.ink);
        open(&mut svg, [400.0, 160.0], ROUND_POSTMARK_MM, self.title);
        let _ = write!(
            svg,
            "<rect x=\"5\" y=\"5\" width=\"390\" height=\"150\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"5\"/>\
             <g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\">"
        );
        let inscription = self.inscription;
        line_within(&mut svg, &inscription.state.to_uppercase(), Place { y: 42.0, largest: 24.0 }, 360.0);
        line_within(&mut svg, &inscription.operator.to_uppercase(), Place { y: 72.0, largest: 22.0 }, 360.0);
        line_within(&mut svg, &inscription.facility.to_uppercase(), Place { y: 106.0, largest: 26.0 }, 360.0);
        line_within(&mut svg, &self.name(), Place { y: 138.0, largest: 22.0 }, 360.0);
        svg.push_str("</g></svg>");
        svg
    }

    fn name(&self) -> String {
        let parts = [self.inscription.settlement.to_uppercase(), self.foot.clone()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}
