//! One drawing in two languages: the page draws, byte by byte, what the renderer draws.

use std::path::{Path, PathBuf};

use poshta::clock::Timestamp;
use poshta::ids::{ImpressionId, ItemId};
use poshta::message::headers;
use poshta::postal::{
    BodyHasher, Contents, Details, DeviceKind, HeaderInput, Impression, Kind, Mark, MarksFile, MarksKey, Occasion,
    Registry, Signer, Stamp, Workplace, verify,
};

use super::letter::{NOW, ed25519};
use crate::verify_page::node;

/// The stamps of messages, on which both agree.
fn compare(keys_file: &Path, messages: &[PathBuf]) -> Vec<String> {
    let keys: MarksFile = serde_json::from_slice(&std::fs::read(keys_file).unwrap()).unwrap();
    let said = node("stamps.mjs", |command| {
        command.arg(keys_file).args(messages);
    });
    let said: Vec<Option<String>> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut own = Vec::new();
    for message in messages.iter().map(|message| std::fs::read(message).unwrap()) {
        let judged = verify(&message, Some(&keys));
        let marks = headers::fields(&message).filter(|field| field.is("Postal-Mark"));
        own.extend(marks.zip(&judged.marks).map(|(field, judged)| {
            // What is said where marks are too many is of none of them.
            let mark = Mark::parse(&field.text()).ok().filter(|_| judged.id.is_some())?;
            Some(Stamp::of_mark(&mark, Some(&keys)).svg_judged(&judged.findings))
        }));
    }
    for (said, own) in said.iter().zip(&own) {
        assert_eq!(said, own);
    }
    assert_eq!(said.len(), own.len());
    own.into_iter().flatten().collect()
}

#[test]
fn p14_the_page_draws_the_same_stamps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/postmark");
    let mut messages: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    messages.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    let drawn = compare(&folder.join("keys.json"), &messages);
    assert!(drawn.len() > 80, "{}", drawn.len());
    for word in ["ЖАРАМСЫЗ", "ТЕКСЕРІЛМЕДІ"] {
        assert!(drawn.iter().any(|svg| svg.contains(word)), "{word}");
    }
}

#[test]
fn p28_the_page_draws_every_facility_in_its_ink() {
    let registry = Registry::parse(include_str!("../../conf/facilities.toml")).unwrap();
    let mut letter = Letter { keys: MarksFile::of(&registry), header: String::new(), marks: 0 };
    // An ordinary day, and that of the special stamp.
    for at in [NOW, "2026-12-16T06:00:00Z"].map(|at| at.parse().unwrap()) {
        for facility in registry.facilities(at) {
            let operator = registry.operator(&facility.operator).unwrap();
            for device in facility.devices.iter().filter(|device| device.is_usable(facility.date_at(at), at)) {
                letter.stamp(Workplace::new(operator, facility, device), at);
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (keys, message) = (folder.path().join("keys.json"), folder.path().join("every.eml"));
    std::fs::write(&keys, serde_json::to_string(&letter.keys).unwrap()).unwrap();
    std::fs::write(&message, [letter.header.as_bytes(), CONTENT].concat()).unwrap();
    let drawn = compare(&keys, &[message]);
    assert_eq!(drawn.len(), letter.marks);
    if let Some(pictures) = std::env::var_os("POSHTA_PICTURES").map(PathBuf::from) {
        for (number, svg) in drawn.iter().enumerate() {
            std::fs::write(pictures.join(format!("stamp-{number}.svg")), svg).unwrap();
        }
    }
    for seen in ["#b3201f", "#1d3f8f", "#1c1c1e", "1 234 567,89 ₸", "l 2.6 7.4"] {
        assert!(drawn.iter().any(|svg| svg.contains(seen)), "{seen}");
    }
}

const CONTENT: &[u8] = b"Postal-Item-Id: 00000000000000000000000001\r\nFrom: a@b\r\n\r\n";

/// A letter that collects stamps.
struct Letter {
    keys: MarksFile,
    header: String,
    marks: usize,
}

impl Letter {
    /// Adds a stamp of the device, if it is one for letters.
    fn stamp(&mut self, workplace: Workplace<'_>, at: Timestamp) {
        let none = Details::default();
        let (kind, details) = match workplace.device().kind {
            DeviceKind::Postmark => (Kind::Accept, none),
            DeviceKind::Surcharge => (Kind::Surcharge, Details { amount_due: Some(123_456_789), ..none }),
            DeviceKind::Special => (Kind::Cancel, Details { payment_sign: Some([7; 32]), ..none }),
            _ => return,
        };
        self.marks += 1;
        let id = ImpressionId(self.marks as u128);
        let impression = Impression::make(workplace, Occasion { id, item: ItemId(1), kind, instant: at }, details);
        let (key, selector) = (ed25519(1), format!("key-{}", workplace.device().id));
        let (domain, log) = ("poshta.example", "poshta.example/log");
        let signer = Signer { domain, selector: &selector, key: &key, log, number: 1 };
        let contents = Contents::new(HeaderInput::to_sign(&[CONTENT]), BodyHasher::default().finish());
        self.header.push_str(&impression.unwrap().sign(&contents, &signer, None).unwrap().header());
        let (algorithm, public_key) = (key.algorithm().tag().to_owned(), key.public().base64());
        let published = MarksKey { selector, algorithm, public_key, from: None, to: None };
        let device = workplace.device().id.as_str();
        let of_device = self.keys.devices_mut().filter(|entry| entry.id == device);
        of_device.for_each(|entry| entry.set_keys(vec![published.clone()]));
    }
}
