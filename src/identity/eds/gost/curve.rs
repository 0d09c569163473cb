//! The curves of the signatures, and points on them: y² = x³ + ax + b over a prime field.

use super::field::{Limbs, Modulus, Residue, from_hex, is_set};

/// The width of 256-bit and 512-bit numbers in limbs.
pub(super) const SHORT: usize = 4;
pub(super) const LONG: usize = 8;

/// A curve, and a point whose multiples are used.
#[derive(Debug)]
pub(super) struct Curve<const N: usize> {
    /// The field of the coordinates.
    pub(super) field: Modulus<N>,
    /// The order of the base point: signatures are numbers below it.
    pub(super) order: Modulus<N>,
    a: Residue<N>,
    b: Residue<N>,
    base: Affine<N>,
}

/// A point that is not the point at infinity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Affine<const N: usize> {
    x: Residue<N>,
    y: Residue<N>,
}

/// A point in Jacobian coordinates: (X / Z², Y / Z³); Z is zero at infinity.
#[derive(Clone, Copy, Debug)]
struct Jacobian<const N: usize> {
    x: Residue<N>,
    y: Residue<N>,
    z: Residue<N>,
}

/// RFC 4357 §11.4, id-GostR3410-2001-CryptoPro-A-ParamSet; also id-tc26-gost-3410-2012-256-paramSetB.
pub(super) static CRYPTO_PRO_A: Curve<SHORT> = Curve::new(Parameters {
    p: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97",
    a: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD94",
    b: "A6",
    q: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6C611070995AD10045841B09B761B893",
    x: "1",
    y: "8D91E471E0989CDA27DF505A453F2B7635294F2DDF23E3B122ACC99C9E9F1E14",
});

/// RFC 7836 appendix A.2, id-tc26-gost-3410-2012-256-paramSetA in its canonical form.
pub(super) static TC26_256_A: Curve<SHORT> = Curve::new(Parameters {
    p: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFD97",
    a: "C2173F1513981673AF4892C23035A27CE25E2013BF95AA33B22C656F277E7335",
    b: "295F9BAE7428ED9CCC20E7C359A9D41A22FCCD9108E17BF7BA9337A6F8AE9513",
    q: "400000000000000000000000000000000FD8CDDFC87B6635C115AF556C360C67",
    x: "91E38443A5E82C0D880923425712B2BB658B9196932E02C78B2582FE742DAA28",
    y: "32879423AB1A0375895786C4BB46E9565FDE0B5344766740AF268ADB32322E5C",
});

/// RFC 7836 appendix A.1, id-tc26-gost-3410-12-512-paramSetA.
pub(super) static TC26_512_A: Curve<LONG> = Curve::new(Parameters {
    p: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\
        FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFDC7",
    a: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\
        FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFDC4",
    b: "E8C2505DEDFC86DDC1BD0B2B6667F1DA34B82574761CB0E879BD081CFD0B6265\
        EE3CB090F30D27614CB4574010DA90DD862EF9D4EBEE4761503190785A71C760",
    q: "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\
        27E69532F48D89116FF22B8D4E0560609B4B38ABFAD2B85DCACDB1411F10B275",
    x: "3",
    y: "7503CFE87A836AE3A61B8816E25450E6CE5E1C93ACF1ABC1778064FDCBEFA921\
        DF1626BE4FD036E93D75E6A50E3A41E98028FE5FC235F5B889A589CB5215F2A4",
});

/// A curve as standards print it, in hexadecimal digits.
pub(super) struct Parameters {
    pub(super) p: &'static str,
    pub(super) a: &'static str,
    pub(super) b: &'static str,
    pub(super) q: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
}

impl<const N: usize> Curve<N> {
    pub(super) const fn new(parameters: Parameters) -> Self {
        let field = Modulus::new(from_hex(parameters.p));
        let a = field.montgomery_form(&from_hex(parameters.a));
        let b = field.montgomery_form(&from_hex(parameters.b));
        let x = field.montgomery_form(&from_hex(parameters.x));
        let y = field.montgomery_form(&from_hex(parameters.y));
        Curve { field, order: Modulus::new(from_hex(parameters.q)), a, b, base: Affine { x, y } }
    }

    /// The point with these coordinates, when it is one of the curve.
    pub(super) fn point(&self, x: &Limbs<N>, y: &Limbs<N>) -> Option<Affine<N>> {
        let point = Affine { x: self.field.residue(x)?, y: self.field.residue(y)? };
        self.contains(&point).then_some(point)
    }

    fn contains(&self, Affine { x, y }: &Affine<N>) -> bool {
        let field = &self.field;
        let cube = field.mul(&field.add(&field.mul(x, x), &self.a), x);
        field.mul(y, y) == field.add(&cube, &self.b)
    }

    /// The first coordinate of `of_base` times the base point plus `of_point` times `point`; `None` at infinity. Both
    /// products are made together, bit by bit.
    pub(super) fn first_coordinate(
        &self,
        of_base: &Limbs<N>,
        of_point: &Limbs<N>,
        point: &Affine<N>,
    ) -> Option<Limbs<N>> {
        let both = self.affine(&self.add(&self.jacobian(&self.base), point));
        let mut sum = self.infinity();
        for bit in (0..64 * N).rev() {
            sum = self.double(&sum);
            sum = match (is_set(of_base, bit), is_set(of_point, bit)) {
                (true, true) => both.map_or_else(|| sum, |both| self.add(&sum, &both)),
                (true, false) => self.add(&sum, &self.base),
                (false, true) => self.add(&sum, point),
                (false, false) => sum,
            };
        }
        self.affine(&sum).map(|point| self.field.number(&point.x))
    }

    fn infinity(&self) -> Jacobian<N> {
        Jacobian { x: self.field.one(), y: self.field.one(), z: Modulus::zero() }
    }

    fn jacobian(&self, point: &Affine<N>) -> Jacobian<N> {
        Jacobian { x: point.x, y: point.y, z: self.field.one() }
    }

    fn affine(&self, point: &Jacobian<N>) -> Option<Affine<N>> {
        if point.z.is_zero() {
            return None;
        }
        let field = &self.field;
        let inverse = field.inverse(&point.z);
        let square = field.mul(&inverse, &inverse);
        Some(Affine { x: field.mul(&point.x, &square), y: field.mul(&point.y, &field.mul(&square, &inverse)) })
    }

    /// The point twice; for any `a`.
    fn double(&self, point: &Jacobian<N>) -> Jacobian<N> {
        let field = &self.field;
        let twice = |residue: &Residue<N>| field.add(residue, residue);
        let yy = field.mul(&point.y, &point.y);
        let s = twice(&twice(&field.mul(&point.x, &yy)));
        let zz = field.mul(&point.z, &point.z);
        let xx = field.mul(&point.x, &point.x);
        let m = field.add(&field.add(&twice(&xx), &xx), &field.mul(&self.a, &field.mul(&zz, &zz)));
        let x = field.sub(&field.mul(&m, &m), &twice(&s));
        let y4 = field.mul(&yy, &yy);
        let y = field.sub(&field.mul(&m, &field.sub(&s, &x)), &twice(&twice(&twice(&y4))));
        Jacobian { x, y, z: twice(&field.mul(&point.y, &point.z)) }
    }

    /// The sum of two points, equal, opposite and infinite ones included.
    fn add(&self, left: &Jacobian<N>, right: &Affine<N>) -> Jacobian<N> {
        if left.z.is_zero() {
            return self.jacobian(right);
        }
        let field = &self.field;
        let zz = field.mul(&left.z, &left.z);
        let u = field.mul(&right.x, &zz);
        let s = field.mul(&right.y, &field.mul(&zz, &left.z));
        let (h, r) = (field.sub(&u, &left.x), field.sub(&s, &left.y));
        if h.is_zero() {
            return if r.is_zero() { self.double(left) } else { self.infinity() };
        }
        let hh = field.mul(&h, &h);
        let hhh = field.mul(&hh, &h);
        let v = field.mul(&left.x, &hh);
        let x = field.sub(&field.sub(&field.mul(&r, &r), &hhh), &field.add(&v, &v));
        let y = field.sub(&field.mul(&r, &field.sub(&v, &x)), &field.mul(&left.y, &hhh));
        Jacobian { x, y, z: field.mul(&left.z, &h) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::field::is_zero;
    use super::*;

    impl<const N: usize> Curve<N> {
        /// A multiple of the base point, for making keys and signatures in tests.
        pub(in super::super) fn multiple(&self, factor: &Limbs<N>) -> Option<Affine<N>> {
            let mut sum = self.infinity();
            for bit in (0..64 * N).rev() {
                sum = self.double(&sum);
                if is_set(factor, bit) {
                    sum = self.add(&sum, &self.base);
                }
            }
            self.affine(&sum)
        }

        pub(in super::super) fn coordinates(&self, point: &Affine<N>) -> (Limbs<N>, Limbs<N>) {
            (self.field.number(&point.x), self.field.number(&point.y))
        }
    }

    fn is_sound<const N: usize>(curve: &Curve<N>) {
        assert!(curve.contains(&curve.base));
        assert_eq!(curve.multiple(curve.order.value()), None, "the order times the base point is infinity");
        let one = {
            let mut one = [0; N];
            one[0] = 1;
            one
        };
        assert_eq!(curve.multiple(&one), Some(curve.base));
        // (q - 2) G + 2 G: the sum passes through equal and opposite points.
        let mut almost = *curve.order.value();
        almost[0] -= 2;
        let two = {
            let mut two = [0; N];
            two[0] = 2;
            two
        };
        assert_eq!(curve.first_coordinate(&almost, &two, &curve.base), None);
        // 5 G + 7 G = 12 G, by the double product and by a single one.
        let number = |value| {
            let mut number = [0; N];
            number[0] = value;
            number
        };
        let twelve = curve.multiple(&number(12)).map(|point| curve.coordinates(&point).0);
        assert_eq!(curve.first_coordinate(&number(5), &number(7), &curve.base), twelve);
        let (x, mut y) = curve.coordinates(&curve.base);
        assert!(!is_zero(&y));
        assert!(curve.point(&x, &y).is_some());
        y[0] ^= 1;
        assert_eq!(curve.point(&x, &y), None, "a point that is not on the curve");
        assert_eq!(curve.point(curve.field.value(), &y), None, "a coordinate that is not in the field");
    }

    #[test]
    fn rfc4357_rfc7836_base_points_are_on_their_curves_and_have_their_order() {
        is_sound(&CRYPTO_PRO_A);
        is_sound(&TC26_256_A);
        is_sound(&TC26_512_A);
    }
}
