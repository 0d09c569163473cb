//! Answers of state registers: any XML is read or refused without a panic, the canonical form of what is canonical is the
//! same, and of a signed message that somebody changed anywhere nothing is believed but what was signed.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poshta::identity::{Bin, Iin};
use poshta::registers::fuzzing::{Reader, canonical_of, escaped};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/registers");
const MESSAGES: [&[u8]; 5] = [
    include_bytes!("../../tests/vectors/registers/rsa.xml"),
    include_bytes!("../../tests/vectors/registers/ec.xml"),
    include_bytes!("../../tests/vectors/registers/prefixes.xml"),
    include_bytes!("../../tests/vectors/registers/question-rsa.xml"),
    include_bytes!("../../tests/vectors/registers/question-ec.xml"),
];

/// Who reads, what was signed, and whom is asked about.
struct Ground {
    reader: Reader,
    signed: Vec<Vec<u8>>,
    iin: Iin,
    bin: Bin,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let files = ["rsa.pem", "ec.pem"].map(|name| Path::new(VECTORS).join(name));
    let now = "2026-12-01T12:00:00Z".parse().expect("a time");
    let reader = Reader::new(&files.each_ref().map(|file| file.as_path()), now).expect("the certificates");
    let signed = MESSAGES.map(|message| reader.signed(message).expect("the vectors are signed")).to_vec();
    let (iin, bin) = ("061211600012".parse().expect("an IIN"), "060640000011".parse().expect("a BIN"));
    Ground { reader, signed, iin, bin }
});

fuzz_target!(|input: &[u8]| {
    let Ground { reader, signed, iin, bin } = &*GROUND;
    let said = reader.said(input, iin, bin);
    assert_eq!(said, reader.said(input, iin, bin));
    assert!(reader.signed(input).is_none_or(|body| signed.contains(&body)), "believed, and nobody signed it");

    if let Some(canonical) = canonical_of(input) {
        assert_eq!(canonical_of(&canonical).as_ref(), Some(&canonical), "canonical already");
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(written) = canonical_of(format!("<a>{}</a>", escaped(text)).as_bytes())
    {
        assert_eq!(written, format!("<a>{}</a>", escaped(text)).as_bytes(), "written as it is signed");
    }

    let Some((message, changed)) = changed(input) else { return };
    let _ = reader.said(&changed, iin, bin);
    if let Some(body) = reader.signed(&changed) {
        assert_eq!(Some(&body), signed.get(message), "believed, and it is not what was signed");
    }
});

/// One of the signed messages, with changes in up to 16 places: bytes go, others of the input, or a piece of the message
/// itself, come into their place.
fn changed(input: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (first, mut rest) = input.split_first()?;
    let message = usize::from(*first) % MESSAGES.len();
    let mut bytes = MESSAGES.get(message)?.to_vec();
    for _ in 0..16 {
        let Some((change, more)) = rest.split_first_chunk::<6>() else { break };
        let [a, b, gone, kind, length, from] = change.map(usize::from);
        let at = (a << 8 | b) % (bytes.len() + 1);
        let gone = gone.min(bytes.len() - at);
        let piece = if kind % 2 == 0 {
            let (piece, left) = more.split_at(length.min(more.len()));
            rest = left;
            piece.to_vec()
        } else {
            rest = more;
            let start = (from * 16).min(bytes.len());
            bytes.iter().copied().skip(start).take(length * 4).collect()
        };
        bytes.splice(at..at + gone, piece);
    }
    Some((message, bytes))
}
