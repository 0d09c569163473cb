//! What this machine's processor has.

/// Whether graviola can be used: elsewhere it panics. ADX is in Intel's processors since Broadwell and in AMD's since
/// Zen, but not in every virtual one.
pub(crate) fn has_graviola() -> bool {
    graviola::util::is_cpu_supported() && has_what_it_does_not_ask_for()
}

/// Its arithmetic takes BMI2 for granted where there is ADX.
#[cfg(target_arch = "x86_64")]
fn has_what_it_does_not_ask_for() -> bool {
    std::arch::is_x86_feature_detected!("bmi2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_what_it_does_not_ask_for() -> bool {
    true
}
