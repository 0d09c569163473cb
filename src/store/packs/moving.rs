//! Records move to a new pack, bytes as they are, and packs that nothing names any more go.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::writer::Lengths;
use super::{PackWriter, Packs, RecordRef, damaged, usize_of};
use crate::store::Result;

/// Bytes read at a time.
const PIECE_BYTES: u64 = 1 << 20;

impl Packs {
    /// Length of a pack's file, bytes.
    pub(in crate::store) fn length(&self, pack: u32) -> Result<u64> {
        Ok(self.file(pack)?.metadata()?.len())
    }

    /// Takes these packs away. Who already has a place in them can read it until [`Packs::let_go`].
    pub(in crate::store) fn retire(&self, packs: &[u32]) -> Result<()> {
        for pack in packs {
            let file = self.file(*pack)?;
            self.retired.lock().insert(*pack, (file, Instant::now()));
            // In this order: whoever looks for it once its name is gone finds it among the retired, and never opens it
            // for good again.
            fs::remove_file(self.path(*pack))?;
            self.open.lock().remove(pack);
        }
        Ok(File::open(&self.dir)?.sync_all()?)
    }

    /// Closes the packs that were retired longer ago than `grace`: now the disk has their space back. Tells
    /// whether none is left.
    pub(in crate::store) fn let_go(&self, grace: Duration) -> bool {
        let mut retired = self.retired.lock();
        retired.retain(|_, (_, since)| since.elapsed() < grace);
        retired.is_empty()
    }

    /// Copies a record to the end of `to`, every byte as it stands, header and birthplace too; verifies it
    /// first.
    ///
    /// # Errors
    /// `Damaged` when the record is not what its header says; nothing was added then. I/O, `Full`.
    pub(in crate::store) fn copy(&self, place: RecordRef, to: &mut PackWriter) -> Result<RecordRef> {
        let header = self.header(place.pack, place.offset)?.ok_or_else(|| damaged(place, "no record begins there"))?;
        self.verify(place, header.kind)?;
        let from = self.file(place.pack)?;
        let total = place.stored_bytes();
        to.append(Lengths::of(place), |append| {
            let mut position = 0;
            while position < total {
                let mut piece = vec![0; usize_of(PIECE_BYTES.min(total - position))?];
                from.read_exact_at(&mut piece, place.offset + position)?;
                append(&piece)?;
                position += piece.len() as u64;
            }
            Ok(())
        })
    }
}
