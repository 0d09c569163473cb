//! Recovery codes: for the day on which the phone is lost. Shown once, each counts once.

use crate::clock::World;
use crate::ids::AccountId;

/// How many there are.
const CODES: usize = 10;

/// Random bytes of a code: eighty bits, which no hash has to slow down.
const CODE_BYTES: usize = 10;

/// New recovery codes.
#[derive(Clone)]
pub struct RecoveryCodes(Vec<String>);

impl RecoveryCodes {
    pub(super) fn draw(world: &World) -> Self {
        let code = || {
            let text = super::totp::base32(&world.random::<CODE_BYTES>()).to_ascii_lowercase();
            let groups: Vec<&str> =
                text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
            groups.join("-")
        };
        RecoveryCodes((0..CODES).map(|_| code()).collect())
    }

    pub(super) fn hashes(&self, account: AccountId) -> Vec<[u8; 32]> {
        self.0.iter().map(|code| hash(account, code)).collect()
    }

    /// The codes, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCodes(…)")
    }
}

/// What is kept of a code, however it was typed; of another account another one.
pub(super) fn hash(account: AccountId, code: &str) -> [u8; 32] {
    let essence: String = code.chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    let mut hasher = blake3::Hasher::new_derive_key("poshta 2026-11-29 recovery code");
    hasher.update(&account.0.to_be_bytes());
    hasher.update(essence.to_ascii_lowercase().as_bytes());
    *hasher.finalize().as_bytes()
}
