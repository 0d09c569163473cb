//! The header: for each reader the key of the file, which only that one can open, and a check of the whole.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::NONCE_LEN;
use ring::hmac;

use super::{FileKey, Identity, NotAKey, NotOpened, Recipient, derive, header_mac_key, seal, unseal};

const VERSION: &str = "age-encryption.org/v1";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";
const X25519: &str = "X25519";

/// Longest line and most bytes of a header that is read: enough for hundreds of readers.
const MAX_LINE_BYTES: u64 = 4096;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// A line of a body that is as long as this is not the last one.
const COLUMNS: usize = 64;

/// Bytes of a header for so many readers.
pub(super) fn bytes(readers: usize) -> usize {
    const STANZA: usize = "-> X25519 ".len() + 43 + 1 + 43 + 1;
    VERSION.len() + 1 + readers * STANZA + "--- ".len() + 43 + 1
}

/// The header of a new file.
pub(super) fn write(readers: &[Recipient], file_key: &FileKey) -> Result<Vec<u8>, NotAKey> {
    let mut header = format!("{VERSION}\n");
    for reader in readers {
        let ephemeral = Identity::generate();
        let share = ephemeral.recipient().0;
        let shared = ephemeral.agree(&reader.0).ok_or(NotAKey::Public)?;
        let wrapped = seal(&derive(&shared[..], &salt(&share, reader), INFO), [0; NONCE_LEN], file_key.to_vec());
        let (share, body) = (STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(wrapped));
        header.push_str(&format!("-> {X25519} {share}\n{body}\n"));
    }
    header.push_str("---");
    let mac = hmac::sign(&header_mac_key(file_key), header.as_bytes());
    header.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(mac)));
    Ok(header.into_bytes())
}

fn salt(share: &[u8; 32], reader: &Recipient) -> Vec<u8> {
    [share.as_slice(), &reader.0].concat()
}

/// Reads a header, to its end and no further, and finds the key of the file.
pub(super) fn read(source: &mut impl BufRead, identity: &Identity) -> Result<FileKey, NotOpened> {
    let mut lines = Lines { source, seen: Vec::new() };
    if lines.next()? != VERSION {
        return Err(NotOpened::Form("it does not begin so"));
    }
    let mut found: Option<FileKey> = None;
    let mut line = lines.next()?;
    while let Some(stanza) = line.strip_prefix("-> ") {
        let (stanza, body) = (stanza.to_owned(), lines.body()?);
        if found.is_none() {
            found = open(&stanza, &body, identity)?;
        }
        line = lines.next()?;
    }
    let mac = line.strip_prefix("--- ").and_then(decode).ok_or(NotOpened::Form("its header has no end"))?;
    let file_key = found.ok_or(NotOpened::OtherReader)?;
    let checked = lines.seen.len().saturating_sub(line.len() + 1) + "---".len();
    let checked = lines.seen.get(..checked).unwrap_or_default();
    let is_whole = hmac::verify(&header_mac_key(&file_key), checked, &mac).is_ok();
    is_whole.then_some(file_key).ok_or(NotOpened::Form("its header was altered"))
}

/// The key of the file, where a stanza is for this reader.
fn open(stanza: &str, body: &[u8], identity: &Identity) -> Result<Option<FileKey>, NotOpened> {
    let mut words = stanza.split(' ');
    if words.next() != Some(X25519) {
        return Ok(None);
    }
    let wrong = NotOpened::Form("a key in it is none");
    let share = words.next().and_then(decode).and_then(|share| <[u8; 32]>::try_from(share).ok());
    let (Some(share), None) = (share, words.next()) else { return Err(wrong) };
    if body.len() != 32 {
        return Err(wrong);
    }
    let shared = identity.agree(&share).ok_or(wrong)?;
    let key = derive(&shared[..], &salt(&share, &identity.recipient()), INFO);
    let opened = unseal(&key, [0; NONCE_LEN], body.to_vec()).map(zeroize::Zeroizing::new);
    Ok(opened.and_then(|key| <[u8; 16]>::try_from(key.as_slice()).ok()).map(FileKey::new))
}

/// Base64 without padding, in its one form.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

struct Lines<'a, R> {
    source: &'a mut R,
    seen: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<String, NotOpened> {
        let mut line = Vec::new();
        let mut limited = std::io::Read::take(&mut *self.source, MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line)?;
        self.seen.extend_from_slice(&line);
        let is_text = line.pop() == Some(b'\n') && line.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_text || self.seen.len() > MAX_HEADER_BYTES {
            return Err(NotOpened::Form("its header is none"));
        }
        String::from_utf8(line).map_err(|_| NotOpened::Form("its header is none"))
    }

    /// Lines of 64 characters, and one that is shorter.
    fn body(&mut self) -> Result<Vec<u8>, NotOpened> {
        let mut text = String::new();
        loop {
            let line = self.next()?;
            text.push_str(&line);
            if line.len() < COLUMNS {
                return decode(&text).ok_or(NotOpened::Form("its header is none"));
            }
            if line.len() > COLUMNS {
                return Err(NotOpened::Form("its header is none"));
            }
        }
    }
}
