//! How the address of a peer is written, for people and programs.

use std::net::SocketAddr;

use serde::Serializer;

/// The address, with its port if that is known: proxies seldom pass it on.
pub fn written(address: SocketAddr) -> String {
    match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    }
}

/// Serializes an address as it is written.
pub fn serialize<S: Serializer>(
    address: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) if address.port() == 0 => serializer.collect_str(&address.ip()),
        Some(address) => serializer.collect_str(address),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_nobody_knows_is_not_written() {
        for raw in ["192.0.2.1:7", "[2001:db8::1]:7"] {
            assert_eq!(written(raw.parse().unwrap()), raw);
        }
        assert_eq!(written("192.0.2.1:0".parse().unwrap()), "192.0.2.1");
        assert_eq!(written("[2001:db8::1]:0".parse().unwrap()), "2001:db8::1");
    }
}
