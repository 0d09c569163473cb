//! The operator's keys: the only secret that does not lie in the data directory.
//!
//! They come from a file, or from the environment for those whose secrets are kept by something that puts them
//! there. One a line, `id:key`: eight and sixty-four hexadecimal digits. The first is the current one, with which
//! everything new is wrapped; further ones only unwrap what was wrapped with them before.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::super::{Error, Result, Settings};
use super::secret::Secret;
use crate::clock::{Entropy as _, SystemEntropy};

/// Where the keys are looked for when no file is named.
pub(super) const VARIABLE: &str = "POSHTA_OPERATOR_KEY";

/// Bits for others than the owner of a file.
const OTHERS: u32 = 0o077;

/// Names an operator key; eight hexadecimal digits in texts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct OperatorKeyId(pub(super) u32);

/// All keys that were given; never none.
#[derive(Debug)]
pub(super) struct OperatorKeys {
    current: OperatorKey,
    others: Vec<OperatorKey>,
    /// Where they come from, for sentences.
    source: String,
}

/// One of them.
#[derive(Debug)]
pub(super) struct OperatorKey {
    pub(super) id: OperatorKeyId,
    pub(super) secret: Secret,
}

/// A line for the key file with a fresh key in it.
#[must_use]
pub fn fresh_operator_key() -> Zeroizing<String> {
    let mut id = [0; 4];
    SystemEntropy.fill(&mut id);
    let secret = Secret::random();
    let mut line = Zeroizing::new(format!("{}:", OperatorKeyId(u32::from_be_bytes(id))));
    for byte in secret.expose() {
        // Writing to a string cannot fail.
        let _ = fmt::Write::write_fmt(&mut *line, format_args!("{byte:02x}"));
    }
    line
}

impl OperatorKeys {
    /// The keys of the file that the settings name, or of the environment; `None` when there are none.
    ///
    /// # Errors
    /// `NotPossible` when the file cannot be read or a line is no key.
    pub(super) fn load(settings: &Settings) -> Result<Option<Self>> {
        if !settings.operator_key_file.as_os_str().is_empty() {
            return Self::read(&settings.operator_key_file).map(Some);
        }
        match std::env::var(VARIABLE) {
            Ok(text) => Self::parse(&Zeroizing::new(text), VARIABLE).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Error::NotPossible(format!("{shown} (store.operator_key_file): {error}")))?;
        let text = Zeroizing::new(text);
        if fs::metadata(path)?.permissions().mode() & OTHERS != 0 {
            tracing::warn!(file = %shown, "others than its owner may read the operator key; `chmod 600` it");
        }
        Self::parse(&text, &shown.to_string())
    }

    /// Empty lines and those that begin with `#` are passed over.
    fn parse(text: &str, source: &str) -> Result<Self> {
        let lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(lines) {
            let key = parse_key(line).ok_or_else(|| {
                Error::NotPossible(format!(
                    "{source}: key {number} is none; a key is a line as `poshta store new-key` prints it"
                ))
            })?;
            if keys.iter().any(|known: &OperatorKey| known.id == key.id) {
                return Err(Error::NotPossible(format!("{source}: there are two keys with the id {}", key.id)));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(Error::NotPossible(format!(
                "{source}: there is no key in it; `poshta store new-key` prints one"
            )));
        }
        let current = keys.remove(0);
        Ok(OperatorKeys { current, others: keys, source: source.to_owned() })
    }

    /// The one with which everything new is wrapped.
    pub(super) fn current(&self) -> &OperatorKey {
        &self.current
    }

    /// The key with this id.
    ///
    /// # Errors
    /// `NotPossible` when it was not given: says which is missing, and where.
    pub(super) fn find(&self, id: OperatorKeyId) -> Result<&OperatorKey> {
        let mut all = std::iter::once(&self.current).chain(&self.others);
        all.find(|key| key.id == id).ok_or_else(|| {
            Error::NotPossible(format!(
                "the keys of this store are wrapped with operator key {id}, which is not in {}; add its line there",
                self.source
            ))
        })
    }

    /// Where they come from, for sentences.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for OperatorKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for OperatorKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorKeyId({self})")
    }
}

fn parse_key(line: &str) -> Option<OperatorKey> {
    let (id, digits) = line.split_once(':')?;
    if id.len() != 8 || digits.len() != 64 || !line.is_ascii() {
        return None;
    }
    let id = OperatorKeyId(u32::from_str_radix(id, 16).ok()?);
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(OperatorKey { id, secret: Secret::new(*bytes) })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn the_first_key_is_the_current_one_and_the_others_are_found_by_their_ids() {
        let text = format!("# made in May\n\n0000000a:{DIGITS}\n  0000000b:{}\n", DIGITS.replace('0', "f"));
        let keys = OperatorKeys::parse(&text, "file").unwrap();
        assert_eq!(keys.current().id, OperatorKeyId(10));
        assert_eq!(keys.current().secret.expose()[..3], [0x00, 0x11, 0x22]);
        assert_eq!(keys.find(OperatorKeyId(11)).unwrap().secret.expose()[..2], [0xff, 0x11]);
        let refusal = keys.find(OperatorKeyId(12)).unwrap_err().to_string();
        assert!(refusal.contains("0000000c") && refusal.contains("add its line"), "{refusal}");
    }

    #[test]
    fn a_fresh_key_can_be_read_and_is_never_the_same() {
        let (one, other) = (fresh_operator_key(), fresh_operator_key());
        assert_ne!(one, other);
        OperatorKeys::parse(&one, "one").unwrap();
        assert_eq!(OperatorKeys::parse(&format!("{}\n{}", *one, *other), "both").unwrap().others.len(), 1);
    }

    #[test_case("", "no key in it"; "nothing")]
    #[test_case("0000000a:0011", "key 1 is none"; "too short")]
    #[test_case("0000000a", "key 1 is none"; "an id alone")]
    #[test_case("0000000g:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "key 1 is none"; "no hexadecimal id")]
    #[test_case("0000000a:0011223344556677889қабbccddeeff00112233445566778899aabbccddee", "key 1 is none"; "other letters")]
    fn what_is_no_key_is_refused_with_a_sentence_that_does_not_show_it(text: &str, expected: &str) {
        let refusal = OperatorKeys::parse(text, "k.txt").unwrap_err().to_string();
        assert!(refusal.contains(expected) && refusal.contains("k.txt"), "{refusal}");
        assert!(!refusal.contains("0011"), "{refusal}");
    }

    #[test]
    fn two_keys_with_one_id_are_refused() {
        let text = format!("0000000a:{DIGITS}\n0000000a:{DIGITS}");
        assert!(OperatorKeys::parse(&text, "file").unwrap_err().to_string().contains("two keys"));
    }
}
