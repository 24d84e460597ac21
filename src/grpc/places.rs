//! Limits how many of something exist at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of places. Clones share them.
#[derive(Clone, Debug)]
pub struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place that is taken; dropping it frees the place.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Places {
    /// All places free.
    pub fn new(most: usize) -> Places {
        Places {
            taken: Arc::default(),
            most,
        }
    }

    /// Takes a place, if there is one.
    pub fn take(&self) -> Option<Place> {
        let place = Place(self.taken.clone());
        let others = self.taken.fetch_add(1, Ordering::Relaxed);
        (others < self.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_and_they_come_back() {
        let places = Places::new(3);
        let all: Vec<Place> = (0..3).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none());
        assert!(places.take().is_none());
        drop(all);
        assert!(places.take().is_some());
    }
}
