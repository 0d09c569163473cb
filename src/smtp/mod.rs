//! SMTP in: RFC 5321 with the extensions that `proto` announces.
//!
//! [`proto`] is the pure core: bytes and answers in, actions out. [`server`] owns sockets, timers and services.
//! [`peers`] knows the government and partner systems of `conf/peers.toml`.

mod connection;
mod counts;
mod incoming;
pub mod peers;
pub mod proto;
pub mod server;
mod service;
mod settings;

pub use settings::Settings;
