//! Lines in some order, which a copy shares with the original: a change copies the few chunks that
//! it touches. So a reader may keep a message of a thousand reactions while it gets another one.

use std::cmp::Ordering;
use std::sync::Arc;

use super::line::Line;

/// The most lines of a chunk.
const CHUNK: usize = 32;

type Chunk = Vec<Arc<Line>>;

/// Lines in the order that `compare` says: no two of them are equal by it.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    compare: fn(&Line, &Line) -> Ordering,
    /// None is empty.
    chunks: Vec<Arc<Chunk>>,
    len: usize,
}

impl Sorted {
    pub fn by(compare: fn(&Line, &Line) -> Ordering) -> Sorted {
        Sorted {
            compare,
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// The same with some lines in it, which are in their order.
    pub fn of(compare: fn(&Line, &Line) -> Ordering, lines: Vec<Arc<Line>>) -> Sorted {
        let chunks = lines.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec()));
        Sorted {
            compare,
            chunks: chunks.collect(),
            len: lines.len(),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn first(&self) -> Option<&Arc<Line>> {
        self.chunks.first()?.first()
    }

    pub fn last(&self) -> Option<&Arc<Line>> {
        self.chunks.last()?.last()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Line>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The lines from the first one on that does not come before a place; `place` compares a line
    /// with it.
    pub fn from(&self, place: impl Fn(&Line) -> Ordering) -> impl Iterator<Item = &Arc<Line>> {
        let chunks = self.chunks.get(self.chunk_of(&place)..).unwrap_or_default();
        let all = chunks.iter().flat_map(|chunk| chunk.iter());
        let before = chunks.first().map_or(0, |chunk| start(chunk, &place));
        all.skip(before)
    }

    /// The line at a place.
    pub fn find(&self, place: impl Fn(&Line) -> Ordering) -> Option<&Arc<Line>> {
        let chunk = self.chunks.get(self.chunk_of(&place))?;
        let found = chunk.get(start(chunk, &place))?;
        place(found).is_eq().then_some(found)
    }

    pub fn insert(&mut self, line: Arc<Line>) {
        let compare = self.compare;
        let place = |other: &Line| compare(other, &line);
        let last = self.chunks.len().saturating_sub(1);
        let at = self.chunk_of(place).min(last);
        self.len += 1;
        let Some(chunk) = self.chunks.get_mut(at).map(Arc::make_mut) else {
            return self.chunks.push(Arc::new(vec![line]));
        };
        let within = start(chunk, place);
        let is_end = at == last && within == chunk.len();
        chunk.insert(within, line);
        if chunk.len() > CHUNK {
            // Mostly lines come in their order, and fill the chunks.
            let rest = chunk.split_off(if is_end { CHUNK } else { CHUNK / 2 });
            self.chunks.insert(at + 1, Arc::new(rest));
        }
    }

    pub fn remove(&mut self, line: &Line) {
        let compare = self.compare;
        let place = |other: &Line| compare(other, line);
        let at = self.chunk_of(place);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        let within = start(chunk, place);
        if !chunk.get(within).is_some_and(|it| place(it).is_eq()) {
            return;
        }
        Arc::make_mut(chunk).remove(within);
        self.len -= 1;
        self.join(at);
    }

    /// Joins a chunk that has become small with the next one, if that is small, too.
    fn join(&mut self, at: usize) {
        let len = |at: usize| self.chunks.get(at).map_or(CHUNK, |chunk| chunk.len());
        if len(at) > 0 && len(at) + len(at + 1) > CHUNK / 2 {
            return;
        }
        let small = self.chunks.remove(at);
        if !small.is_empty()
            && let Some(next) = self.chunks.get_mut(at)
        {
            Arc::make_mut(next).splice(0..0, small.iter().cloned());
        }
    }

    /// The first chunk that does not end before a place.
    fn chunk_of(&self, place: impl Fn(&Line) -> Ordering) -> usize {
        let ends_before = |chunk: &Arc<Chunk>| chunk.last().is_some_and(|last| place(last).is_lt());
        self.chunks.partition_point(ends_before)
    }
}

/// Where a place is in a chunk.
fn start(chunk: &[Arc<Line>], place: impl Fn(&Line) -> Ordering) -> usize {
    chunk.partition_point(|line| place(line).is_lt())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::line::Given;
    use super::*;
    use crate::model::MessageId;

    fn line(ms: u64) -> Arc<Line> {
        let id = MessageId { ms, sequence: 0 };
        Arc::new(Line::new(&Given::mark(id)))
    }

    fn at(ms: u64) -> impl Fn(&Line) -> Ordering {
        move |line| line.id.ms.cmp(&ms)
    }

    #[test]
    fn it_is_the_same_as_a_sorted_set_and_copies_stay_as_they_are() {
        let mut sorted = Sorted::by(|one, other| one.id.cmp(&other.id));
        let mut expected = BTreeSet::new();
        let mut copies = Vec::new();
        for n in 0..4000_u64 {
            let ms = n * 7919 % 1009;
            match expected.insert(ms) {
                true => sorted.insert(line(ms)),
                false => {
                    expected.remove(&ms);
                    sorted.remove(&line(ms));
                }
            }
            if n % 500 == 0 {
                copies.push((sorted.clone(), expected.clone()));
            }
            assert_eq!(sorted.len(), expected.len());
            let next = expected.range(500..).next();
            assert_eq!(
                sorted.from(at(500)).next().map(|it| it.id.ms),
                next.copied()
            );
            assert_eq!(sorted.find(at(ms)).is_some(), expected.contains(&ms));
        }
        copies.push((sorted, expected));
        for (sorted, expected) in copies {
            assert!(sorted.iter().map(|it| it.id.ms).eq(expected));
            let most = 2 + 4 * sorted.len() / CHUNK;
            assert!(sorted.chunks.len() <= most, "{}", sorted.chunks.len());
            assert!(sorted.chunks.iter().all(|chunk| !chunk.is_empty()));
        }
    }

    #[test]
    fn what_comes_in_order_fills_the_chunks() {
        let mut sorted = Sorted::by(|one, other| one.id.cmp(&other.id));
        (0..10 * CHUNK as u64).for_each(|ms| sorted.insert(line(ms)));
        assert_eq!(sorted.chunks.len(), 10);
        sorted.remove(&line(5));
        sorted.remove(&line(5));
        assert_eq!(sorted.len(), 10 * CHUNK - 1);
    }
}
