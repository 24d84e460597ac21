//! Searching the chat log, newest lines first.
//!
//! Reads backwards through all journals at the same time, and merges what it finds by the numbers
//! of the lines. Never holds up the writer: it only reads, and only what was there when it opened a
//! file.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use super::filter::Filter;
use super::folder::Folder;
use super::journal::Journal;
use super::lines::Block;
use super::order::Place;
use super::query::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, Query, SearchError};
use super::track::Track;
use crate::cancel::Cancel;

/// How long a search runs before it yields the processor. With less, it would spend most of its
/// time on a busy machine waiting for its turn.
const SLICE: Duration = Duration::from_millis(5);

/// A search in progress.
struct Search<'a> {
    filter: Filter,
    tracks: Vec<Track>,
    /// Only entries before this are wanted.
    start: Place,
    limit: usize,
    cancel: &'a Cancel,
    deadline: Instant,
    yield_at: Instant,
    block: Block,
    page: Page,
}

/// Finds the entries that the query asks for.
pub(super) fn search(
    journals: &[(Journal, Folder)],
    query: &Query,
    cancel: &Cancel,
    budget: Duration,
) -> Result<Page, SearchError> {
    let limit = query.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get);
    let filter = Filter::new(query)?;
    let start = query.cursor.map_or(Place::END, |cursor| cursor.before);
    let mut tracks = Vec::new();
    for (journal, folder) in journals {
        tracks.extend(Track::new(*journal, folder, query, start)?);
    }
    let mut search = Search {
        filter,
        tracks,
        start,
        limit: limit.min(MAX_LIMIT),
        cancel,
        deadline: Instant::now() + budget,
        yield_at: Instant::now() + SLICE,
        block: Block::default(),
        page: Page::default(),
    };
    search.run()?;
    Ok(search.page)
}

impl Search<'_> {
    fn run(&mut self) -> Result<(), SearchError> {
        loop {
            self.check_cancelled()?;
            while let Some(index) = self.newest() {
                let found = self.tracks.get_mut(index).and_then(Track::take);
                let Some((place, line)) = found else { break };
                self.page.lines.push(line);
                if self.page.lines.len() >= self.limit {
                    self.page.next = self.go_on_before(place);
                    return Ok(());
                }
            }
            let Some(index) = self.behind() else {
                return Ok(());
            };
            let now = Instant::now();
            let reached = self.reached();
            // Each search makes some progress, however little time there is.
            if now >= self.deadline && reached < self.start {
                self.page.timed_out = true;
                self.page.next = self.go_on_before(reached);
                return Ok(());
            }
            if now >= self.yield_at {
                // A search is never urgent.
                thread::yield_now();
                self.yield_at = Instant::now() + SLICE;
            }
            if let Some(track) = self.tracks.get_mut(index) {
                track.advance(&mut self.filter, &mut self.block)?;
            }
        }
    }

    /// The track with the newest line found, if no other track can still find a newer one.
    fn newest(&self) -> Option<usize> {
        let found = self.tracks.iter().enumerate();
        let (place, index) = found
            .filter_map(|(index, track)| Some((track.found()?, index)))
            .max()?;
        let is_certain = |track: &Track| track.is_done() || track.reached() <= place;
        let mut others = self.tracks.iter().filter(|track| track.found().is_none());
        others.all(is_certain).then_some(index)
    }

    /// The track that has got least far, if any can continue.
    fn behind(&self) -> Option<usize> {
        let tracks = self.tracks.iter().enumerate();
        let waiting = tracks.filter(|(_, track)| track.found().is_none() && !track.is_done());
        let behind = waiting.max_by_key(|(_, track)| track.reached());
        behind.map(|(index, _)| index)
    }

    /// The position down to which everything has been searched.
    fn reached(&self) -> Place {
        let tracks = self.tracks.iter();
        let places = tracks.filter_map(|track| match track.found() {
            // A line that was found but not returned will be found again.
            Some(found) => Some(found.after()),
            None if track.is_done() => None,
            None => Some(track.reached()),
        });
        places.max().unwrap_or_default()
    }

    /// Where the next page begins, if there can be one.
    fn go_on_before(&self, place: Place) -> Option<Cursor> {
        let is_over = |track: &Track| track.is_done() && track.found().is_none();
        (!self.tracks.iter().all(is_over)).then_some(Cursor { before: place })
    }

    fn check_cancelled(&self) -> Result<(), SearchError> {
        match self.cancel.is_cancelled() {
            true => Err(SearchError::Cancelled),
            false => Ok(()),
        }
    }
}
