//! Messages as programs write them for Slack, and for Mattermost and Rocket.Chat, which take the same.

use serde_json::Value;

use super::value::{join, list, pair, text};

/// Attachments, blocks, and fields of each that are shown.
const MOST: usize = 10;

/// What a message says; `None` if it is none.
pub fn words(value: &Value) -> Option<String> {
    let own = value.get("text").and_then(Value::as_str).unwrap_or("");
    let attachments = list(value, "attachments");
    let blocks = list(value, "blocks");
    if own.is_empty() && attachments.is_empty() && blocks.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    // Blocks are the message, and its text is for those who cannot show them.
    match own.is_empty() {
        true => lines.extend(blocks.iter().take(MOST).flat_map(block)),
        false => lines.push(own.to_owned()),
    }
    for attachment in attachments.iter().take(MOST) {
        lines.extend(of_attachment(attachment));
    }
    lines.retain(|line| !line.trim().is_empty());
    Some(unmarked(&lines.join("\n")))
}

fn of_attachment(attachment: &Value) -> Vec<String> {
    let whole = |name: &str| attachment.get(name).and_then(Value::as_str).unwrap_or("");
    let title = join(&[
        &text(attachment, &["title"]),
        &text(attachment, &["title_link"]),
    ]);
    let mut lines = vec![whole("pretext").to_owned(), title, whole("text").to_owned()];
    for field in list(attachment, "fields").iter().take(MOST) {
        lines.push(pair(&text(field, &["title"]), &text(field, &["value"])));
    }
    lines.extend(list(attachment, "blocks").iter().take(MOST).flat_map(block));
    lines.retain(|line| !line.is_empty());
    // What is shown where nothing else can be.
    if lines.is_empty() {
        lines.push(whole("fallback").to_owned());
    }
    lines
}

fn block(block: &Value) -> Vec<String> {
    let of = |part: &Value| match part {
        Value::String(text) => text.clone(),
        part => {
            let text = part.get("text").and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        }
    };
    let mut lines: Vec<String> = block.get("text").map(of).into_iter().collect();
    for name in ["fields", "elements"] {
        lines.extend(list(block, name).iter().take(MOST).map(of));
    }
    lines
}

/// The text with links and names as people write them: `<https://example.org|here>` is
/// `here (https://example.org)`.
fn unmarked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let marked = after
            .split_once('>')
            .and_then(|(inside, rest)| Some((shown(inside)?, rest)));
        match marked {
            Some((shown, after)) => {
                plain.push_str(&shown);
                rest = after;
            }
            None => {
                plain.push('<');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">");
    plain.replace("&amp;", "&")
}

/// What stands between angle brackets, if it is a mark.
fn shown(inside: &str) -> Option<String> {
    let (what, label) = match inside.split_once('|') {
        Some((what, label)) => (what, label),
        None => (inside, ""),
    };
    let is_link = ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| what.starts_with(scheme));
    if is_link {
        return Some(match label.is_empty() || label == what {
            true => what.to_owned(),
            false => format!("{label} ({what})"),
        });
    }
    let name = if label.is_empty() { what } else { label };
    let name = name.trim_start_matches(['@', '#', '!']);
    match what.chars().next() {
        Some('@' | '!') => Some(format!("@{name}")),
        Some('#') => Some(format!("#{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_shown_as_people_write_them() {
        for (marked, plain) in [
            ("a < b &amp;&lt; c > d", "a < b &< c > d"),
            ("<https://x.org/a|the page>!", "the page (https://x.org/a)!"),
            ("<https://x.org>", "https://x.org"),
            ("<!here> <@U12|ann> <#C3|dev>", "@here @ann #dev"),
            ("<b>bold</b> <", "<b>bold</b> <"),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(unmarked(marked), plain);
        }
    }
}
