//! The unit that is treated as one guesser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 /24 or an IPv6 /64: what one household or small company has, and what an attacker gets in one piece.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Network(IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xFFFF_FF00))),
            IpAddr::V6(v6) => Network(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)))),
        }
    }

    /// The address as bytes of one length, for hashing.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("192.0.2.1", "192.0.2.254" => true; "one ipv4 slash 24")]
    #[test_case("192.0.2.1", "192.0.3.1" => false; "two ipv4 slash 24")]
    #[test_case("::ffff:192.0.2.1", "192.0.2.9" => true; "mapped addresses are ipv4")]
    #[test_case("2001:db8:0:1::1", "2001:db8:0:1:ffff::9" => true; "one ipv6 slash 64")]
    #[test_case("2001:db8:0:1::1", "2001:db8:0:2::1" => false; "two ipv6 slash 64")]
    fn networks(one: &str, other: &str) -> bool {
        Network::of(one.parse().unwrap()) == Network::of(other.parse().unwrap())
    }
}
