//! A data key as rows keep it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::WRAPPED_BYTES;
use crate::ids::AccountId;

/// Who may read something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// An account.
    Account(AccountId),
    /// The system: what waits to be sent, printed or looked at, and belongs to no account.
    System,
}

/// The data key of a body, wrapped with the key of one who may read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrappedKey {
    /// Whose key wraps it.
    pub owner: Owner,
    /// The fingerprint of that key.
    pub key_id: u32,
    /// The wrapped key.
    pub bytes: [u8; 48],
}

/// The fields as rows of postcard have them.
#[derive(Serialize, Deserialize)]
struct Fields<'a> {
    owner: Owner,
    key_id: u32,
    #[serde(borrow)]
    bytes: &'a [u8],
}

impl Serialize for WrappedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields { owner: self.owner, key_id: self.key_id, bytes: &self.bytes }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WrappedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { owner, key_id, bytes } = Fields::deserialize(deserializer)?;
        let wrong = |_| D::Error::custom(format!("a wrapped key of {} bytes, not {WRAPPED_BYTES}", bytes.len()));
        Ok(WrappedKey { owner, key_id, bytes: bytes.try_into().map_err(wrong)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows;

    #[test]
    fn a_wrapped_key_in_a_row_is_read_as_it_was_written() {
        let keys = [Owner::System, Owner::Account(AccountId(7))].map(|owner| WrappedKey {
            owner,
            key_id: 9,
            bytes: [0xfe; 48],
        });
        let row = rows::encode(1, &keys).unwrap();
        assert_eq!(rows::decode::<[WrappedKey; 2]>(1, &row).unwrap(), keys);
        assert!(rows::decode::<[WrappedKey; 2]>(1, &row[..row.len() - 1]).is_err());
    }
}
