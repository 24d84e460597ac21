//! Entries as lines of text, in the form of the older search: for people and scripts that read
//! lines instead of JSON.

use serde::Deserialize;

use crate::model::Kind;

/// The kinds of entry that are shown.
pub(super) const SAID: [Kind; 3] = [Kind::Message, Kind::Private, Kind::Announcement];

#[derive(Deserialize)]
struct Line {
    at: String,
    kind: String,
    #[serde(default)]
    nick: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    text: String,
}

/// The text for a line of the log; `None` if it is not a message or an announcement. The word
/// `message` and the tab are part of the older form.
pub fn shown(line: &str) -> Option<String> {
    let line: Line = serde_json::from_str(line).ok()?;
    let kind = Kind::from_word(&line.kind)?;
    let Line {
        at,
        nick,
        channel,
        to,
        ..
    } = &line;
    let text = line.text.replace('\n', " ");
    Some(match kind {
        Kind::Message => format!("{at} message \t @{nick} to #{channel} message={text}"),
        Kind::Private => format!("{at} message \t @{nick} to @{to} message={text}"),
        Kind::Announcement => format!("{at} message \t public announcement={text}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Entry;

    #[test]
    fn what_was_said_is_one_line() {
        let entry = |kind| Entry {
            nick: Some("alice".into()),
            channel: (kind == Kind::Message).then(|| "dev".into()),
            to: (kind == Kind::Private).then(|| "bob".into()),
            text: Some("one\ntwo \"three\"".into()),
            ..Entry::new(0, kind)
        };
        let line = |kind| shown(&serde_json::to_string(&entry(kind)).unwrap());
        let at = "1970-01-01T00:00:00.000Z message \t ";
        for (kind, rest) in [
            (Kind::Message, "@alice to #dev message="),
            (Kind::Private, "@alice to @bob message="),
            (Kind::Announcement, "public announcement="),
        ] {
            let expected = format!("{at}{rest}one two \"three\"");
            assert_eq!(line(kind), Some(expected));
        }
        for kind in Kind::ALL {
            assert_eq!(line(kind).is_some(), SAID.contains(&kind), "{kind:?}");
        }
        assert_eq!(shown("no JSON"), None);
    }
}
