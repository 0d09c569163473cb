//! Which addresses belong to the internet, and not to a machine or a network of ours (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses: its first one, and how many bits of it count.
type Block<A> = (A, u32);

/// What is not globally reachable, by the registry of RFC 6890.
const NOT_PUBLIC_V4: [Block<Ipv4Addr>; 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// The part of IPv6 from which addresses are given out at all (RFC 4291 §2.4).
const GIVEN_OUT: Block<Ipv6Addr> = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of it is not globally reachable.
const NOT_PUBLIC_V6: [Block<Ipv6Addr>; 3] = [
    // Protocol assignments, Teredo among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// 6to4 (RFC 3056): an address of IPv4 stands behind the first 16 bits.
const SIX_TO_FOUR: Block<Ipv6Addr> = (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

/// NAT64 (RFC 6052 §2.1) and the mapped form (RFC 4291 §2.5.5.2): it stands at the end.
const EMBEDDING: [Block<Ipv6Addr>; 2] =
    [(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96), (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96)];

/// A letter to this address leaves the operator's own machines and networks.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(first, bits): &Block<Ipv4Addr>| (address.to_bits() ^ first.to_bits()) >> (32 - bits) == 0;
    !NOT_PUBLIC_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |(first, bits): &Block<Ipv6Addr>| (address.to_bits() ^ first.to_bits()) >> (128 - bits) == 0;
    let [_, one, two, .., before, last] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    if EMBEDDING.iter().any(within) {
        return is_public_v4(v4(before, last));
    }
    if within(&SIX_TO_FOUR) {
        return is_public_v4(v4(one, two));
    }
    within(&GIVEN_OUT) && !NOT_PUBLIC_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("127.0.0.1" => false; "loopback")]
    #[test_case("0.0.0.0" => false; "unspecified")]
    #[test_case("10.1.2.3" => false; "private 10")]
    #[test_case("172.31.255.255" => false; "private 172, the last")]
    #[test_case("172.32.0.0" => true; "behind private 172")]
    #[test_case("192.168.1.1" => false; "private 192")]
    #[test_case("100.127.0.1" => false; "shared by a provider")]
    #[test_case("169.254.169.254" => false; "link-local, where clouds tell secrets")]
    #[test_case("224.0.0.1" => false; "multicast")]
    #[test_case("255.255.255.255" => false; "broadcast")]
    #[test_case("8.8.8.8" => true; "public")]
    #[test_case("126.255.255.255" => true; "before loopback")]
    #[test_case("128.0.0.1" => true; "behind loopback")]
    #[test_case("::1" => false; "loopback of ipv6")]
    #[test_case("::" => false; "unspecified of ipv6")]
    #[test_case("fe80::1" => false; "link-local of ipv6")]
    #[test_case("fd00::1" => false; "unique local")]
    #[test_case("ff02::1" => false; "multicast of ipv6")]
    #[test_case("2001:db8::1" => false; "documentation")]
    #[test_case("::ffff:127.0.0.1" => false; "loopback in the mapped form")]
    #[test_case("::ffff:8.8.8.8" => true; "public in the mapped form")]
    #[test_case("::127.0.0.1" => false; "loopback in the compatible form")]
    #[test_case("64:ff9b::10.0.0.1" => false; "private behind nat64")]
    #[test_case("64:ff9b::8.8.8.8" => true; "public behind nat64")]
    #[test_case("2002:7f00:1::" => false; "loopback behind 6to4")]
    #[test_case("2a00:1450:4001::1a" => true; "public of ipv6")]
    fn rfc6890_what_is_public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }
}
