//! Sealed bundles: any bytes are refused in words and without a panic, what was written is read again, and a file in which
//! one byte was altered gives nothing that was not in it.

#![no_main]

use std::io::Read as _;

use libfuzzer_sys::fuzz_target;
use poshta::age::{Identity, Reader, Writer};

/// RFC 7748 §5: any 32 bytes are a key.
const READER: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

fuzz_target!(|input: &[u8]| {
    let Ok(identity) = READER.parse::<Identity>() else { unreachable!("the key of the target") };
    // As it came, and behind a beginning that every file has.
    let _ = content(input, &identity);
    let _ = content(&[b"age-encryption.org/v1\n-> X25519 ", input].concat(), &identity);

    let Ok((mut writer, mut file)) = Writer::new(&[identity.recipient()]) else { unreachable!("one reader") };
    for piece in input.chunks(1000) {
        file.extend(writer.update(piece));
    }
    file.extend(writer.finish());
    assert_eq!(content(&file, &identity).as_deref(), Some(input));

    let at = input.iter().fold(input.len(), |at, byte| at.wrapping_mul(31).wrapping_add((*byte).into())) % file.len();
    if let Some(byte) = file.get_mut(at) {
        *byte ^= 1;
    }
    let altered = content(&file, &identity);
    assert!(altered.is_none_or(|content| content == input), "byte {at} was altered");
});

/// All that is in a file, if it is whole.
fn content(file: &[u8], identity: &Identity) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    Reader::open(file, identity).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}
