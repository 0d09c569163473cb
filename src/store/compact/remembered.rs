//! Remembered rows (for `rebuild`) move too, those that still say something.

use std::collections::HashSet;

use super::super::commit::Remembered;
use super::super::packs::{Birthplace, Kind, RecordRef};
use super::super::{Error, Result, keys, rows};
use super::emptying::Emptying;

/// Copies the remembered rows of the packs that are being emptied. To be called when all records have moved, so
/// that a row remembered with a place in these packs is seen to be out of date.
pub(super) fn keep(emptying: &mut Emptying<'_>) -> Result<()> {
    let packs: Vec<u32> = emptying.packs.iter().copied().collect();
    for pack in packs {
        let mut records = Vec::new();
        emptying.store.inner.packs.walk(pack, |place, header| {
            if header.kind == Kind::Rows {
                records.push((place, header.birthplace));
            }
        })?;
        for (place, birthplace) in records {
            match keep_record(emptying, place, birthplace) {
                Err(Error::Damaged(what)) => {
                    emptying.set_aside(pack, what);
                    break;
                }
                kept => kept?,
            }
        }
    }
    Ok(())
}

fn keep_record(emptying: &mut Emptying<'_>, place: RecordRef, birthplace: Birthplace) -> Result<()> {
    let store = emptying.store;
    let content = store.inner.packs.read_whole(place, None)?;
    let remembered: Remembered = rows::decode(Remembered::VERSION, &content)?;
    let mut kept = Remembered::default();
    for (key, value) in remembered.rows {
        let now = store.read_blocking(|view| view.get_raw(&key))?;
        if says_something(&key, value.as_deref(), now.as_deref(), emptying) {
            kept.rows.push((key, value));
        }
    }
    if !kept.rows.is_empty() {
        let content = rows::encode(Remembered::VERSION, &kept)?;
        emptying.writer.append_rows(&content, birthplace)?;
    }
    emptying.kept(place.stored_bytes())
}

/// Would `rebuild` come to something else without it?
fn says_something(key: &[u8], value: Option<&[u8]>, now: Option<&[u8]>, emptying: &Emptying<'_>) -> bool {
    match (value, now) {
        // Somewhere there may still be a record that says the row came.
        (None, None) => !emptying.is_all || !emptying.heard.done.damaged.is_empty(),
        (None, Some(_)) | (Some(_), None) => false,
        (Some(value), Some(now)) => match keys::memory_of(key) {
            keys::Memory::Always => value == now,
            // Flags may have changed; what it names must still be where it says.
            _ => named(key, value) == named(key, now),
        },
    }
}

fn named(key: &[u8], row: &[u8]) -> HashSet<RecordRef> {
    keys::records_named(key, row).collect()
}
