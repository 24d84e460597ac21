//! The other names that a name could be mistaken for.

use std::sync::Arc;

use unicode_security::confusable_detection::skeleton;

use super::{Name, comparison_key};

impl Name {
    /// The keys of the names that this one looks like as written, other than its
    /// own key: none, one or two, in order.
    pub fn looks(&self) -> Vec<Arc<str>> {
        let written = self.as_str();
        if written.bytes().all(|b| b.is_ascii() && b != b'I') {
            // None of its letters looks like another one's capital.
            return Vec::new();
        }
        let mut looks = vec![as_written(written), with_capital_i(written)];
        looks.sort_unstable();
        looks.dedup();
        looks.retain(|look| **look != **self.key());
        looks.into_iter().map(Arc::from).collect()
    }

    /// All keys that no other name in use may have: the name's own first, then
    /// those of [`Name::looks`].
    pub fn claims(&self) -> Vec<Arc<str>> {
        let own = std::iter::once(self.key().clone());
        own.chain(self.looks()).collect()
    }

    /// Whether one of the two could be mistaken for the other.
    pub fn resembles(&self, other: &Name) -> bool {
        if self == other {
            return true;
        }
        let others = other.claims();
        self.claims().iter().any(|key| others.contains(key))
    }
}

/// The skeleton of the name as written, before case folding.
fn as_written(written: &str) -> String {
    let bones: String = skeleton(written).collect();
    comparison_key(&bones)
}

/// The same, with every stroke read as a capital `I`: all strokes have the
/// skeleton `l`, but their small letters do not look like one.
fn with_capital_i(written: &str) -> String {
    let strokes = written.chars().map(|c| match is_stroke(c) {
        true => 'I',
        false => c,
    });
    // The strokes are left out: they would become `l` again.
    let pieces: Vec<String> = strokes
        .map(|c| match c {
            'I' => "I".to_owned(),
            c => skeleton(c.encode_utf8(&mut [0; 4])).collect(),
        })
        .collect();
    comparison_key(&pieces.concat())
}

fn is_stroke(c: char) -> bool {
    let is_l = |c: char| skeleton(c.encode_utf8(&mut [0; 4])).eq(std::iter::once('l'));
    !matches!(c, 'l' | '1') && is_l(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(raw: &str) -> Name {
        Name::parse(raw).unwrap()
    }

    fn resembles(one: &str, other: &str) -> bool {
        let (one, other) = (name(one), name(other));
        assert_eq!(one.resembles(&other), other.resembles(&one));
        one.resembles(&other)
    }

    #[test]
    fn capitals_that_look_alike_are_no_way_to_pose_as_somebody() {
        for (account, twin) in [
            ("Bob", "\u{412}ob"),
            ("Bob", "\u{392}ob"),
            ("Bob", "\u{412}OB"),
            ("Alice", "AIice"),
            ("MTK", "\u{41c}\u{422}\u{41a}"),
            ("system", "SYS\u{3a4}EM"),
            ("Kevin", "\u{41a}evin"),
            ("Nina", "\u{39d}\u{399}\u{39d}\u{391}"),
            ("Nikki", "\u{39d}\u{399}kki"),
            ("kim", "\u{41a}Im"),
            ("xO0", "x\u{41e}\u{41e}"),
        ] {
            for account in [account, &account.to_lowercase(), &account.to_uppercase()] {
                assert!(resembles(account, twin), "{account} and {twin}");
            }
        }
        // The stroke of a small letter is that of no `L`.
        for twin in ["lan", "Lan"] {
            assert!(resembles("Ian", twin), "{twin}");
        }
        assert!(resembles("xIan", "x1an"));
    }

    #[test]
    fn names_that_do_not_look_alike_are_different_names() {
        for (one, other) in [
            ("Nina", "Vina"),
            ("mail", "mall"),
            ("Neil", "Nell"),
            ("fail", "fall"),
            ("Bob", "Rob"),
            ("Yuri", "Uuri"),
            ("bob", "ssob"),
            ("Hanna", "Nanna"),
            ("alice", "alicia"),
        ] {
            assert!(!resembles(one, other), "{one} and {other}");
        }
    }

    /// Every letter, against every ASCII letter and digit it looks like.
    #[test]
    fn no_letter_passes_for_an_ascii_one() {
        let bones = |c: char| skeleton(c.encode_utf8(&mut [0; 4])).collect::<String>();
        let ascii: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
        let ascii: Vec<(char, String)> = ascii.into_iter().map(|c| (c, bones(c))).collect();
        let mut pairs = 0;
        for c in '\u{80}'..=char::MAX {
            let twin = Name::parse(&format!("xz{c}y"));
            // Normalised, some are a letter that looks different.
            let Some(twin) = twin.ok().filter(|twin| twin.as_str().contains(c)) else {
                continue;
            };
            let bones = bones(c);
            for (letter, _) in ascii.iter().filter(|(_, other)| *other == bones) {
                pairs += 1;
                let cases = [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
                // A stroke is an `l`, and a capital `I`, but no capital `L`.
                for letter in cases.iter().filter(|&&c| c != 'L') {
                    for owned in [format!("xz{letter}y"), format!("XZ{letter}Y")] {
                        assert!(name(&owned).resembles(&twin), "{owned} and {twin}");
                    }
                }
            }
        }
        assert!(pairs > 600, "{pairs}");
    }

    proptest! {
        #[test]
        fn every_name_resembles_itself_in_any_case(raw in "\\PC{0,40}") {
            if let Ok(one) = Name::parse(&raw) {
                prop_assert!(one.resembles(&one));
                for spelling in [raw.to_lowercase(), raw.to_uppercase()] {
                    if let Ok(other) = Name::parse(&spelling) {
                        prop_assert!(one.resembles(&other));
                    }
                }
            }
        }

        #[test]
        fn without_a_capital_i_ascii_names_resemble_only_themselves(
            one in "[a-zA-HJ-Z_][a-zA-HJ-Z0-9_-]{0,6}",
            other in "[a-zA-HJ-Z_][a-zA-HJ-Z0-9_-]{0,6}",
        ) {
            let (one, other) = (name(&one), name(&other));
            prop_assert_eq!(one == other, one.resembles(&other));
        }
    }
}
