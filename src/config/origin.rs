//! Web origins as browsers send them.

/// `scheme://host[:port]` in the spelling browsers use, or `*`. A path, even
/// a bare slash, would never match what a browser sends.
pub(super) fn parse(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://")?;
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_host =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':');
    if scheme.is_empty() || !scheme.chars().all(is_scheme) || !authority.chars().all(is_host) {
        return None;
    }
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    // Browsers leave a scheme's own port out.
    let host = authority.strip_suffix(default_port).unwrap_or(authority);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let bare = !name.starts_with('[') && name.contains(':');
    if name.is_empty() || bare || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return None;
    }
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn origins_take_the_spelling_browsers_use() {
        for (written, sent) in [
            ("*", "*"),
            ("https://Chat.Example.org", "https://chat.example.org"),
            ("https://chat.example.org:443", "https://chat.example.org"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(parse(written).as_deref(), Some(sent), "{written}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused() {
        for text in [
            "",
            "chat.example.org",
            "https://",
            "https://x/",
            "https://x/y",
            "://x",
            "https://x y",
            "https://x:port",
            "https://x:",
            "https://*.x",
            "http://::1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
