//! What zstd works with: a few hundred kilobytes that are dear to make for a short letter. A few of them are kept for
//! whoever is next.

use std::io;

use parking_lot::Mutex;
use zstd::bulk::{Compressor, Decompressor};

/// How many of a kind are kept when nobody needs them; more than that compress at once on no machine for long.
const MAX_IDLE: usize = 16;

static COMPRESSORS: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// One that compresses at this level; the lengths of contents are not written, the record's header knows them.
pub(super) fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    let idle = COMPRESSORS.lock().pop();
    let mut compressor = idle.map_or_else(|| Compressor::new(level), Ok)?;
    compressor.set_compression_level(level)?;
    compressor.include_contentsize(false)?;
    Ok(compressor)
}

/// Keeps it for the next one. One that failed is better dropped.
pub(super) fn keep_compressor(compressor: Compressor<'static>) {
    keep(&COMPRESSORS, compressor);
}

pub(super) fn decompressor() -> io::Result<Decompressor<'static>> {
    let idle = DECOMPRESSORS.lock().pop();
    idle.map_or_else(Decompressor::new, Ok)
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
