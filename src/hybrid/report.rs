//! A report of labels and values for the worker to draw: one of the operator's own documents, no letter.

use serde::{Deserialize, Serialize};

/// What is drawn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportPage {
    /// Language of the texts (BCP 47).
    pub lang: String,
    /// What it is.
    pub title: String,
    /// Headings, each with labels and values.
    pub sections: Vec<(String, Vec<(String, String)>)>,
    /// P18: its stamps, each as an SVG document with the line below it.
    pub stamps: Vec<(String, String)>,
    /// How it can be checked.
    pub note: String,
    /// What names it: the same for the same report.
    pub id: String,
    /// When it was made, seconds since 1970.
    pub made_s: i64,
}
