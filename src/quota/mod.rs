//! Quota: what a mailbox may hold, what happens when it is full, and the letter that warns its user before.
//!
//! The limits themselves are kept by the committer ([`crate::store::quota`]); here is what the operator decided and
//! what people are told.

mod settings;
pub mod warning;

pub use settings::{Settings, WhenFull};
