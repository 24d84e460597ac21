//! Lines from users: whatever is typed, other users get clean text or nothing.

use chat_server::hub::Command;
use chat_server::model::Body;
use chat_server::protocol::line::{Step, decode, decode_nickname};
use chat_server::store::MAX_ROWS;
use chat_server::text::Text;

use super::{assert_lines, assert_shown_safely};

pub fn check(data: &[u8]) {
    step(&decode(data).step);
    match decode_nickname(data) {
        Step::Register(_) => panic!("a client without a nickname registers one"),
        Step::Command(command) => assert!(matches!(command, Command::Quit { .. })),
        other => step(&other),
    }
    slashes_are_doubled(data);
}

fn step(step: &Step) {
    match step {
        Step::Command(Command::Say { channel, body }) => {
            assert!(channel.is_none() && !body.is_empty());
            said(body);
        }
        Step::Command(Command::Private { account, body, .. }) => {
            assert!(account.is_none(), "an account out of thin air");
            said(body);
        }
        Step::Command(Command::History { limit, .. }) => {
            assert!((1..=MAX_ROWS).contains(limit));
        }
        Step::Command(
            Command::Answer(_) | Command::Noted { .. } | Command::Refuse { .. } | Command::End(_),
        ) => panic!("{step:?} from a client"),
        Step::Reply(reply) | Step::Noted(reply, _) => {
            assert!(!reply.is_empty());
            assert_lines(reply);
        }
        _ => {}
    }
}

fn said(body: &Body) {
    let Body { text, styled, .. } = body;
    assert!(styled.is_none());
    assert_shown_safely(text.as_str());
    assert_eq!(Text::clean(text.as_str()), *text);
}

/// Any line can be sent as text, whatever it starts with.
fn slashes_are_doubled(data: &[u8]) {
    let doubled = [b"//", data].concat();
    let wanted = Text::clean(&format!("/{}", String::from_utf8_lossy(data)));
    match decode(&doubled).step {
        Step::Command(Command::Say { body, .. }) => assert_eq!(body, wanted.into()),
        other => panic!("{other:?} instead of {wanted:?}"),
    }
}
