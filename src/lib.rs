//! Poshta: the mail server of a national postal operator.
//!
//! Imports point down only: `cli`, then `server`, then the front doors `smtp`, `imap` and `http`, then the
//! services `intake`, `outbound`, `closings`, `hybrid`, `payment`, `devices`, `mailfiles`, `administration`, `people`,
//! `announcements`, `accounts`, `audit`, `auth`, `sessions`, `registers`, `trust` and `publisher`, then
//! `store`, then the domain: `postal`, `identity`, `message`, `address`, `ids`, `uid_set`, `tlog`, `clock`. Beside this
//! order stand `config`, which is composed of everybody's settings, `locale`, and `server::listener` and `server::tls`,
//! from which the front doors get their connections.

pub mod accounts;
pub mod address;
pub mod administration;
pub mod age;
pub mod announcements;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod closings;
pub mod config;
pub mod devices;
pub mod http;
pub mod hybrid;
pub mod identity;
pub mod ids;
pub mod imap;
pub mod intake;
pub mod locale;
pub mod mailfiles;
pub mod message;
pub mod outbound;
pub mod payment;
pub mod people;
pub mod postal;
pub mod publisher;
pub mod pulse;
pub mod quota;
pub mod receipts;
pub mod registers;
pub(crate) mod remote;
pub mod retention;
pub mod server;
pub mod sessions;
pub mod smtp;
pub mod store;
pub mod tlog;
pub mod trust;
pub mod uid_set;
