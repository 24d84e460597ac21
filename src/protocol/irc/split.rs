//! Makes pieces that fit a line: of a text, and of many words.

use std::borrow::Cow;

/// How far from its end a piece is cut at a space.
const LOOK_BACK: usize = 80;
/// The most pieces of a text.
const MAX_PIECES: usize = 64;

/// The pieces of a text, each at most `room` bytes: its lines, and where a line is longer
/// the words of it that fit. Empty lines are left out. Of a text that needs too many, the
/// last piece says how many lines are missing.
pub fn pieces(text: &str, room: usize) -> Vec<String> {
    let room = room.max(16);
    let mut pieces = Vec::new();
    let lines = text.split('\n').filter(|line| !line.is_empty());
    let mut missing = 0;
    for line in lines {
        let mut rest = line;
        while !rest.is_empty() {
            let (piece, after) = cut(rest, room);
            match pieces.len() < MAX_PIECES {
                true => pieces.push(piece.to_owned()),
                false => missing += 1,
            }
            rest = after;
        }
    }
    if missing > 0 {
        pieces.push(format!("... ({missing} more lines: see the history)"));
    }
    pieces
}

/// The first piece of a line, and what follows.
fn cut(line: &str, room: usize) -> (&str, &str) {
    if line.len() <= room {
        return (line, "");
    }
    let end = line.floor_char_boundary(room).max(first_char(line));
    let (piece, _) = line.split_at(end);
    let near = piece.floor_char_boundary(piece.len().saturating_sub(LOOK_BACK));
    match piece.rfind(' ').filter(|&space| space >= near && space > 0) {
        Some(space) => {
            let (piece, rest) = line.split_at(space);
            (piece, rest.get(1..).unwrap_or_default())
        }
        None => line.split_at(end),
    }
}

/// A piece of a text of which nothing is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it says.
    pub text: &'a str,
    /// Whether it goes on the line before.
    pub goes_on: bool,
}

/// All of a text in pieces of at most `room` bytes: its lines, broken at the joints and
/// where they are too long.
pub fn whole<'a>(text: &'a str, joints: &[usize], room: usize) -> Vec<Piece<'a>> {
    let room = room.max(16);
    let mut pieces = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let end = start + line.len();
        let inside = joints.iter().filter(|&&joint| start < joint && joint < end);
        let mut goes_on = false;
        let mut rest = line;
        for joint in inside {
            let done = end - rest.len();
            let Some((part, after)) = rest.split_at_checked(joint.saturating_sub(done)) else {
                continue;
            };
            push_whole(part, &mut goes_on, room, &mut pieces);
            rest = after;
        }
        push_whole(rest, &mut goes_on, room, &mut pieces);
        start = end + 1;
    }
    pieces
}

/// Adds a part of a line, cut after words where it is too long.
fn push_whole<'a>(part: &'a str, goes_on: &mut bool, room: usize, pieces: &mut Vec<Piece<'a>>) {
    let mut rest = part;
    loop {
        let end = match rest.len() <= room {
            true => rest.len(),
            false => {
                let end = rest.floor_char_boundary(room);
                let (piece, _) = rest.split_at(end);
                let near = piece.floor_char_boundary(piece.len().saturating_sub(LOOK_BACK));
                let space = piece.rfind(' ').filter(|&space| space >= near);
                space.map_or(end, |space| space + 1)
            }
        };
        let (text, after) = rest.split_at(end);
        pieces.push(Piece {
            text,
            goes_on: std::mem::replace(goes_on, true),
        });
        rest = after;
        if rest.is_empty() {
            return;
        }
    }
}

/// A text with its lines broken at the joints.
pub fn broken<'a>(text: &'a str, joints: &[usize]) -> Cow<'a, str> {
    if joints.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut broken = String::with_capacity(text.len() + joints.len());
    let mut start = 0;
    for &joint in joints {
        if let Some(part) = text.get(start..joint) {
            broken.push_str(part);
            broken.push('\n');
            start = joint;
        }
    }
    broken.push_str(text.get(start..).unwrap_or_default());
    Cow::Owned(broken)
}

/// The bytes of the first character.
fn first_char(line: &str) -> usize {
    line.chars().next().map_or(0, char::len_utf8)
}

/// Words with spaces between them, as many to a text as fit.
pub fn filled(words: impl Iterator<Item = String>, room: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for word in words {
        match texts.last_mut() {
            Some(text) if text.len() + 1 + word.len() <= room => {
                text.push(' ');
                text.push_str(&word);
            }
            _ => texts.push(word),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(
            pieces("one two three four five", 16),
            ["one two three", "four five"]
        );
        assert_eq!(pieces("a\n\nb", 100), ["a", "b"]);
        assert_eq!(pieces(&"x".repeat(20), 16), ["x".repeat(16), "x".repeat(4)]);
        assert_eq!(
            pieces(&"\u{e9}".repeat(9), 17),
            ["\u{e9}".repeat(8), "\u{e9}".to_owned()]
        );
        assert!(pieces("", 100).is_empty());
    }

    #[test]
    fn a_whole_text_is_in_its_pieces() {
        let shown = |text, joints: &[usize], room| {
            let pieces = whole(text, joints, room).into_iter();
            let shown = pieces
                .map(|piece| format!("{}{}", ["|", "+"][usize::from(piece.goes_on)], piece.text));
            shown.collect::<String>()
        };
        assert_eq!(shown("a\n\nb c", &[], 16), "|a||b c");
        assert_eq!(shown("ab\ncd", &[1, 4], 16), "|a+b|c+d");
        assert_eq!(shown("ab", &[0, 2, 9], 16), "|ab");
        assert_eq!(shown("one two three four", &[], 16), "|one two three +four");
        assert_eq!(shown("\u{e9}\u{e9}", &[1], 16), "|\u{e9}\u{e9}");
        assert_eq!(broken("one two", &[4]), "one \ntwo");
        assert_eq!(broken("\u{e9}x", &[1, 2, 9]), "\u{e9}\nx");
    }

    #[test]
    fn a_very_long_text_ends_with_how_much_is_missing() {
        let text = "line\n".repeat(70);
        let pieces = pieces(&text, 100);
        assert_eq!(pieces.len(), MAX_PIECES + 1);
        assert_eq!(pieces[MAX_PIECES], "... (6 more lines: see the history)");
    }
}
