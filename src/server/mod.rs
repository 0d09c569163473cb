//! Builds every service once from the configuration, opens the listeners, drains on shutdown.

pub mod control;
pub mod demo;
mod inherited;
pub mod listener;
pub mod observe;
mod run;
mod services;
mod signals;
pub mod tls;
mod upkeep;

pub use run::{Addresses, Running, Server, StartError};
pub use services::{OpenError, Services};
pub use signals::Signals;
