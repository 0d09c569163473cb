//! Signed notes (c2sp.org/signed-note) with Ed25519 keys: a text, an empty line, and who signed it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Signature type of Ed25519.
const ED25519_TYPE: u8 = 0x01;

/// What a secret key in text form begins with.
const SECRET: &str = "PRIVATE+KEY+";

/// Longest note that is read, bytes.
pub const LONGEST_NOTE: usize = 64 << 10;

/// Most signatures of a note that are looked at; verifiers must take 16.
const MAX_SIGNATURES: usize = 64;

/// Who can sign notes.
pub struct Signer {
    verifier: Verifier,
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

/// With what notes are verified: a name and a public key. Its text form is `<name>+<key id>+<base64>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// The text is no key of a note.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadKey {
    /// Not the form, or not Ed25519.
    #[error("not a key for signed notes: <name>+<8 hexadecimal digits>+<base64> is expected, with an Ed25519 key")]
    Form,
    /// The name cannot stand in a note.
    #[error("a name of a key has no spaces, no control characters and no plus sign, and is not empty")]
    Name,
    /// The id does not follow from name and key.
    #[error("the id in the key does not belong to its name and its bytes: the text is damaged")]
    Id,
}

/// Why a note says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadNote {
    /// No text, empty line and signatures.
    #[error("not a signed note")]
    Form,
    /// The key that is trusted did not sign it.
    #[error("the note is not signed with this key")]
    NotSigned,
    /// It says it did, and did not.
    #[error("the signature of this key does not fit the note")]
    WrongSignature,
}

impl Signer {
    /// The signer of this name whose secret is `seed` (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// The name cannot stand in a note.
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, BadKey> {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| BadKey::Form)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| BadKey::Form)?;
        Ok(Signer { verifier: Verifier::new(name, key)?, seed, pair })
    }

    /// Reads what [`Signer::secret`] wrote.
    ///
    /// # Errors
    /// It is no such text.
    pub fn parse(secret: &str) -> Result<Self, BadKey> {
        let Parts { name, id, key } = parts(secret.strip_prefix(SECRET).ok_or(BadKey::Form)?)?;
        let signer = Signer::new(name, *key)?;
        if signer.verifier.id == id { Ok(signer) } else { Err(BadKey::Id) }
    }

    /// The secret key as text, for a file that only its owner reads.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{SECRET}{}", written(&self.verifier, &self.seed)))
    }

    /// With what its notes are verified.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The note with this text, which ends with a line end.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = [&self.verifier.id[..], self.pair.sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n\u{2014} {} {}\n", self.verifier.name, STANDARD.encode(signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl Verifier {
    fn new(name: &str, key: [u8; 32]) -> Result<Self, BadKey> {
        let is_name = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(BadKey::Name);
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519_TYPE]).chain_update(key).finalize();
        let id = hash.first_chunk().copied().unwrap_or_default();
        Ok(Verifier { name: name.to_owned(), id, key })
    }

    /// Whose key it is; for a log this is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key signed; signatures of others do not matter.
    ///
    /// # Errors
    /// See [`BadNote`].
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, BadNote> {
        let is_clean = note.len() <= LONGEST_NOTE && !note.chars().any(|c| c < ' ' && c != '\n');
        // The text may contain empty lines; the signatures stand behind the last one.
        let split = note.rfind("\n\n").filter(|_| is_clean).and_then(|at| note.split_at_checked(at + 1));
        let (text, signatures) = split.ok_or(BadNote::Form)?;
        let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let mut is_signed = false;
        for line in signatures.ok_or(BadNote::Form)?.split('\n').take(MAX_SIGNATURES) {
            let parts = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
            let (name, signature) = parts.ok_or(BadNote::Form)?;
            let signature = STANDARD.decode(signature).map_err(|_| BadNote::Form)?;
            let (id, signature) = signature.split_first_chunk::<4>().ok_or(BadNote::Form)?;
            if name != self.name || *id != self.id {
                continue;
            }
            let key = UnparsedPublicKey::new(&ED25519, &self.key);
            key.verify(text.as_bytes(), signature).map_err(|_| BadNote::WrongSignature)?;
            is_signed = true;
        }
        if is_signed { Ok(text) } else { Err(BadNote::NotSigned) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self, &self.key))
    }
}

impl FromStr for Verifier {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let Parts { name, id, key } = parts(text)?;
        let verifier = Verifier::new(name, *key)?;
        if verifier.id == id { Ok(verifier) } else { Err(BadKey::Id) }
    }
}

/// `<name>+<key id>+<base64 of the type and the key>`
fn written(verifier: &Verifier, key: &[u8; 32]) -> String {
    let id = u32::from_be_bytes(verifier.id);
    let typed = Zeroizing::new([&[ED25519_TYPE], key.as_slice()].concat());
    format!("{}+{id:08x}+{}", verifier.name, STANDARD.encode(&*typed))
}

/// The parts of a key in text form, public or secret.
struct Parts<'a> {
    name: &'a str,
    id: [u8; 4],
    key: Zeroizing<[u8; 32]>,
}

fn parts(text: &str) -> Result<Parts<'_>, BadKey> {
    // A base64 text may contain plus signs, a name may not.
    let mut parts = text.trim().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(BadKey::Form);
    };
    let is_hex = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| is_hex).ok_or(BadKey::Form)?;
    let typed = Zeroizing::new(STANDARD.decode(key).map_err(|_| BadKey::Form)?);
    match typed.split_first() {
        Some((&ED25519_TYPE, key)) => {
            let key = Zeroizing::new(key.try_into().map_err(|_| BadKey::Form)?);
            Ok(Parts { name, id: id.to_be_bytes(), key })
        }
        _ => Err(BadKey::Form),
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    /// The example of golang.org/x/mod/sumdb/note.
    const SECRET_KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn verifier() -> Verifier {
        PUBLIC_KEY.parse().unwrap()
    }

    #[test]
    fn signed_note_known_answer() {
        let signer = Signer::parse(SECRET_KEY).unwrap();
        assert_eq!(signer.verifier(), &verifier());
        assert_eq!(signer.verifier().to_string(), PUBLIC_KEY);
        assert_eq!(*signer.secret(), SECRET_KEY);
        let note = signer.sign(TEXT);
        assert_eq!(note, format!("{TEXT}\n{SIGNATURE}"));
        assert_eq!(verifier().open(&note), Ok(TEXT));
    }

    #[test]
    fn signed_note_signatures_of_others_do_not_matter() {
        let other = Signer::new("witness.example/1", [7; 32]).unwrap();
        let cosigned = other.sign(TEXT).split_once("\n\n").unwrap().1.to_owned();
        assert_eq!(verifier().open(&format!("{TEXT}\n{cosigned}{SIGNATURE}")), Ok(TEXT));
        assert_eq!(verifier().open(&format!("{TEXT}\n{cosigned}")), Err(BadNote::NotSigned));
    }

    #[test]
    fn signed_note_text_may_have_empty_lines() {
        let signer = Signer::new("a", [1; 32]).unwrap();
        assert_eq!(signer.verifier().open(&signer.sign("a\n\nb\n")), Ok("a\n\nb\n"));
    }

    #[test_case(|note| note.replace("think", "thank") => BadNote::WrongSignature; "another text")]
    #[test_case(|note| note.replace("x08go/Z", "x08go/Y") => BadNote::WrongSignature; "another signature")]
    #[test_case(|note| note.replace("x08go", "y08go") => BadNote::NotSigned; "another key id")]
    #[test_case(|note| note.replace("PeterNeumann", "Peter") => BadNote::NotSigned; "another name")]
    #[test_case(|note| note.trim_end().to_owned() => BadNote::Form; "no line end")]
    #[test_case(|note| note.replace("\n\n", "\n") => BadNote::Form; "no empty line")]
    #[test_case(|note| note.replace('\u{2014}', "-") => BadNote::Form; "no dash")]
    #[test_case(|note| note.replace("If", "\tIf") => BadNote::Form; "a control character")]
    #[test_case(|_| String::new() => BadNote::Form; "nothing")]
    #[test_case(|note| format!("{}{note}", "a".repeat(LONGEST_NOTE)) => BadNote::Form; "too long")]
    fn signed_note_changed_says_nothing(change: fn(String) -> String) -> BadNote {
        verifier().open(&change(format!("{TEXT}\n{SIGNATURE}"))).unwrap_err()
    }

    #[test_case("PeterNeumann+c74f20a3" => BadKey::Form; "no key")]
    #[test_case("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" => BadKey::Id; "another id")]
    #[test_case("Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" => BadKey::Id; "another name")]
    #[test_case("P N+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" => BadKey::Name; "a space")]
    #[test_case("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" => BadKey::Name; "no name")]
    #[test_case("PeterNeumann+c74f20a3+AhpcmQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" => BadKey::Form; "another type")]
    fn signed_note_bad_key_is_refused(key: &str) -> BadKey {
        key.parse::<Verifier>().unwrap_err()
    }
}
