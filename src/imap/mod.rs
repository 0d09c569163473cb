//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501): reading the mailbox.
//!
//! `proto` is pure; `connection` drives it over a socket; `desk` is where one user's commands are carried out,
//! one file a verb in `verbs`; `view` is what a session knows of its folder.

pub mod proto;

mod chosen;
mod connection;
mod desk;
mod fault;
mod output;
mod rows;
mod server;
mod settings;
mod tree;
mod verbs;
mod view;

#[cfg(test)]
mod tests;

pub use server::{Addresses, Server, Services};
pub use settings::Settings;
