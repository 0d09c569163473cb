//! By what bytes on a disk are known to be those that were written: XXH3. It tells what happens to them by accident,
//! and takes a twentieth of the time of a hash that also tells what somebody does to them on purpose.

use twox_hash::XxHash3_64;

/// The checksum of bytes that stand in the place `seed`, so that they are not taken for those of another place.
pub(super) fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, bytes)
}

/// The half of it that is enough for a line or the fields above a letter.
pub(super) fn short_checksum(bytes: &[u8]) -> u32 {
    checksum(0, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three as `xxhsum -H3` says them; the others are what stands on disks.
    #[test]
    fn sums_never_change() {
        assert_eq!(checksum(0, b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(checksum(0, b"a"), 0xe6c6_32b6_1e96_4e1f);
        assert_eq!(checksum(0, b"abc"), 0x78af_5f94_892f_3950);
        assert_eq!(short_checksum(b"abc"), 0x892f_3950);
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(5_000).collect();
        let sums = [16, 100, 200, 1_000, 5_000].map(|len| checksum(len as u64, &bytes[..len]));
        let known = [
            0xfd12_2fba_65df_1df7,
            0xc071_35f9_1be9_c09f,
            0x6de6_d102_0d61_28cc,
            0xa4db_b818_7227_4616,
            0x2b9d_9a94_d0d8_5604,
        ];
        assert_eq!(sums, known);
    }
}
