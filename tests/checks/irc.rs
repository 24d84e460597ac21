//! Lines from IRC clients: whatever arrives is read without a fault, and what is shown of
//! it is safe.

use chat_server::account::{Opening, Verifier};
use chat_server::hub::{ChannelRow, Deed, Target, Traits};
use chat_server::model::{Given, Name};
use chat_server::protocol::irc::caps::Caps;
use chat_server::protocol::irc::elist::Filter;
use chat_server::protocol::irc::labels::MAX_LABEL;
use chat_server::protocol::irc::message::{Decoder, Input, MAX_PARAMS, Message, Mistake, label};
use chat_server::protocol::irc::modes::{Wish, Written};
use chat_server::protocol::irc::multiline::{MAX_BYTES, MAX_LINES, Multiline};
use chat_server::protocol::irc::requests::Request;
use chat_server::protocol::irc::tags::{escaped, for_clients, given, reaction_of, unescaped};
use chat_server::protocol::irc::{history, masks, metadata, modes, prefix, split, user_modes};

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
    read_tags(message.tags);
    // A client's parameters may begin with what they are about, such as a channel.
    for from in 0..message.params.len().min(2) {
        let (first, rest) = message.params[from..].split_first().expect("not empty");
        read_history(first, rest);
        read_modes(first, rest);
    }
    for param in &message.params {
        read_secrets(param);
        read_mask(param);
        read_names(param);
        split_text(param);
    }
    read_multiline(&message.params);
}

fn read_tags(tags: &str) {
    assert_eq!(unescaped(&escaped(tags)), tags);
    if let Some(kept) = for_clients(tags) {
        assert!(kept.len() <= tags.len() && for_clients(&kept).as_ref() == Some(&kept));
        assert!(kept.split(';').all(|tag| tag.starts_with('+')));
    }
    if let Some((message, sign, on)) = reaction_of(tags)
        && let Ok(message) = message.parse()
    {
        let sign = sign.as_str();
        let reaction = Given {
            id: message,
            on,
            account: None,
            sign,
            key: "",
            user: "",
        };
        let told = given(message, &reaction);
        assert!(!told.contains([' ', '\n', '\r']), "{told:?}");
        let id = message.to_string();
        assert_eq!(reaction_of(&told), Some((&*id, sign.to_owned(), on)));
    }
}

fn read_history(subcommand: &str, rest: &[&str]) {
    if let Ok((wanted, limit)) = history::wanted(subcommand, rest) {
        let parts = wanted.parts(limit).into_iter();
        assert!(parts.map(|part| part.limit).sum::<usize>() <= history::MOST);
    }
}

/// Modes of channels and users: what is told of a change is read as the same change.
fn read_modes(letters: &str, params: &[&str]) {
    let wishes = modes::wishes(letters, params);
    assert!(wishes.len() <= modes::MAX_CHANGES);
    for wish in wishes {
        let Wish::Deed(Deed::Rules(changes)) = wish else {
            continue;
        };
        let mut written = Written::default();
        assert!(changes.iter().all(|change| written.add_change(change)));
        let (letters, params) = written.parts();
        let params: Vec<&str> = params.collect();
        assert!(params.iter().all(|param| is_a_word(param)), "{params:?}");
        let again = modes::wishes(letters, &params);
        let [Wish::Deed(Deed::Rules(again))] = again.as_slice() else {
            panic!("{letters:?} {params:?} are read as {again:?}");
        };
        assert_eq!(*again, changes);
    }
    let before = Traits::default();
    let (now, _) = user_modes::after(before, letters);
    let told = user_modes::changed(before, now);
    assert_eq!(user_modes::after(before, &told), (now, true));
    assert_eq!(
        user_modes::after(before, &user_modes::shown(now)),
        (now, true)
    );
}

/// Whether a parameter is read as it is, wherever it stands.
fn is_a_word(param: &str) -> bool {
    !param.is_empty() && !param.starts_with(':') && !param.contains([' ', '\r', '\n', '\0'])
}

fn read_secrets(param: &str) {
    if let Some(opening) = Opening::parse(param) {
        assert!(!opening.account.is_empty() && opening.account.len() < param.len());
    }
    if let Some(keys) = Verifier::parse(param) {
        assert_eq!(Verifier::parse(&keys.to_string()), Some(keys));
    }
}

/// A mask that is shown is read as the same mask.
fn read_mask(param: &str) {
    let Some(meant) = masks::parse(param) else {
        return;
    };
    let _ = meant.who.shown();
    let Target::Mask(mask) = &meant.who else {
        return;
    };
    let shown = masks::shown(mask, meant.is_mute);
    assert!(is_a_word(&shown), "{shown:?}");
    let again = masks::parse(&shown).expect("a mask that is shown is one");
    assert_eq!(again.is_mute, meant.is_mute, "{shown}");
    let Target::Mask(mask) = &again.who else {
        panic!("{param:?} is shown as {shown}, which is no mask");
    };
    assert_eq!(masks::shown(mask, again.is_mute), shown);
}

fn read_names(param: &str) {
    let user = prefix::user(param);
    assert!(!user.is_empty() && user.len() <= prefix::MAX_USER && user.is_ascii());
    let _ = Caps::default().after(param, true);
    if let Some(key) = metadata::key(param) {
        assert!(is_a_word(&key) && key.len() <= metadata::MAX_KEY);
    }
    if let Some(value) = metadata::value(param) {
        assert!(value.as_str() == param && !param.contains(['\r', '\n', '\0']));
    }
    if let Some(filter) = Filter::parse(param) {
        let row = ChannelRow {
            name: Name::parse("dev").expect("a name"),
            people: 2,
            topic: None,
            since_ms: Some(1),
            topic_at_ms: None,
        };
        let is_shown = filter.admits(&row, u64::MAX);
        assert!(!is_shown || !filter.is_by_name() || filter.names.contains(&row.name));
    }
    let request = Request {
        command: "WHO",
        target: param,
        ..Request::default()
    };
    assert_eq!(Request::of(Some(request.mark().as_str())), request);
}

fn split_text(text: &str) {
    for room in [16, 100, 400] {
        let joints: Vec<usize> = (0..text.len()).step_by(room).collect();
        let pieces = split::whole(text, &joints, room).into_iter();
        let all: String = pieces.map(|piece| piece.text).collect();
        assert_eq!(all, text.replace('\n', ""));
        for piece in split::pieces(text, room) {
            assert!(
                !piece.is_empty() && piece.len() <= room.max(64),
                "{piece:?}"
            );
        }
    }
}

/// Parameters as the lines of one message, each second one going on with the one before.
fn read_multiline(params: &[&str]) {
    let mut message = Multiline::begin("1", "#c", None);
    for (place, line) in params.iter().enumerate() {
        let _ = message.add("PRIVMSG", ("#c", line), place % 2 == 1);
        assert!(message.text.len() <= MAX_BYTES && message.joints.len() < MAX_LINES);
        let joins = |at: &usize| message.text.is_char_boundary(*at);
        assert!(message.joints.iter().all(joins));
    }
}
