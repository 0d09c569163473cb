//! Bech32 (BIP 173), in which keys of age are written: a name, the digit one, 32 bytes and a check sum.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Characters of the check sum.
const CHECK: usize = 6;

/// Writes bytes under a name, in small letters.
pub(super) fn encode(name: &str, bytes: &[u8]) -> String {
    let mut digits = regroup(bytes, 8, 5).unwrap_or_default();
    let mut sum = Sum::of(name);
    digits.iter().for_each(|digit| sum.add(*digit));
    (0..CHECK).for_each(|_| sum.add(0));
    let sum = sum.0 ^ 1;
    digits.extend((0..CHECK).rev().map(|at| u8::try_from((sum >> (5 * at)) & 31).unwrap_or_default()));
    let digits = digits.into_iter().filter_map(|digit| ALPHABET.get(usize::from(digit)).copied().map(char::from));
    std::iter::once(name.to_owned()).chain(std::iter::once("1".to_owned())).collect::<String>()
        + &digits.collect::<String>()
}

/// The bytes under a name; `None` for anything else. In small or in capital letters, not in both.
pub(super) fn decode(name: &str, text: &str) -> Option<Vec<u8>> {
    let small = text.to_ascii_lowercase();
    if text != small && text != text.to_ascii_uppercase() {
        return None;
    }
    let digits = small.strip_prefix(name)?.strip_prefix('1')?.bytes();
    let digits = digits.map(|letter| ALPHABET.iter().position(|other| *other == letter));
    let digits: Vec<u8> =
        digits.map(|digit| digit.and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    let mut sum = Sum::of(name);
    digits.iter().for_each(|digit| sum.add(*digit));
    let content = digits.len().checked_sub(CHECK).and_then(|length| digits.get(..length))?;
    (sum.0 == 1).then(|| regroup(content, 5, 8)).flatten()
}

struct Sum(u32);

impl Sum {
    fn of(name: &str) -> Self {
        let mut sum = Sum(1);
        name.bytes().for_each(|letter| sum.add(letter >> 5));
        sum.add(0);
        name.bytes().for_each(|letter| sum.add(letter & 31));
        sum
    }

    fn add(&mut self, digit: u8) {
        const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let top = self.0 >> 25;
        self.0 = ((self.0 & 0x01ff_ffff) << 5) ^ u32::from(digit);
        for (bit, generator) in (0..).zip(GENERATOR) {
            if (top >> bit) & 1 == 1 {
                self.0 ^= generator;
            }
        }
    }
}

/// Bits in groups of another size. Going up, what is left over must be zeros and less than a group.
fn regroup(values: &[u8], from: u32, to: u32) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut groups) = (0u32, 0, Vec::new());
    let mask = (1u32 << to) - 1;
    for value in values {
        bits = ((bits << from) | u32::from(*value)) & 0xffff;
        count += from;
        while count >= to {
            count -= to;
            groups.push(u8::try_from((bits >> count) & mask).unwrap_or_default());
        }
    }
    let rest = (bits << (to - count)) & mask;
    if from > to && count > 0 {
        groups.push(u8::try_from(rest).unwrap_or_default());
    } else if from < to && (count >= from || rest != 0) {
        return None;
    }
    Some(groups)
}
