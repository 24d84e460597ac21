//! Which addresses an outgoing hook may reach: public ones, and those that the settings allow.
//!
//! Whoever makes a hook chooses its URL, and must not reach by it what only this server can: itself,
//! its network, and the metadata of the machine that it is rented on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether a hook may reach an address.
pub fn may_reach(address: IpAddr, allowed: &[IpNet]) -> bool {
    let inner = inner(address);
    let is_allowed = |address: &IpAddr| allowed.iter().any(|net| net.contains(address));
    is_allowed(&inner) || is_allowed(&address) || is_public(inner)
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn inner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => IpAddr::V4(v4),
            None => address,
        },
        IpAddr::V4(_) => address,
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        // Not `::` and `::1`, which are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Mapped, compatible, translated by the kernel and by NAT64, and 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the registry of special addresses of IANA.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This host; private; shared by providers; loopback; link-local, where metadata are.
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] => true,
        [172, 16..=31, ..] | [192, 168, ..] => true,
        // Assigned to protocols, to documentation, to 6to4, and to measurements.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Many receivers, reserved, everyone.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

/// Only what is given out to be reached by everyone.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Tunnels and other protocols, documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(address: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<IpNet> = allowed.iter().map(|net| net.parse().unwrap()).collect();
        may_reach(address.parse().unwrap(), &allowed)
    }

    #[test]
    fn only_public_addresses_are_reached() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "172.32.0.1",
            "192.0.1.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(may(address, &[]), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!may(address, &[]), "{address}");
        }
    }

    #[test]
    fn what_the_settings_allow_is_reached_however_it_is_written() {
        let allowed = ["10.0.0.0/8", "::1/128"];
        assert!(may("10.1.2.3", &allowed));
        assert!(may("::ffff:10.1.2.3", &allowed));
        assert!(may("::1", &allowed));
        assert!(!may("127.0.0.1", &allowed));
        assert!(!may("192.168.1.1", &allowed));
    }
}
