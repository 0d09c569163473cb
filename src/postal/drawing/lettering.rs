//! Letters on a stamp: how large they are cut, and which words are shortened when a name is long.
//!
//! Nobody's font is asked: widths are those of the widest of the fonts named here, so that whoever renders the drawing
//! finds every letter inside its ring. `src/http/pages/postmark/stamp.mjs` does the same in a browser.

use std::fmt::Write as _;

pub(super) const SERIF: &str = "Libertinus Serif, DejaVu Serif, serif";
pub(super) const MONO: &str = "DejaVu Sans Mono, monospace";
/// Centre of a round drawing, in both directions.
pub(super) const CENTRE: f64 = 200.0;
/// Radius of the middle of the letters on the ring: they are as wide there as they are said to be.
pub(super) const MIDDLE: f64 = 166.0;
/// Radius that text inside keeps within: the inner circle and a little air.
const INSIDE: f64 = 135.0;
/// Height of capitals, as part of the font size.
pub(super) const CAPITAL: f64 = 0.73;
/// Largest letters on the ring.
const LARGEST_ON_RING: f64 = 26.0;
/// Letters below this size run together in ink; a name that would have them is shortened first.
const SMALLEST: f64 = 13.0;

/// A half of the ring with its text.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Arc {
    side: Side,
    text: String,
    size: f64,
}

/// The two halves of the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Upper,
    Lower,
}

impl Arc {
    /// The text, as large as an angle of so many radians leaves room for.
    pub(super) fn within(side: Side, text: &str, angle: f64) -> Self {
        let size = |text: &str| (MIDDLE * angle / width(text)).min(LARGEST_ON_RING);
        let text = shortened(text, |text| size(text) >= SMALLEST);
        Arc { side, size: size(&text), text }
    }

    /// The angle that the text takes.
    pub(super) fn angle(&self) -> f64 {
        width(&self.text) * self.size / MIDDLE
    }

    /// Draws each letter on its own: renderers disagree about text on paths.
    pub(super) fn draw(&self, svg: &mut String) {
        // The side of the centre that the letters are on.
        let up = if self.side == Side::Upper { -1.0 } else { 1.0 };
        let size = self.size;
        let radius = MIDDLE + up * size * CAPITAL / 2.0;
        let mut at = -width(&self.text) * size / 2.0;
        for c in self.text.chars() {
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

/// Where a line stands, and how large it may be.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) y: f64,
    pub(super) largest: f64,
}

/// A centred line, as large as the inner circle leaves room for.
pub(super) fn line(svg: &mut String, text: &str, place: Place) {
    let from_centre = (CENTRE - (place.y - CAPITAL * place.largest)).max(place.y - CENTRE);
    let room = 2.0 * (INSIDE * INSIDE - from_centre * from_centre).max(0.0).sqrt();
    line_within(svg, text, place, room);
}

/// A centred line, as large as `room` is wide.
pub(super) fn line_within(svg: &mut String, text: &str, place: Place, room: f64) {
    if text.is_empty() {
        return;
    }
    let size = |text: &str| (room / width(text)).min(place.largest);
    let text = shortened(text, |text| size(text) >= SMALLEST);
    let size = size(&text);
    let _ = write!(svg, "<text x=\"200\" y=\"{}\" font-size=\"{size:.1}\">{}</text>", place.y, escaped(&text));
}

/// Words of facility names that postal people shorten, in capitals.
const SHORT: &[(&str, &str)] = &[
    ("РЕСПУБЛИКАСЫ", "РЕСП."),
    ("ОБЛЫСЫ", "ОБЛ."),
    ("АУДАНЫ", "АУД."),
    ("ХАЛЫҚАРАЛЫҚ", "ХАЛЫҚАР."),
    ("БАЙЛАНЫСЫ", "БАЙЛ."),
    ("БӨЛІМШЕСІ", "БӨЛ."),
    ("ОРТАЛЫҒЫ", "ОРТ."),
    ("ТОРАБЫ", "ТОР."),
    ("ӨНДІРІСТІК", "ӨНД."),
    ("АУЫЛДЫҚ", "АУЫЛД."),
    ("ҚАЛАЛЫҚ", "ҚАЛ."),
    ("REPUBLIC", "REP."),
    ("INTERNATIONAL", "INTL."),
    ("EXCHANGE", "EXCH."),
    ("CENTRE", "CTR."),
    ("OFFICE", "OFF."),
];

/// The text, with as few words shortened as make it fit: first those that everybody knows shortened, from the left, then
/// the longest others.
fn shortened(text: &str, fits: impl Fn(&str) -> bool) -> String {
    // Letters that are left of a word, and what is long enough to be cut.
    const KEPT: usize = 4;
    const LONG: usize = 6;
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let length = |word: &String| if word.ends_with('.') { 0 } else { word.chars().count() };
    loop {
        let now = words.join(" ");
        if fits(&now) {
            return now;
        }
        let known = words.iter_mut().find_map(|word| {
            let short = SHORT.iter().find(|(long, _)| long == word)?;
            Some((word, short.1.to_owned()))
        });
        if let Some((word, short)) = known {
            *word = short;
            continue;
        }
        let longest = words.iter().map(length).max().unwrap_or(0);
        match words.iter_mut().find(|word| length(word) == longest) {
            Some(word) if longest >= LONG => *word = word.chars().take(KEPT).chain(['.']).collect(),
            _ => return now,
        }
    }
}

/// Width of a text as part of the font size.
pub(super) fn width(text: &str) -> f64 {
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

/// The beginning of a drawing of so many units, `mm` wide when it is printed.
pub(super) fn open(svg: &mut String, [width, height]: [f64; 2], mm: f64, title: &str) {
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{mm}mm\" \
         height=\"{}mm\"><title>{}</title>",
        mm * height / width,
        escaped(title)
    );
}

/// How a word lies over a face.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// What is under it does not count: the paper shows around its letters.
    Solid,
    /// What is under it can be read.
    Veil,
}

/// A finished drawing with a word over its whole face.
pub(super) fn across(svg: &str, word: &str, ink: &str, cover: Cover) -> String {
    let size = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let mut size = size.split(' ').map(|number| number.parse::<f64>().unwrap_or(2.0 * CENTRE));
    let (across, down) = (size.next().unwrap_or(2.0 * CENTRE), size.next().unwrap_or(2.0 * CENTRE));
    let letters = (0.95 * across / width(word)).min(down / 1.3);
    let mut out = svg.strip_suffix("</svg>").unwrap_or(svg).to_owned();
    let _ = write!(
        out,
        "<text transform=\"translate({} {:.1}) rotate(-18)\" text-anchor=\"middle\" font-weight=\"700\" \
         font-family=\"{SERIF}\" font-size=\"{letters:.1}\" fill=\"{ink}\"",
        across / 2.0,
        down / 2.0 + letters * 0.3
    );
    match cover {
        Cover::Veil => out.push_str(" fill-opacity=\"0.3\""),
        Cover::Solid => {
            let edge = letters / 8.0;
            let _ = write!(out, " stroke=\"#ffffff\" stroke-width=\"{edge:.1}\" paint-order=\"stroke\"");
        }
    }
    let _ = write!(out, ">{}</text></svg>", escaped(word));
    out
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 §2.2: a forged name may have what XML cannot.
            _ if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test]
    fn p14_names_are_text_not_markup() {
        assert_eq!(escaped("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
        assert_eq!(escaped("a\u{1}\u{ffff}\n"), "a\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test_case("АЯГӨЗ", 2.0 => "АЯГӨЗ"; "a short name stays")]
    #[test_case("КӨКШЕТАУ ПОШТА БАЙЛАНЫСЫ ТОРАБЫ", 2.7 => "КӨКШЕТАУ ПОШТА БАЙЛАНЫСЫ ТОРАБЫ"; "what fits stays")]
    #[test_case("СОЛТҮСТІК ҚАЗАҚСТАН ОБЛЫСЫ ПОШТА БАЙЛАНЫСЫ ТОРАБЫ", 2.7 => "СОЛТҮСТІК ҚАЗАҚСТАН ОБЛ. ПОШТА БАЙЛ. ТОРАБЫ"; "known words first, and no more of them than needed")]
    #[test_case("КОНСТИТУЦИЯЛЫҚ МЕРЕКЕЛЕРДІҢ ОТЫЗЖЫЛДЫҒЫНА АРНАЛҒАН КӨРМЕ", 2.2 => "КОНС. МЕРЕ. ОТЫЗ. АРНАЛҒАН КӨРМЕ"; "then the longest others")]
    fn p14_long_names_are_shortened_and_stay_legible(text: &str, angle: f64) -> String {
        let arc = Arc::within(Side::Lower, text, angle);
        assert!(arc.size >= SMALLEST && arc.angle() <= angle + 1e-9, "{arc:?}");
        arc.text
    }
}
