//! Words that occur nowhere else, each of which stands for one secret.

use std::collections::BTreeSet;

/// How every marker begins. The `l` lets a name look like another one.
pub const BEGINS: &str = "zql";
/// How many letters follow.
const LETTERS: usize = 9;

/// A marker: for the same number always the same, for others different ones.
pub fn marker(number: u64) -> String {
    let letters = (0..LETTERS as u32).map(|place| {
        let digit = number / 8u64.pow(place) % 8;
        char::from(b'a' + digit as u8)
    });
    BEGINS.chars().chain(letters).collect()
}

/// All markers in the bytes that someone was sent, in whatever case.
pub fn markers(bytes: &[u8]) -> BTreeSet<String> {
    let bytes = bytes.to_ascii_lowercase();
    let mut found = BTreeSet::new();
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&bytes[from..], BEGINS.as_bytes()) {
        let begins = from + at;
        from = begins + BEGINS.len();
        let letters = bytes.get(from..from + LETTERS).unwrap_or_default();
        if letters.len() == LETTERS && letters.iter().all(|it| (b'a'..=b'h').contains(it)) {
            let whole = &bytes[begins..from + LETTERS];
            found.insert(String::from_utf8_lossy(whole).into_owned());
        }
    }
    found
}

#[test]
fn markers_are_found_again_in_any_spelling() {
    let (one, other) = (marker(7), marker(8u64.pow(8) + 3));
    let bytes = format!("@ann: {one}. \"{}\"{BEGINS}abc", other.to_uppercase());
    assert_eq!(markers(bytes.as_bytes()), BTreeSet::from([one, other]));
}
