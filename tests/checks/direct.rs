//! Direct messages: a frame is the message its client meant, or an error that
//! can be shown safely.

use chat_server::envelope::Failure;
use chat_server::hub::MessageId;
use chat_server::protocol::direct::{Asked, Outgoing, decode, write_failure};
use chat_server::text::Text;
use serde_json::{Value, json};

use super::{as_meant, assert_shown_safely, name_of};

pub fn check(data: &[u8]) {
    let frame = String::from_utf8_lossy(data);
    match decode(&frame) {
        Ok(Outgoing { asked, .. }) => match serde_json::from_str::<Value>(&as_meant(&frame)) {
            Ok(value) => is_asked(&asked, &value),
            // The decoder skips unknown fields, however deeply nested.
            Err(error) => assert!(error.to_string().contains("recursion limit")),
        },
        Err(mistake) => {
            let mut out = Vec::new();
            write_failure(&Failure::from(&mistake), &mut out);
            assert_shown_safely(&String::from_utf8_lossy(payload(&out)));
        }
    }
    a_message_arrives_as_it_was_sent(&frame);
}

/// Checks that a frame asks for this.
fn is_asked(asked: &Asked, frame: &Value) {
    let says = |text: &Text| {
        assert!(!text.is_empty());
        assert_eq!(*text, Text::clean(frame["message"].as_str().unwrap()));
    };
    let is_of = |id: &MessageId, field: &str| {
        let written = frame[field].as_str().unwrap();
        assert_eq!(written.parse::<MessageId>().ok().as_ref(), Some(id));
    };
    match asked {
        Asked::Say(body, reply_to) => {
            says(&body.text);
            if let Some(id) = reply_to {
                is_of(id, "reply_to");
            }
        }
        Asked::Edit(id, text) => {
            says(text);
            is_of(id, "edit");
        }
        Asked::Delete(id) => is_of(id, "delete"),
        Asked::React(id, sign, _) => {
            assert_eq!(frame["sign"], sign.as_str());
            is_of(id, "react");
        }
    }
}

/// The payload of the only frame written.
fn payload(frame: &[u8]) -> &[u8] {
    let head = match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    &frame[head..]
}

fn a_message_arrives_as_it_was_sent(message: &str) {
    let recipient = name_of(message.lines().next().unwrap_or_default());
    if recipient.as_str().eq_ignore_ascii_case("system") {
        return;
    }
    let frame = json!({ "author": "x", "recipient": recipient, "message": message });
    let wanted = Text::clean(message);
    match decode(&frame.to_string()) {
        Ok(outgoing) => {
            assert_eq!(outgoing.asked, Asked::Say(wanted.into(), None));
            assert_eq!(outgoing.recipient.as_str(), recipient.as_str());
        }
        Err(_) => assert!(wanted.is_empty() || name_is_reserved(recipient.as_str())),
    }
}

fn name_is_reserved(name: &str) -> bool {
    chat_server::name::Name::parse_nickname(name).is_err()
}
