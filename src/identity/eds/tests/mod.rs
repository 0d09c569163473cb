//! Whole certificates, signatures, answers and stamps: those of the national test authority, and those that are built
//! here to be wrong in one way each.

pub(crate) mod build;
mod messages;
mod nca;

use crate::clock::Timestamp;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
