//! What goes back to the client: writers that append whole response lines (with their CRLF) to a `Vec<u8>`.
//!
//! A writer that shows text takes the [`Dialect`], because an IMAP4rev1 client must never meet a byte above 127
//! outside a literal, and a UTF-8 client expects names and quoted strings in UTF-8.

mod body;
mod data;
mod envelope;
mod fetch;
mod status;
#[cfg(test)]
mod tests;
mod text;

pub use body::{write_body, write_body_structure};
pub use data::{
    Attribute, Esearch, ListEntry, QuotaResource, StatusData, write_capability, write_enabled, write_esearch,
    write_exists, write_expunge, write_flags, write_id, write_list, write_list_root, write_lsub, write_namespace,
    write_quota, write_quota_root, write_recent, write_search, write_status,
};
pub use envelope::write_envelope;
pub use fetch::{FetchWriter, SectionName, write_flag_list};
pub use status::{Code, Condition, NewKeywords, Status};

/// What the client enabled, and so may be shown (RFC 9051 §6.3.1, RFC 6855).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dialect {
    /// ENABLE IMAP4rev2: no RECENT, ESEARCH instead of SEARCH, names in UTF-8.
    pub rev2: bool,
    /// ENABLE UTF8=ACCEPT (RFC 6855).
    pub utf8_accept: bool,
}

impl Dialect {
    /// IMAP4rev1, as every session begins.
    pub const REV1: Dialect = Dialect { rev2: false, utf8_accept: false };
    /// IMAP4rev2.
    pub const REV2: Dialect = Dialect { rev2: true, utf8_accept: false };

    /// Whether quoted strings and mailbox names are UTF-8, both ways.
    #[must_use]
    pub fn utf8(self) -> bool {
        self.rev2 || self.utf8_accept
    }
}
