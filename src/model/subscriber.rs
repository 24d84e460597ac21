//! The subscriber behind an address, by which everything is counted and limited
//! per address. Bans are different: they name their networks themselves.

use std::net::{IpAddr, Ipv6Addr};

use super::account::AccountId;

/// The part of an IPv6 address that names a network; the rest is the
/// subscriber's to choose.
const NETWORK_BITS: u32 = 64;

/// The party that limits are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscriber {
    /// All that comes from an address, as [`subscriber`] has it.
    Address(IpAddr),
    /// A program that takes part without a connection of its own, by its account. It has no
    /// address, and what one program does must not count against another.
    Program(AccountId),
}

impl From<IpAddr> for Subscriber {
    fn from(address: IpAddr) -> Subscriber {
        Subscriber::Address(subscriber(address))
    }
}

/// The address or network that identifies a subscriber. An IPv4 address stands for
/// itself, however it is written. An IPv6 address stands for its /64 network: no
/// subscriber has a smaller one, so its 2^64 addresses count as one.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let host_bits = Ipv6Addr::BITS - NETWORK_BITS;
            let network = address.to_bits() >> host_bits << host_bits;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_counts_by_network_and_ipv4_by_address() {
        for (address, stands_for) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
            ("::1", "::"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(subscriber(address), stands_for.parse::<IpAddr>().unwrap());
        }
    }
}
