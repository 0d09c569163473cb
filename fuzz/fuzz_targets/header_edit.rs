//! The edits at intake: after them no forged mark field is left, every other field is byte for byte the same,
//! and what follows the header is untouched.

#![no_main]

use libfuzzer_sys::fuzz_target;
use poshta::message::headers::fields;
use poshta::message::{EditRules, WayIn, edit_header};

const FORGED: [&str; 4] = ["Postal-Mark", "Postal-Mark-Text", "Postal-Item-Id", "Postal-Mark-Proof"];
const EDITED: [&str; 6] =
    ["Postal-Mark-Untrusted", "Authentication-Results", "Return-Path", "Bcc", "Resent-Bcc", "Postal-Payment"];

fuzz_target!(|input: &[u8]| {
    for way_in in [WayIn::Relayed, WayIn::Submitted] {
        let rules = EditRules { authserv_id: "mx.poshta.example", way_in, verified_marks: &[] };
        let Some(edited) = edit_header(input, &rules) else {
            assert!(!fields(input).any(|field| FORGED.iter().any(|name| field.is(name))));
            continue;
        };
        assert!(!edited.edits.is_empty());
        assert!(!fields(&edited.header).any(|field| FORGED.iter().any(|name| field.is(name))));
        assert_eq!(others(input), others(&edited.header));
        assert_eq!(behind_fields(input), behind_fields(&edited.header));
        assert!(edit_header(&edited.header, &rules).is_none(), "a second pass finds nothing");
    }
});

fn others(block: &[u8]) -> Vec<&[u8]> {
    let edited = |field: &poshta::message::headers::Field<'_>| FORGED.iter().chain(&EDITED).any(|name| field.is(name));
    fields(block).filter(|field| !edited(field)).map(|field| field.raw).collect()
}

fn behind_fields(block: &[u8]) -> &[u8] {
    let end = fields(block).last().map_or(0, |field| field.start + field.raw.len());
    &block[end..]
}
