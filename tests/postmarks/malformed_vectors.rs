//! Vectors of fields that are no marks: each is a good one but for one thing that the grammar does not have.

use poshta::postal::{Details, Finding, Kind, verify};

use super::letter::{NOW, Stamp, Step, letter, way};
use super::vectors::Maker;

/// Tags that every mark of Poshta has.
const NEEDED: [&str; 18] =
    ["v", "i", "k", "op", "f", "ix", "fn", "pl", "st", "ts", "t", "z", "d", "s", "a", "c", "h", "bh"];

/// Tags of an acceptance, with values that cannot be.
const WRONG: [(&str, &[&str]); 19] = [
    ("i", &["", "0M9BFNTBE0BRB0JS72A2F34K0", "0M9BFNTBE0BRB0JS72A2F34K0U"]),
    ("k", &["", "accepted", "Accept"]),
    ("op", &["", "Kazpost", "kaz_post"]),
    ("f", &["-astana", "abcdefghijklmnopqrstuvwxyz-1234567"]),
    ("ix", &["", "01000", "01000-2", "010002AB"]),
    ("no", &["", "1234", "+1"]),
    ("dv", &["", "ABC", "=D0", "-"]),
    ("fn", &["", "=20", "=ZZ", "=D0=", "=D0"]),
    ("pl", &["", "=D0=9"]),
    ("ob", &["KZ-99", "KZ-7", "71"]),
    ("st", &["", "RU", "kz"]),
    ("ts", &["", "11126", "2111260", "31022609", "21112624", "21132609"]),
    ("t", &["", "-1", "1795234500000", "253402300000", "999999999999"]),
    ("z", &["+05", "0500", "+0560", "-0000", "+1500", "-1300"]),
    ("c", &["simple/simple"]),
    ("h", &["", "from", "from::to"]),
    ("bh", &["!", "AAA", "AB=="]),
    ("hh", &["A"]),
    ("b", &["!", "A"]),
];

/// Tags that an acceptance may not have, or not with these values.
const MISPLACED: [&str; 15] = [
    "lb=Box",
    "id=RR123456784KZ",
    "id=RR12345678KZ",
    "pc=private",
    "am=100",
    "rc=AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "ps=AAAA",
    "ps=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    "pv=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "dk=delivered",
    "n=x",
    "n=1234567890123456789",
    "1x=1",
    "x",
    "x=ж",
];

impl Maker {
    pub(super) fn malformed(&mut self) {
        let step = |kind| Step::usual(Stamp { facility: "astana-2", kind, at: NOW, key: None });
        let due = Details { amount_due: Some(35_000), ..Details::default() };
        let sign = Details { payment_sign: Some([1; 32]), ..Details::default() };
        let paid = [
            step(Kind::Accept),
            Step { details: due, ..step(Kind::Surcharge) },
            Step { details: sign, ..step(Kind::Cancel) },
        ];
        let paid = self.post.mark_payment(&letter(), &paid).text();
        let [cancelled, surcharged, _] = marks(&paid);
        let way = self.post.mark(&letter(), &way(NOW)).text();
        let [delivered, received, accepted] = marks(&way);

        let needed = NEEDED.iter().chain(&["b"]).map(|name| without(&accepted, name));
        let wrong = WRONG.iter().flat_map(|(name, values)| values.iter().map(|value| with(&accepted, name, value)));
        self.add_malformed("malformed-tags", &way, needed.chain(wrong).collect());

        let misplaced = MISPLACED.iter().map(|tag| format!("{tag}; {accepted}"));
        let others = [
            accepted.replacen("; k=", "; k=accept; k=", 1),
            accepted.replacen("; k=", ";; k=", 1),
            without(&received, "pl"),
            format!("lb=astana-2-box; {received}"),
            format!("dk=delivered; {received}"),
            with(&received, "pv", "A"),
            format!("am=100; {delivered}"),
            with(&delivered, "dk", "later"),
            with(&delivered, "rc", "AAAAAAAAAAAAAAAAAAAAAA"),
            with(&delivered, "rc", "AAAAAAAAAAAAAAAAAAAAAB.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            without(&surcharged, "am"),
            with(&surcharged, "am", "1234567890123456789"),
            without(&cancelled, "ps"),
            format!("am=100; {cancelled}"),
        ];
        self.add_malformed("malformed-kinds", &way, misplaced.chain(others).collect());
    }

    /// These fields, and below them a letter whose marks hold.
    fn add_malformed(&mut self, name: &str, marked: &str, fields: Vec<String>) {
        let fields: Vec<String> = fields.iter().map(|value| format!("Postal-Mark: {value}\r\n")).collect();
        let message = format!("{}{marked}", fields.concat());
        let report = verify(message.as_bytes(), Some(&self.post.published()));
        assert_eq!(report.marks.len(), fields.len() + 3, "no more are looked at");
        for (field, mark) in fields.iter().zip(&report.marks) {
            assert!(matches!(&*mark.findings, [Finding::Malformed { .. }]), "{field} {:?}", mark.findings);
        }
        self.add(name, message);
    }
}

/// The values of the marks, the newest first, in one line each.
fn marks<const COUNT: usize>(message: &str) -> [String; COUNT] {
    let flat = message.replace("\r\n ", " ");
    let fields = flat.lines().filter_map(|line| line.strip_prefix("Postal-Mark: "));
    fields.map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

fn without(mark: &str, name: &str) -> String {
    let begin = format!("{name}=");
    let (taken, kept): (Vec<&str>, Vec<&str>) = mark.split("; ").partition(|tag| tag.starts_with(&begin));
    assert_eq!(taken.len(), 1, "{name} in {mark}");
    kept.join("; ")
}

fn with(mark: &str, name: &str, value: &str) -> String {
    let begin = format!("{name}=");
    let new = format!("{begin}{value}");
    match mark.split("; ").find(|tag| tag.starts_with(&begin)) {
        Some(old) => mark.replacen(old, &new, 1),
        None => format!("{new}; {mark}"),
    }
}
