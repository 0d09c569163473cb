//! The numbers and names by which things are known for ever (DESIGN 9).
//!
//! Each is a type of its own, so that a UID cannot be handed over where a MODSEQ is meant.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, World};

/// An electronic subscriber mailbox of order 71. The high 16 bits name the operator (M4, P17).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AccountId(pub u64);

/// A folder (IMAP mailbox) of one account; never used again after the folder is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FolderId(pub u32);

/// The unique identifier of a message in its folder (RFC 9051 §2.3.1.1); never zero, never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Uid(pub NonZeroU32);

/// The epoch of a folder's UIDs (RFC 9051 §2.3.1.1); taken from a counter of the account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct UidValidity(pub NonZeroU32);

/// A modification sequence of a folder (RFC 7162): grows with every change. Zero means "before any change".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct ModSeq(pub u64);

/// The BLAKE3 hash that names a body: the received bytes after the edits of DESIGN 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyId(pub [u8; 32]);

impl fmt::Debug for BodyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyId(")?;
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl Uid {
    /// The UID with this number; `None` for zero.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Uid)
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// Characters of a ULID.
pub(crate) const ULID_LENGTH: usize = ulid::ULID_LEN;

/// A 128-bit ULID: 48 bits of milliseconds, 80 random bits, written as 26 characters of Crockford's base 32.
macro_rules! ulid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u128);

        impl $name {
            /// As it is shown, in a buffer: sooner than by formatting, for the marks of a letter have nine ids.
            pub(crate) fn text(self, buffer: &mut [u8; ULID_LENGTH]) -> &str {
                ulid::Ulid(self.0).array_to_str(buffer)
            }

            /// A new one, from the injected clock and randomness.
            #[must_use]
            pub fn generate(world: &World) -> Self {
                $name::generate_at(world.now(), world)
            }

            /// A new one that says it was made at this instant.
            #[must_use]
            pub fn generate_at(instant: Timestamp, world: &World) -> Self {
                let milliseconds = u64::try_from(instant.as_millisecond()).unwrap_or(0);
                $name(ulid::Ulid::from_parts(milliseconds, u128::from_be_bytes(world.random::<16>())).0)
            }

            /// When it was made, to a millisecond.
            #[must_use]
            pub fn made_at(self) -> Timestamp {
                let milliseconds = i64::try_from(ulid::Ulid(self.0).timestamp_ms()).unwrap_or(0);
                Timestamp::from_millisecond(milliseconds).unwrap_or_default()
            }

            /// The sixteen bytes, big-endian: sorts by time.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.text(&mut [0; ULID_LENGTH]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                ulid::Ulid::from_string(text).map(|ulid| $name(ulid.0)).map_err(|_| NotAnId(text.into()))
            }
        }
    };
}

ulid_type! {
    /// An item: what gets marks. It is the `Postal-Item-Id`, the queue id and the API's `item_id`.
    ItemId
}
ulid_type! {
    /// One impression of a device (tag `i` of a mark).
    ImpressionId
}
ulid_type! {
    /// EMAILID of RFC 8474: the same for all copies of one immutable message.
    EmailId
}
ulid_type! {
    /// THREADID of RFC 8474.
    ThreadId
}

/// The text is no ULID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no id of 26 letters and digits")]
pub struct NotAnId(String);
