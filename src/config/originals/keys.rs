//! Every key of the older servers, and what is written today.

use super::Original;

/// A key of an older server.
#[derive(Debug)]
pub struct Key {
    /// Its spelling there; neither that server nor this one distinguishes case.
    pub name: &'static str,
    /// The older server that it belongs to.
    pub of: Original,
    /// What to write instead in a file of today's form.
    pub today: &'static str,
}

const fn key(of: Original, name: &'static str, today: &'static str) -> Key {
    Key { name, of, today }
}

/// The keys of all older servers.
pub const KEYS: &[Key] = &[
    key(
        Original::LineServer,
        "ip",
        "the address in listen.telnet, listen.rest and listen.web",
    ),
    key(
        Original::LineServer,
        "telnet_port",
        r#"{"listen": {"telnet": "0.0.0.0:4000"}}"#,
    ),
    key(
        Original::LineServer,
        "rest_port",
        r#"{"listen": {"rest": "0.0.0.0:4001"}}"#,
    ),
    key(
        Original::LineServer,
        "websocket_port",
        r#"{"listen": {"web": "0.0.0.0:4004"}}"#,
    ),
    key(
        Original::LineServer,
        "log_file",
        r#"{"chat_log": {"file": "chat-server.log"}}"#,
    ),
    key(
        Original::LineServer,
        "telnet_address",
        r#"{"listen": {"telnet": "0.0.0.0:4000"}}"#,
    ),
    key(
        Original::LineServer,
        "web_address",
        r#"{"listen": {"web": "0.0.0.0:4001"}}, or tls.web for HTTPS"#,
    ),
    key(
        Original::LineServer,
        "static_web",
        r#"{"web": {"folder": "static-web"}}"#,
    ),
    key(
        Original::LineServer,
        "api_doc_path",
        "nothing: the description of REST is at /openapi.json, of the older names at /docs.json",
    ),
    key(
        Original::LineServer,
        "tls_key",
        r#"{"tls": {"key": "tls.key"}}"#,
    ),
    key(
        Original::LineServer,
        "tls_cert",
        r#"{"tls": {"certificate": "tls.crt"}}"#,
    ),
    key(
        Original::LineServer,
        "https",
        "the address in tls.web instead of listen.web",
    ),
    key(
        Original::LineServer,
        "cwd",
        "paths from the folder that the server is started in",
    ),
    key(
        Original::JsonCommands,
        "addr",
        r#"{"listen": {"web": "0.0.0.0:7000"}}"#,
    ),
    key(
        Original::JsonCommands,
        "ns_endpoints",
        r#"{"name_server": {"url": "http://host:7001"}}"#,
    ),
    key(
        Original::DirectMessages,
        "host",
        r#"{"listen": {"web": "0.0.0.0:8080"}}"#,
    ),
    key(
        Original::DirectMessages,
        "postgres",
        r#"{"store": {"postgres": "postgres://user@host/database"}}"#,
    ),
    key(
        Original::DirectMessages,
        "redis_host",
        r#"{"cluster": {"redis": "redis://host:6379"}} if there are several servers"#,
    ),
    key(
        Original::DirectMessages,
        "shared_queue_key",
        "nothing: cluster.redis is enough",
    ),
    key(
        Original::DirectMessages,
        "message_queue_key",
        "nothing: cluster.redis is enough",
    ),
    key(
        Original::DirectMessages,
        "queue_manager_key",
        "nothing: cluster.redis is enough",
    ),
];

/// Finds a key by name, in any case.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::KEYS;

    #[test]
    fn the_documentation_has_every_key() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/coming-from.md");
        let page = std::fs::read_to_string(page).unwrap();
        for key in KEYS {
            let row = format!("| `{}` |", key.name);
            assert!(page.contains(&row), "{row}");
        }
    }
}
