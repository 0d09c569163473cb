//! Entries of the audit, put into their chain when a batch's turn has come: only the committer knows which is the last.

use super::super::audit::{self, About, chain};
use super::super::{Result, keys};
use super::resolve::Resolver;

impl Resolver<'_> {
    /// Numbers the entry and links it to the one before, in this batch or an earlier one (M20).
    pub(super) fn audit(&mut self, at_us: u64, entry: Vec<u8>, about: Option<About>) -> Result<()> {
        let number = self.add(keys::fact(audit::COUNTER), 1)?;
        let head = self.get(&chain::head_key())?;
        let number = number.unsigned_abs();
        if let Some(about) = about {
            self.put(about.key(at_us, number), Vec::new())?;
        }
        // Its hash is over what is written: see `chain`.
        let entry = self.sealed(&chain::entry_key(at_us, number), entry)?;
        let rows = chain::next(head.as_deref(), number, at_us, entry)?;
        rows.into_iter().try_for_each(|(key, row)| self.put(key, row))
    }
}
