//! Challenges that a signature answers: for passkeys and electronic signatures.
//!
//! A challenge carries its own end and a keyed hash, so that nothing is kept for people who only look at a page. Only
//! one that was answered is remembered, until it would end anyway: none counts twice (W3C Web Authentication §13.4.3).
//! The key lives as long as the process: what was given out before a restart counts no more.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use crate::clock::{Timestamp, World};

const END_BYTES: usize = 8;
const RANDOM_BYTES: usize = 16;
const TAG_BYTES: usize = 16;

/// Those that were given out.
pub(in crate::sessions) struct Challenges {
    key: [u8; 32],
    /// Answered ones, with the second in which they end.
    answered: Mutex<HashMap<[u8; RANDOM_BYTES], i64>>,
}

/// A challenge does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the challenge is too old, was answered before, or is none of ours")]
pub struct StaleChallenge;

impl Challenges {
    pub(in crate::sessions) fn new(world: &World) -> Self {
        Challenges { key: world.random(), answered: Mutex::default() }
    }

    /// A challenge for one purpose and one browser, which `what` names.
    pub(super) fn issue(&self, what: &str, world: &World, lasts_s: u32) -> String {
        let end = world.now().as_second().saturating_add(i64::from(lasts_s)).to_be_bytes();
        let random = world.random::<RANDOM_BYTES>();
        let tag = self.tag(what, end, random);
        URL_SAFE_NO_PAD.encode([&end[..], &random, &tag].concat())
    }

    /// Takes an answered challenge; nobody can answer it again.
    pub(super) fn redeem(&self, challenge: &str, what: &str, now: Timestamp) -> Result<(), StaleChallenge> {
        let (random, end) = self.read(challenge, what, now)?;
        let mut answered = self.answered.lock();
        answered.retain(|_, end| *end > now.as_second());
        match answered.insert(random, end) {
            None => Ok(()),
            Some(_) => Err(StaleChallenge),
        }
    }

    /// Whether it can be answered yet.
    pub(super) fn is_open(&self, challenge: &str, what: &str, now: Timestamp) -> bool {
        let read = self.read(challenge, what, now);
        read.is_ok_and(|(random, _)| !self.answered.lock().contains_key(&random))
    }

    /// What names a challenge of ours that is not over, and the second in which it ends.
    fn read(&self, challenge: &str, what: &str, now: Timestamp) -> Result<([u8; RANDOM_BYTES], i64), StaleChallenge> {
        let bytes = URL_SAFE_NO_PAD.decode(challenge).map_err(|_| StaleChallenge)?;
        let (end, rest) = bytes.split_first_chunk::<END_BYTES>().ok_or(StaleChallenge)?;
        let (random, tag) = rest.split_first_chunk::<RANDOM_BYTES>().ok_or(StaleChallenge)?;
        let is_ours = bool::from(subtle::ConstantTimeEq::ct_eq(&self.tag(what, *end, *random)[..], tag));
        let end = i64::from_be_bytes(*end);
        if is_ours && now.as_second() < end { Ok((*random, end)) } else { Err(StaleChallenge) }
    }

    fn tag(&self, what: &str, end: [u8; END_BYTES], random: [u8; RANDOM_BYTES]) -> [u8; TAG_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&end).update(&random).update(what.as_bytes());
        let mut tag = [0; TAG_BYTES];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenges(…)")
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn a_challenge_counts_once_in_time_for_its_purpose() {
        let world = World::system();
        let challenges = Challenges::new(&world);
        let now = world.now();
        let challenge = challenges.issue("sign-in of one", &world, 300);
        assert_eq!(challenges.redeem(&challenge, "sign-in of another", now), Err(StaleChallenge));
        assert_eq!(challenges.redeem(&challenge, "sign-in of one", now + 301.seconds()), Err(StaleChallenge));
        assert!(!challenges.is_open(&challenge, "sign-in of another", now));
        assert!(challenges.is_open(&challenge, "sign-in of one", now), "looking takes nothing away");
        assert_eq!(challenges.redeem(&challenge, "sign-in of one", now), Ok(()));
        assert!(!challenges.is_open(&challenge, "sign-in of one", now));
        assert_eq!(challenges.redeem(&challenge, "sign-in of one", now), Err(StaleChallenge), "once");
        for other in ["", "AAAA", &challenge[..challenge.len() - 2], &"A".repeat(challenge.len())] {
            assert_eq!(challenges.redeem(other, "sign-in of one", now), Err(StaleChallenge), "{other}");
        }
        let other_process = Challenges::new(&world);
        let challenge = challenges.issue("x", &world, 300);
        assert_eq!(other_process.redeem(&challenge, "x", now), Err(StaleChallenge));
    }

    #[test]
    fn answered_challenges_are_forgotten_when_they_would_end_anyway() {
        let world = World::system();
        let challenges = Challenges::new(&world);
        for _ in 0..10 {
            let challenge = challenges.issue("x", &world, 300);
            challenges.redeem(&challenge, "x", world.now()).unwrap();
        }
        let late = challenges.issue("x", &world, 1000);
        challenges.redeem(&late, "x", world.now() + 400.seconds()).unwrap();
        assert_eq!(challenges.answered.lock().len(), 1);
    }
}
