//! Another server's address, with a host name or an IP address.

use std::fmt;

/// The address of a gRPC server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// `http://host:port`; an IPv6 address stands in brackets.
    pub fn parse(text: &str) -> Option<Endpoint> {
        let authority = text.strip_prefix("http://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':')?;
        let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
                !host.is_empty() && host.len() <= 253 && host.chars().all(plain)
            }
        };
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|&port| port != 0 && is_port)?;
        is_host.then(|| Endpoint {
            host: host.to_owned(),
            port,
        })
    }

    /// The name or address alone.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as in a URL.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_hosts_and_ports() {
        for text in ["http://a:7001", "http://192.0.2.1:1", "http://[::1]:65535"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Endpoint::parse("http://[::1]:7/").unwrap().host(), "::1");
        for text in [
            "",
            "a:7001",
            "https://a:7001",
            "http://a",
            "http://a:",
            "http://a:0",
            "http://a:+1",
            "http://a:65536",
            "http://:7001",
            "http://a b:7001",
            "http://a:7001/x",
            "http://[a]:7001",
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text}");
        }
    }
}
