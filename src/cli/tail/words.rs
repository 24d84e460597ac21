//! An event of a stream as a line for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::Text;
use crate::model::time::{from_rfc3339, unix_ms};

/// What stands for a line break within a message.
const BREAK: &str = " \u{23ce} ";

/// Puts events into words.
pub(super) struct Words {
    zone: TimeZone,
    /// Whether also those who come and go are shown, and reactions.
    all: bool,
}

impl Words {
    pub fn new(all: bool) -> Words {
        let zone = TimeZone::system();
        Words { zone, all }
    }

    /// The line for an event; `None` if it is not to be shown.
    pub fn of(&self, event: &Value) -> Option<String> {
        let what = match event["event"].as_str()? {
            "message" => message(event),
            "edited" | "deleted" | "topic" => changed(event),
            "removed" => format!("* the program was put out{}{}", by(event), reason(event)),
            "caught_up" if event["complete"] == false => {
                "* some of what was said meanwhile is gone".to_owned()
            }
            "joined" | "left" | "renamed" | "members" | "reacted" | "reactions" if self.all => {
                company(event)
            }
            _ => return None,
        };
        let channel = field(event, "channel");
        Some(format!("{} #{channel} {what}", self.time(event)))
    }

    /// When it was, here; now, if the event does not say.
    fn time(&self, event: &Value) -> String {
        let at = event["at"].as_str().and_then(from_rfc3339);
        let at = i64::try_from(at.unwrap_or_else(unix_ms)).unwrap_or(0);
        let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(at).strftime("%H:%M:%S").to_string()
    }
}

/// A line of JSON without what could control a terminal. Within strings, where alone such
/// characters may stand, it means the same.
pub(super) fn escaped(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        match c.is_control() {
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => escaped.push(c),
        }
    }
    escaped
}

fn message(event: &Value) -> String {
    let (author, text) = (field(event, "author"), text(event, "text"));
    match (event["action"] == true, event["notice"] == true) {
        (true, _) => format!("* @{author} {text}"),
        (_, true) => format!("-@{author}- {text}"),
        _ => format!("@{author}: {text}"),
    }
}

/// What has become of a message or a topic.
fn changed(event: &Value) -> String {
    let author = field(event, "author");
    let doer = match event["by"].as_str() {
        Some(_) => format!("@{}", field(event, "by")),
        None => "someone".to_owned(),
    };
    let is_own = event["by"] == event["author"];
    match event["event"].as_str() {
        Some("topic") => match text(event, "topic") {
            topic if topic.is_empty() => format!("* {doer} removed the topic"),
            topic => format!("* {doer} set the topic: {topic}"),
        },
        Some("edited") if is_own => format!("* {doer} edited a message: {}", text(event, "text")),
        Some("edited") => format!(
            "* {doer} edited a message of @{author}: {}",
            text(event, "text")
        ),
        _ if is_own => format!("* {doer} deleted a message{}", reason(event)),
        _ => format!("* {doer} deleted a message of @{author}{}", reason(event)),
    }
}

/// Who comes and goes, and what they react with.
fn company(event: &Value) -> String {
    let (user, author) = (field(event, "user"), field(event, "author"));
    let sign = text(event, "sign");
    match event["event"].as_str() {
        Some("joined") => format!("* @{user} joined"),
        Some("left") => format!("* @{user} left{}", reason(event)),
        Some("renamed") => format!("* @{user} is now @{}", field(event, "to")),
        Some("members") => format!("* {} joined, {} left", event["joined"], event["left"]),
        Some("reacted") => match event["on"] == false {
            true => format!(
                "* @{} took {sign} back from a message of @{author}",
                field(event, "by")
            ),
            false => format!(
                "* @{} gave {sign} to a message of @{author}",
                field(event, "by")
            ),
        },
        _ => format!("* a message of @{author} has new reactions"),
    }
}

fn by(event: &Value) -> String {
    match event["by"].as_str() {
        Some(_) => format!(" by @{}", field(event, "by")),
        None => String::new(),
    }
}

fn reason(event: &Value) -> String {
    match text(event, "reason") {
        reason if reason.is_empty() => String::new(),
        reason => format!(": {reason}"),
    }
}

/// A name.
fn field(event: &Value, name: &str) -> String {
    let raw = event[name].as_str().unwrap_or_default();
    Text::one_line(raw).to_string()
}

/// A text on one line.
fn text(event: &Value, name: &str) -> String {
    let raw = event[name].as_str().unwrap_or_default();
    Text::clean(raw).as_str().replace('\n', BREAK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(event: Value) -> Option<String> {
        let zone = TimeZone::UTC;
        let mut event = event;
        event["channel"] = json!("dev");
        event["at"] = json!("2030-01-31T12:30:01.500Z");
        let words = Words { zone, all: true };
        words.of(&event)
    }

    #[test]
    fn events_are_lines() {
        for (event, expected) in [
            (
                json!({"event": "message", "author": "ann", "text": "a\nb\u{1b}[2J\u{9b}"}),
                "@ann: a \u{23ce} b[2J",
            ),
            (
                json!({"event": "message", "author": "ann", "text": "waves", "action": true}),
                "* @ann waves",
            ),
            (
                json!({"event": "message", "author": "bot", "text": "ok", "notice": true}),
                "-@bot- ok",
            ),
            (
                json!({"event": "edited", "author": "ann", "by": "ann", "text": "b"}),
                "* @ann edited a message: b",
            ),
            (
                json!({"event": "deleted", "author": "ann", "by": "bob", "reason": "spam"}),
                "* @bob deleted a message of @ann: spam",
            ),
            (
                json!({"event": "deleted", "author": "ann"}),
                "* someone deleted a message of @ann",
            ),
            (
                json!({"event": "topic", "by": "ann", "topic": "tea"}),
                "* @ann set the topic: tea",
            ),
            (
                json!({"event": "topic", "by": "ann", "topic": ""}),
                "* @ann removed the topic",
            ),
            (json!({"event": "joined", "user": "bob"}), "* @bob joined"),
            (
                json!({"event": "members", "joined": 3, "left": 0}),
                "* 3 joined, 0 left",
            ),
            (
                json!({"event": "reacted", "author": "ann", "by": "bob", "sign": "+1", "on": true}),
                "* @bob gave +1 to a message of @ann",
            ),
            (
                json!({"event": "removed", "by": "ann", "reason": null}),
                "* the program was put out by @ann",
            ),
        ] {
            assert_eq!(line(event), Some(format!("12:30:01 #dev {expected}")));
        }
        assert_eq!(line(json!({"event": "open"})), None);
        assert_eq!(line(json!({"event": "of a later version"})), None);
    }

    #[test]
    fn lines_of_json_control_no_terminal() {
        let line = "{\"text\":\"a\u{9b}2J\u{7f}\"}";
        let escaped = escaped(line);
        assert_eq!(escaped, r#"{"text":"a\u009b2J\u007f"}"#);
        let (before, after): (Value, Value) = (
            serde_json::from_str(line).unwrap(),
            serde_json::from_str(&escaped).unwrap(),
        );
        assert_eq!(before, after);
    }
}
