//! Signatures of GOST 34.10 on elliptic curves, as RFC 7091 describes their verification, in the byte order of
//! Kazakhstan's national certification authority: key x ‖ y, signature r ‖ s and digest are all little-endian.
//!
//! Only verification: nothing here is secret.

mod curve;
mod field;
#[cfg(test)]
pub(in crate::identity::eds) mod tests;

use curve::{Affine, CRYPTO_PRO_A, Curve, LONG, SHORT, TC26_256_A, TC26_512_A};
use field::{from_le, is_below, is_zero};

/// A curve that certificates name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParameterSet {
    /// GOST 34.310-2004 of the national authority: CryptoPro-A.
    CryptoProA,
    /// GOST 34.10-2015 with 256 bits: TC26 paramSetA.
    Tc26A256,
    /// GOST 34.10-2015 with 512 bits: TC26 paramSetA.
    Tc26A512,
}

/// A public key: a point that was found to be on its curve.
#[derive(Clone, Debug)]
pub(super) struct PublicKey(Point);

#[derive(Clone, Debug)]
enum Point {
    Short(&'static Curve<SHORT>, Affine<SHORT>),
    Long(&'static Curve<LONG>, Affine<LONG>),
}

impl PublicKey {
    /// Reads x ‖ y, both little-endian; `None` when that is no point of the curve.
    pub(super) fn read(set: ParameterSet, bytes: &[u8]) -> Option<Self> {
        let point = match set {
            ParameterSet::CryptoProA => Point::Short(&CRYPTO_PRO_A, point(&CRYPTO_PRO_A, bytes)?),
            ParameterSet::Tc26A256 => Point::Short(&TC26_256_A, point(&TC26_256_A, bytes)?),
            ParameterSet::Tc26A512 => Point::Long(&TC26_512_A, point(&TC26_512_A, bytes)?),
        };
        Some(PublicKey(point))
    }

    /// Whether the signature r ‖ s is of this key over this digest.
    pub(super) fn verifies(&self, digest: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Point::Short(curve, point) => verifies(curve, point, digest, signature),
            Point::Long(curve, point) => verifies(curve, point, digest, signature),
        }
        .is_some_and(|is_valid| is_valid)
    }
}

fn point<const N: usize>(curve: &Curve<N>, bytes: &[u8]) -> Option<Affine<N>> {
    let (x, y) = bytes.split_at_checked(8 * N)?;
    curve.point(&from_le(x)?, &from_le(y)?)
}

/// RFC 7091 §6.2; `None` when digest or signature cannot be those of this curve.
fn verifies<const N: usize>(curve: &Curve<N>, key: &Affine<N>, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let (r, s) = signature.split_at_checked(8 * N)?;
    let (r, s) = (from_le::<N>(r)?, from_le::<N>(s)?);
    let order = &curve.order;
    // Step 1.
    let is_in_range = |number| !is_zero(number) && is_below(number, order.value());
    if !is_in_range(&r) || !is_in_range(&s) {
        return None;
    }
    // Step 3.
    let e = order.residue(&order.reduced(&from_le(digest)?))?;
    let e = if e.is_zero() { order.one() } else { e };
    // Steps 4 to 7.
    let v = order.inverse(&e);
    let z1 = order.mul(&order.residue(&s)?, &v);
    let z2 = order.negated(&order.mul(&order.residue(&r)?, &v));
    let x = curve.first_coordinate(&order.number(&z1), &order.number(&z2), key)?;
    Some(order.reduced(&x) == r)
}
