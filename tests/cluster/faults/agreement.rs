//! Compares what all clients have seen.

use std::collections::{HashMap, HashSet};

use super::correspondent::Letter;
use super::person::PRIZE;
use super::wanderer::Wanderer;

/// The position of each message in the room's order.
pub type Order = HashMap<String, usize>;

/// All resuming clients heard the same messages, each once, and each client's
/// messages once and in the order sent. Returns that order.
pub fn on_one_order(wanderers: &[Wanderer]) -> Order {
    let heard = &wanderers[0].heard;
    for wanderer in wanderers {
        let name = &wanderer.name;
        let differs = std::iter::zip(&wanderer.heard, heard).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{name} heard it otherwise");
        assert_eq!(wanderer.heard.len(), heard.len(), "{name} heard less");
        let prefix = format!("{name}: {name} ");
        let own = heard
            .iter()
            .filter_map(|(_, text)| text.strip_prefix(&prefix));
        let expected = (1..=wanderer.said).map(|number| number.to_string());
        assert!(own.eq(expected), "{name} was heard otherwise");
    }
    let order: Order = heard
        .iter()
        .enumerate()
        .map(|(at, (_, text))| (text.clone(), at))
        .collect();
    assert_eq!(order.len(), heard.len(), "a message was sent twice");
    let ids: HashSet<&String> = heard.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), heard.len(), "an id was given twice");
    order
}

/// The contested nickname had one owner at a time: between two messages of one
/// connection no other connection used it.
pub fn on_one_owner(order: &Order) {
    let mut said: Vec<(&usize, &str)> = order
        .iter()
        .filter_map(|(text, at)| Some((at, text.strip_prefix(PRIZE)?)))
        .collect();
    said.sort_unstable();
    let mut owners: Vec<&str> = said
        .iter()
        .filter_map(|(_, text)| Some(text.rsplit_once(' ')?.0))
        .collect();
    owners.dedup();
    let different: HashSet<&&str> = owners.iter().collect();
    assert_eq!(different.len(), owners.len(), "by turns: {owners:?}");
    assert!(owners.len() > 3, "it hardly changed hands: {owners:?}");
    println!("{PRIZE} had {} owners", owners.len());
}

/// The messages of one connection are a piece of that order without a gap.
pub fn on_a_piece(session: &[String], order: &Order) {
    let place = |text: &String| match order.get(text) {
        Some(place) => *place,
        None => panic!("only one has ever heard {text:?}"),
    };
    for pair in session.windows(2) {
        assert_eq!(place(&pair[0]) + 1, place(&pair[1]), "{pair:?} in a row");
    }
    session.first().map(place);
}

/// What a device received from an author is a piece of what that author wrote,
/// without a gap.
pub fn on_letters(sessions: &[Vec<Letter>], thread: &[Letter]) {
    let ids: HashSet<&String> = thread.iter().map(|letter| &letter.id).collect();
    let texts: HashSet<&String> = thread.iter().map(|letter| &letter.text).collect();
    assert_eq!((ids.len(), texts.len()), (thread.len(), thread.len()));
    for session in sessions {
        let authors: HashSet<&String> = session.iter().map(|letter| &letter.author).collect();
        for author in authors {
            let of = |letter: &&Letter| letter.author == *author;
            let got: Vec<&Letter> = session.iter().filter(of).collect();
            let written = thread.iter().filter(of);
            let piece: Vec<&Letter> = written
                .skip_while(|letter| *letter != got[0])
                .take(got.len())
                .collect();
            assert_eq!(got, piece, "letters of {author}");
        }
    }
}
