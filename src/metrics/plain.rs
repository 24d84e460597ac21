//! The metrics in the older text format of Prometheus, for programs that know no other.

use std::fmt::Write;

/// The content type of the text format.
pub const PLAIN_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Converts OpenMetrics text to the older format: a counter has the name of its sample, there are
/// no lines for units and for the end, and there are fewer types.
pub(super) fn plain(open: &str) -> String {
    let mut out = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        let words = line.strip_prefix("# ").map(|comment| {
            let mut words = comment.splitn(3, ' ');
            [(); 3].map(|()| words.next().unwrap_or_default())
        });
        // Writing to a String cannot fail.
        let _ = match words {
            Some(["HELP", _, words]) => {
                help = Some(words);
                Ok(())
            }
            Some(["TYPE", name, kind]) => write_family(name, kind, help.take(), &mut out),
            Some(["UNIT" | "EOF", ..]) => Ok(()),
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

fn write_family(name: &str, kind: &str, help: Option<&str>, out: &mut String) -> std::fmt::Result {
    let suffix = match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    let kind = match kind {
        "unknown" => "untyped",
        "info" | "stateset" => "gauge",
        other => other,
    };
    if let Some(help) = help {
        writeln!(out, "# HELP {name}{suffix} {help}")?;
    }
    writeln!(out, "# TYPE {name}{suffix} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_called_as_their_samples() {
        let open = "# HELP chat_messages Messages so far.\n# TYPE chat_messages counter\n\
                    chat_messages_total 5\n# HELP chat_users Nicknames.\n# TYPE chat_users gauge\n\
                    # UNIT chat_users people\nchat_users 1\n# TYPE build info\n\
                    build_info{version=\"1\"} 1\n# TYPE x unknown\nx 1\n# EOF\n";
        let text = "# HELP chat_messages_total Messages so far.\n\
                    # TYPE chat_messages_total counter\nchat_messages_total 5\n\
                    # HELP chat_users Nicknames.\n# TYPE chat_users gauge\nchat_users 1\n\
                    # TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
                    # TYPE x untyped\nx 1\n";
        assert_eq!(plain(open), text);
    }
}
