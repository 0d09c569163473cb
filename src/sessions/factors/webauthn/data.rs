//! What the authenticator says (§6.1): for which site, whether somebody was there, how often it signed, and of a new
//! passkey its id and key.

use ciborium::Value;
use sha2::{Digest as _, Sha256};

use crate::store::second_factors::PasskeyKey;

use super::{OwnerSeen, PasskeyError, Site, key};

/// Bits of the flags.
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const HAS_KEY: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

const AAGUID_BYTES: usize = 16;

pub(super) struct AuthenticatorData {
    site_hash: [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) made: Option<Made>,
}

/// §6.5.1: a new passkey.
pub(super) struct Made {
    pub(super) id: Vec<u8>,
    pub(super) key: PasskeyKey,
}

impl AuthenticatorData {
    /// §6.5.4: what stands in an attestation object.
    pub(super) fn of_attestation(cbor: &[u8]) -> Result<Self, PasskeyError> {
        let mut rest = cbor;
        let object = next_value(&mut rest)?;
        if !rest.is_empty() {
            return Err(PasskeyError::Malformed);
        }
        let field = |name: &str| entry(&object, &Value::from(name));
        let format = field("fmt").and_then(Value::as_text).ok_or(PasskeyError::Malformed)?;
        let statement = field("attStmt").and_then(Value::as_map).ok_or(PasskeyError::Malformed)?;
        // §8.7: "none" says nothing. What other formats say was not asked for.
        if format == "none" && !statement.is_empty() {
            return Err(PasskeyError::Malformed);
        }
        let data = field("authData").and_then(Value::as_bytes).ok_or(PasskeyError::Malformed)?;
        Self::read(data)
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let malformed = PasskeyError::Malformed;
        let (site_hash, rest) = bytes.split_first_chunk::<32>().ok_or(malformed)?;
        let (flags, rest) = rest.split_first().ok_or(malformed)?;
        let (count, mut rest) = rest.split_first_chunk::<4>().ok_or(malformed)?;
        let made = if flags & HAS_KEY == 0 { None } else { Some(Made::read(&mut rest)?) };
        if flags & HAS_EXTENSIONS != 0 {
            next_value(&mut rest)?.as_map().ok_or(malformed)?;
        }
        if !rest.is_empty() {
            return Err(malformed);
        }
        Ok(AuthenticatorData { site_hash: *site_hash, flags: *flags, sign_count: u32::from_be_bytes(*count), made })
    }

    /// §7.1 steps 13 to 15, §7.2 steps 15 to 17.
    pub(super) fn check(&self, site: &Site, owner: OwnerSeen) -> Result<(), PasskeyError> {
        if self.site_hash[..] != Sha256::digest(&site.id)[..] {
            return Err(PasskeyError::WrongSite);
        }
        if self.flags & USER_PRESENT == 0 {
            return Err(PasskeyError::NobodyThere);
        }
        if owner == OwnerSeen::Needed && self.flags & USER_VERIFIED == 0 {
            return Err(PasskeyError::OwnerNotSeen);
        }
        Ok(())
    }
}

impl Made {
    fn read(rest: &mut &[u8]) -> Result<Self, PasskeyError> {
        let malformed = PasskeyError::Malformed;
        let (_, after) = rest.split_first_chunk::<AAGUID_BYTES>().ok_or(malformed)?;
        let (length, after) = after.split_first_chunk::<2>().ok_or(malformed)?;
        let (id, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(malformed)?;
        *rest = after;
        let key = key::read(&next_value(rest)?)?;
        Ok(Made { id: id.to_vec(), key })
    }
}

/// The next value of a CBOR sequence (RFC 8949); nesting is bounded by the reader, size by the form it came in.
fn next_value(bytes: &mut &[u8]) -> Result<Value, PasskeyError> {
    const DEEPEST: usize = 16;
    ciborium::de::from_reader_with_recursion_limit(bytes, DEEPEST).map_err(|_| PasskeyError::Malformed)
}

/// What a map holds under a key.
pub(super) fn entry<'a>(map: &'a Value, key: &Value) -> Option<&'a Value> {
    map.as_map()?.iter().find(|(found, _)| found == key).map(|(_, value)| value)
}
