//! JSON commands: a frame is the command its client meant, or an error that can
//! be shown safely.

use chat_server::hub::{Command, Question};
use chat_server::model::MessageKind;
use chat_server::protocol::json::{Query, Rejected, Step, decode};
use chat_server::store::MAX_ROWS;
use chat_server::text::Text;
use serde_json::{Value, json};

use super::{as_meant, assert_shown_safely};

pub fn check(data: &[u8]) {
    let frame = String::from_utf8_lossy(data);
    match decode(&frame) {
        Ok(asked) => {
            match serde_json::from_str::<Value>(&as_meant(&frame)) {
                Ok(value) => valid(&asked.step, args_of(&value)),
                // The decoder skips unknown fields, however deeply nested.
                Err(error) => assert!(error.to_string().contains("recursion limit")),
            }
        }
        Err(Rejected { mistake, tag }) => {
            assert_shown_safely(&mistake.to_string());
            assert!(!mistake.code().is_empty());
            if let (Some(tag), Ok(value)) = (tag, serde_json::from_str::<Value>(&as_meant(&frame)))
            {
                assert_eq!(args_of(&value)["tag"], tag.as_str());
            }
        }
    }
    a_message_arrives_as_it_was_sent(&frame);
}

/// The arguments of a frame, of which the key may be in any case.
fn args_of(frame: &Value) -> &Value {
    let fields = frame.as_object().into_iter().flatten();
    let is_args =
        |(key, value): &(&String, &Value)| key.eq_ignore_ascii_case("args") && !value.is_null();
    let mut args = fields.filter(is_args).map(|(_, args)| args);
    args.next().unwrap_or(&Value::Null)
}

fn valid(step: &Step, args: &Value) {
    match step {
        Step::Command(Command::Tagged { tag, message }) => {
            assert_eq!(args["tag"], tag.as_str());
            let is_message = matches!(**message, Command::Say { .. } | Command::Private { .. });
            assert!(is_message, "{message:?}");
        }
        Step::Command(Command::Say { body, .. } | Command::Private { body, .. }) => {
            assert_eq!(body.text, Text::clean(args["body"].as_str().unwrap()));
            assert!(body.styled.is_none());
            assert_eq!(body.kind == MessageKind::Action, args["action"] == true);
            assert_eq!(body.kind == MessageKind::Notice, args["notice"] == true);
        }
        Step::Command(Command::History { limit, .. })
        | Step::Query(Query::Search { limit, .. } | Query::Thread { limit, .. }) => {
            assert!((1..=MAX_ROWS).contains(limit));
        }
        Step::Command(Command::Ask {
            question: Question::Presence(users),
            ..
        }) => assert!(users.len() <= 100),
        Step::Command(
            Command::Answer(_) | Command::Noted { .. } | Command::Refuse { .. } | Command::End(_),
        ) => panic!("{step:?} from a client"),
        Step::Command(_) | Step::Query(_) => {}
    }
}

fn a_message_arrives_as_it_was_sent(body: &str) {
    let frame = json!({ "type": "message", "args": { "from": "x", "body": body } });
    match decode(&frame.to_string()).map(|asked| asked.step) {
        Ok(Step::Command(Command::Say {
            channel,
            body: said,
        })) => {
            assert!(channel.is_none());
            assert_eq!(said, Text::clean(body).into());
        }
        other => panic!("{other:?}"),
    }
}
