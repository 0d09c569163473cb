//! Sizes as people write and read them, in units of 1024.

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

/// Reads `1048576`, `1024K`, `20G`, `20GB` or `20GiB`.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write bytes, or a number with K, M, G or T");
    let upper = text.trim().to_ascii_uppercase();
    let short = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let (digits, shift) =
        UNITS.into_iter().find_map(|(letter, shift)| Some((short.strip_suffix(letter)?, shift))).unwrap_or((short, 0));
    let number: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Writes it in the largest unit of which there is one.
pub(super) fn write(bytes: u64) -> String {
    crate::locale::size(crate::locale::Lang::En, bytes)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("0", 0)]
    #[test_case("1048576", 1 << 20)]
    #[test_case("500M", 500 << 20; "megabytes")]
    #[test_case("20 gib", 20 << 30; "in any case and spelling")]
    #[test_case("2TB", 2 << 40; "terabytes")]
    #[test_case("7B", 7; "bytes")]
    fn sizes_are_read(text: &str, bytes: u64) {
        assert_eq!(parse(text), Ok(bytes));
    }

    #[test_case("")]
    #[test_case("-1")]
    #[test_case("1.5G")]
    #[test_case("G")]
    #[test_case("16777216T"; "more than there can be")]
    fn what_is_no_size_is_refused(text: &str) {
        assert!(parse(text).is_err());
    }
}
