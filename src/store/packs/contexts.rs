//! What zstd works with: a few hundred kilobytes that are dear to make for a short letter. A few of them are kept for
//! whoever is next. And what it knows beforehand of the prefixes of letters, which all say nearly the same.

use std::io;
use std::sync::{LazyLock, OnceLock};

use parking_lot::Mutex;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::Kind;

/// How many of a kind are kept when nobody needs them; more than that compress at once on no machine for long.
const MAX_IDLE: usize = 16;

/// What stands above letters: a text that a prefix repeats most of. Records are compressed with these very bytes, so
/// they never change; a better one would be a dictionary beside this one.
const PREFIXES: &[u8] = include_bytes!("prefixes.dictionary");

/// The highest level of zstd that `store.compression_level` allows.
pub(super) const MAX_LEVEL: i32 = 19;

/// The level for prefixes where others are compressed at the lowest: it leaves alone what repeats nothing, and that is
/// hashes and signatures, of which little could be saved. It takes half the time, and an eighth more room.
const FAST_LEVEL: i32 = -4;

static COMPRESSORS: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// [`PREFIXES`] as zstd wants it, for each level; the first one for [`FAST_LEVEL`].
static TO_COMPRESS: [OnceLock<EncoderDictionary<'static>>; MAX_LEVEL as usize + 1] =
    [const { OnceLock::new() }; MAX_LEVEL as usize + 1];
static TO_DECOMPRESS: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(PREFIXES));

/// What zstd knows before it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Dictionary {
    Nothing,
    /// What is written above every letter. The marks of a letter take a quarter to a half less with it, and less
    /// time.
    Prefixes,
}

impl Dictionary {
    /// For a new record of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bytes => Dictionary::Prefixes,
            Kind::Body | Kind::Rows => Dictionary::Nothing,
        }
    }
}

/// One that compresses at this level, or prefixes still faster; the lengths of contents are not written, the record's
/// header knows them.
pub(super) fn compressor(level: i32, dictionary: Dictionary) -> io::Result<Compressor<'static>> {
    let idle = COMPRESSORS.lock().pop();
    let mut compressor = idle.map_or_else(|| Compressor::new(level), Ok)?;
    // This forgets a dictionary.
    compressor.set_compression_level(level)?;
    if dictionary == Dictionary::Prefixes {
        let level = if level > 1 { level } else { FAST_LEVEL };
        let prepared = TO_COMPRESS.get(usize::try_from(level).unwrap_or(0));
        let prepared = prepared.ok_or_else(|| io::Error::other(format!("zstd has no level {level}")))?;
        compressor.set_prepared_dictionary(prepared.get_or_init(|| EncoderDictionary::copy(PREFIXES, level)))?;
    }
    compressor.include_contentsize(false)?;
    Ok(compressor)
}

/// Keeps it for the next one. One that failed is better dropped.
pub(super) fn keep_compressor(compressor: Compressor<'static>) {
    keep(&COMPRESSORS, compressor);
}

pub(super) fn decompressor(dictionary: Dictionary) -> io::Result<Decompressor<'static>> {
    let idle = DECOMPRESSORS.lock().pop();
    let mut decompressor = idle.map_or_else(Decompressor::new, Ok)?;
    match dictionary {
        Dictionary::Nothing => decompressor.set_dictionary(&[])?,
        Dictionary::Prefixes => decompressor.set_prepared_dictionary(&TO_DECOMPRESS)?,
    }
    Ok(decompressor)
}

/// Keeps it for the next one. One that failed is better dropped.
pub(super) fn keep_decompressor(decompressor: Decompressor<'static>) {
    keep(&DECOMPRESSORS, decompressor);
}

fn keep<T>(idle: &Mutex<Vec<T>>, one: T) {
    let mut idle = idle.lock();
    if idle.len() < MAX_IDLE {
        idle.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_the_one_that_records_are_compressed_with() {
        // Whoever changes it makes every compressed prefix of every store unreadable.
        assert_eq!(
            blake3::hash(PREFIXES).to_hex().as_str(),
            "7a0549dd89654a9d975f0bee50f374e65e9719e2224ccbd1e14a69b352c5bf90"
        );
    }
}
