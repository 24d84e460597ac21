//! JSON commands: one object a text frame, `{"type": ..., "args": {...}}`.
//!
//! This module only decodes; `json_frames` encodes, and `commands` declares the
//! commands. Unknown fields are ignored, so that clients may send more than this
//! server knows.

use serde_json::{Map, Value};

use crate::hub::Tag;
use crate::model::Text;

use super::commands::{self, Args, Asked};
use super::fields_of;

pub use super::commands::{JsonMistake as Mistake, Query, Step};

/// How much of an unknown type is repeated in the error.
const SHOWN_CHARS: usize = 40;

/// A frame that is refused, and the message it was meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong with it.
    pub mistake: Mistake,
    /// The client's tag, if it is a tagged message.
    pub tag: Option<Tag>,
}

/// A frame that is a JSON object with a `type`.
#[derive(Debug)]
pub struct Frame {
    kind: String,
    args: Args,
}

impl Frame {
    /// Reads a frame. [`Frame::decode`] reads its arguments.
    pub fn read(frame: &str) -> Result<Frame, Mistake> {
        let fields = fields_of(frame, ["type", "args"]);
        let fields = fields.map_err(|error| Mistake::Broken(error.to_string()))?;
        let broken = |why: &str| Err(Mistake::Broken(why.to_owned()));
        let (kind, args) = match fields {
            [Some(Value::String(kind)), args] => (kind, args),
            [None, _] => return broken("its type is missing"),
            _ => return broken("its type must be a string"),
        };
        let args = match args {
            None => Map::new(),
            Some(Value::Object(args)) => args,
            Some(_) => return broken("its args must be an object"),
        };
        Ok(Frame {
            kind,
            args: Args::of(args),
        })
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The client's tag, if this is a tagged message.
    pub fn tag(&self) -> Option<Tag> {
        let (_, json) = commands::of_json(&self.kind)?;
        json.takes_tag().then(|| self.args.tag())?
    }

    /// Whether it waits if it comes too fast, instead of being refused.
    pub fn may_wait(&self) -> bool {
        commands::of_json(&self.kind).is_some_and(|(_, json)| json.waits)
    }

    /// The command that it asks for.
    pub fn decode(&self) -> Result<Asked<Step>, Mistake> {
        let Some((spec, json)) = commands::of_json(&self.kind) else {
            let kind: String = self.kind.chars().take(SHOWN_CHARS).collect();
            let kind = Text::clean(&kind);
            return Err(Mistake::UnknownType(kind.as_str().to_owned()));
        };
        let step = json.read(&self.args)?;
        Ok(Asked {
            cost: spec.cost.of(step.rows()),
            word: spec.word.unwrap_or_default(),
            step,
        })
    }
}

/// Reads a frame and decodes it.
pub fn decode(frame: &str) -> Result<Asked<Step>, Rejected> {
    let untagged = |mistake| Rejected { mistake, tag: None };
    let frame = Frame::read(frame).map_err(untagged)?;
    frame.decode().map_err(|mistake| Rejected {
        mistake,
        tag: frame.tag(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mistake(frame: &str) -> String {
        decode(frame).unwrap_err().mistake.to_string()
    }

    #[test]
    fn every_command_of_the_original_decodes() {
        for frame in [
            r#"{"type":"message","args":{"from":"x","body":"text"}}"#,
            r#"{"type":"setnick","args":{"nickname":"x"}}"#,
            r#"{"type":"switchroom","args":{"room":"x"}}"#,
            r#"{"type":"createroom","args":{"name":"x"}}"#,
            r#"{"type":"listusers"}"#,
            r#"{"type":"listrooms","args":null}"#,
            r#"{"type":"exit","more":1}"#,
        ] {
            assert!(decode(frame).is_ok(), "{frame}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(mistake("{").contains("not a command in JSON"));
        assert!(mistake(r#"["listrooms"]"#).contains("expected a JSON object"));
        assert!(mistake(r#"{"type":"dance\u001b"}"#).contains("type dance."));
        assert!(mistake(r#"{"type":"message"}"#).contains("body is missing"));
        assert!(mistake(r#"{"type":"listen","args":{}}"#).contains("events is missing"));
        assert!(mistake(r#"{"type":"message","args":{"body":7}}"#).contains("a string"));
        assert!(mistake(r#"{"type":"join","args":{"room":"a b"}}"#).contains("room: "));
        assert!(mistake(r#"{"type":"history","args":{"limit":0}}"#).contains("1 to 1000"));
        assert!(mistake(r#"{"type":"history","args":{"before":"x"}}"#).contains("message id"));
    }

    #[test]
    fn a_message_that_is_wrong_is_named_by_its_tag() {
        let tag = |frame| decode(frame).unwrap_err().tag;
        let known = Tag::parse("t 1").ok();
        let (room, to) = (
            r#"{"type":"message","args":{"tag":"t 1","body":"hi","room":"a b"}}"#,
            r#"{"type":"private","args":{"tag":"t 1","body":"hi"}}"#,
        );
        assert_eq!((tag(room), tag(to)), (known.clone(), known));
        assert_eq!(tag(r#"{"type":"join","args":{"tag":"t 1"}}"#), None);
        assert_eq!(tag(r#"{"type":"message","args":{"tag":""}}"#), None);
    }

    #[test]
    fn what_takes_longer_costs_more_than_a_message() {
        let cost = |frame: &str| decode(frame).unwrap().cost;
        assert_eq!(cost(r#"{"type":"history","args":{"limit":1000}}"#), 11);
        assert_eq!(
            cost(r#"{"type":"thread","args":{"user":"bob","limit":99}}"#),
            2
        );
        let users = vec!["ada"; 100];
        let frame = serde_json::json!({"type": "presence", "args": {"users": users}});
        assert_eq!(cost(&frame.to_string()), 11);
        assert_eq!(cost(r#"{"type":"listrooms"}"#), 5);
        assert_eq!(
            cost(r#"{"type":"message","args":{"body":"x","tag":"1"}}"#),
            1
        );
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_is_a_panic(frame in "\\PC{0,200}", kind in "[a-z]{1,12}") {
            let _ = decode(&frame);
            let _ = decode(&format!(r#"{{"type":"{kind}","args":{{"room":{frame:?}}}}}"#));
        }
    }
}
