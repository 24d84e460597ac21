//! Web origins as browsers send them.

use std::net::Ipv6Addr;

/// `scheme://host[:port]` in the spelling browsers use, or `*`. A bare slash
/// behind it is what the address bar shows; a path would be a mistake, because
/// no browser sends one.
pub(super) fn parse(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of `[::1]` is the address's own.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (authority, None),
    };
    if !is_scheme(scheme) || !is_host(host) {
        return None;
    }
    // Browsers leave a scheme's own port out.
    match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => Some(format!("{scheme}://{host}")),
        (_, Some(port)) => Some(format!("{scheme}://{host}:{port}")),
    }
}

fn is_scheme(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    !text.is_empty() && text.chars().all(allowed)
}

fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let address = rest.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !text.is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_origin_parses_to_itself(text in "[a-z]{0,5}://[a-z0-9:.\\[\\]/]{0,20}") {
            if let Some(origin) = parse(&text) {
                prop_assert_eq!(parse(&origin), Some(origin));
            }
        }
    }

    #[test]
    fn origins_take_the_spelling_browsers_use() {
        for (written, sent) in [
            ("*", "*"),
            ("https://Chat.Example.org", "https://chat.example.org"),
            ("https://chat.example.org:443", "https://chat.example.org"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
            ("https://x/", "https://x"),
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
            "https://x/y",
            "https://x//",
            "https:///",
            "://x",
            "https://x y",
            "https://x:port",
            "https://x:",
            "https://*.x",
            "http://::1",
            "http://[::1",
            "https://x:443:443",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
