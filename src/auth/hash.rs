//! Passwords into PHC strings and back, on the caller's thread. Only the pool's threads (and commands without a
//! server) call this: one hash takes tens of milliseconds.

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::store::accounts::PasswordHash;

use super::Secret;

/// argon2id with the configured parameters.
#[derive(Clone, Debug)]
pub struct Hasher {
    params: Params,
}

/// The parameters cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("argon2 does not allow these parameters: {0}")]
pub struct HasherError(&'static str);

impl Hasher {
    /// A hasher with these parameters.
    ///
    /// # Errors
    /// argon2 needs at least 8 KiB a lane, one pass and one lane.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, HasherError> {
        if passes == 0 {
            return Err(HasherError("argon2_passes must be at least 1"));
        }
        if lanes == 0 || lanes > Params::MAX_P_COST {
            return Err(HasherError("argon2_lanes must be between 1 and 16777215"));
        }
        let params = Params::new(memory_kib, passes, lanes, None)
            .map_err(|_| HasherError("argon2_memory_kib must be at least 8 for each of argon2_lanes"))?;
        Ok(Hasher { params })
    }

    /// Hashes a password with a random salt.
    ///
    /// # Errors
    /// Memory cannot be had.
    pub fn hash(&self, password: &Secret, salt: [u8; 16]) -> Result<PasswordHash, HasherError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let hash = argon2
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|_| HasherError("out of memory"))?;
        Ok(PasswordHash::new(hash.to_string()))
    }

    /// Compares in constant time, with the parameters that stand in the hash.
    #[must_use]
    pub fn verify(password: &Secret, hash: &PasswordHash) -> bool {
        let Ok(hash) = phc::PasswordHash::new(hash.as_str()) else { return false };
        Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
    }

    /// The hash was made with other parameters than ours.
    #[must_use]
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let Ok(hash) = phc::PasswordHash::new(hash.as_str()) else { return true };
        let Ok(params) = Params::try_from(&hash) else { return true };
        hash.algorithm.as_str() != "argon2id"
            || params.m_cost() != self.params.m_cost()
            || params.t_cost() != self.params.t_cost()
            || params.p_cost() != self.params.p_cost()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(passes: u32) -> Hasher {
        Hasher::new(64, passes, 1).unwrap()
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = hasher(1).hash(&Secret::new("құпия сөз".into()), [7; 16]).unwrap();
        assert!(Hasher::verify(&Secret::new("құпия сөз".into()), &hash));
        assert!(!Hasher::verify(&Secret::new("құпия сөз ".into()), &hash));
        assert!(!Hasher::verify(&Secret::new("құпия сөз".into()), &PasswordHash::new("$argon2id$broken".into())));
    }

    #[test]
    fn a_hash_is_outdated_when_a_parameter_changed() {
        let hash = hasher(1).hash(&Secret::new("x".into()), [7; 16]).unwrap();
        assert!(!hasher(1).is_outdated(&hash));
        assert!(hasher(2).is_outdated(&hash));
        assert!(Hasher::new(128, 1, 1).unwrap().is_outdated(&hash));
        assert!(hasher(1).is_outdated(&PasswordHash::new("nothing".into())));
    }

    #[test]
    fn impossible_parameters_are_refused_in_words() {
        assert!(Hasher::new(64, 0, 1).unwrap_err().to_string().contains("argon2_passes"));
        assert!(Hasher::new(64, 1, 0).unwrap_err().to_string().contains("argon2_lanes"));
        assert!(Hasher::new(1, 1, 1).unwrap_err().to_string().contains("argon2_memory_kib"));
    }
}
