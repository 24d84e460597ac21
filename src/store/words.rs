//! Which words find which messages, in any database.
//!
//! A text is split into words where its script has spaces, and into runs of characters where it has
//! none (Chinese, Japanese, Korean, Thai and others; emoji too). A word is found by its beginning,
//! a run by any part of it. Indexes hold terms and know nothing of language: the words themselves,
//! and every two neighbouring characters of a run. Each candidate from an index is checked again
//! ([`Wanted::is_in`]), so every database finds the same, indexed or not.

use std::ops::RangeInclusive;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::model::Search;
use crate::model::text::is_invisible;

/// Words and runs of a search that count; the rest is ignored.
const MAX_WANTED: usize = 16;
/// Terms that an index is asked for.
const MAX_TERMS: usize = 32;
/// Bytes of a text that are searched.
const MAX_TEXT_BYTES: usize = 128 * 1024;
/// Bytes of a word that count.
const MAX_WORD_BYTES: usize = 1000;
/// The shortest word that also finds longer ones: a single letter would find half of everything.
const MIN_BEGINNING: usize = 2;

/// A part of a text that is found by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A word of a script with spaces.
    Word(String),
    /// Characters of a script without.
    Run(Vec<char>),
}

/// What a search looks for.
#[derive(Clone, Debug)]
pub struct Wanted(Vec<Part>);

/// One term to ask an index for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Letters, digits, marks and emoji, and nothing else.
    pub text: String,
    /// Whether a longer term with this beginning matches, too.
    pub is_beginning: bool,
}

impl Wanted {
    /// What a search looks for.
    pub fn of(search: &Search) -> Wanted {
        Wanted(parts(&search.words).take(MAX_WANTED).collect())
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Terms that every matching text has; other texts may have them, too.
    pub fn terms(&self) -> Vec<Term> {
        let terms = self.0.iter().flat_map(|part| -> Vec<Term> {
            match part {
                Part::Word(word) => vec![Term {
                    text: word.clone(),
                    is_beginning: is_beginning(word),
                }],
                Part::Run(run) if run.len() == 1 => vec![Term {
                    text: run.iter().collect(),
                    is_beginning: true,
                }],
                Part::Run(run) => {
                    let pairs = run.windows(2).map(|pair| Term {
                        text: pair.iter().collect(),
                        is_beginning: false,
                    });
                    pairs.collect()
                }
            }
        });
        let mut few = Vec::new();
        for term in terms {
            if few.len() < MAX_TERMS && !few.contains(&term) {
                few.push(term);
            }
        }
        few
    }

    /// Whether a text contains all parts, in any order.
    pub fn is_in(&self, text: &str) -> bool {
        let mut missing: Vec<&Part> = self.0.iter().collect();
        for part in parts(text) {
            missing.retain(|wanted| !wanted.is_found_in(&part));
            if missing.is_empty() {
                return true;
            }
        }
        missing.is_empty()
    }
}

impl Part {
    fn is_found_in(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Word(wanted), Part::Word(word)) => {
                word == wanted || (is_beginning(wanted) && word.starts_with(wanted))
            }
            (Part::Run(wanted), Part::Run(run)) => {
                run.windows(wanted.len()).any(|part| part == wanted)
            }
            _ => false,
        }
    }
}

fn is_beginning(word: &str) -> bool {
    word.chars().nth(MIN_BEGINNING - 1).is_some()
}

/// The terms under which an index stores a text. No term has a space in it.
pub fn terms(text: &str) -> impl Iterator<Item = String> {
    parts(text).flat_map(|part| -> Vec<String> {
        match part {
            Part::Word(word) => vec![word],
            // The last character begins no pair.
            Part::Run(run) => {
                let pairs = run.windows(2).chain(run.last().map(std::slice::from_ref));
                pairs.map(|pair| pair.iter().collect()).collect()
            }
        }
    })
}

/// Splits a text: without case and accents, and without invisible characters.
fn parts(text: &str) -> impl Iterator<Item = Part> {
    let text = text
        .get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or(text);
    text.split(|c| !is_part(c) && !is_ignored(c))
        .flat_map(|piece| {
            // Most words: nothing in them can fall apart or be composed.
            if piece.is_ascii() {
                return Vec::from_iter(word(piece.to_ascii_lowercase()));
            }
            // Other marks are not accents: in Indic scripts they are vowels.
            let bare = piece
                .chars()
                .filter(|&c| !is_ignored(c))
                .nfkd()
                .filter(|c| !('\u{300}'..='\u{36f}').contains(c));
            // Composed again, or Korean syllables would fall apart into letters. Compatibility
            // forms may add spaces and other signs.
            let folded = bare.nfc().default_case_fold();
            pieces(folded.filter(|&c| is_part(c) && !is_ignored(c)))
        })
}

/// Words and runs that stand beside each other without a space.
fn pieces(characters: impl Iterator<Item = char>) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut piece, mut is_run) = (Vec::new(), false);
    for c in characters {
        // A mark belongs to the character before it.
        let goes_on = is_combining_mark(c) && !piece.is_empty();
        if !goes_on && has_no_spaces(c) != is_run {
            parts.extend(part(std::mem::take(&mut piece), is_run));
            is_run = !is_run;
        }
        piece.push(c);
    }
    parts.extend(part(piece, is_run));
    parts
}

fn part(piece: Vec<char>, is_run: bool) -> Option<Part> {
    // Marks without a letter count for nothing.
    if !piece.iter().any(|&c| c.is_alphanumeric() || is_symbol(c)) {
        return None;
    }
    match is_run {
        true => Some(Part::Run(piece)),
        false => word(piece.iter().collect()),
    }
}

/// A word of letters, digits and marks; none if there is nothing in it.
fn word(mut characters: String) -> Option<Part> {
    characters.truncate(characters.floor_char_boundary(MAX_WORD_BYTES));
    (!characters.is_empty()).then_some(Part::Word(characters))
}

fn is_part(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric(),
        false => c.is_alphanumeric() || is_combining_mark(c) || is_symbol(c),
    }
}

/// Emoji, and other signs that are not punctuation.
fn is_symbol(c: char) -> bool {
    // Some arrows and squares that are also emoji count as mathematical signs.
    !c.is_ascii()
        && (c.general_category() == GeneralCategory::OtherSymbol
            || matches!(
                c,
                '\u{2194}' | '\u{25fd}' | '\u{25fe}' | '\u{3030}' | '\u{303d}'
            ))
}

/// Invisible characters, and skin tones, by which people do not search.
fn is_ignored(c: char) -> bool {
    !c.is_ascii() && (is_invisible(c) || ('\u{1f3fb}'..='\u{1f3ff}').contains(&c))
}

/// Whether a character belongs to a script without spaces, in which word boundaries cannot be seen.
fn has_no_spaces(c: char) -> bool {
    !c.is_ascii() && (is_symbol(c) || WITHOUT_SPACES.iter().any(|range| range.contains(&c)))
}

/// Scripts without spaces between words, and Korean, where particles are attached to words.
const WITHOUT_SPACES: &[RangeInclusive<char>] = &[
    // Thai, Lao, Tibetan, Burmese.
    '\u{0e00}'..='\u{109f}',
    // Hangul letters.
    '\u{1100}'..='\u{11ff}',
    // Khmer.
    '\u{1780}'..='\u{17ff}',
    // Tai Le, New Tai Lue, Khmer symbols.
    '\u{1950}'..='\u{19ff}',
    // Tai Tham, Balinese.
    '\u{1a20}'..='\u{1aaf}',
    '\u{1b00}'..='\u{1b7f}',
    // Chinese radicals and signs, Hiragana, Katakana, Bopomofo, Hangul letters.
    '\u{2e80}'..='\u{33ff}',
    // Chinese, Yi.
    '\u{3400}'..='\u{a4cf}',
    // Hangul letters, Javanese, Burmese, Tai Viet.
    '\u{a960}'..='\u{a9ff}',
    '\u{aa60}'..='\u{aadf}',
    // Hangul syllables and letters.
    '\u{ac00}'..='\u{d7ff}',
    // Chinese, and forms of half the width.
    '\u{f900}'..='\u{faff}',
    '\u{ff66}'..='\u{ffdc}',
    // Tangut, Khitan, Kana, Nushu.
    '\u{16fe0}'..='\u{1b2ff}',
    // Chinese.
    '\u{20000}'..='\u{3ffff}',
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, SearchScope};
    use proptest::prelude::*;

    fn wanted(words: &str) -> Wanted {
        Wanted::of(&Search {
            words: words.to_owned(),
            scope: SearchScope::Everywhere,
            before: None,
            after: MessageId::default(),
            limit: 1,
        })
    }

    fn terms_of(text: &str) -> Vec<String> {
        terms(text).collect()
    }

    #[test]
    fn scripts_with_spaces_give_words_and_others_pairs() {
        assert_eq!(terms_of("The Café, 2nd."), ["the", "cafe", "2nd"]);
        assert_eq!(terms_of("天气预报"), ["天气", "气预", "预报", "报"]);
        assert_eq!(terms_of("iPhone手机A"), ["iphone", "手机", "机", "a"]);
        assert_eq!(terms_of("날씨가"), ["날씨", "씨가", "가"]);
        assert_eq!(terms_of("ｶﾞ ガ"), ["ガ", "ガ"]);
        assert_eq!(terms_of("❤\u{fe0f} 👍🏽!"), ["❤", "👍"]);
        assert_eq!(
            terms_of("co\u{ad}op \u{301} ½"),
            ["coop", "1\u{2044}2"].map(|s| s.replace('\u{2044}', ""))
        );
        assert_eq!(terms_of("काव्य"), ["काव्य"]);
        let bound = format!("{} end", "x ".repeat(MAX_TEXT_BYTES));
        assert!(!terms_of(&bound).contains(&"end".to_owned()));
    }

    #[test]
    fn words_are_found_by_their_beginnings_and_runs_by_any_part() {
        for (words, text) in [
            ("天气", "今天天气很好"),
            ("气", "今天天气很好"),
            ("好", "今天天气很好"),
            ("很好 今天", "今天天气很好"),
            ("東京", "ここは東京都です"),
            ("トウキョウ", "ﾄｳｷｮｳへ"),
            ("날씨", "오늘날씨가 좋다"),
            ("อากาศ", "วันนี้อากาศดี"),
            ("👍", "great 👍🏽"),
            ("❤️", "I ❤ it"),
            ("👩‍🚀", "👩🏿‍🚀"),
            ("🇩🇪", "aus 🇩🇪!"),
            ("wea", "Fine WEATHER"),
            ("cafe", "Cafés"),
            ("10", "at 10am"),
        ] {
            assert!(wanted(words).is_in(text), "{words} in {text}");
        }
        for (words, text) in [
            ("气天", "今天天气很好"),
            ("天好", "今天天气很好"),
            ("ather", "Fine weather"),
            ("w", "Fine weather"),
            ("fine rain", "Fine weather"),
            ("💔", "I ❤ it"),
        ] {
            assert!(!wanted(words).is_in(text), "{words} in {text}");
        }
        assert!(wanted(" - ,. \u{200b}\u{301}").is_empty());
    }

    #[test]
    fn what_an_index_is_asked_for_is_bounded() {
        let long: String = ('\u{4e00}'..'\u{4f00}').collect();
        assert_eq!(wanted(&long).terms().len(), MAX_TERMS);
        assert_eq!(wanted(&"天天".repeat(9)).terms().len(), 1);
        let many: String = (0..100).map(|n| format!("w{n} ")).collect();
        assert_eq!(wanted(&many).terms().len(), MAX_WANTED);
    }

    proptest! {
        /// A text that matches has every term that the index is asked for.
        #[test]
        fn the_index_misses_nothing(
            text in "[a-c天气好 가각ทีé👍🏽\u{200d}\u{fe0f}-]{0,20}|\\PC{0,20}",
            words in "[a-c天气好 가각ทีé👍]{1,3}|\\PC{0,4}",
            cut in 0usize..60)
        {
            let cut = text.floor_char_boundary(cut.min(text.len()));
            for words in [&words, &text, &text[cut..], &text[..cut]] {
                let wanted = wanted(words);
                let indexed = terms_of(&text);
                prop_assert!(indexed.iter().all(|term| !term.contains(' ')));
                let has = |term: &Term| indexed.iter().any(|other| {
                    *other == term.text || (term.is_beginning && other.starts_with(&term.text))
                });
                prop_assert!(!wanted.is_in(&text) || wanted.terms().iter().all(has));
            }
            prop_assert!(wanted(&text).is_in(&text));
        }
    }
}
