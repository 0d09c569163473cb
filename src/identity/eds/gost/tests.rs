//! The examples of the standards, signatures of an independent implementation, and keys and signatures of our own for
//! the tests of everything above.

use proptest::prelude::*;
use test_case::test_case;

use super::curve::Parameters;
use super::field::{Limbs, from_hex};
use super::*;
use crate::identity::eds::digest::{Digest, of};

/// RFC 7091 §7.1: parameters for examples only.
static EXAMPLE_256: Curve<SHORT> = Curve::new(Parameters {
    p: "8000000000000000000000000000000000000000000000000000000000000431",
    a: "7",
    b: "5FBFF498AA938CE739B8E022FBAFEF40563F6E6A3472FC2A514C0CE9DAE23B7E",
    q: "8000000000000000000000000000000150FE8A1892976154C59CFC193ACCF5B3",
    x: "2",
    y: "8E2A8A0E65147D4BD6316030E16D19C85C97F0A9CA267122B96ABBCEA7E8FC8",
});

/// GOST R 34.10-2012 appendix A.2: parameters for examples only.
static EXAMPLE_512: Curve<LONG> = Curve::new(Parameters {
    p: "4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15D\
        F1D852741AF4704A0458047E80E4546D35B8336FAC224DD81664BBF528BE6373",
    a: "7",
    b: "1CFF0806A31116DA29D8CFA54E57EB748BC5F377E49400FDD788B649ECA1AC43\
        61834013B2AD7322480A89CA58E0CF74BC9E540C2ADD6897FAD0A3084F302ADC",
    q: "4531ACD1FE0023C7550D267B6B2FEE80922B14B2FFB90F04D4EB7C09B5D2D15D\
        A82F2D7ECB1DBAC719905C5EECC423F1D86E25EDBE23C595D644AAF187E6E6DF",
    x: "24D19CC64572EE30F396BF6EBBFD7A6C5213B3B3D7057CC825F91093A68CD762\
        FD60611262CD838DC6B60AA7EEE804E28BC849977FAC33B4B530F1B120248A9A",
    y: "2BB312A43BD2CE6E0D020613C857ACDDCFBF061E91E5F2C3F32447C259F39B2C\
        83AB156D77F1496BF7EB3351E1EE4E43DC1A18B91B24640B6DBB92CB1ADD371E",
});

/// A key that signs.
pub(crate) struct TestKey(Secret);

/// The number d.
enum Secret {
    Short(&'static Curve<SHORT>, Limbs<SHORT>),
    Long(&'static Curve<LONG>, Limbs<LONG>),
}

impl TestKey {
    pub(in crate::identity::eds) fn new(set: ParameterSet, seed: u64) -> Self {
        let long = [seed | 1; LONG];
        let short = [seed | 1; SHORT];
        TestKey(match set {
            ParameterSet::CryptoProA => Secret::Short(&CRYPTO_PRO_A, CRYPTO_PRO_A.order.reduced(&short)),
            ParameterSet::Tc26A256 => Secret::Short(&TC26_256_A, TC26_256_A.order.reduced(&short)),
            ParameterSet::Tc26A512 => Secret::Long(&TC26_512_A, TC26_512_A.order.reduced(&long)),
        })
    }

    pub(in crate::identity::eds) fn public(&self) -> Vec<u8> {
        match &self.0 {
            Secret::Short(curve, d) => public(curve, d),
            Secret::Long(curve, d) => public(curve, d),
        }
    }

    pub(in crate::identity::eds) fn sign(&self, digest: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::Short(curve, d) => sign(curve, d, &from_le(digest).unwrap(), &[0x5_1234; SHORT]),
            Secret::Long(curve, d) => sign(curve, d, &from_le(digest).unwrap(), &[0x5_1234; LONG]),
        }
    }
}

fn le<const N: usize>(numbers: [&Limbs<N>; 2]) -> Vec<u8> {
    numbers.into_iter().flatten().flat_map(|limb| limb.to_le_bytes()).collect()
}

fn public<const N: usize>(curve: &Curve<N>, d: &Limbs<N>) -> Vec<u8> {
    let (x, y) = curve.coordinates(&curve.multiple(d).unwrap());
    le([&x, &y])
}

/// RFC 7091 §6.1.
fn sign<const N: usize>(curve: &Curve<N>, d: &Limbs<N>, e: &Limbs<N>, k: &Limbs<N>) -> Vec<u8> {
    let order = &curve.order;
    let residue = |number| order.residue(&order.reduced(number)).unwrap();
    let k = order.reduced(k);
    let (x, _) = curve.coordinates(&curve.multiple(&k).unwrap());
    let r = order.reduced(&x);
    let e = residue(e);
    let e = if e.is_zero() { order.one() } else { e };
    let s = order.add(&order.mul(&residue(&r), &residue(d)), &order.mul(&residue(&k), &e));
    le([&r, &order.number(&s)])
}

struct Example<const N: usize> {
    curve: &'static Curve<N>,
    d: Limbs<N>,
    e: Limbs<N>,
    k: Limbs<N>,
    r: Limbs<N>,
    s: Limbs<N>,
    x: Limbs<N>,
    y: Limbs<N>,
}

fn holds<const N: usize>(example: &Example<N>) {
    let Example { curve, d, e, k, r, s, x, y } = example;
    assert_eq!(public(curve, d), le([x, y]));
    assert_eq!(sign(curve, d, e, k), le([r, s]));
    let key = curve.point(x, y).unwrap();
    let digest: Vec<u8> = e.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    assert_eq!(verifies(curve, &key, &digest, &le([r, s])), Some(true));
    let mut other = digest.clone();
    other[3] ^= 4;
    assert_eq!(verifies(curve, &key, &other, &le([r, s])), Some(false));
    assert_eq!(verifies(curve, &key, &digest, &le([s, r])), Some(false));
    assert_eq!(verifies(curve, &key, &digest, &le([&[0; N], s])), None, "r is above zero");
    assert_eq!(verifies(curve, &key, &digest, &le([r, curve.order.value()])), None, "s is below the order");
}

#[test]
fn rfc7091_example_of_256_bits() {
    holds(&Example {
        curve: &EXAMPLE_256,
        d: from_hex("7A929ADE789BB9BE10ED359DD39A72C11B60961F49397EEE1D19CE9891EC3B28"),
        e: from_hex("2DFBC1B372D89A1188C09C52E0EEC61FCE52032AB1022E8E67ECE6672B043EE5"),
        k: from_hex("77105C9B20BCD3122823C8CF6FCC7B956DE33814E95B7FE64FED924594DCEAB3"),
        r: from_hex("41AA28D2F1AB148280CD9ED56FEDA41974053554A42767B83AD043FD39DC0493"),
        s: from_hex("1456C64BA4642A1653C235A98A60249BCD6D3F746B631DF928014F6C5BF9C40"),
        x: from_hex("7F2B49E270DB6D90D8595BEC458B50C58585BA1D4E9B788F6689DBD8E56FD80B"),
        y: from_hex("26F1B489D6701DD185C8413A977B3CBBAF64D1C593D26627DFFB101A87FF77DA"),
    });
}

#[test]
fn rfc7091_example_of_512_bits() {
    holds(&Example {
        curve: &EXAMPLE_512,
        d: from_hex(
            "0BA6048AADAE241BA40936D47756D7C93091A0E8514669700EE7508E508B1020\
             72E8123B2200A0563322DAD2827E2714A2636B7BFD18AADFC62967821FA18DD4",
        ),
        e: from_hex(
            "3754F3CFACC9E0615C4F4A7C4D8DAB531B09B6F9C170C533A71D147035B0C591\
             7184EE536593F4414339976C647C5D5A407ADEDB1D560C4FC6777D2972075B8C",
        ),
        k: from_hex(
            "0359E7F4B1410FEACC570456C6801496946312120B39D019D455986E364F3658\
             86748ED7A44B3E794434006011842286212273A6D14CF70EA3AF71BB1AE679F1",
        ),
        r: from_hex(
            "2F86FA60A081091A23DD795E1E3C689EE512A3C82EE0DCC2643C78EEA8FCACD3\
             5492558486B20F1C9EC197C90699850260C93BCBCD9C5C3317E19344E173AE36",
        ),
        s: from_hex(
            "1081B394696FFE8E6585E7A9362D26B6325F56778AADBC081C0BFBE933D52FF5\
             823CE288E8C4F362526080DF7F70CE406A6EEB1F56919CB92A9853BDE73E5B4A",
        ),
        x: from_hex(
            "115DC5BC96760C7B48598D8AB9E740D4C4A85A65BE33C1815B5C320C854621DD\
             5A515856D13314AF69BC5B924C8B4DDFF75C45415C1D9DD9DD33612CD530EFE1",
        ),
        y: from_hex(
            "37C7C90CD40B0F5621DC3AC1B751CFA0E2634FA0503B3D52639F5D7FB72AFD61\
             EA199441D943FFE7F0C70A2759A3CDB84C114E1F9339FDF27F35ECA93677BEEC",
        ),
    });
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// `tests/vectors/gost/engine.txt`: signatures that OpenSSL's engine made; its byte order is the reverse of ours.
#[test]
fn signatures_of_the_openssl_engine_hold_and_changed_ones_do_not() {
    let vectors = include_str!("../../../../tests/vectors/gost/engine.txt");
    let mut seen = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [set, message, key, signature] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (set, digest) = match set {
            "gost2001-A" => (ParameterSet::CryptoProA, Digest::Gost94CryptoPro),
            "gost2012_256-TCA" => (ParameterSet::Tc26A256, Digest::Streebog256),
            "gost2012_256-A" => (ParameterSet::CryptoProA, Digest::Streebog256),
            "gost2012_512-A" => (ParameterSet::Tc26A512, Digest::Streebog512),
            other => panic!("{other}"),
        };
        let mut signature = hex(signature);
        signature.reverse();
        let key = PublicKey::read(set, &hex(key)).unwrap();
        assert!(key.verifies(&of(digest, &hex(message)), &signature), "{line}");
        assert!(!key.verifies(&of(digest, &[&hex(message)[..], b"."].concat()), &signature), "{line}");
        signature[5] ^= 1;
        assert!(!key.verifies(&of(digest, &hex(message)), &signature), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 15);
}

#[test_case(ParameterSet::CryptoProA, 32; "cryptopro a")]
#[test_case(ParameterSet::Tc26A256, 32; "256 bits")]
#[test_case(ParameterSet::Tc26A512, 64; "512 bits")]
fn what_is_no_key_or_no_signature_is_refused(set: ParameterSet, width: usize) {
    let key = TestKey::new(set, 77);
    let (public, digest) = (key.public(), vec![9; width]);
    let signature = key.sign(&digest);
    let read = PublicKey::read(set, &public).unwrap();
    assert!(read.verifies(&digest, &signature));
    for wrong in [&public[1..], &[&public[..], &[0]].concat(), &vec![0; 2 * width], &vec![0xff; 2 * width], &[]] {
        assert!(PublicKey::read(set, wrong).is_none());
    }
    for wrong in [&signature[1..], &[&signature[..], &[0]].concat(), &vec![0; 2 * width], &vec![0xff; 2 * width], &[]] {
        assert!(!read.verifies(&digest, wrong));
    }
    assert!(!read.verifies(&digest[1..], &signature));
    let zero = vec![0; width];
    assert!(read.verifies(&zero, &key.sign(&zero)), "RFC 7091 §6.1 step 2: a digest of zero counts as one");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn only_the_signature_of_the_key_over_the_digest_holds(seed: u64, digest: [u8; 32], place in 0..64_usize, bit in 0..8_u8) {
        for set in [ParameterSet::CryptoProA, ParameterSet::Tc26A256] {
            let key = TestKey::new(set, seed);
            let read = PublicKey::read(set, &key.public()).unwrap();
            let mut signature = key.sign(&digest);
            prop_assert!(read.verifies(&digest, &signature));
            let other = PublicKey::read(set, &TestKey::new(set, seed.wrapping_add(2)).public()).unwrap();
            prop_assert!(!other.verifies(&digest, &signature));
            signature[place] ^= 1_u8 << bit;
            prop_assert!(!read.verifies(&digest, &signature));
        }
    }
}
