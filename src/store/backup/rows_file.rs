//! All rows of one moment in a file, in key order.
//!
//! `POSHTARW`, the format (u32), then blocks: the length of its rows (u32), a check of 8 bytes over the block's
//! number and its rows, the rows. A row is the lengths of key and value (u32 each), the key, the value. The last
//! block is empty and followed by the number of rows (u64) and the BLAKE3 of all rows (32 bytes). Numbers are
//! big-endian. A file that was cut short, or changed, is found out at the block where it is.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::super::{Error, Result, Rows};
use super::FILE_MODE;
use super::manifest::RowsFile;

const MAGIC: &[u8; 8] = b"POSHTARW";
const FORMAT: u32 = 1;

/// A block is ended when it has this many bytes.
const BLOCK_BYTES: usize = 256 << 10;

/// No block is longer: a block holds at most one row more than [`BLOCK_BYTES`], and rows are small.
const MAX_BLOCK_BYTES: usize = 1 << 20;

const CHECK_BYTES: usize = 8;

/// The file with this number.
pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join("rows").join(format!("{number:04}.rows"))
}

/// Writes the file.
#[derive(Debug)]
pub(super) struct RowsWriter {
    file: File,
    block: Vec<u8>,
    blocks: u64,
    hasher: blake3::Hasher,
    written: RowsFile,
}

impl RowsWriter {
    pub(super) fn create(dir: &Path, number: u32) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(FILE_MODE).open(path(dir, number))?;
        let written = RowsFile { number, ..RowsFile::default() };
        let mut writer = RowsWriter { file, block: Vec::new(), blocks: 0, hasher: blake3::Hasher::new(), written };
        writer.write(&[&MAGIC[..], &FORMAT.to_be_bytes()].concat())?;
        Ok(writer)
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        for field in [key, value] {
            let len = u32::try_from(field.len()).map_err(|_| Error::Engine("a row is too large".into()))?;
            self.block.extend(len.to_be_bytes());
        }
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.written.count += 1;
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    /// Ends the file and syncs it.
    pub(super) fn finish(mut self) -> Result<RowsFile> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.end_block()?;
        let hash = self.hasher.finalize();
        self.write(&[&self.written.count.to_be_bytes()[..], hash.as_bytes()].concat())?;
        self.file.sync_all()?;
        Ok(RowsFile { hash: hash.to_hex().to_string(), ..self.written })
    }

    fn end_block(&mut self) -> Result<()> {
        let block = std::mem::take(&mut self.block);
        let len = u32::try_from(block.len()).map_err(|_| Error::Engine("a block of rows is too large".into()))?;
        self.hasher.update(&block);
        self.write(&len.to_be_bytes())?;
        self.write(&check_of(self.blocks, &block))?;
        self.write(&block)?;
        self.blocks += 1;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.written.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Reads the file.
#[derive(Debug)]
pub(in crate::store) struct RowsReader {
    path: PathBuf,
    file: BufReader<File>,
    blocks: u64,
    hasher: blake3::Hasher,
    count: u64,
    expected: RowsFile,
    is_at_end: bool,
}

impl RowsReader {
    pub(in crate::store) fn open(dir: &Path, expected: &RowsFile) -> Result<Self> {
        let path = path(dir, expected.number);
        let file = File::open(&path).map_err(|error| damaged(&path, &error.to_string()))?;
        let mut reader = RowsReader {
            path,
            file: BufReader::with_capacity(BLOCK_BYTES, file),
            blocks: 0,
            hasher: blake3::Hasher::new(),
            count: 0,
            expected: expected.clone(),
            is_at_end: false,
        };
        if reader.take::<8>()? != *MAGIC || reader.take()? != FORMAT.to_be_bytes() {
            return Err(damaged(&reader.path, "it is no file of rows of this format"));
        }
        Ok(reader)
    }

    /// The next rows; none at the end, when all of the file has been compared with the manifest.
    ///
    /// # Errors
    /// `Damaged`; I/O.
    pub(in crate::store) fn next(&mut self) -> Result<Rows> {
        if self.is_at_end {
            return Ok(Rows::new());
        }
        let len = u32::from_be_bytes(self.take()?) as usize;
        let check = self.take::<CHECK_BYTES>()?;
        if len > MAX_BLOCK_BYTES {
            return Err(self.damaged_block());
        }
        let mut block = vec![0; len];
        self.file.read_exact(&mut block).map_err(|error| self.cut(&error))?;
        if check != check_of(self.blocks, &block) {
            return Err(self.damaged_block());
        }
        self.hasher.update(&block);
        self.blocks += 1;
        if block.is_empty() {
            return self.end();
        }
        let rows = rows_in(&block).ok_or_else(|| self.damaged_block())?;
        self.count += rows.len() as u64;
        Ok(rows)
    }

    fn end(&mut self) -> Result<Rows> {
        let count = u64::from_be_bytes(self.take()?);
        let hash = blake3::Hash::from_bytes(self.take()?);
        let is_whole = count == self.count && hash == self.hasher.finalize();
        if !is_whole || count != self.expected.count || hash.to_hex().as_str() != self.expected.hash {
            return Err(damaged(&self.path, "it is not the file that belongs to this backup"));
        }
        self.is_at_end = true;
        Ok(Rows::new())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut field = [0; N];
        self.file.read_exact(&mut field).map_err(|error| self.cut(&error))?;
        Ok(field)
    }

    fn cut(&self, error: &io::Error) -> Error {
        damaged(&self.path, &error.to_string())
    }

    fn damaged_block(&self) -> Error {
        damaged(&self.path, &format!("block {} is damaged", self.blocks))
    }
}

fn rows_in(mut block: &[u8]) -> Option<Rows> {
    let mut rows = Rows::new();
    while !block.is_empty() {
        let (key_len, rest) = block.split_first_chunk()?;
        let (value_len, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*key_len) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
        rows.push((key.to_vec(), value.to_vec()));
        block = rest;
    }
    Some(rows)
}

fn check_of(block: u64, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&block.to_be_bytes()).update(bytes).finalize_xof().fill(&mut check);
    check
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::Damaged(format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(dir: &Path, rows: &Rows) -> RowsFile {
        std::fs::create_dir_all(dir.join("rows")).unwrap();
        let mut writer = RowsWriter::create(dir, 3).unwrap();
        rows.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
        writer.finish().unwrap()
    }

    fn read(dir: &Path, file: &RowsFile) -> Result<Rows> {
        let mut reader = RowsReader::open(dir, file)?;
        let mut all = Rows::new();
        loop {
            let rows = reader.next()?;
            if rows.is_empty() {
                return Ok(all);
            }
            all.extend(rows);
        }
    }

    fn many() -> Rows {
        (0..5_000_u32).map(|number| (number.to_be_bytes().to_vec(), vec![number as u8; 150])).collect()
    }

    #[test]
    fn what_was_written_is_read_and_the_length_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for rows in [Rows::new(), vec![(vec![1], vec![])], many()] {
            let file = written(dir.path(), &rows);
            assert_eq!(file.bytes, std::fs::metadata(path(dir.path(), 3)).unwrap().len());
            assert_eq!(read(dir.path(), &file).unwrap(), rows);
        }
    }

    #[test]
    fn a_file_of_another_backup_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let other = written(dir.path(), &vec![(vec![1], vec![2])]);
        written(dir.path(), &vec![(vec![1], vec![3])]);
        assert!(matches!(read(dir.path(), &other), Err(Error::Damaged(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_flipped_byte_and_a_cut_end_are_found(at in 0_usize..800_000, cut in any::<bool>()) {
            let dir = tempfile::tempdir().unwrap();
            let file = written(dir.path(), &many());
            let path = path(dir.path(), 3);
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] ^= 0x40 }
            std::fs::write(&path, bytes).unwrap();
            prop_assert!(matches!(read(dir.path(), &file), Err(Error::Damaged(_))));
        }
    }
}
