//! The letters of a user's modes.

use crate::hub::Traits;

/// All letters.
pub const ALL: &str = "BRiow";

/// The modes of a user, as MODE shows them.
pub fn shown(traits: Traits) -> String {
    let on = ALL.chars().filter(|&letter| has(traits, letter));
    format!("+{}", on.collect::<String>())
}

fn has(traits: Traits, letter: char) -> bool {
    match letter {
        'B' => traits.is_bot,
        'R' => traits.accounts_only,
        'i' => traits.is_invisible,
        'o' => traits.is_operator,
        'w' => traits.hears_operators,
        _ => false,
    }
}

/// The traits after a change such as `+iw-B`, and whether every letter is known.
pub fn after(traits: Traits, change: &str) -> (Traits, bool) {
    let mut traits = traits;
    let mut all_known = true;
    let mut on = true;
    for letter in change.chars() {
        match letter {
            '+' | '-' => on = letter == '+',
            'B' => traits.is_bot = on,
            'R' => traits.accounts_only = on,
            'i' => traits.is_invisible = on,
            'o' => traits.is_operator = on,
            'w' => traits.hears_operators = on,
            _ => all_known = false,
        }
    }
    (traits, all_known)
}

/// What has changed, as MODE tells it; empty if nothing has.
pub fn changed(before: Traits, now: Traits) -> String {
    let with = |on: bool| {
        let letters = ALL.chars();
        let letters = letters.filter(|&it| has(before, it) != on && has(now, it) == on);
        letters.collect::<String>()
    };
    let signed = |sign: &str, letters: String| match letters.is_empty() {
        true => letters,
        false => format!("{sign}{letters}"),
    };
    signed("+", with(true)) + &signed("-", with(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told() {
        let none = Traits::default();
        let (some, all_known) = after(none, "+iwB-w");
        assert!(all_known && some.is_bot && some.is_invisible && !some.hears_operators);
        assert_eq!(changed(none, some), "+Bi");
        assert_eq!(shown(some), "+Bi");
        let (less, all_known) = after(some, "-i+xw");
        assert!(!all_known);
        assert_eq!(changed(some, less), "+w-i");
        assert_eq!(changed(less, less), "");
    }
}
