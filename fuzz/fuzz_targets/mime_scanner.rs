//! The MIME scanner with what is built on it: offsets lie inside the message and do not cross, the pieces in
//! which a message arrives change nothing, sections resolve inside, a summary comes back.

#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use poshta::message::{Caps, Facts, Part, Piece, Scanner, Structure, Summary};

fuzz_target!(|input: &[u8]| {
    // The first byte says how the rest is cut into pieces.
    let Some((cut, message)) = input.split_first() else { return };
    let structure = scan(message, usize::from(*cut).max(1));
    assert_eq!(structure, scan(message, message.len().max(1)), "depends on the pieces");
    assert_eq!(structure.facts.bytes, message.len() as u64);
    nested(&structure.root, 0..message.len() as u64);
    sections(&structure, &mut Vec::new());
    texts(&structure, message);
    summary(&structure, message);
    // The input as a stored summary: an error or a summary, never a panic.
    let _ = Summary::decode(message);
});

fn scan(message: &[u8], piece: usize) -> Structure {
    let caps = Caps { max_header_bytes: 2048, max_depth: 8, max_parts: 40, max_structure_bytes: 4096 };
    let mut scanner = Scanner::new(caps);
    message.chunks(piece).for_each(|bytes| scanner.push(bytes));
    scanner.finish()
}

fn nested(part: &Part, within: Range<u64>) {
    assert!(within.start <= part.header.start && part.header.start <= part.header.end);
    assert!(part.header.end == part.body.start);
    assert!(part.body.start <= part.body.end && part.body.end <= within.end);
    let mut start = part.body.start;
    for inner in part.children() {
        nested(inner, start..part.body.end);
        start = inner.body.end;
    }
}

/// Every number that there may be, a few levels down.
fn sections(structure: &Structure, path: &mut Vec<u32>) {
    for piece in [Piece::Whole, Piece::Header, Piece::Text, Piece::Mime] {
        if let Some(range) = structure.resolve(path, piece) {
            assert!(range.start <= range.end && range.end <= structure.facts.bytes);
        }
    }
    if path.len() == 4 || structure.part(path).is_none() {
        return;
    }
    for number in 0..4 {
        path.push(number);
        sections(structure, path);
        path.pop();
    }
}

fn texts(structure: &Structure, message: &[u8]) {
    for leaf in structure.leaves() {
        let _ = leaf.part.filename();
        let read = |offset: u64, len: usize| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(message.len());
            Ok::<_, std::convert::Infallible>(&message[start..start.saturating_add(len).min(message.len())])
        };
        let Ok(text) = poshta::message::text::read_text(leaf.part, u64::MAX, read);
        let _ = poshta::message::html::to_text(&text);
    }
}

fn summary(structure: &Structure, message: &[u8]) {
    let header = &message[..usize::try_from(structure.facts.header_bytes).unwrap_or(0)];
    let mut summary = Summary::of(b"Postal-Mark: v=1\r\n", structure, header);
    let Facts { bytes, header_bytes, .. } = summary.structure.facts;
    summary.structure.facts = Facts { bytes, header_bytes, ..Facts::default() };
    assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
}
