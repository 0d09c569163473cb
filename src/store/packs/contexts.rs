//! What zstd works with: a few hundred kilobytes that are dear to make for a short letter. Each thread keeps its own for
//! the next one, so there are as many as threads that code records: those of the runtime, the readers and committers,
//! and for some seconds those on which something long was done. And what zstd knows beforehand of the prefixes of
//! letters, which all say nearly the same.

use std::cell::Cell;
use std::io;
use std::sync::{LazyLock, OnceLock};
use std::thread::LocalKey;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::Kind;

/// What stands above letters: a text that a prefix repeats most of. Records are compressed with these very bytes, so
/// they never change; a better one would be a dictionary beside these.
const PREFIXES: &[u8] = include_bytes!("prefixes.dictionary");

/// How often what is repeated from how far, as zstd writes it at the beginning of a dictionary: counted in the prefixes
/// of the demo. With it zstd need not count for each prefix, nor say what it counted. It never changes either.
const FREQUENCIES: &[u8] = include_bytes!("prefixes.frequencies");

/// The highest level of zstd that `store.compression_level` allows.
pub(super) const MAX_LEVEL: i32 = 19;

/// The level for prefixes where others are compressed at the lowest: it leaves alone what repeats nothing, and that is
/// hashes and signatures, of which little could be saved. It takes little more than half the time, and a quarter more
/// room.
const FAST_LEVEL: i32 = -4;

thread_local! {
    // Not shared: what another processor wrote last has to come from its cache.
    static COMPRESSOR: Cell<Option<Compressing>> = const { Cell::new(None) };
    static DECOMPRESSOR: Cell<Option<Decompressor<'static>>> = const { Cell::new(None) };
}

static COUNTED_PREFIXES: LazyLock<Vec<u8>> = LazyLock::new(|| [FREQUENCIES, PREFIXES].concat());

/// [`COUNTED_PREFIXES`] as zstd wants it, for each level; the first one for [`FAST_LEVEL`].
static TO_COMPRESS: [OnceLock<EncoderDictionary<'static>>; MAX_LEVEL as usize + 1] =
    [const { OnceLock::new() }; MAX_LEVEL as usize + 1];
static PREFIXES_TO_DECOMPRESS: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(PREFIXES));
static COUNTED_TO_DECOMPRESS: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&COUNTED_PREFIXES));

/// A compressor, with room for what it makes.
pub(super) struct Compressing {
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
}

/// What zstd knows before it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Dictionary {
    Nothing,
    /// What is written above every letter, as it was given to zstd at first.
    Prefixes,
    /// The same, with how often what is repeated. The marks of a letter take a quarter to a half less with it, and less
    /// time.
    CountedPrefixes,
}

impl Dictionary {
    /// For a new record of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bytes => Dictionary::CountedPrefixes,
            Kind::Body | Kind::Rows => Dictionary::Nothing,
        }
    }
}

/// One for new records, which compresses at this level, or prefixes still faster; the lengths of contents are not
/// written, the record's header knows them, and neither is which dictionary it was.
pub(super) fn compressor(level: i32, kind: Kind) -> io::Result<Compressing> {
    let idle = take(&COMPRESSOR);
    let mut compressing = idle.map_or_else(|| Compressing::new(level), Ok)?;
    let compressor = &mut compressing.compressor;
    // This forgets a dictionary.
    compressor.set_compression_level(level)?;
    if Dictionary::of(kind) == Dictionary::CountedPrefixes {
        let level = if level > 1 { level } else { FAST_LEVEL };
        let prepared = TO_COMPRESS.get(usize::try_from(level).unwrap_or(0));
        let prepared = prepared.ok_or_else(|| io::Error::other(format!("zstd has no level {level}")))?;
        let prepare = || EncoderDictionary::copy(&COUNTED_PREFIXES, level);
        compressor.set_prepared_dictionary(prepared.get_or_init(prepare))?;
    }
    compressor.include_contentsize(false)?;
    compressor.include_dictid(false)?;
    // What has no hash is compared with zstd's own check of the content whenever it is read.
    compressor.include_checksum(kind != Kind::Body)?;
    Ok(compressing)
}

impl Compressing {
    fn new(level: i32) -> io::Result<Self> {
        Ok(Compressing { compressor: Compressor::new(level)?, compressed: Vec::new() })
    }

    /// Compresses a chunk.
    pub(super) fn compress(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(chunk.len()));
        self.compressor.compress_to_buffer(chunk, &mut self.compressed).map(drop)
    }

    /// The last chunk.
    pub(super) fn compressed(&self) -> &[u8] {
        &self.compressed
    }
}

/// Keeps it for the thread's next one. One that failed is better dropped.
pub(super) fn keep_compressor(compressor: Compressing) {
    keep(&COMPRESSOR, compressor);
}

pub(super) fn decompressor(dictionary: Dictionary) -> io::Result<Decompressor<'static>> {
    let idle = take(&DECOMPRESSOR);
    let mut decompressor = idle.map_or_else(Decompressor::new, Ok)?;
    match dictionary {
        Dictionary::Nothing => decompressor.set_dictionary(&[])?,
        Dictionary::Prefixes => decompressor.set_prepared_dictionary(&PREFIXES_TO_DECOMPRESS)?,
        Dictionary::CountedPrefixes => decompressor.set_prepared_dictionary(&COUNTED_TO_DECOMPRESS)?,
    }
    Ok(decompressor)
}

/// Keeps it for the thread's next one. One that failed is better dropped.
pub(super) fn keep_decompressor(decompressor: Decompressor<'static>) {
    keep(&DECOMPRESSOR, decompressor);
}

/// A thread that ends has nothing any more.
fn take<T>(idle: &'static LocalKey<Cell<Option<T>>>) -> Option<T> {
    idle.try_with(Cell::take).ok().flatten()
}

fn keep<T>(idle: &'static LocalKey<Cell<Option<T>>>, one: T) {
    // If its thread ends it goes with it.
    let _ = idle.try_with(|idle| idle.set(Some(one)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionaries_are_those_that_records_are_compressed_with() {
        // Whoever changes them makes every compressed prefix of every store unreadable.
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        assert_eq!(hash(PREFIXES), "7a0549dd89654a9d975f0bee50f374e65e9719e2224ccbd1e14a69b352c5bf90");
        assert_eq!(hash(FREQUENCIES), "99f99637ba6fa4c32a360da4e1c9e3d97db2d73fa4b6a67c4f06fb979b6b4942");
    }

    #[test]
    fn a_prefix_that_was_compressed_with_the_first_dictionary_is_read() {
        let prefix = "Postal-Item-Id: 01M8MC7JDE8G5VV6BCM1TXACWB\r\nReceived: from [127.0.0.1]\r\n".repeat(3);
        let mut first = Compressor::with_dictionary(1, PREFIXES).unwrap();
        first.include_contentsize(false).unwrap();
        let compressed = first.compress(prefix.as_bytes()).unwrap();
        let read = decompressor(Dictionary::Prefixes).unwrap().decompress(&compressed, prefix.len()).unwrap();
        assert_eq!(read, prefix.as_bytes());
    }
}
