//! Values of MIME fields: `type; name=value; …` (RFC 2045 §5.1, RFC 2183) and the parameters of RFC 2231.

use super::decode::percent;
use super::headers::decode_words;
use super::structure::Param;
use super::text::decode_charset;

/// Most parameters of one field that are kept.
const MAX_PARAMS: usize = 64;

/// A value with parameters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Parameterized {
    /// What stands before the first `;`, in lower case and without white space and comments.
    pub(super) value: String,
    /// The parameters, as written.
    pub(super) params: Vec<Param>,
}

/// Reads an unfolded value; garbage is skipped up to the next `;`.
pub(super) fn parameterized(text: &str) -> Parameterized {
    let mut lexer = Lexer { rest: text };
    let mut value = lexer.until(&[';']).to_ascii_lowercase();
    value.retain(|c| !c.is_whitespace());
    let mut params = Vec::new();
    while lexer.eat(';') && params.len() < MAX_PARAMS {
        let name = lexer.until(&['=', ';']).trim().to_ascii_lowercase();
        if lexer.eat('=') {
            let value = lexer.until(&[';']);
            if !name.is_empty() {
                params.push(Param { name, value: value.trim().to_owned() });
            }
        }
    }
    Parameterized { value, params }
}

/// A single token such as Content-Transfer-Encoding has, without comments.
pub(super) fn token(text: &str) -> String {
    Lexer { rest: text }.until(&[';']).trim().to_owned()
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Text up to one of `stops`, with quotes and comments taken off.
    fn until(&mut self, stops: &[char]) -> String {
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        let mut quoted = false;
        let mut comment = 0_u32;
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quoted || comment > 0 => {
                    let escaped = chars.next().map(|(_, c)| c);
                    if comment == 0 {
                        out.extend(escaped);
                    }
                }
                '"' if comment == 0 => quoted = !quoted,
                '(' if !quoted => comment += 1,
                ')' if !quoted && comment > 0 => comment -= 1,
                c if !quoted && comment == 0 && stops.contains(&c) => {
                    end = at;
                    break;
                }
                c if comment == 0 => out.push(c),
                _ => {}
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        out
    }
}

/// The value of a parameter with RFC 2231 continuations and charsets undone; encoded words, which RFC 2047 §5
/// forbids here and everybody sends, are decoded too.
pub(super) fn decoded_param(params: &[Param], name: &str) -> Option<String> {
    if let Some(extended) = params.iter().find(|param| param.name.strip_suffix('*') == Some(name)) {
        return Some(extended_value(&extended.value));
    }
    let mut sections: Vec<(u32, bool, &str)> = params.iter().filter_map(|param| section_of(param, name)).collect();
    if sections.iter().any(|(number, ..)| *number == 0) {
        sections.sort_by_key(|(number, ..)| *number);
        return Some(join_sections(&sections));
    }
    params.iter().find(|param| param.name == name).map(|param| decode_words(&param.value))
}

/// `name*3` or `name*3*` (RFC 2231 §3): number, extended or not, value.
fn section_of<'a>(param: &'a Param, name: &str) -> Option<(u32, bool, &'a str)> {
    let rest = param.name.strip_prefix(name)?.strip_prefix('*')?;
    let (number, extended) = match rest.strip_suffix('*') {
        Some(number) => (number, true),
        None => (rest, false),
    };
    Some((number.parse().ok()?, extended, &param.value))
}

fn join_sections(sections: &[(u32, bool, &str)]) -> String {
    let mut charset = String::new();
    let mut bytes = Vec::new();
    for (expected, (number, extended, value)) in sections.iter().enumerate() {
        if usize::try_from(*number) != Ok(expected) {
            break;
        }
        match (*extended, expected) {
            (true, 0) => {
                let (named, text) = charset_and_text(value);
                named.clone_into(&mut charset);
                bytes.extend(percent(text));
            }
            (true, _) => bytes.extend(percent(value)),
            (false, _) => bytes.extend_from_slice(value.as_bytes()),
        }
    }
    decode_charset(if charset.is_empty() { "utf-8" } else { &charset }, &bytes)
}

fn extended_value(value: &str) -> String {
    let (charset, text) = charset_and_text(value);
    decode_charset(if charset.is_empty() { "utf-8" } else { charset }, &percent(text))
}

/// `charset'language'text` (RFC 2231 §4).
fn charset_and_text(value: &str) -> (&str, &str) {
    match value.splitn(3, '\'').collect::<Vec<_>>().as_slice() {
        [charset, _, text] => (charset, text),
        _ => ("", value),
    }
}
