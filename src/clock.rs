//! Time and randomness are handed in, never taken (DESIGN 15).
//!
//! Production code gets [`SystemClock`] and [`SystemEntropy`]; tests hand in fixed ones. Nothing else in the
//! package asks the operating system what time it is or rolls dice, except for what lasts no longer than a
//! process or must not be fixed: timeouts (tokio's clock), the keys that rustls and rcgen make, and those of named
//! devices.

use std::sync::Arc;

pub use jiff::Timestamp;

/// Where "now" comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// Where random bytes come from.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The random source of the operating system, through a per-thread generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// Clock and randomness together, as services carry them.
#[derive(Clone, Debug)]
pub struct World {
    /// The only source of instants.
    pub clock: Arc<dyn Clock>,
    /// The only source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl World {
    /// The world of a running server.
    #[must_use]
    pub fn system() -> Self {
        World { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
