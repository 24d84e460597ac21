//! Lists are answered a page at a time, so that an answer costs no more than a
//! page, however long the list is. While a list does not change, its pages are
//! cached, together with their encoding in each format.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::model::Name;
use crate::model::name::Alphabetical;

/// The most rows of a page.
pub const PAGE_ROWS: usize = 500;
/// How many formats can cache their encoding of a page.
const FORMATS: usize = 8;
/// Cached pages of one list.
const KEPT: usize = 8;

/// The part of a list that a client asks for.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Only names after this one.
    pub after: Option<Name>,
    /// Only names that begin with this one.
    pub prefix: Option<Name>,
}

impl Part {
    /// Where the part begins: the later of `after` and `prefix`.
    pub(super) fn start(&self) -> std::ops::Bound<Alphabetical> {
        use std::ops::Bound;
        let after = self.after.clone().map(Alphabetical);
        let prefix = self.prefix.clone().map(Alphabetical);
        match (after, prefix) {
            (Some(after), Some(prefix)) if after < prefix => Bound::Included(prefix),
            (Some(after), _) => Bound::Excluded(after),
            (None, Some(prefix)) => Bound::Included(prefix),
            (None, None) => Bound::Unbounded,
        }
    }

    /// Whether a name at or after the start still belongs to the part.
    pub(super) fn reaches(&self, name: &Name) -> bool {
        let prefix = self.prefix.as_ref();
        prefix.is_none_or(|prefix| name.begins_like(prefix))
    }

    /// Whether a name belongs to the part.
    pub(super) fn includes(&self, name: &Name) -> bool {
        let place = Alphabetical(name.clone());
        std::ops::RangeBounds::contains(&(self.start(), std::ops::Bound::Unbounded), &place)
            && self.reaches(name)
    }

    fn is(&self, other: &Part) -> bool {
        let spelling = |name: &Option<Name>| name.as_ref().map(Name::shown);
        spelling(&self.after) == spelling(&other.after)
            && spelling(&self.prefix) == spelling(&other.prefix)
    }
}

/// One page of a list, sorted by name.
pub struct Page<T> {
    /// The part of the list that begins with this page.
    pub part: Part,
    /// Its rows, at most a page full.
    pub rows: Vec<T>,
    /// Whether the part goes on after the last row.
    pub more: bool,
    encoded: [OnceLock<Box<[u8]>>; FORMATS],
}

impl<T> Page<T> {
    /// A page with these rows.
    pub fn new(part: Part, rows: Vec<T>, more: bool) -> Page<T> {
        Page {
            part,
            rows,
            more,
            encoded: Default::default(),
        }
    }

    /// The first `most` rows of a part.
    pub(super) fn take(part: &Part, rows: impl Iterator<Item = T>, most: usize) -> Page<T> {
        let mut rows = rows;
        let taken: Vec<T> = rows.by_ref().take(most).collect();
        let more = rows.next().is_some();
        Page::new(part.clone(), taken, more)
    }

    /// Appends the page as a format encodes it. `make` encodes it the first
    /// time; later calls copy the cached bytes.
    pub fn write_as(&self, format: usize, out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) {
        let Some(kept) = self.encoded.get(format) else {
            return make(out);
        };
        let bytes = kept.get_or_init(|| {
            let mut bytes = Vec::new();
            make(&mut bytes);
            bytes.into()
        });
        out.extend_from_slice(bytes);
    }
}

impl<T: fmt::Debug> fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("part", &self.part)
            .field("rows", &self.rows)
            .field("more", &self.more)
            .finish()
    }
}

/// A cache of the pages of one list that were asked for since it last changed.
pub(super) struct Shelf<T> {
    pages: VecDeque<Arc<Page<T>>>,
    /// The version of the other servers' roster that the pages show.
    version: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf {
            pages: VecDeque::new(),
            version: 0,
        }
    }
}

impl<T> Shelf<T> {
    /// Drops all pages, because the list has changed.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// The cached page for a part, if it is up to date.
    pub fn find(&self, part: &Part, version: u64) -> Option<Arc<Page<T>>> {
        let mut pages = self.pages.iter().filter(|_| version == self.version);
        pages.find(|page| page.part.is(part)).cloned()
    }

    /// Caches a page, and drops the oldest if there are too many.
    pub fn keep(&mut self, page: &Arc<Page<T>>, version: u64) {
        if version != self.version {
            self.pages.clear();
            self.version = version;
        }
        if self.pages.len() == KEPT {
            self.pages.pop_front();
        }
        self.pages.push_back(page.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Bound;

    fn part(after: Option<&str>, prefix: Option<&str>) -> Part {
        let name = |raw: &str| Name::parse(raw).unwrap();
        Part {
            after: after.map(name),
            prefix: prefix.map(name),
        }
    }

    #[test]
    fn a_part_begins_at_the_higher_bound() {
        let shown = |bound: Bound<Alphabetical>| match bound {
            Bound::Included(from) => format!("[{}", from.0),
            Bound::Excluded(after) => format!("({}", after.0),
            Bound::Unbounded => String::new(),
        };
        for (after, prefix, start) in [
            (None, None, ""),
            (Some("b"), None, "(b"),
            (None, Some("de"), "[de"),
            (Some("b"), Some("de"), "[de"),
            (Some("dev"), Some("de"), "(dev"),
        ] {
            assert_eq!(shown(part(after, prefix).start()), start);
        }
    }

    #[test]
    fn what_a_format_makes_of_a_page_is_made_once() {
        let page = Page::take(&Part::default(), ["a", "b", "c"].into_iter(), 2);
        assert!(page.more && page.rows == ["a", "b"]);
        let mut out = Vec::new();
        page.write_as(0, &mut out, |out| out.push(b'x'));
        page.write_as(0, &mut out, |_| panic!("made twice"));
        page.write_as(1, &mut out, |out| out.push(b'y'));
        assert_eq!(out, b"xxy");
    }

    #[test]
    fn a_shelf_keeps_few_pages_and_none_after_a_change_elsewhere() {
        let mut shelf = Shelf::default();
        for n in 0..=KEPT {
            let part = part(Some(&format!("n{n}")), None);
            shelf.keep(&Arc::new(Page::new(part, vec![n], false)), 1);
        }
        assert!(shelf.find(&part(Some("n0"), None), 1).is_none());
        assert!(shelf.find(&part(Some("n1"), None), 1).is_some());
        assert!(shelf.find(&part(Some("N1"), None), 1).is_none());
        assert!(shelf.find(&part(Some("n1"), None), 2).is_none());
        shelf.clear();
        assert!(shelf.find(&part(Some("n1"), None), 1).is_none());
    }
}
