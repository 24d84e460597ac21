//! Finds the client of a request that came through proxies.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::{Mutex, RwLock};

use super::head::Head;
use super::named_user::{Named, UserHeader};

/// The header in which proxies name the client.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The least time between two warnings that a header was ignored: any client can send it.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// The trusted proxies; can be replaced while the server runs.
#[derive(Debug, Default)]
pub struct Proxies {
    trusted: RwLock<Vec<IpNet>>,
    /// The header in which they name the user, if they do.
    user_header: RwLock<Option<UserHeader>>,
    /// When it was last said that others had sent it.
    warned: Mutex<Option<Instant>>,
}

impl Proxies {
    /// Trusts these addresses.
    pub fn new(trusted: Vec<IpNet>) -> Proxies {
        Proxies {
            trusted: RwLock::new(trusted),
            user_header: RwLock::default(),
            warned: Mutex::default(),
        }
    }

    /// Sets in which header they name the user, if they do.
    pub fn set_user_header(&self, header: Option<UserHeader>) {
        *self.user_header.write() = header;
    }

    /// The user of a request that came from `peer`: the machine that has sent it, whatever is said
    /// of the client's address.
    pub(super) fn named(&self, peer: SocketAddr, head: &Head) -> Named {
        let header = *self.user_header.read();
        let Some(header) = header else {
            return Named::NotAsked;
        };
        match header.user(head) {
            None => Named::Nobody,
            Some(user) if self.trusts(peer.ip()) => Named::User(user),
            Some(_) => {
                self.warn(peer);
                Named::Nobody
            }
        }
    }

    fn warn(&self, peer: SocketAddr) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= BETWEEN_WARNINGS) {
            *warned = Some(Instant::now());
            log::warn!(
                "{peer}: ignored the header that names the user, because the address is not in \
                 web.trusted_proxies; further ones are not logged for a minute"
            );
        }
    }

    /// Replaces the list.
    pub fn replace(&self, trusted: Vec<IpNet>) {
        *self.trusted.write() = trusted;
    }

    /// Whether this address is trusted.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let trusted = self.trusted.read();
        let address = address.to_canonical();
        trusted.iter().any(|network| network.contains(&address))
    }

    /// The client behind a request that came from `peer`. Each proxy appends the address that it
    /// was contacted from, so the list is read from its end, for as long as the author of an entry
    /// is trusted; anything before that may be forged.
    pub(super) fn client(&self, peer: SocketAddr, head: &Head) -> SocketAddr {
        if !self.trusts(peer.ip()) {
            return peer;
        }
        let mut client = peer;
        for entry in head.field(FORWARDED_FOR).unwrap_or_default().rsplit(',') {
            let Some(address) = address(entry.trim()) else {
                break;
            };
            client = address;
            if !self.trusts(address.ip()) {
                break;
            }
        }
        client
    }
}

/// An address, perhaps with a port, as proxies write them.
fn address(entry: &str) -> Option<SocketAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|entry| entry.strip_suffix(']'));
    let address = match bare.unwrap_or(entry).parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, 0),
        Err(_) => entry.parse().ok()?,
    };
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let proxies = Proxies::new(trusted.to_vec());
        let lines: String = forwarded_for
            .iter()
            .map(|value| format!("X-Forwarded-For: {value}\r\n"))
            .collect();
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let (head, _) = Head::parse(head.as_bytes(), 4096).unwrap().unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        proxies.client(peer, &head).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_added() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1:9");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7:0");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1:9");
        // The first one is forged by the client.
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 198.51.100.7"]),
            "198.51.100.7:0"
        );
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "198.51.100.7,10.0.0.2"]),
            "198.51.100.7:0"
        );
        assert_eq!(client("::1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3:0");
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        assert_eq!(
            client("10.0.0.1", &["198.51.100.7:4711"]),
            "198.51.100.7:4711"
        );
        assert_eq!(client("10.0.0.1", &["2001:db8::7"]), "[2001:db8::7]:0");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]"]), "[2001:db8::7]:0");
        assert_eq!(
            client("10.0.0.1", &["[2001:db8::7]:80"]),
            "[2001:db8::7]:80"
        );
        assert_eq!(client("10.0.0.1", &["::ffff:192.0.2.9"]), "192.0.2.9:0");
        for nonsense in ["", "unknown", "1.2.3", "a, ", "_hidden"] {
            assert_eq!(client("10.0.0.1", &[nonsense]), "10.0.0.1:9");
        }
    }
}
