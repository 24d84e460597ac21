//! Recognises variables that Kubernetes sets and that look like ours.
//!
//! Kubernetes gives every container variables for every service of its namespace.
//! Those of a service called `chat-server-redis` are
//! `CHAT_SERVER_REDIS_SERVICE_HOST`, `CHAT_SERVER_REDIS_PORT_6379_TCP_ADDR` and so
//! on, with the same prefix as our settings. Both the end of the name and the form
//! of the value must fit, so that a mistyped setting is still reported.

use std::ffi::OsStr;
use std::net::IpAddr;

use super::setting::ENVIRONMENT_PREFIX;

/// The protocols of Kubernetes services.
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

/// Whether Kubernetes set this variable for a service.
pub(super) fn is_service_link(name: &str, value: &OsStr) -> bool {
    let Some(value) = value.to_str() else {
        return false;
    };
    // For a service called `chat-server`, nothing but the end is left.
    let name = name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(name);
    let words: Vec<&str> = name.split('_').collect();
    (0..words.len()).any(|at| is_end(words.get(at..).unwrap_or_default(), value))
}

/// Whether a name may end in these words, with this value.
fn is_end(words: &[&str], value: &str) -> bool {
    match words {
        ["SERVICE", "HOST"] => is_address(value),
        // The port's name follows, if it has one.
        ["SERVICE", "PORT", ..] => is_port(value),
        ["PORT"] => is_url(value),
        ["PORT", port, protocol, rest @ ..] if is_port(port) && is_protocol(protocol) => match rest
        {
            [] => is_url(value),
            ["PROTO"] => is_protocol(value),
            ["PORT"] => value == *port,
            ["ADDR"] => is_address(value),
            _ => false,
        },
        _ => false,
    }
}

fn is_protocol(text: &str) -> bool {
    PROTOCOLS
        .iter()
        .any(|protocol| protocol.eq_ignore_ascii_case(text))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// An IP address, or the name of an external service.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// `tcp://10.0.0.1:6379`
fn is_url(text: &str) -> bool {
    let Some((protocol, rest)) = text.split_once("://") else {
        return false;
    };
    let Some((host, port)) = rest.rsplit_once(':') else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    is_protocol(protocol) && is_address(host) && is_port(port)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    /// What kubelet sets for a service with these ports.
    fn variables(service: &str, host: &str, ports: &[(&str, u16, &str)]) -> Vec<(String, String)> {
        let name = service.to_uppercase().replace('-', "_");
        let mut set = vec![(format!("{name}_SERVICE_HOST"), host.to_owned())];
        let shown = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        for (index, (port_name, port, protocol)) in ports.iter().enumerate() {
            let link = format!("{name}_PORT_{port}_{}", protocol.to_uppercase());
            let url = format!("{protocol}://{shown}:{port}");
            if index == 0 {
                set.push((format!("{name}_SERVICE_PORT"), port.to_string()));
                set.push((format!("{name}_PORT"), url.clone()));
            }
            if !port_name.is_empty() {
                let port_name = port_name.to_uppercase().replace('-', "_");
                set.push((format!("{name}_SERVICE_PORT_{port_name}"), port.to_string()));
            }
            set.push((link.clone(), url));
            set.push((format!("{link}_PROTO"), (*protocol).to_owned()));
            set.push((format!("{link}_PORT"), port.to_string()));
            set.push((format!("{link}_ADDR"), host.to_owned()));
        }
        set
    }

    #[test]
    fn what_kubelet_sets_is_no_setting_whatever_the_service_is_called() {
        for service in [
            "chat-server",
            "chat-server-redis",
            "chat-server-listen",
            "chat-server-listen-telnet",
            "chat-server-tls",
            "chat-server-admin-token",
            "chat-server-port",
            "chat-server-service",
            "chat-server-2",
        ] {
            for host in ["10.96.0.17", "fd00:10:96::11"] {
                let ports = [
                    ("telnet", 4000, "tcp"),
                    ("room-lines", 8989, "tcp"),
                    ("", 53, "udp"),
                ];
                for (name, value) in variables(service, host, &ports) {
                    let value = OsStr::new(&value);
                    assert!(is_service_link(&name, value), "{name}={value:?}");
                }
            }
        }
    }

    #[test]
    fn no_setting_is_taken_for_one_and_neither_is_a_slip() {
        for setting in Config::settings() {
            let name = setting.environment();
            for value in ["10.0.0.1", "4000", "tcp://10.0.0.1:4000", "tcp"] {
                assert!(!is_service_link(&name, OsStr::new(value)), "{name}");
            }
        }
        for (name, value) in [
            ("CHAT_SERVER_LISTEN_TELENT", "tcp://10.0.0.1:4000"),
            ("CHAT_SERVER_PORT", "4000"),
            ("CHAT_SERVER_LISTEN_PORT", "4000"),
            ("CHAT_SERVER_LISTEN_PORT", "0.0.0.0:4000"),
            ("CHAT_SERVER_SERVICE_HOST", "somewhere"),
            ("CHAT_SERVER_REDIS_URL", "redis://10.0.0.1:6379"),
            ("CHAT_SERVER_REDIS_PORT", "redis://10.0.0.1:6379"),
            ("CHAT_SERVER_REDIS_HOST", "10.0.0.1"),
            ("CHAT_SERVER_REDIS_PORT_6379_TCP_PORT", "6380"),
            ("CHAT_SERVER_REDIS_PORT_6379_TLS", "tcp://10.0.0.1:6379"),
        ] {
            assert!(!is_service_link(name, OsStr::new(value)), "{name}={value}");
        }
    }
}
