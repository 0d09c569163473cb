//! Numbers of a fixed width modulo a prime, in Montgomery form.
//!
//! Everything lives on the stack and nothing depends on a secret: signatures are only verified here, so a branch on
//! a value tells nobody anything.
#![allow(clippy::indexing_slicing, reason = "every index is below the width N, which is part of the type")]

/// A number of N times 64 bits, least significant limb first.
pub(super) type Limbs<const N: usize> = [u64; N];

/// A prime, and what Montgomery multiplication needs of it.
#[derive(Debug)]
pub(super) struct Modulus<const N: usize> {
    value: Limbs<N>,
    /// -value⁻¹ modulo 2⁶⁴.
    negated_inverse: u64,
    /// R modulo the value, R = 2^(64 N): the number one in Montgomery form.
    one: Limbs<N>,
    /// R² modulo the value.
    square: Limbs<N>,
}

/// A residue in Montgomery form; only together with its modulus it says anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Residue<const N: usize>(Limbs<N>);

impl<const N: usize> Modulus<N> {
    /// An odd number whose topmost bits are not far from 2^(64 N).
    pub(super) const fn new(value: Limbs<N>) -> Self {
        let mut one = [0; N];
        one[0] = 1;
        let mut modulus = Modulus { value, negated_inverse: negated_inverse(value[0]), one, square: one };
        let mut bit = 0;
        while bit < 64 * N {
            modulus.one = modulus.doubled(&modulus.one);
            bit += 1;
        }
        modulus.square = modulus.one;
        bit = 0;
        while bit < 64 * N {
            modulus.square = modulus.doubled(&modulus.square);
            bit += 1;
        }
        modulus
    }

    /// The prime itself.
    pub(super) const fn value(&self) -> &Limbs<N> {
        &self.value
    }

    /// A number below the modulus as a residue; `None` when it is not below.
    pub(super) fn residue(&self, number: &Limbs<N>) -> Option<Residue<N>> {
        is_below(number, &self.value).then(|| self.montgomery_form(number))
    }

    /// Any number as a residue; the modulus is so near to 2^(64 N) that a few subtractions do it.
    pub(super) fn reduced(&self, number: &Limbs<N>) -> Limbs<N> {
        let mut rest = *number;
        while !is_below(&rest, &self.value) {
            rest = less(&rest, &self.value).0;
        }
        rest
    }

    /// For constants that are known to be below the modulus.
    pub(super) const fn montgomery_form(&self, number: &Limbs<N>) -> Residue<N> {
        Residue(self.product(number, &self.square))
    }

    /// The number that a residue stands for.
    pub(super) fn number(&self, residue: &Residue<N>) -> Limbs<N> {
        let mut one = [0; N];
        one[0] = 1;
        self.product(&residue.0, &one)
    }

    pub(super) const fn zero() -> Residue<N> {
        Residue([0; N])
    }

    pub(super) fn one(&self) -> Residue<N> {
        Residue(self.one)
    }

    pub(super) fn mul(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        Residue(self.product(&a.0, &b.0))
    }

    pub(super) fn add(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        Residue(self.sum(&a.0, &b.0))
    }

    pub(super) fn sub(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (difference, borrowed) = less(&a.0, &b.0);
        Residue(if borrowed { plus(&difference, &self.value).0 } else { difference })
    }

    pub(super) fn negated(&self, a: &Residue<N>) -> Residue<N> {
        self.sub(&Self::zero(), a)
    }

    /// By Fermat's little theorem; zero for zero.
    pub(super) fn inverse(&self, a: &Residue<N>) -> Residue<N> {
        let mut two = [0; N];
        two[0] = 2;
        let exponent = less(&self.value, &two).0;
        let mut power = self.one();
        for bit in (0..64 * N).rev() {
            power = self.mul(&power, &power);
            if is_set(&exponent, bit) {
                power = self.mul(&power, a);
            }
        }
        power
    }

    const fn sum(&self, a: &Limbs<N>, b: &Limbs<N>) -> Limbs<N> {
        let (sum, carried) = plus(a, b);
        if carried || !is_below(&sum, &self.value) { less(&sum, &self.value).0 } else { sum }
    }

    const fn doubled(&self, a: &Limbs<N>) -> Limbs<N> {
        self.sum(a, a)
    }

    /// a · b / R modulo the value: multiplication and reduction limb by limb.
    const fn product(&self, a: &Limbs<N>, b: &Limbs<N>) -> Limbs<N> {
        let mut sum = [0; N];
        let mut top: u64 = 0;
        let mut i = 0;
        while i < N {
            let mut carry = 0;
            let mut j = 0;
            while j < N {
                (sum[j], carry) = multiply_add(a[j], b[i], sum[j], carry);
                j += 1;
            }
            let (high, over) = top.overflowing_add(carry);
            let factor = sum[0].wrapping_mul(self.negated_inverse);
            (_, carry) = multiply_add(factor, self.value[0], sum[0], 0);
            j = 1;
            while j < N {
                (sum[j - 1], carry) = multiply_add(factor, self.value[j], sum[j], carry);
                j += 1;
            }
            let (last, more) = high.overflowing_add(carry);
            sum[N - 1] = last;
            top = over as u64 + more as u64;
            i += 1;
        }
        if top > 0 || !is_below(&sum, &self.value) { less(&sum, &self.value).0 } else { sum }
    }
}

impl<const N: usize> Residue<N> {
    pub(super) fn is_zero(&self) -> bool {
        is_zero(&self.0)
    }
}

/// Reads little-endian bytes; `None` when they are not exactly as many as the number is wide.
pub(super) fn from_le<const N: usize>(bytes: &[u8]) -> Option<Limbs<N>> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if chunks.len() != N || !rest.is_empty() {
        return None;
    }
    let mut limbs = [0; N];
    for (limb, chunk) in limbs.iter_mut().zip(chunks) {
        *limb = u64::from_le_bytes(*chunk);
    }
    Some(limbs)
}

/// Reads a constant that is written in hexadecimal digits. Something else than digits, or too many, does not compile.
#[allow(clippy::panic, reason = "evaluated by the compiler, on constants")]
pub(super) const fn from_hex<const N: usize>(text: &str) -> Limbs<N> {
    let digits = text.as_bytes();
    assert!(digits.len() <= 16 * N);
    let mut limbs = [0; N];
    let mut place = 0;
    while place < digits.len() {
        let digit = digits[digits.len() - 1 - place];
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'F' => digit - b'A' + 10,
            _ => panic!("no digit"),
        };
        limbs[place / 16] |= (value as u64) << (4 * (place % 16));
        place += 1;
    }
    limbs
}

pub(super) fn is_zero<const N: usize>(number: &Limbs<N>) -> bool {
    number.iter().all(|limb| *limb == 0)
}

/// Bit `place` of a number.
pub(super) fn is_set<const N: usize>(number: &Limbs<N>, place: usize) -> bool {
    number[place / 64] >> (place % 64) & 1 == 1
}

pub(super) const fn is_below<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> bool {
    less(a, b).1
}

const fn plus<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> (Limbs<N>, bool) {
    let mut sum = [0; N];
    let mut carry = false;
    let mut i = 0;
    while i < N {
        let (part, first) = a[i].overflowing_add(b[i]);
        let (part, second) = part.overflowing_add(carry as u64);
        sum[i] = part;
        carry = first || second;
        i += 1;
    }
    (sum, carry)
}

const fn less<const N: usize>(a: &Limbs<N>, b: &Limbs<N>) -> (Limbs<N>, bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    let mut i = 0;
    while i < N {
        let (part, first) = a[i].overflowing_sub(b[i]);
        let (part, second) = part.overflowing_sub(borrow as u64);
        difference[i] = part;
        borrow = first || second;
        i += 1;
    }
    (difference, borrow)
}

/// Low and high half of a · b + c + d, which cannot overflow.
const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = (a as u128) * (b as u128) + (c as u128) + (d as u128);
    (sum as u64, (sum >> 64) as u64)
}

/// By Newton's iteration: each round doubles the bits that are right, and an odd number is its own inverse modulo 8.
const fn negated_inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2⁶¹ - 1, so that everything can be computed once more with ordinary numbers.
    const SMALL: Modulus<1> = Modulus::new([(1 << 61) - 1]);
    /// 2²⁵⁶ - 617, the field of the 256-bit curves.
    const LARGE: Modulus<4> = Modulus::new([u64::MAX - 616, u64::MAX, u64::MAX, u64::MAX]);

    proptest! {
        #[test]
        fn arithmetic_modulo_a_small_prime_is_that_of_ordinary_numbers(a in 0..SMALL.value[0], b in 0..SMALL.value[0]) {
            let p = u128::from(SMALL.value[0]);
            let (x, y) = (SMALL.residue(&[a]).unwrap(), SMALL.residue(&[b]).unwrap());
            let (a, b) = (u128::from(a), u128::from(b));
            let number = |residue| u128::from(SMALL.number(&residue)[0]);
            prop_assert_eq!(number(SMALL.add(&x, &y)), (a + b) % p);
            prop_assert_eq!(number(SMALL.sub(&x, &y)), (p + a - b) % p);
            prop_assert_eq!(number(SMALL.mul(&x, &y)), a * b % p);
            if a > 0 {
                prop_assert_eq!(number(SMALL.mul(&x, &SMALL.inverse(&x))), 1);
            }
        }

        #[test]
        fn a_field_of_256_bits_obeys_its_laws(a: [u64; 4], b: [u64; 4], c: [u64; 4]) {
            let [x, y, z] = [a, b, c].map(|number| LARGE.residue(&LARGE.reduced(&number)).unwrap());
            let left = LARGE.mul(&x, &LARGE.add(&y, &z));
            prop_assert_eq!(left, LARGE.add(&LARGE.mul(&x, &y), &LARGE.mul(&x, &z)));
            prop_assert_eq!(LARGE.mul(&LARGE.mul(&x, &y), &z), LARGE.mul(&x, &LARGE.mul(&y, &z)));
            prop_assert_eq!(LARGE.number(&x), LARGE.reduced(&a));
            prop_assert_eq!(LARGE.add(&x, &LARGE.negated(&x)), Modulus::zero());
            if !x.is_zero() {
                prop_assert_eq!(LARGE.mul(&x, &LARGE.inverse(&x)), LARGE.one());
            }
        }
    }

    #[test]
    fn numbers_that_are_not_below_the_modulus_are_no_residues() {
        assert_eq!(LARGE.residue(&LARGE.value), None);
        assert_eq!(LARGE.residue(&[u64::MAX; 4]), None);
        assert!(LARGE.residue(&[u64::MAX - 617, u64::MAX, u64::MAX, u64::MAX]).is_some());
    }

    #[test]
    fn bytes_are_little_endian_and_of_the_exact_width() {
        assert_eq!(from_le::<1>(&[1, 2, 0, 0, 0, 0, 0, 0x80]), Some([0x8000_0000_0000_0201]));
        assert_eq!(from_le::<1>(&[0; 7]), None);
        assert_eq!(from_le::<1>(&[0; 9]), None);
        assert_eq!(from_hex::<2>("10000000000000000A"), [10, 16]);
    }
}
