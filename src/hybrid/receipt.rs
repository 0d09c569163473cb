//! A receipt on one page as data: what the page layout needs, in the order in which it stands there.

use serde::{Deserialize, Serialize};

/// Stamps that fit on a page: one row. A letter that was accepted, received, delivered and handed over has as many.
pub const MAX_STAMPS: usize = 4;

/// Everything that is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptPage {
    /// The operator's name.
    pub operator: String,
    /// The title in each language.
    pub titles: Vec<String>,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    /// The stamps, each as an SVG document with the line below it.
    pub stamps: Vec<(String, String)>,
    /// What the code leads to.
    pub proof_url: String,
    /// What the code is for, in each language.
    pub proof_notes: Vec<String>,
    /// The number of the item, 26 characters.
    pub item_id: String,
    /// The actual instant of acceptance, seconds since 1970: the date of the document (P24).
    pub accepted_unix: i64,
}
