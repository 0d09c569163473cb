//! By what bytes on a disk are known to be those that were written: XXH3. It tells what happens to them by accident, and
//! takes a twentieth of the time of a hash that also tells what somebody does to them on purpose.

use twox_hash::XxHash3_64;

/// The checksum of bytes that stand in the place `seed`, so that they are not taken for those of another place.
pub(super) fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, bytes)
}

/// The half of it that is enough for a few bytes.
pub(super) fn short_checksum(bytes: &[u8]) -> u32 {
    checksum(0, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the implementation that it comes from (`xxhsum -H3`, 0.8): what stands on disks is compared with these.
    #[test]
    fn xxh3_is_what_others_take_for_it() {
        assert_eq!(checksum(0, b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(short_checksum(b""), 0x38d3_94c2);
    }
}
