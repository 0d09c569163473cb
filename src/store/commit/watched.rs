//! The limits of accounts, looked at when a batch's turn has come.

use super::super::keys;
use super::super::quota::{Crossed, WATCHED, Watched, held, untold_row};
use super::super::watch::Topic;
use super::super::{Error, Result};
use super::resolve::Resolver;
use crate::ids::AccountId;

impl Resolver<'_> {
    /// What the batch brought is within the limit, and who crossed the line of warning is to be told.
    pub(super) fn watch_counter(&mut self, watched: Watched) -> Result<()> {
        let Watched { account, counter, limit } = watched;
        let held = held(self.get(&keys::account_counter(account, counter))?.as_deref())?;
        if !limit.has_room(held, 0) {
            return Err(Error::OverQuota(account));
        }
        let Some(line) = limit.warn_above.filter(|line| held > *line) else { return Ok(()) };
        let key = keys::crossed(account, counter);
        let before = self.get(&key)?.map(|row| Crossed::decode(&row)).transpose()?;
        // Told of a lower line, when the limit was lower: this is another one.
        if before.is_none_or(|before| before.line < line) {
            self.put(key, Crossed { line, calm_at: limit.calm_at }.encode())?;
            self.put(keys::untold(account, counter), untold_row())?;
            self.topics.push(Topic::Untold);
        }
        Ok(())
    }

    /// The account holds less than before: whoever is calm again can be warned again.
    pub(super) fn calm(&mut self, account: AccountId) -> Result<()> {
        for counter in WATCHED {
            let key = keys::crossed(account, counter);
            let Some(row) = self.get(&key)? else { continue };
            let held = held(self.get(&keys::account_counter(account, counter))?.as_deref())?;
            if held <= Crossed::decode(&row)?.calm_at {
                self.delete(key);
                self.delete(keys::untold(account, counter));
            }
        }
        Ok(())
    }
}
