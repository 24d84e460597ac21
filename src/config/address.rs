//! Listener addresses as people write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use super::value::Rejected;

/// The word that switches a listener off.
pub(super) const OFF: &str = "off";

/// `off`, `host:port`, `[::1]:port`, or a port alone, which is on loopback:
/// opening the server to a network is always spelt out.
pub(super) fn parse(text: &str) -> Result<Option<SocketAddr>, Rejected> {
    if text == OFF {
        return Ok(None);
    }
    if let Ok(address) = text.parse() {
        return Ok(Some(address));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = parse_port(port)?;
    if host.is_empty() {
        return Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
    }
    let is_host_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    // All digits and dots is an address with a mistake in it, not a host.
    let is_name = host.chars().any(|c| c.is_ascii_alphabetic());
    if !is_name || !host.chars().all(is_host_character) {
        return Err(Rejected::Unexpected);
    }
    resolve(host, port).map(Some)
}

fn parse_port(text: &str) -> Result<u16, Rejected> {
    // `parse` would take a leading plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rejected::Unexpected);
    }
    text.parse().map_err(|_| Rejected::Unexpected)
}

/// Prefers IPv4, which is what most programs take `localhost` for.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, Rejected> {
    let found: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => {
            let why = format!(
                "the host {host} cannot be resolved ({error}); make it known to this machine, as \
                 in /etc/hosts, or write an address such as 0.0.0.0:{port}"
            );
            return Err(Rejected::Because(why));
        }
    };
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or(found.first())
        .copied()
        .ok_or_else(|| Rejected::Because(format!("the host {host} has no address")))
}

/// Whether the two addresses cannot both be bound.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    // The system chooses another port for each 0.
    if one.port() != other.port() || one.port() == 0 {
        return false;
    }
    let (one, other) = (one.ip().to_canonical(), other.ip().to_canonical());
    one == other || covers(one, other) || covers(other, one)
}

/// Whether `any` is the unspecified address of `other`'s family. `::` takes IPv4
/// connections, too.
fn covers(any: IpAddr, other: IpAddr) -> bool {
    any.is_unspecified() && (any.is_ipv6() || other.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> SocketAddr {
        parse(text).unwrap().unwrap()
    }

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        let loopback: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        for text in ["127.0.0.1:4000", ":4000", "4000", "localhost:4000"] {
            assert_eq!(parsed(text), loopback, "{text}");
        }
        assert_eq!(parsed("[::1]:4000"), "[::1]:4000".parse().unwrap());
        assert_eq!(parsed("0.0.0.0:0"), "0.0.0.0:0".parse().unwrap());
        assert_eq!(parse("off"), Ok(None));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":",
            "x",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:65536",
            "+4000",
            "127.0.0:4000",
            "::1:4000",
            "a b:4000",
            "127.0.0.1:4000 ",
            "Off",
            "[::1]",
        ] {
            assert_eq!(parse(text), Err(Rejected::Unexpected), "{text}");
        }
        assert!(matches!(
            parse("no-such-host.invalid:4000"),
            Err(Rejected::Because(_))
        ));
    }

    #[test]
    fn any_address_collides_with_each_of_its_family() {
        let collide = |one: &str, other: &str| {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(collide(one, other), collide(other, one));
            collide(one, other)
        };
        assert!(collide("127.0.0.1:4000", "127.0.0.1:4000"));
        assert!(collide("0.0.0.0:4000", "127.0.0.1:4000"));
        assert!(collide("[::]:4000", "127.0.0.1:4000"));
        assert!(collide("[::ffff:127.0.0.1]:4000", "127.0.0.1:4000"));
        assert!(!collide("127.0.0.1:4000", "127.0.0.2:4000"));
        assert!(!collide("0.0.0.0:4000", "[::1]:4000"));
        assert!(!collide("127.0.0.1:4000", "127.0.0.1:4001"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0"));
    }
}
