//! What protocols need of RFC 5322 and MIME: structure, envelope, header edits that keep every other byte,
//! reports. Pure: no store, no tokio, no clock.
//!
//! Nothing here holds a whole message. The [`Scanner`] eats bytes as they arrive and leaves a [`Structure`];
//! everything else works on header blocks and on the ranges that the structure names.

mod addresses;
pub mod date;
pub mod decode;
mod edit;
mod envelope;
pub mod headers;
pub mod html;
pub mod ids;
mod mime;
pub mod mutf7;
pub mod report;
mod scanner;
mod section;
mod structure;
mod summary;
pub mod text;

pub use addresses::{Unclear, address_list, authors};
pub use edit::{Edit, EditRules, Edited, WayIn, edit_header};
pub use envelope::{AddressEntry, Envelope};
pub use scanner::{Caps, Scanner};
pub use section::{Keep, Piece, filter_header};
pub use structure::{Content, Disposition, Facts, Nested, Param, Part, Structure};
pub use summary::{BadSummary, Summary};
