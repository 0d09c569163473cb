//! What makes a mark evidence: the bytes that are signed, the keys, and the check.
//!
//! As in DKIM (RFC 6376 §3.7) one hash covers the named header fields and then the mark itself with an empty `b=`;
//! the body comes in through its own hash in `bh`. All marks of an item begin with the same header, so
//! [`HeaderInput`] and the hash of the body are made once and used for each. Everything here is pure: keys are
//! bytes, and where they lie is the business of [`crate::devices`].
//!
//! The same parts sign letters to other domains with DKIM itself ([`crate::outbound`]).

mod algorithm;
mod body;
mod ed25519;
mod header;
mod key;
mod processor;
mod signed;

pub use algorithm::Algorithm;
pub use body::{BodyHash, BodyHasher};
pub use header::HeaderInput;
pub use key::{KeyError, PublicKey, SigningKey};
pub use signed::{Contents, MarkDigest, SignedImpression, Signer};

pub(super) use header::MAX_NAMES;
pub(crate) use header::{CANONICALIZATION, Listed};
pub(crate) use processor::has_graviola;
