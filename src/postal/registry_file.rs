//! `conf/facilities.toml` as it is written: tables, keys and the lines they stand on.
//!
//! Reading goes on after a wrong value, so that one run shows every problem of a file.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Device, DeviceKind, Facility, FacilityKind, Ink, LetterBox, Operator, Period, Plomb, PrintCapabilities, Zone,
};

/// Something wrong in the facilities file, with the place and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// Which table: `facility ayagoz-2`, `device ayagoz-2-b`.
    pub table: String,
    /// The key.
    pub key: &'static str,
    /// What is wrong and what to write.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}, key {}: {}", self.line, self.table, self.key, self.text)
    }
}

/// Where the keys of a table stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    table: usize,
    keys: BTreeMap<&'static str, usize>,
}

impl Lines {
    /// The line of a key, or of its table if the key is missing.
    pub(super) fn of(&self, key: &str) -> usize {
        self.keys.get(key).copied().unwrap_or(self.table)
    }
}

/// A facility with the places of its keys.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) facility: Facility,
    pub(super) lines: Lines,
    /// In the order of `facility.devices`.
    pub(super) device_lines: Vec<Lines>,
}

/// What a file says, before the rules are checked.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) operators: Vec<(Operator, Lines)>,
    pub(super) facilities: Vec<Located>,
    pub(super) problems: Vec<Problem>,
}

/// Reads the tables of a file.
///
/// # Errors
/// Only when it is no TOML or has unknown keys; wrong values are among [`Contents::problems`].
pub(super) fn read(text: &str) -> Result<Contents, toml::de::Error> {
    let raw: RawFile = toml::from_str(text)?;
    let line_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let mut reader = Reader { line_ends, problems: Vec::new() };
    let operators = raw.operator.into_iter().filter_map(|operator| reader.operator(operator)).collect();
    let facilities = raw.facility.into_iter().filter_map(|facility| reader.facility(facility)).collect();
    Ok(Contents { operators, facilities, problems: reader.problems })
}

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    operator: Vec<Spanned<RawOperator>>,
    #[serde(default)]
    facility: Vec<Spanned<RawFacility>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOperator {
    id: Text,
    #[serde(default)]
    national: bool,
    name_kk: Text,
    name_lat: Option<Text>,
    #[serde(default)]
    domains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFacility {
    id: Text,
    operator: Option<Text>,
    kind: FacilityKind,
    name_kk: Option<Text>,
    name_lat: Option<Text>,
    index: Text,
    #[serde(default)]
    serves: Vec<String>,
    oblast: Text,
    settlement_kk: Text,
    settlement_lat: Option<Text>,
    number: Option<Spanned<u16>>,
    zone: Text,
    low_volume: Option<Spanned<bool>>,
    ink: Option<Spanned<Ink>>,
    from: Option<Text>,
    to: Option<Text>,
    print: Option<Spanned<RawPrint>>,
    #[serde(default)]
    letter_box: Vec<Spanned<RawLetterBox>>,
    #[serde(default)]
    device: Vec<Spanned<RawDevice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrint {
    prefixes: Vec<String>,
    colour: bool,
    duplex: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLetterBox {
    id: Text,
    place_kk: String,
    collection: Text,
    #[serde(default)]
    r#virtual: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    id: Text,
    kind: DeviceKind,
    letter: Option<Text>,
    from: Option<Text>,
    to: Option<Text>,
    event_kk: Option<Text>,
    plomb_letters: Option<Text>,
    plomb_digits: Option<Text>,
    money_order_number: Option<Text>,
    revoked_at: Option<Text>,
}

struct Reader {
    /// Where the lines of the file end, bytes.
    line_ends: Vec<usize>,
    problems: Vec<Problem>,
}

impl Reader {
    fn operator(&mut self, raw: Spanned<RawOperator>) -> Option<(Operator, Lines)> {
        let mut lines = self.lines(raw.span());
        let raw = raw.into_inner();
        let table = format!("operator {}", raw.id.get_ref());
        let operator = Operator {
            id: self.value(&table, "id", &raw.id, &mut lines)?,
            is_national: raw.national,
            name_kk: self.text("name_kk", raw.name_kk, &mut lines),
            name_lat: raw.name_lat.map(|name| self.text("name_lat", name, &mut lines)),
            domains: raw.domains.iter().map(|domain| domain.to_lowercase()).collect(),
        };
        Some((operator, lines))
    }

    fn facility(&mut self, raw: Spanned<RawFacility>) -> Option<Located> {
        let mut lines = self.lines(raw.span());
        let raw = raw.into_inner();
        let table = format!("facility {}", raw.id.get_ref());
        let at = &mut lines;
        let operator = self.required(&table, "operator", raw.operator, at, "every device shows its operator (P17)");
        let name_kk = self.required(&table, "name_kk", raw.name_kk, at, "inscriptions are in Kazakh (P25)");
        let id = self.value(&table, "id", &raw.id, at);
        let index = self.value(&table, "index", &raw.index, at);
        let oblast = self.value(&table, "oblast", &raw.oblast, at);
        let zone = self.named_zone(&table, &raw.zone, at);
        let operator = operator.and_then(|operator| self.value(&table, "operator", &operator, at));
        let period = self.period(&table, raw.from, raw.to, at);
        let number = raw.number.map(|number| self.place("number", number, at));
        let low_volume = raw.low_volume.is_some_and(|low_volume| self.place("low_volume", low_volume, at));
        let ink = raw.ink.map(|ink| self.place("ink", ink, at));
        let print = raw.print.map(|print| self.place("print", print, at));
        let settlement_kk = self.text("settlement_kk", raw.settlement_kk, at);
        let settlement_lat = raw.settlement_lat.map(|name| self.text("settlement_lat", name, at));
        let name_lat = raw.name_lat.map(|name| self.text("name_lat", name, at));
        let letter_boxes = raw.letter_box.into_iter().filter_map(|letter_box| self.letter_box(letter_box)).collect();
        let (devices, device_lines) = raw.device.into_iter().filter_map(|device| self.device(device)).unzip();
        let facility = Facility {
            id: id?,
            operator: operator?,
            kind: raw.kind,
            name_kk: name_kk.map(Spanned::into_inner)?,
            name_lat,
            index: index?,
            serves: raw.serves,
            oblast: oblast?,
            settlement_kk,
            settlement_lat,
            number,
            zone: zone?,
            low_volume,
            ink: ink.unwrap_or(Ink::usual(raw.kind)),
            period: period?,
            print: print.map(|RawPrint { prefixes, colour, duplex }| PrintCapabilities { prefixes, colour, duplex }),
            letter_boxes,
            devices,
        };
        Some(Located { facility, lines, device_lines })
    }

    fn letter_box(&mut self, raw: Spanned<RawLetterBox>) -> Option<LetterBox> {
        let mut lines = self.lines(raw.span());
        let raw = raw.into_inner();
        let table = format!("letter_box {}", raw.id.get_ref());
        let id = self.value(&table, "id", &raw.id, &mut lines);
        let collection = self.value(&table, "collection", &raw.collection, &mut lines);
        Some(LetterBox { id: id?, place_kk: raw.place_kk, collection: collection?, is_virtual: raw.r#virtual })
    }

    fn device(&mut self, raw: Spanned<RawDevice>) -> Option<(Device, Lines)> {
        let mut lines = self.lines(raw.span());
        let raw = raw.into_inner();
        let table = format!("device {}", raw.id.get_ref());
        let at = &mut lines;
        let id = self.value(&table, "id", &raw.id, at);
        let mark = self.optional(&table, "letter", raw.letter, at);
        let period = self.period(&table, raw.from, raw.to, at);
        let revoked_at = self.optional(&table, "revoked_at", raw.revoked_at, at);
        let plomb_letters = raw.plomb_letters.map(|letters| self.text("plomb_letters", letters, at));
        let plomb_digits = raw.plomb_digits.map(|digits| self.text("plomb_digits", digits, at));
        let device = Device {
            id: id?,
            kind: raw.kind,
            mark,
            period: period?,
            event_kk: raw.event_kk.map(|event| self.text("event_kk", event, at)),
            plomb: plomb_letters.zip(plomb_digits).map(|(letters, digits)| Plomb { letters, digits }),
            money_order_number: raw.money_order_number.map(|number| self.text("money_order_number", number, at)),
            revoked_at,
        };
        Some((device, lines))
    }

    fn period(&mut self, table: &str, from: Option<Text>, to: Option<Text>, lines: &mut Lines) -> Option<Period> {
        let period =
            Period { from: self.optional(table, "from", from, lines), to: self.optional(table, "to", to, lines) };
        if period.is_ordered() {
            return Some(period);
        }
        self.problem(table, "to", lines, "the last day lies before the first; write it later than `from`");
        None
    }

    fn named_zone(&mut self, table: &str, field: &Text, lines: &mut Lines) -> Option<Zone> {
        lines.keys.insert("zone", self.line(field.span().start));
        match Zone::named(field.get_ref()) {
            Ok(zone) => Some(zone),
            Err(error) => {
                self.problem(table, "zone", lines, &error.to_string());
                None
            }
        }
    }

    fn required(
        &mut self,
        table: &str,
        key: &'static str,
        field: Option<Text>,
        lines: &mut Lines,
        why: &str,
    ) -> Option<Text> {
        match field {
            Some(field) if !field.get_ref().trim().is_empty() => {
                lines.keys.insert(key, self.line(field.span().start));
                Some(field)
            }
            _ => {
                self.problem(table, key, lines, &format!("missing; {why}: write `{key} = \"…\"`"));
                None
            }
        }
    }

    fn optional<T>(&mut self, table: &str, key: &'static str, field: Option<Text>, lines: &mut Lines) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        field.and_then(|field| self.value(table, key, &field, lines))
    }

    fn value<T>(&mut self, table: &str, key: &'static str, field: &Text, lines: &mut Lines) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        lines.keys.insert(key, self.line(field.span().start));
        match field.get_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(table, key, lines, &error.to_string());
                None
            }
        }
    }

    fn text(&self, key: &'static str, field: Text, lines: &mut Lines) -> String {
        self.place(key, field, lines).trim().to_owned()
    }

    fn place<T>(&self, key: &'static str, field: Spanned<T>, lines: &mut Lines) -> T {
        lines.keys.insert(key, self.line(field.span().start));
        field.into_inner()
    }

    fn problem(&mut self, table: &str, key: &'static str, lines: &Lines, text: &str) {
        self.problems.push(Problem { line: lines.of(key), table: table.into(), key, text: text.into() });
    }

    fn lines(&self, span: Range<usize>) -> Lines {
        Lines { table: self.line(span.start), keys: BTreeMap::new() }
    }

    /// The line of a byte of the file, from 1.
    fn line(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }
}
