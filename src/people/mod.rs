//! People and their mailboxes by order 71: how one gets a mailbox, and who may learn of it.

pub mod base;
pub mod lookups;
mod settings;

pub use settings::Settings;
