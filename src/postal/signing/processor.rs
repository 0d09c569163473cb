//! What this machine's processor has.

/// Whether graviola can be used: it ends the program on a processor that has not all it needs. Almost all since 2014
/// have it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_graviola() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("adx") && has!("aes") && has!("avx") && has!("avx2") && has!("bmi1") && has!("bmi2") && has!("pclmulqdq")
}

/// Whether graviola can be used: it ends the program on a processor that has not all it needs. Almost all but those of
/// the smallest computers have it.
#[cfg(target_arch = "aarch64")]
pub(crate) fn has_graviola() -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    has!("neon") && has!("aes") && has!("pmull") && has!("sha2")
}
