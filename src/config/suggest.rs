//! "Did you mean": the known name nearest to an unknown one.

/// Longer names are not compared: they are no typing mistakes, and comparing costs
/// time.
const MAX_COMPARED: usize = 80;

/// The known name that `unknown` probably misspells.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_ascii_lowercase().replace('-', "_");
    if unknown.len() > MAX_COMPARED {
        return None;
    }
    let tolerated = (unknown.chars().count() / 3).max(1);
    known
        .map(|name| (distance(&unknown, &name.to_ascii_lowercase()), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= tolerated)
        .map(|(_, name)| name)
}

/// Letters to insert, remove or replace to turn one into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, a) in one.chars().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (&b, above) in other.iter().zip(row.windows(2)) {
            let &[diagonal, above] = above else { continue };
            left = (left.min(above) + 1).min(diagonal + usize::from(a != b));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("telent", "telnet", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = || ["telnet", "rest", "web", "line_bytes"].into_iter();
        assert_eq!(nearest("telent", known()), Some("telnet"));
        assert_eq!(nearest("lineBytes", known()), Some("line_bytes"));
        assert_eq!(nearest("line-bytes", known()), Some("line_bytes"));
        assert_eq!(nearest("colour", known()), None);
        assert_eq!(nearest("x", known()), None);
    }
}
