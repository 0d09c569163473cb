//! People and their mailboxes by order 71: how one gets a mailbox, what is agreed to, what is known of its user, who
//! signed something, and who may learn of a mailbox.

pub mod agreements;
pub mod base;
pub mod cabinet;
pub mod confirmation;
pub mod counter;
pub mod lookups;
pub mod mail_servers;
mod meter;
pub mod passwords;
pub mod profile;
pub mod registration;
mod settings;
pub mod sign_in;
pub mod signatures;

pub use agreements::Agreements;
pub use cabinet::Cabinet;
pub use confirmation::Confirmations;
pub use counter::Counter;
pub use mail_servers::MailServers;
pub use profile::{People, Profile};
pub use registration::Registration;
pub use settings::Settings;
pub use sign_in::SignatureSignIn;
pub use signatures::Signatures;
