//! What a receipt is written from: the marks of the letter, read from its records, and its header.

use crate::message::headers;
use crate::postal::{Kind, Mark};
use crate::store::receipts::Stage;

/// The marks and the header of a letter, as its receipt shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Material {
    /// The acceptance (P18): that of the item, or the receipt's own where the item shows the date of a letter box (P24).
    pub(super) accept: Option<Shown>,
    /// What the receipt is about besides, the newest first.
    pub(super) others: Vec<Shown>,
    /// The header that comes back.
    pub(super) header: Option<Vec<u8>>,
}

/// A mark in a receipt.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// The value of its field, unfolded.
    pub(super) value: String,
    /// What it says.
    pub(super) mark: Mark,
    /// The line for people beside it.
    pub(super) line: String,
    /// That it is in the log: the text of a `*.tlog-proof`.
    pub(super) proof: Option<String>,
}

impl Material {
    /// From the records in the order of [`crate::store::receipts::Places`].
    pub(super) fn of(stage: Stage, records: [Vec<u8>; 4]) -> Self {
        let [recipient, item, header, mark] = records;
        let own = marks_of(&mark);
        let of_item = marks_of(&item);
        let is_from_box = of_item.iter().any(|shown| shown.mark.letter_box.is_some());
        let is_accept = |shown: &Shown| shown.mark.kind == Kind::Accept;
        // P24: the date of a letter box never stands in a receipt.
        let accept = own
            .iter()
            .find(|shown| is_accept(shown))
            .cloned()
            .or_else(|| of_item.into_iter().find(|shown| is_accept(shown) && shown.mark.letter_box.is_none()));
        let mut others: Vec<Shown> = own.into_iter().filter(|shown| !is_accept(shown)).collect();
        if stage != Stage::Accepted {
            // The prefix of the recipient's copy has nothing but marks of that copy; on paper it is that of the event.
            others.extend(marks_of(&recipient));
        }
        let header = (!header.is_empty()).then(|| {
            let prefix = if is_from_box { without_marks(&item) } else { item };
            [prefix, header].concat()
        });
        Material { accept, others, header }
    }

    /// All marks.
    pub(super) fn marks(&self) -> impl Iterator<Item = &Shown> {
        self.accept.iter().chain(&self.others)
    }

    /// All marks.
    pub(super) fn marks_mut(&mut self) -> impl Iterator<Item = &mut Shown> {
        self.accept.iter_mut().chain(&mut self.others)
    }

    /// All marks, the oldest first: as a reader follows the way of a letter.
    pub(super) fn by_age(&self) -> impl Iterator<Item = &Shown> {
        self.accept.iter().chain(self.others.iter().rev())
    }

    /// The mark that the receipt is about: the newest of those beside the acceptance, else that.
    pub(super) fn newest(&self) -> Option<&Shown> {
        self.others.first().or(self.accept.as_ref())
    }
}

/// P24: what stands above the letter besides its marks. Those of payment go with the acceptance that they point to.
fn without_marks(block: &[u8]) -> Vec<u8> {
    let is_mark = |field: &headers::Field<'_>| field.is("Postal-Mark") || field.is("Postal-Mark-Text");
    let kept: Vec<&[u8]> = headers::fields(block).filter(|field| !is_mark(field)).map(|field| field.raw).collect();
    kept.concat()
}

/// The marks of a block that this system wrote, each with the line that stands below it.
pub(super) fn marks_of(block: &[u8]) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut is_behind_mark = false;
    for field in headers::fields(block) {
        if field.is("Postal-Mark") {
            let value = field.text();
            let mark = Mark::parse(&value).ok();
            is_behind_mark = mark.is_some();
            found.extend(mark.map(|mark| Shown { value, mark, line: String::new(), proof: None }));
        } else if std::mem::take(&mut is_behind_mark)
            && field.is("Postal-Mark-Text")
            && let Some(shown) = found.last_mut()
        {
            shown.line = field.decoded();
        }
    }
    found
}
