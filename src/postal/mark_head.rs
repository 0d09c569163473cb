//! How all marks of one kind of a device begin: with the tags `v` to `st`, of which only the id is another each time. So
//! they are written once, in canonical form and folded, and not for each letter.

use crate::ids::{ImpressionId, ULID_LENGTH};

use super::tag_writer::{TagWriter, fold};

const FIELD: &str = "Postal-Mark";

/// Before the id, in canonical form and folded.
const BEFORE_ID: &str = "postal-mark:v=1;i=";
const FOLDED_BEFORE_ID: &str = "Postal-Mark: v=1; i=";

/// See the module's text.
#[derive(Debug)]
pub(super) struct MarkHead {
    /// The tags behind the id, in canonical form.
    tags: String,
    /// As they stand in the field, with the `;` behind them.
    folded: String,
    /// Characters of their last line.
    width: usize,
}

impl MarkHead {
    /// A beginning with these tags behind the id.
    pub(super) fn engrave(push: impl FnOnce(&mut TagWriter)) -> Self {
        let mut tags = TagWriter::tags(0);
        push(&mut tags);
        let tags = tags.into_canonical();
        let mut folded = String::new();
        let width = FOLDED_BEFORE_ID.len() + ULID_LENGTH + ";".len();
        let width = fold(&format!("{tags};"), width, &mut folded);
        MarkHead { tags, folded, width }
    }

    /// The tags of a new mark.
    pub(super) fn begin(&self, id: ImpressionId) -> TagWriter {
        let mut mark = TagWriter::new(FIELD);
        mark.push("v", "1");
        mark.push_id("i", id);
        mark.push_written(&self.tags);
        mark
    }

    /// Writes the folded field of a mark that was begun with [`MarkHead::begin`], and has more tags, to the end of `out`.
    pub(super) fn write_header(&self, mark: &TagWriter, out: &mut String) {
        let before_tags = BEFORE_ID.len() + ULID_LENGTH + ";".len();
        let (begin, rest) = mark.canonical().split_at_checked(before_tags).unwrap_or_default();
        let (tags, rest) = rest.split_at_checked(self.tags.len()).unwrap_or_default();
        debug_assert!(tags == self.tags, "another mark's head");
        out.reserve(TagWriter::folded_bytes(mark.canonical()));
        out.extend([FOLDED_BEFORE_ID, begin.strip_prefix(BEFORE_ID).unwrap_or_default(), &self.folded]);
        fold(rest.strip_prefix(';').unwrap_or_default(), self.width, out);
        out.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_is_folded_as_if_all_of_it_were_written_at_once(
            head in prop::collection::vec("[!-:<>-~]{0,120}", 1..5),
            rest in prop::collection::vec("[!-:<>-~]{0,120}", 1..5),
            id in any::<u128>().prop_map(ImpressionId),
        ) {
            let push = |tags: &mut TagWriter, values: &[String]| {
                values.iter().enumerate().for_each(|(at, value)| tags.push(["a", "fn", "ix", "z"][at], value));
            };
            let engraved = MarkHead::engrave(|tags| push(tags, &head));
            let mut mark = engraved.begin(id);
            push(&mut mark, &rest);
            let mut header = String::new();
            engraved.write_header(&mark, &mut header);
            prop_assert_eq!(&header, &mark.header());
            let flat: String = header.split_whitespace().collect();
            prop_assert_eq!(flat.replace("Postal-Mark", "postal-mark"), mark.canonical());
        }
    }
}
