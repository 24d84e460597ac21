//! The key that all spellings of a name share.

use std::sync::LazyLock;

use caseless::Caseless;
use unicode_security::confusable_detection::skeleton;

/// The keys of the ASCII characters. None of them changes with its neighbours, so the key of an
/// ASCII name is those of its letters: nearly every name is one, and names are read in every command.
static ASCII: LazyLock<[Box<str>; 128]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let letter = u8::try_from(byte).map(char::from).unwrap_or_default();
        of_any(letter.encode_utf8(&mut [0; 4])).into()
    })
});

/// The key of a name.
pub(super) fn comparison_key(shown: &str) -> String {
    match shown.is_ascii() {
        true => of_ascii(shown),
        false => of_any(shown),
    }
}

fn of_ascii(shown: &str) -> String {
    let letters = shown
        .bytes()
        .filter_map(|byte| ASCII.get(usize::from(byte)));
    let mut key = String::with_capacity(shown.len() * 2);
    letters.for_each(|letter| key.push_str(letter));
    key
}

/// The skeleton is taken of the folded form and folded again: it may contain capitals (`0` becomes
/// `O`), and folding may undo normalisation.
fn of_any(shown: &str) -> String {
    let bones: String = skeleton(&folded(shown)).collect();
    skeleton(&folded(&bones)).collect()
}

/// Folds the case, also of letters that are newer than the folding tables.
pub(super) fn folded(text: &str) -> String {
    let folded = text.chars().default_case_fold();
    folded.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_ascii_letters_have_the_keys_of_each() {
        for pair in (0..128_u8).flat_map(|one| (0..128_u8).map(move |two| [one, two])) {
            let pair = pair.map(char::from).iter().collect::<String>();
            assert_eq!(of_ascii(&pair), of_any(&pair), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_of_ascii_letters_is_that_of_the_whole(shown in "[ -~]{0,40}") {
            prop_assert_eq!(of_ascii(&shown), of_any(&shown));
        }
    }
}
