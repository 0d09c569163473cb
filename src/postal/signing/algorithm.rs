//! The algorithms that a mark may name (tag `a`).

use std::fmt;

/// How a mark is signed. All hash with SHA-256 or, for GOST, with Streebog-512.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// RFC 8463 §3: PureEdDSA over the SHA-256 hash.
    Ed25519Sha256,
    /// RFC 6376 §3.3.1: RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// ГОСТ 34.10-2015 with 512 bits: known by its name, and not judged here.
    Gost2015,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Ed25519Sha256, Self::RsaSha256, Self::Gost2015];

    /// Tag `a`, and `algorithm` among the published marks.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Gost2015 => "gost2015-512",
        }
    }

    /// The algorithm with this tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.tag() == tag)
    }

    /// Tag `k` of a key in the DNS (RFC 6376 §3.6.1).
    #[must_use]
    pub fn key_type(self) -> &'static str {
        match self {
            Algorithm::Ed25519Sha256 => "ed25519",
            Algorithm::RsaSha256 => "rsa",
            Algorithm::Gost2015 => "gost2015-512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}
