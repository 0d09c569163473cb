//! The little of the tar format (POSIX.1-1988, ustar) that a bundle needs: plain files with short names.

use std::io::{self, Read};

/// Everything in an archive is a multiple of this.
const BLOCK: usize = 512;

/// Two empty blocks end an archive.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Largest file: what eleven octal digits can say.
const MAX_BYTES: u64 = 0o777_7777_7777;

/// Bytes in an archive for a file of `bytes`.
pub(super) fn entry_bytes(bytes: u64) -> u64 {
    BLOCK as u64 + bytes.next_multiple_of(BLOCK as u64)
}

/// What stands before a file; `None` for a name or a size that the format does not have.
pub(super) fn header(name: &str, bytes: u64, made_s: i64) -> Option<[u8; BLOCK]> {
    let made = u64::try_from(made_s).unwrap_or(0);
    if !is_plain(name) || bytes > MAX_BYTES || made > MAX_BYTES {
        return None;
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        if let Some(to) = header.get_mut(at..at + text.len()) {
            to.copy_from_slice(text);
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{bytes:011o}\0").as_bytes());
    put(136, format!("{made:011o}\0").as_bytes());
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(to) = header.get_mut(148..156) {
        to.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Some(header)
}

/// Zeros behind a file.
pub(super) fn padding(bytes: u64) -> Vec<u8> {
    let length = bytes.next_multiple_of(BLOCK as u64) - bytes;
    vec![0; usize::try_from(length).unwrap_or_default()]
}

/// A name that can be a file anywhere, and leads nowhere else.
fn is_plain(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=99).contains(&name.len()) && name.bytes().all(is_good) && !name.starts_with('.')
}

/// The beginning of the next file: its name and its size; `None` at the end of the archive.
///
/// # Errors
/// The archive has something that a bundle has not, or ends early.
pub(super) fn next(source: &mut impl Read) -> io::Result<Option<(String, u64)>> {
    let mut header = [0; BLOCK];
    source.read_exact(&mut header)?;
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the archive is no bundle: {what}"));
    let field = |at: usize, length: usize| {
        let bytes = header.get(at..at + length).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        std::str::from_utf8(bytes.get(..end).unwrap_or_default()).unwrap_or_default().trim_end()
    };
    let (name, size) = (field(0, 100).to_owned(), u64::from_str_radix(field(124, 12), 8));
    let size = size.ok().filter(|size| *size <= MAX_BYTES).ok_or_else(|| wrong("a file without a size"))?;
    let is_file = header.get(156) == Some(&b'0') && field(345, 155).is_empty();
    // Written by the same rule, so whatever else is different in it is no bundle's.
    let made = i64::from_str_radix(field(136, 12), 8).unwrap_or_default();
    if !is_file || self::header(&name, size, made) != Some(header) {
        return Err(wrong("something that is no plain file"));
    }
    Ok(Some((name, size)))
}

/// Passes over the zeros behind a file of this size.
///
/// # Errors
/// They are none.
pub(super) fn skip_padding(source: &mut impl Read, bytes: u64) -> io::Result<()> {
    let mut zeros = padding(bytes);
    source.read_exact(&mut zeros)?;
    let are_zeros = zeros.iter().all(|byte| *byte == 0);
    are_zeros.then_some(()).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the archive is no bundle"))
}
