//! What contents are compressed with: a few hundred kilobytes that are dear to make for a short letter. Each thread
//! keeps its own for the next one, so there are as many as threads that code records: those of the runtime, the readers
//! and committers, and for some seconds those on which something long was done. And what is known beforehand of the
//! prefixes of letters, which all say nearly the same.

use std::cell::Cell;
use std::io;
use std::sync::{LazyLock, OnceLock};
use std::thread::LocalKey;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::Kind;
use super::phrases::{self, Phrases};

/// What stands above letters: a text that a prefix repeats most of. Records are compressed with these very bytes, so
/// they never change; a better one would be a dictionary beside these.
pub(super) const PREFIXES: &[u8] = include_bytes!("prefixes.dictionary");

/// How often what is repeated from how far, as zstd writes it at the beginning of a dictionary: counted in the prefixes
/// of the demo. With it zstd need not count for each prefix, nor say what it counted. It never changes either.
const FREQUENCIES: &[u8] = include_bytes!("prefixes.frequencies");

/// The highest level of zstd that `store.compression_level` allows.
pub(super) const MAX_LEVEL: i32 = 19;

thread_local! {
    // Not shared: what another processor wrote last has to come from its cache. With room for what they make.
    static ZSTD: Cell<Option<(Compressor<'static>, Vec<u8>)>> = const { Cell::new(None) };
    static PHRASES: Cell<Option<(Phrases, Vec<u8>)>> = const { Cell::new(None) };
    static DECOMPRESSOR: Cell<Option<Decompressor<'static>>> = const { Cell::new(None) };
}

static COUNTED_PREFIXES: LazyLock<Vec<u8>> = LazyLock::new(|| [FREQUENCIES, PREFIXES].concat());

/// [`COUNTED_PREFIXES`] as zstd wants it, for each level.
static TO_COMPRESS: [OnceLock<EncoderDictionary<'static>>; MAX_LEVEL as usize + 1] =
    [const { OnceLock::new() }; MAX_LEVEL as usize + 1];
static PREFIXES_TO_DECOMPRESS: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(PREFIXES));
static COUNTED_TO_DECOMPRESS: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&COUNTED_PREFIXES));

/// A compressor, with room for what it makes.
pub(super) struct Compressing {
    compressor: AnyCompressor,
    compressed: Vec<u8>,
}

enum AnyCompressor {
    Zstd(Compressor<'static>, Dictionary),
    Phrases(Phrases),
}

/// A decompressor.
pub(super) enum Decompressing {
    Zstd(Decompressor<'static>),
    Phrases,
}

/// How contents are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Method {
    Zstd(Dictionary),
    /// As phrases of what stands above every letter (module `phrases`).
    Phrases,
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
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bytes => Dictionary::CountedPrefixes,
            Kind::Body | Kind::Rows => Dictionary::Nothing,
        }
    }
}

/// One that finds phrases.
pub(super) fn phrases() -> Compressing {
    let (phrases, compressed) = take(&PHRASES).unwrap_or_default();
    Compressing { compressor: AnyCompressor::Phrases(phrases), compressed }
}

/// zstd for a new record of this kind, at this level; the lengths of contents are not written, the record's header
/// knows them, and neither is which dictionary it was.
pub(super) fn zstd(level: i32, kind: Kind) -> io::Result<Compressing> {
    let dictionary = Dictionary::of(kind);
    let idle = take(&ZSTD);
    let (mut zstd, compressed) = idle.map_or_else(|| Ok((Compressor::new(level)?, Vec::new())), io::Result::Ok)?;
    // This forgets a dictionary.
    zstd.set_compression_level(level)?;
    if dictionary == Dictionary::CountedPrefixes {
        let prepared = TO_COMPRESS.get(usize::try_from(level).unwrap_or(0));
        let prepared = prepared.ok_or_else(|| io::Error::other(format!("zstd has no level {level}")))?;
        let prepare = || EncoderDictionary::copy(&COUNTED_PREFIXES, level);
        zstd.set_prepared_dictionary(prepared.get_or_init(prepare))?;
    }
    zstd.include_contentsize(false)?;
    zstd.include_dictid(false)?;
    // What has no hash is compared with a check of the content whenever it is read.
    zstd.include_checksum(kind != Kind::Body)?;
    Ok(Compressing { compressor: AnyCompressor::Zstd(zstd, dictionary), compressed })
}

impl Compressing {
    /// How it compresses.
    pub(super) fn method(&self) -> Method {
        match self.compressor {
            AnyCompressor::Zstd(_, dictionary) => Method::Zstd(dictionary),
            AnyCompressor::Phrases(_) => Method::Phrases,
        }
    }

    /// Compresses a chunk.
    pub(super) fn compress(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.compressed.clear();
        match &mut self.compressor {
            AnyCompressor::Zstd(zstd, _) => {
                self.compressed.reserve(zstd::zstd_safe::compress_bound(chunk.len()));
                zstd.compress_to_buffer(chunk, &mut self.compressed).map(drop)
            }
            AnyCompressor::Phrases(phrases) => {
                phrases.compress(chunk, &mut self.compressed);
                Ok(())
            }
        }
    }

    /// The last chunk.
    pub(super) fn compressed(&self) -> &[u8] {
        &self.compressed
    }
}

/// Keeps it for the thread's next one. One that failed is better dropped.
pub(super) fn keep_compressor(Compressing { compressor, compressed }: Compressing) {
    match compressor {
        AnyCompressor::Zstd(zstd, _) => keep(&ZSTD, (zstd, compressed)),
        AnyCompressor::Phrases(phrases) => keep(&PHRASES, (phrases, compressed)),
    }
}

/// One for what was compressed so.
pub(super) fn decompressor(method: Method) -> io::Result<Decompressing> {
    let Method::Zstd(dictionary) = method else { return Ok(Decompressing::Phrases) };
    let idle = take(&DECOMPRESSOR);
    let mut zstd = idle.map_or_else(Decompressor::new, Ok)?;
    match dictionary {
        Dictionary::Nothing => zstd.set_dictionary(&[])?,
        Dictionary::Prefixes => zstd.set_prepared_dictionary(&PREFIXES_TO_DECOMPRESS)?,
        Dictionary::CountedPrefixes => zstd.set_prepared_dictionary(&COUNTED_TO_DECOMPRESS)?,
    }
    Ok(Decompressing::Zstd(zstd))
}

impl Decompressing {
    /// Decompresses a chunk of `len` bytes into `content`, which is empty. How many it had.
    pub(super) fn decompress(&mut self, compressed: &[u8], len: usize, content: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Decompressing::Zstd(zstd) => {
                content.reserve_exact(len);
                zstd.decompress_to_buffer(compressed, content)
            }
            Decompressing::Phrases => phrases::decompress(compressed, len, content),
        }
    }
}

/// Keeps it for the thread's next one. One that failed is better dropped.
pub(super) fn keep_decompressor(decompressor: Decompressing) {
    if let Decompressing::Zstd(zstd) = decompressor {
        keep(&DECOMPRESSOR, zstd);
    }
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
        let (mut read, method) = (Vec::new(), Method::Zstd(Dictionary::Prefixes));
        decompressor(method).unwrap().decompress(&compressed, prefix.len(), &mut read).unwrap();
        assert_eq!(read, prefix.as_bytes());
    }
}
