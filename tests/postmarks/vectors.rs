//! `tests/vectors/postmark/`: messages, keys and the verdicts that any implementation must come to. Each was made once
//! by the test that is left out here, in the format of its day, and is fixed since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poshta::message::headers;
use poshta::postal::{
    Details, DeviceKind, Handover, Kind, Language, Mark, MarksFile, Report, SigningKey, report_words, verify,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::letter::{DELIVERED, NOW, Post, Stamp, Step, ed25519, letter, way};
use super::relay::foreign;
use crate::verify_page::node;

/// What is expected of one message with one set of keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Expected {
    file: String,
    keys: String,
    verdict: String,
    /// The findings of each mark by their names, in alphabetical order; the newest mark first.
    marks: Vec<Vec<String>>,
}

#[test]
fn every_vector_has_its_verdict() {
    let expected = expected();
    assert!(expected.len() >= 30);
    for vector in &expected {
        let message = std::fs::read(dir().join(&vector.file)).unwrap();
        let keys: MarksFile = serde_json::from_str(&text(&vector.keys)).unwrap();
        assert_eq!(&judged(&vector.file, &vector.keys, &verify(&message, Some(&keys))), vector);
    }
    let verdicts: BTreeSet<&str> = expected.iter().map(|vector| vector.verdict.as_str()).collect();
    assert_eq!(verdicts.len(), 5, "every verdict is among them: {verdicts:?}");
}

#[test]
fn every_file_is_expected_and_every_finding_occurs() {
    let files = std::fs::read_dir(dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let messages: BTreeSet<String> = files.filter(|name| name.ends_with(".eml")).collect();
    assert_eq!(messages, expected().into_iter().map(|vector| vector.file).collect());
    let found: BTreeSet<String> = expected().into_iter().flat_map(|vector| vector.marks).flatten().collect();
    let findings = report_words(Language::En).filter_map(|(key, _)| key.strip_prefix("finding-").map(str::to_owned));
    let without_keys = "signature_not_checked";
    let missing: Vec<String> = findings.filter(|name| name != without_keys && !found.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Marks had their number once, then those of the acceptance alone; they stay as they are, and stay valid.
#[test]
fn no_mark_has_a_number_and_old_ones_have() {
    let numbers = |file: &str| -> Vec<(bool, bool)> {
        let message = text(file);
        let marks = headers::fields(message.as_bytes()).filter(|field| field.is("Postal-Mark"));
        let marks = marks.map(|field| Mark::parse(&field.text()).unwrap());
        marks.map(|mark| (mark.recipient.is_some(), mark.signature.unwrap().sequence.is_some())).collect()
    };
    assert_eq!(numbers("valid-without-number.eml"), [(true, false), (true, false), (false, false)]);
    assert_eq!(numbers("valid-copy-without-number.eml"), [(true, false), (true, false), (false, true)]);
    assert_eq!(numbers("valid.eml"), [(true, true), (true, true), (false, true)]);
}

#[test]
fn a_second_verifier_agrees_on_every_vector() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/verify_postmarks.py");
    let mut by_keys: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
    for vector in expected() {
        by_keys.entry(vector.keys.clone()).or_default().push(vector);
    }
    for (keys, vectors) in by_keys {
        let files = vectors.iter().map(|vector| dir().join(&vector.file));
        let ran = Command::new("python3").arg(&program).arg(dir().join(&keys)).args(files).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let said = String::from_utf8(ran.stdout).unwrap();
        let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(said.len(), vectors.len());
        for (said, vector) in said.iter().zip(&vectors) {
            let wanted = json!({ "verdict": vector.verdict, "marks": vector.marks });
            assert_eq!(said, &wanted, "{}", vector.file);
        }
    }
}

/// The page `/verify`, with the Ed25519 of its platform and with its own.
#[test]
fn the_page_agrees_on_every_vector() {
    for ed25519 in ["native", "own"] {
        let mut by_keys: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
        for vector in expected() {
            by_keys.entry(vector.keys.clone()).or_default().push(vector);
        }
        for (keys, vectors) in by_keys {
            let files = vectors.iter().map(|vector| dir().join(&vector.file));
            let said = node("vectors.mjs", |command| {
                command.arg(ed25519).arg(dir().join(&keys)).args(files);
            });
            let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(said.len(), vectors.len());
            for (said, vector) in said.iter().zip(&vectors) {
                let wanted = json!({ "verdict": vector.verdict, "marks": vector.marks });
                assert_eq!(said, &wanted, "{} with {ed25519} Ed25519", vector.file);
            }
        }
    }
}

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/postmark")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(dir().join(name)).unwrap()
}

fn expected() -> Vec<Expected> {
    serde_json::from_str(&text("expected.json")).unwrap()
}

fn judged(file: &str, keys: &str, report: &Report) -> Expected {
    let report = serde_json::to_value(report).unwrap();
    let names = |mark: &Value| {
        let findings = mark["findings"].as_array().unwrap().iter();
        let mut names: Vec<String> = findings.map(|it| it["finding"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    Expected {
        file: file.to_owned(),
        keys: keys.to_owned(),
        verdict: report["verdict"].as_str().unwrap().to_owned(),
        marks: report["marks"].as_array().unwrap().iter().map(names).collect(),
    }
}

/// Makes the vectors that are not there yet; a person reads their verdicts.
#[test]
#[ignore = "writes new vectors; run it by its name when there are some"]
fn make_the_vectors() {
    let mut maker = Maker::new();
    maker.letters();
    maker.tampered();
    maker.keys_of_marks();
    maker.payment();
    maker.handed();
    maker.facilities();
    maker.copies();
    maker.malformed();
    maker.write();
}

pub(super) struct Maker {
    pub(super) post: Post,
    /// File, keys, message.
    vectors: Vec<(String, &'static str, Vec<u8>)>,
}

impl Maker {
    fn new() -> Self {
        let mut post = Post::new();
        let pem = std::fs::read(dir().join("rsa.key")).unwrap();
        post.add_key("ayagoz-2-rsa", "ayagoz-2-a", rsa(&pem), (Some("2026-11-01T00:00:00Z"), None));
        post.add_key("astana-1-old", "astana-1-a", ed25519(9), (None, Some("2026-11-10T00:00:00Z")));
        Maker { post, vectors: Vec::new() }
    }

    pub(super) fn add(&mut self, name: &str, message: impl AsRef<[u8]>) {
        self.add_for("keys.json", name, message);
    }

    pub(super) fn add_for(&mut self, keys: &'static str, name: &str, message: impl AsRef<[u8]>) {
        self.vectors.push((format!("{name}.eml"), keys, message.as_ref().to_vec()));
    }

    fn letters(&mut self) {
        let text = self.post.deliver(&letter()).text();
        self.add("valid", &text);
        self.add("valid-other-line-ends", text.replace("\r\n", "\n"));
        self.add("valid-refolded", text.replace("\r\n ", " ").replace(';', ";\r\n\t").replacen("b=", "b=\r\n ", 9));
        self.add("valid-fields-added", format!("Received: by relay.example; Sat\r\nX-Spam: no\r\n{text}\r\n \r\n"));
        self.add("absent", letter());
        self.add(
            "stripped",
            format!("Postal-Item-Id: 00000000000000000000000009\r\n{}", String::from_utf8(letter()).unwrap()),
        );
        let accepted = self.post.mark(&letter(), &way(NOW)[..1]).message();
        self.add("valid-accepted-only", &accepted);
        let second = self.post.deliver(&accepted).message();
        self.add("valid-second-operator", second);
        for (name, content) in [
            ("valid-empty-body", "From: a@poshta.example\r\n\r\n"),
            ("valid-empty-lines", "Subject: x\r\nSubject: y\r\nFrom: a@poshta.example\r\n\r\n\r\n \r\n\r\n"),
            ("valid-no-last-line-end", "From: a@poshta.example\r\n\r\n a  b\t\r\n\r\nc"),
        ] {
            let message = self.post.deliver(content.as_bytes()).message();
            self.add(name, message);
        }
        let rsa = Stamp { facility: "ayagoz-2", kind: Kind::Accept, at: NOW, key: Some("ayagoz-2-rsa") };
        let text = self.post.mark(&letter(), &[rsa]).text();
        self.add("valid-rsa", &text);
        self.add("altered-body-rsa", text.replace("Болат", "Асель"));
        self.add("altered-header-rsa", text.replace("bolat@", "asel@"));
        self.add("altered-mark-rsa", altered(&text, "t=1795234500", "t=1795234501"));
    }

    fn tampered(&mut self) {
        let text = self.post.deliver(&letter()).text();
        self.add("altered-body", text.replace("Болат", "Асель"));
        self.add("altered-header", text.replace("bolat@", "asel@"));
        self.add("added-header", format!("From: x@evil.example\r\n{text}"));
        self.add("added-item-id", format!("Postal-Item-Id: 00000000000000000000000001\r\n{text}"));
        self.add("removed-header", altered(&text, "\r\nDate: ", "\r\nX-Date: "));
        let flat = text.replace("\r\n ", " ");
        // The oldest mark stands lowest.
        let (above, accept) = flat.rsplit_once("Postal-Mark: ").unwrap();
        let in_accept = |from: &str, to: &str| format!("{above}Postal-Mark: {}", altered(accept, from, to));
        self.add("altered-mark-t", in_accept("t=1795234500", "t=1795234501"));
        self.add("altered-mark-log", in_accept("lg=poshta.example/log", "lg=evil.example/log"));
        self.add("date-contradicts", in_accept("ts=21112609", "ts=21112608"));
        self.add("offset-contradicts", in_accept("z=+0500", "z=+0600"));
        self.add("unknown-version", in_accept("v=1", "v=2"));
        self.add("unknown-algorithm", in_accept("a=ed25519-sha256", "a=gost2015-512"));
        self.add("unknown-key", in_accept("s=astana-2-a", "s=astana-2-x"));
        self.add("unknown-domain", in_accept("d=poshta.example", "d=evil.example"));
        self.add("malformed-twice", in_accept("; ts=", "; st=KZ; ts="));
        self.add("malformed-h", in_accept("h=from:from:", "h="));
        self.add("bad-signature-base64", in_accept("; b=", "; b=!"));
        let b = accept.split("; b=").nth(1).unwrap().chars().take(8).collect::<String>();
        self.add("altered-mark-b", in_accept(&format!("; b={b}"), "; b=AAAAAAAA"));
        self.add("removed-receipt", without_mark(&text, 1));
        self.add("removed-acceptance", without_mark(&text, 2));
        self.add("duplicate", twice(&text));
        // An id in small letters, whose first digit has bits that no id has, is the same id.
        let line = accept.lines().next().unwrap();
        let id: String = line.split("; i=").nth(1).unwrap().chars().take(26).collect();
        let other = format!("8{}", id.to_lowercase().strip_prefix('0').unwrap());
        self.add("duplicate-in-small-letters", format!("Postal-Mark: {}\r\n{text}", altered(line, &id, &other)));
        let mut replayed = self.post.deliver(&letter());
        replayed.content = b"From: x@evil.example\r\nSubject: pay\r\n\r\nPay at once.\r\n".to_vec();
        self.add("other-message", replayed.message());
        let unsigned = accept.split("d=").next().unwrap().trim_end().trim_end_matches(';');
        self.add("unsigned", format!("Postal-Mark: {unsigned}\r\n{}", String::from_utf8(letter()).unwrap()));
    }

    fn keys_of_marks(&mut self) {
        let stamp = |at, key| [Stamp { facility: "astana-1", kind: Kind::Accept, at, key: Some(key) }];
        for (name, at, key) in [
            ("valid-replaced-key", "2026-11-09T04:15:00Z", "astana-1-old"),
            ("key-not-in-use", NOW, "astana-1-old"),
            ("valid-later-key", NOW, "astana-1-a"),
        ] {
            let message = self.post.mark(&letter(), &stamp(at, key)).message();
            self.add(name, message);
        }
        let one = Stamp { facility: "astana-1", kind: DELIVERED, at: NOW, key: None };
        let message = self.post.mark(&letter(), &[one]).message();
        self.add("chain-begins-nowhere", message);
        let message = self.post.deliver(&letter()).message();
        self.add_for("foreign.json", "foreign-keys", &message);
        self.add_for("revoked.json", "revoked", message);
    }

    fn payment(&mut self) {
        let step = |facility, kind, at| Step::usual(Stamp { facility, kind, at, key: None });
        let accept = |at| step("astana-2", Kind::Accept, at);
        let cancel = |at, sign| Step {
            details: Details { payment_sign: Some([sign; 32]), ..Details::default() },
            ..step("astana-2", Kind::Cancel, at)
        };
        let surcharge = Step {
            details: Details { amount_due: Some(35_000), ..Details::default() },
            ..step("astana-2", Kind::Surcharge, NOW)
        };
        let signs = self.post.mark_payment(&letter(), &[accept(NOW), cancel(NOW, 1), cancel(NOW, 2)]).message();
        self.add("valid-cancelled-signs", signs);
        let text = self.post.mark_payment(&letter(), &[accept(NOW), surcharge]).text();
        self.add("valid-surcharge", &text);
        let flat = text.replace("\r\n ", " ");
        self.add("altered-amount-due", altered(&flat, "am=35000", "am=35001"));
        self.add("surcharge-without-acceptance", without_mark(&text, 1));
        const DAY: &str = "2026-12-16T06:00:00Z";
        let special = Step { device: DeviceKind::Special, ..cancel(DAY, 3) };
        let message = self.post.mark_payment(&letter(), &[accept(DAY), special]).message();
        self.add("valid-special-stamp", message);
        for (name, at) in [("valid-letter-box", NOW), ("valid-letter-box-next-day", "2026-12-31T12:00:01Z")] {
            let dropped = Step { letter_box: Some("astana-print-box"), ..step("astana-print", Kind::Accept, at) };
            let message = self.post.mark_payment(&letter(), &[dropped]).message();
            self.add(name, message);
        }
    }

    /// P6: the addressee fetches a letter that was delivered before; once.
    fn handed(&mut self) {
        let handed = Stamp { kind: Kind::Deliver(Handover::Handed), at: "2026-11-21T08:30:00Z", ..way(NOW)[2] };
        let [accepted, received, delivered] = way(NOW);
        let message = self.post.mark(&letter(), &[accepted, received, delivered, handed]).message();
        self.add("valid-handed", message);
        let message = self.post.mark(&letter(), &[accepted, received, handed]).message();
        self.add("valid-handed-at-once", message);
        let message = self.post.mark(&letter(), &[accepted, received, delivered, handed, handed]).message();
        self.add("handed-twice", message);
        let message = self.post.mark(&letter(), &[accepted, handed]).message();
        self.add("handed-before-receipt", message);
    }

    /// Marks without numbers; and marks without the hash of the header alone, which are as good but tell less when they
    /// fail.
    fn copies(&mut self) {
        let [accepted, received, delivered] = way(NOW);
        let message = self.post.deliver(&letter()).message();
        self.add("valid-without-number", message);
        let both = Stamp { kind: Kind::Deliver(Handover::Both), ..delivered };
        let message = self.post.mark(&letter(), &[accepted, received, both]).message();
        self.add("valid-delivered-and-handed", message);
        let text = without_header_hash(&self.post.mark(&letter(), &[accepted]).text());
        self.add("valid-without-header-hash", &text);
        self.add("altered-header-without-header-hash", text.replace("bolat@", "asel@"));
        self.add("altered-body-without-header-hash", text.replace("Болат", "Асель"));
        self.add("altered-mark-without-header-hash", altered(&text, "lg=poshta.example/log", "lg=evil.example/log"));
        // The hundred and first mark is not looked at: it is the acceptance.
        let text = self.post.deliver(&letter()).text();
        self.add("too-many", format!("{}{text}", "Postal-Mark: v=2\r\n".repeat(98)));
    }

    /// Writes what is not there yet. What is there stays as it is, for other programs are tested against it.
    fn write(&self) {
        let published = self.post.published();
        let mut revoked = published.clone();
        let facilities = revoked.operators.iter_mut().flat_map(|operator| &mut operator.facilities);
        for device in facilities.flat_map(|facility| &mut facility.devices).filter(|device| device.id == "ayagoz-2-a") {
            device.revoked_at = Some("2026-11-20T00:00:00Z".into());
        }
        let facilities = super::facility_vectors::published();
        let foreign = foreign(&self.post);
        for (name, marks) in [
            ("keys.json", published),
            ("revoked.json", revoked),
            ("foreign.json", foreign),
            ("facilities.json", facilities),
        ] {
            let mut text = serde_json::to_string_pretty(&marks).unwrap();
            text.push('\n');
            write_new(name, text.as_bytes());
        }
        let mut expected = expected();
        for (file, keys, message) in &self.vectors {
            if write_new(file, message) {
                let marks: MarksFile = serde_json::from_str(&text(keys)).unwrap();
                expected.retain(|vector| vector.file != *file);
                expected.push(judged(file, keys, &verify(message, Some(&marks))));
            }
        }
        let lines: Vec<String> = expected.iter().map(|vector| serde_json::to_string(vector).unwrap()).collect();
        std::fs::write(dir().join("expected.json"), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
}

/// False if there is such a file already.
fn write_new(name: &str, bytes: &[u8]) -> bool {
    let path = dir().join(name);
    let is_new = !path.exists();
    if is_new {
        std::fs::write(path, bytes).unwrap();
    }
    is_new
}

/// The one mark of a message by astana-2-a, signed anew without `hh`; its own program would always write it.
fn without_header_hash(text: &str) -> String {
    let flat = text.replace("\r\n ", " ").replace("\r\n\t", " ");
    let header = flat.split("\r\n\r\n").next().unwrap();
    let mut fields: Vec<(String, String)> = header.split("\r\n").map(relaxed).collect();
    let at = fields.iter().position(|(name, _)| name == "postal-mark").unwrap();
    let mark = fields.remove(at).1.replace(' ', "");
    let tags: Vec<&str> = mark.split(';').filter(|tag| !tag.starts_with("hh=")).collect();
    let names = tags.iter().find_map(|tag| tag.strip_prefix("h=")).unwrap();
    let mut signed = String::new();
    for wanted in names.split(':') {
        // RFC 6376 §5.4.2: from the bottom up.
        let Some(at) = fields.iter().rposition(|(name, _)| name == wanted) else { continue };
        let (name, value) = fields.remove(at);
        signed.push_str(&format!("{name}:{value}\r\n"));
    }
    let unsigned = tags.iter().filter(|tag| !tag.starts_with("b=")).copied().collect::<Vec<_>>().join(";");
    signed.push_str(&format!("postal-mark:{unsigned};b="));
    // As the key of astana-2-a in [`super::letter`].
    let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, signed.as_bytes());
    let signature = STANDARD.encode(key.sign(digest.as_ref()));
    let old = self::fields(text).into_iter().find(|field| field.starts_with("Postal-Mark: ")).unwrap();
    let new = Mark::folded(&format!("{unsigned};b={signature}")).unwrap();
    altered(text, &old, &new)
}

/// RFC 6376 §3.4.2, of an unfolded field.
fn relaxed(field: &str) -> (String, String) {
    let (name, value) = field.split_once(':').unwrap();
    (name.to_ascii_lowercase(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

pub(super) fn altered(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}

/// Fields of the header, each with its folding.
fn fields(text: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in text.split_inclusive("\r\n") {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) && !last.ends_with("\r\n\r\n") => last.push_str(line),
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

fn without_mark(text: &str, number: usize) -> String {
    let mut seen = 0;
    let keep = |field: &String| {
        let is_mark = field.starts_with("Postal-Mark: ");
        seen += usize::from(is_mark);
        !is_mark || seen != number + 1
    };
    fields(text).into_iter().filter(keep).collect()
}

fn twice(text: &str) -> String {
    let accept = fields(text).into_iter().filter(|field| field.starts_with("Postal-Mark: ")).nth(2).unwrap();
    format!("{accept}{text}")
}

fn rsa(pem: &[u8]) -> SigningKey {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::pki_types::pem::PemObject as _;
    SigningKey::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap().secret_pkcs8_der()).unwrap()
}
