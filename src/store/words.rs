//! What a word is, for full-text search in any database.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Search;

/// Words of a search that count.
const MAX_WORDS: usize = 16;

/// The words that are looked for.
pub fn wanted(search: &Search) -> Vec<String> {
    words(&search.words).take(MAX_WORDS).collect()
}

/// The words of a text: runs of letters, digits and marks, without case and
/// accents. Indexes get them so as well, and split at spaces only: there is
/// one idea of what a word is, and it is here.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c| !is_part_of_word(c))
        .map(|word| {
            // Other marks are no accents: in Indic scripts they are vowels.
            let bare = word.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c));
            // Compatibility forms may bring in spaces and other signs.
            bare.default_case_fold()
                .filter(|&c| is_part_of_word(c))
                .collect()
        })
        // Marks alone are none: they belong to a letter.
        .filter(|word: &String| word.contains(char::is_alphanumeric))
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}
