//! The surcharge stamp (P7): a frame with what is still to be paid, and the T that postal people everywhere know.

use std::fmt::Write as _;

use super::lettering::{MONO, Place, SERIF, escaped, line_within, open};
use super::round::{Engraving, foot};

/// A surcharge stamp, 400 by 260 units; printed, it is 30 mm wide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SurchargeStamp {
    heading: &'static str,
    amount: String,
    place: String,
    operator: String,
    token: String,
    ink: &'static str,
    title: String,
}

impl SurchargeStamp {
    pub(super) fn engraved(engraving: Engraving<'_>, tiyn: u64) -> Self {
        let Engraving { inscription, letter, token, ink, title, .. } = engraving;
        let amount = amount(tiyn);
        let parts = [inscription.settlement.to_uppercase(), foot(inscription, letter)];
        let place: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        SurchargeStamp {
            heading: "ҚОСЫМША ТӨЛЕУ",
            title: format!("{title} · {amount}"),
            amount,
            place: place.join(" · "),
            operator: inscription.operator.to_uppercase(),
            token: token.to_owned(),
            ink: ink.hex(),
        }
    }

    /// The drawing, as that of [`super::RoundPostmark`].
    #[must_use]
    pub fn svg(&self) -> String {
        let (mut svg, ink) = (String::new(), self.ink);
        open(&mut svg, [400.0, 260.0], super::SURCHARGE_STAMP_MM.0, &self.title);
        let _ = write!(
            svg,
            "<g fill=\"none\" stroke=\"{ink}\"><rect x=\"5\" y=\"5\" width=\"390\" height=\"250\" rx=\"18\" \
             stroke-width=\"6\"/><rect x=\"15\" y=\"15\" width=\"370\" height=\"230\" rx=\"11\" stroke-width=\"1.5\"/>\
             <circle cx=\"62\" cy=\"118\" r=\"33\" stroke-width=\"4\"/>\
             <path d=\"M 15 66 H 385 M 15 169 H 385\" stroke-width=\"2\"/></g>\
             <g fill=\"{ink}\" text-anchor=\"middle\" font-weight=\"700\" font-family=\"{SERIF}\">\
             <text x=\"62\" y=\"135\" font-size=\"48\">T</text>"
        );
        line_within(&mut svg, self.heading, Place { y: 51.0, largest: 34.0 }, 350.0);
        let _ = write!(
            svg,
            "<text x=\"240\" y=\"136\" font-size=\"{:.1}\">{}</text>",
            (270.0 / super::lettering::width(&self.amount)).min(52.0),
            escaped(&self.amount)
        );
        line_within(&mut svg, &self.operator, Place { y: 193.0, largest: 20.0 }, 350.0);
        line_within(&mut svg, &self.place, Place { y: 216.0, largest: 20.0 }, 350.0);
        let _ = write!(
            svg,
            "<text x=\"201\" y=\"240\" font-size=\"22\" letter-spacing=\"2\" font-family=\"{MONO}\">{}</text></g></svg>",
            escaped(&self.token)
        );
        svg
    }
}

/// Tiyn as tenge: `1 250,00 ₸`, with a space before every three digits.
pub(super) fn amount(tiyn: u64) -> String {
    let digits = (tiyn / 100).to_string();
    let mut tenge = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            tenge.push(' ');
        }
        tenge.push(digit);
    }
    format!("{tenge},{:02} ₸", tiyn % 100)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    #[test_case(0 => "0,00 ₸")]
    #[test_case(12_050 => "120,50 ₸")]
    #[test_case(123_456_789 => "1 234 567,89 ₸")]
    fn p7_amount_in_tenge(tiyn: u64) -> String {
        super::amount(tiyn)
    }
}
