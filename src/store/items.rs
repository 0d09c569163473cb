//! What happened to an item: its events, in the order in which they were committed.
//!
//! The numbers come from a counter of the item, so two writers never take the same one. The counter stands
//! under the bare prefix of the item, the events under the prefix and their number.

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;

use super::check::{Claims, bad_key};
use super::commit::counter;
use super::keys::{self, Key};
use super::{Batch, Hole, Result, Slot, Template, Topic, View, rows};

const VERSION: u8 = 2;

/// Rows of this version know no marks.
const WITHOUT_MARKS: u8 = 1;

/// Most events that are read of one item.
const MAX_EVENTS: usize = 1000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEvent {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// What: a name of FACTS C5, in snake case.
    pub name: String,
    /// Who said so: a centre, a facility, `server`.
    pub actor: String,
    /// Why, for those that have a reason; a code or a short text.
    pub reason: Option<String>,
    /// Sheets of paper, for those that count them.
    pub sheets: Option<u32>,
    /// The mark that was made of it: the value of `Postal-Mark`, on one line.
    pub mark: Option<String>,
}

/// An event as it was written before marks were kept.
#[derive(Deserialize)]
struct MarklessEvent {
    at_us: i64,
    name: String,
    actor: String,
    reason: Option<String>,
    sheets: Option<u32>,
}

fn decode(row: &[u8]) -> Result<ItemEvent> {
    if row.first() != Some(&WITHOUT_MARKS) {
        return rows::decode(VERSION, row);
    }
    let MarklessEvent { at_us, name, actor, reason, sheets } = rows::decode(WITHOUT_MARKS, row)?;
    Ok(ItemEvent { at_us, name, actor, reason, sheets, mark: None })
}

/// Adds an event to an item and wakes those who watch the item. The slot holds the event's number.
///
/// # Errors
/// The event cannot be written as a row.
pub fn add_event(batch: &mut Batch, item: ItemId, event: &ItemEvent) -> Result<Slot> {
    let prefix = keys::item_events(item);
    let number = batch.allocate(prefix.clone(), 1);
    batch.put(Template::from(prefix).hole(Hole::U32(number, 0)), rows::encode(VERSION, event)?);
    batch.publish(Topic::Item(item));
    Ok(number)
}

impl View<'_> {
    /// The events of an item, oldest first, each with its number.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn item_events(&self, item: ItemId) -> Result<Vec<(u32, ItemEvent)>> {
        let first = Key::of(b'i').item(item).u32(0).done();
        let end = keys::after(&keys::item_events(item));
        let mut events = Vec::new();
        for (key, row) in self.range(&first, &end, MAX_EVENTS)? {
            if let Some(number) = key.last_chunk::<4>() {
                events.push((u32::from_be_bytes(*number), decode(&row)?));
            }
        }
        Ok(events)
    }
}

/// Whether an event's number was given out; under the bare prefix, whether the counter can be read.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    let fields = key.get(1..).and_then(|rest| rest.split_first_chunk::<16>());
    let (item, number) = fields.ok_or_else(|| bad_key("an event"))?;
    let item = ItemId(u128::from_be_bytes(*item));
    if number.is_empty() {
        return counter(Some(row)).map(|_| claims);
    }
    let number = number.try_into().map(u32::from_be_bytes).map_err(|_| bad_key("an event"))?;
    decode(row)?;
    let was_given = i64::from(number) <= view.counter(&keys::item_events(item))?;
    claims.require(was_given, || format!("event {number} of {item:?} is beyond the counter of its events"));
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_an_event_keeps_its_mark_and_older_rows_have_none() {
        let event = ItemEvent {
            at_us: 7,
            name: "handed_to_post".into(),
            actor: "astana-print".into(),
            reason: Some("x".into()),
            sheets: Some(2),
            mark: Some("v=1; k=receive".into()),
        };
        assert_eq!(decode(&rows::encode(VERSION, &event).unwrap()).unwrap(), event);
        let old = (7i64, "handed_to_post", "astana-print", Some("x"), Some(2u32));
        let read = decode(&rows::encode(WITHOUT_MARKS, &old).unwrap()).unwrap();
        assert_eq!(read, ItemEvent { mark: None, ..event });
        assert!(decode(&[9, 1]).is_err());
    }
}
