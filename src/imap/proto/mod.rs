//! The pure core of IMAP: bytes and answers in, actions and bytes out. No sockets, no clock, no store.
//!
//! `session` is the state machine that a driver feeds; `framing` finds command boundaries within hard byte
//! budgets; `parser` turns one whole command into the tree of `command`; `response` writes what goes back.
//! `sequence`, `list_pattern` and `search` are the arithmetic that the verbs need.

pub mod capability;
pub mod command;
pub mod response;

pub(super) mod list_pattern;
pub(super) mod search;
pub(super) mod sequence;

mod framing;
mod parser;
mod session;
mod settings;

use crate::message::mutf7;

pub use session::{Action, Channel, Event, Outcome, Session, State};
pub use settings::Settings;
