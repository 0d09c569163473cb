//! Planned work that was announced (M16): one row, a fact of the directory, with all of it. There are a few, they are
//! read together, and a change of the one row cannot leave half of another.

use serde::{Deserialize, Serialize};

use super::{Batch, Precondition, Result, View, keys, rows};

const VERSION: u8 = 1;

/// Name of the fact.
pub(super) const FACT: &str = "announcements";

/// What was announced.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Announced {
    /// Numbers given out: the next one is one more, also when others were withdrawn.
    pub given: u32,
    /// By number.
    pub announcements: Vec<Announcement>,
}

/// One announcement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// The first one is 1.
    pub number: u32,
    /// When the work begins, microseconds since 1970.
    pub from_us: i64,
    /// When it ends.
    pub until_us: i64,
    /// What people are told, in Kazakh, Russian and English.
    pub texts: [String; 3],
    /// Who announced it.
    pub by: String,
    /// When.
    pub at_us: i64,
}

/// Replaces what was announced, provided that nobody else changed it.
///
/// # Errors
/// It cannot be written as a row.
pub fn replace(batch: &mut Batch, old: Option<&Announced>, new: &Announced) -> Result<()> {
    let key = keys::fact(FACT);
    batch.require(match old {
        None => Precondition::Absent(key.clone()),
        Some(old) => Precondition::Equals(key.clone(), rows::encode(VERSION, old)?),
    });
    batch.put(key, rows::encode(VERSION, new)?);
    Ok(())
}

impl View<'_> {
    /// What was announced; nothing where nothing ever was.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn announced(&self) -> Result<Option<Announced>> {
        self.get(&keys::fact(FACT))?.map(|row| decode(&row)).transpose()
    }
}

pub(super) fn decode(row: &[u8]) -> Result<Announced> {
    rows::decode(VERSION, row)
}
