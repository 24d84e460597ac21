//! Lines from IRC clients: whatever arrives is read without a fault, and what is shown of
//! it is safe.

use chat_server::account::{Opening, Verifier};
use chat_server::protocol::irc::caps::Caps;
use chat_server::protocol::irc::labels::MAX_LABEL;
use chat_server::protocol::irc::message::{Decoder, Input, MAX_PARAMS, Message, Mistake, label};
use chat_server::protocol::irc::tags::{escaped, for_clients, unescaped};
use chat_server::protocol::irc::{history, masks, modes, prefix, split};

/// The input is what a client sends.
pub fn check(data: &[u8]) {
    let mut decoder = Decoder::default();
    let mut at_once = Vec::new();
    decoder.feed(data, |input| {
        at_once.push(shown(&input));
        if let Input::Line(line) = input {
            read(line);
        }
        true
    });
    let mut in_pieces = Vec::new();
    let mut decoder = Decoder::default();
    for byte in data {
        decoder.feed(std::slice::from_ref(byte), |input| {
            in_pieces.push(shown(&input));
            true
        });
    }
    assert_eq!(at_once, in_pieces);
}

fn shown(input: &Input<'_>) -> Option<Vec<u8>> {
    match input {
        Input::Line(line) => Some(line.to_vec()),
        Input::TooLong => None,
    }
}

fn read(line: &[u8]) {
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r') && !line.contains(&0));
    if let Some(label) = label(line) {
        assert!(!label.is_empty() && label.len() <= MAX_LABEL && !label.contains([' ', ';']));
    }
    let message = match Message::parse(line) {
        Ok(message) => message,
        Err(Mistake::Empty | Mistake::TooLong | Mistake::NotText) => return,
    };
    assert!(!message.command.is_empty() && message.params.len() <= MAX_PARAMS);
    assert_eq!(unescaped(&escaped(message.tags)), message.tags);
    if let Some(tags) = for_clients(message.tags) {
        assert!(tags.len() <= message.tags.len());
        assert!(tags.split(';').all(|tag| tag.starts_with('+')));
    }
    let subcommand = message.params.first().copied().unwrap_or_default();
    let rest = message.params.get(1..).unwrap_or_default();
    if let Ok((wanted, limit)) = history::wanted(subcommand, rest) {
        let parts = wanted.parts(limit).into_iter();
        assert!(parts.map(|part| part.limit).sum::<usize>() <= history::MOST);
    }
    for param in &message.params {
        if let Some(opening) = Opening::parse(param) {
            assert!(!opening.account.is_empty() && opening.account.len() < param.len());
        }
        if let Some(keys) = Verifier::parse(param) {
            assert_eq!(Verifier::parse(&keys.to_string()), Some(keys));
        }
        let user = prefix::user(param);
        assert!(!user.is_empty() && user.len() < prefix::MAX_USER + 1 && user.is_ascii());
        for room in [16, 100, 400] {
            let joints: Vec<usize> = (0..param.len()).step_by(room).collect();
            let pieces = split::whole(param, &joints, room).into_iter();
            let all: String = pieces.map(|piece| piece.text).collect();
            assert_eq!(all, param.replace('\n', ""));
            for piece in split::pieces(param, room) {
                assert!(
                    !piece.is_empty() && piece.len() <= room.max(64),
                    "{piece:?}"
                );
            }
        }
        if let Some(meant) = masks::parse(param) {
            let _ = meant.who.shown();
        }
        let _ = Caps::default().after(param);
    }
    let rest = message.params.get(1..).unwrap_or_default();
    let wishes = modes::wishes(message.params.first().copied().unwrap_or_default(), rest);
    assert!(wishes.len() <= modes::MAX_CHANGES);
}
