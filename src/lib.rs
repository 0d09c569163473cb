//! Poshta: the mail server of a national postal operator.
//!
//! Imports point down only: `cli`, then `server`, then the front doors `smtp`, `imap` and `http`, then the
//! services `intake`, `outbound`, `hybrid`, `accounts`, `auth` and `trust`, then `store`, then the domain:
//! `postal`, `identity`, `message`, `address`, `ids`, `clock`.

pub mod address;
pub mod clock;
pub mod identity;
pub mod ids;
pub mod message;
pub mod postal;
pub mod store;
