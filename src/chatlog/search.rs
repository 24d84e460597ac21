//! Searching the chat log, newest lines first.
//!
//! Goes backwards through the current file and then the rotated ones, in
//! blocks, and never reads what the query's times rule out. Never holds up
//! the writer: it only reads, and only what was there when it opened a file.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use super::filter::Filter;
use super::folder::Folder;
use super::lines::{Block, LogFile};
use super::query::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, Query, SearchError};
use super::stamp::Stamp;
use crate::cancel::Cancel;

/// The first block: a page is often found in the newest lines.
const FIRST_BLOCK: usize = 32 * 1024;
/// The largest: it stays in the processor's cache while it is looked through.
const LARGEST_BLOCK: usize = 256 * 1024;
/// How long a search works before it lets others have the processor. Less,
/// and on a busy machine it would do little else than queue for it.
const SLICE: Duration = Duration::from_millis(5);

/// A file of the log, newest first.
enum Source {
    /// Opened before the folder was read, so that a rotation in between
    /// cannot hide it.
    Current(PathBuf, LogFile),
    Rotated(PathBuf, Stamp),
}

/// One search under way.
struct Search<'a> {
    filter: Filter,
    since: Option<Stamp>,
    until: Option<Stamp>,
    limit: usize,
    cancel: &'a Cancel,
    deadline: Instant,
    yield_at: Instant,
    page: Page,
    block: Block,
    candidates: Vec<Range<usize>>,
}

/// How far a file was searched.
enum Scanned {
    /// To its beginning: older files are next.
    Whole,
    /// To the first line that is not too old: nothing older is wanted.
    AllWanted,
    /// To here, and the page is full or the time is over.
    To(u64),
}

/// Finds what the query asks for.
pub(super) fn search(
    folder: &Folder,
    query: &Query,
    cancel: &Cancel,
    budget: Duration,
) -> Result<Page, SearchError> {
    let limit = query.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get);
    let mut search = Search {
        filter: Filter::new(query)?,
        since: query.since.map(Stamp::of),
        until: query.until.map(Stamp::of),
        limit: limit.min(MAX_LIMIT),
        cancel,
        deadline: Instant::now() + budget,
        yield_at: Instant::now() + SLICE,
        page: Page::default(),
        block: Block::default(),
        candidates: Vec::new(),
    };
    let mut sources = sources(folder)?;
    if let Some(cursor) = query.cursor {
        sources = search.resume(sources, cursor)?;
    }
    search.scan_all(sources, query.cursor)?;
    Ok(search.page)
}

/// The files there are, newest first.
fn sources(folder: &Folder) -> Result<Vec<Source>, SearchError> {
    let path = folder.current();
    let current = LogFile::open(&path).map_err(|error| unreadable(&path, error))?;
    let rotated = folder
        .rotated()
        .map_err(|error| unreadable(folder.path(), error))?;
    // It may have been rotated since it was opened.
    let current = current.filter(|file| rotated.iter().all(|old| old.inode != file.inode()));
    let rotated = rotated.into_iter().rev();
    Ok(current
        .map(|file| Source::Current(path, file))
        .into_iter()
        .chain(rotated.map(|file| Source::Rotated(file.path, file.until)))
        .collect())
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::Current(path, _) | Source::Rotated(path, _) => path,
        }
    }

    /// Calls `read` with the file, unless it has been removed meanwhile.
    fn with<T>(
        &self,
        read: impl FnOnce(&LogFile) -> io::Result<T>,
    ) -> Result<Option<T>, SearchError> {
        let opened;
        let file = match self {
            Source::Current(_, file) => file,
            Source::Rotated(path, _) => {
                match LogFile::open(path).map_err(|error| unreadable(path, error))? {
                    Some(file) => {
                        opened = file;
                        &opened
                    }
                    None => return Ok(None),
                }
            }
        };
        read(file)
            .map(Some)
            .map_err(|error| unreadable(self.path(), error))
    }
}

fn unreadable(path: &Path, error: io::Error) -> SearchError {
    SearchError::Io {
        path: path.to_owned(),
        error,
    }
}

/// The cursor for a place in a file.
fn cursor_at(file: &LogFile, offset: u64) -> io::Result<Cursor> {
    let first = file.first_stamp()?.and_then(|stamp| stamp.ms());
    Ok(Cursor {
        fingerprint: file.fingerprint()?,
        first_ms: first.unwrap_or(0),
        offset,
    })
}

impl Search<'_> {
    /// Leaves out the files that are newer than the cursor. If its own file
    /// has been removed, all that are older than that one were remain.
    fn resume(&self, sources: Vec<Source>, cursor: Cursor) -> Result<Vec<Source>, SearchError> {
        let mut older_from = sources.len();
        for (index, source) in sources.iter().enumerate() {
            self.check_cancelled()?;
            let Some(start) = source.with(|file| cursor_at(file, 0))? else {
                continue;
            };
            if start.fingerprint == cursor.fingerprint {
                older_from = index;
                break;
            }
            if start.first_ms < cursor.first_ms {
                older_from = older_from.min(index);
            }
        }
        Ok(sources.into_iter().skip(older_from).collect())
    }

    fn scan_all(
        &mut self,
        sources: Vec<Source>,
        cursor: Option<Cursor>,
    ) -> Result<(), SearchError> {
        let last = sources.len().saturating_sub(1);
        for (index, source) in sources.iter().enumerate() {
            self.check_cancelled()?;
            if let (Source::Rotated(_, until), Some(since)) = (source, self.since)
                && *until < since
            {
                return Ok(());
            }
            // Only the cursor's own file can have its fingerprint.
            let cursor = cursor.filter(|_| index == 0);
            let scanned = source.with(|file| Ok(self.scan(file, source.path(), cursor)))?;
            match scanned.transpose()? {
                None | Some(Scanned::Whole) => {}
                Some(Scanned::AllWanted) => return Ok(()),
                Some(Scanned::To(0)) if index == last => {
                    self.page.timed_out = false;
                    return Ok(());
                }
                Some(Scanned::To(offset)) => {
                    self.page.next = source.with(|file| cursor_at(file, offset))?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn scan(
        &mut self,
        file: &LogFile,
        path: &Path,
        cursor: Option<Cursor>,
    ) -> Result<Scanned, SearchError> {
        let unreadable = |error| unreadable(path, error);
        let floor = match self.since {
            Some(since) => file.partition(|at| at < since).map_err(unreadable)?,
            None => 0,
        };
        let mut end = match self.until {
            Some(until) => file.partition(|at| at <= until).map_err(unreadable)?,
            None => file.end(),
        };
        if let Some(cursor) = cursor
            && file.fingerprint().map_err(unreadable)? == cursor.fingerprint
        {
            end = end.min(cursor.offset);
        }
        let mut size = FIRST_BLOCK;
        while end > floor {
            file.read_lines_before(end, floor, size, &mut self.block)
                .map_err(unreadable)?;
            if let Some(offset) = self.take_lines() {
                return Ok(Scanned::To(offset));
            }
            end = self.block.start;
            size = (size * 2).min(LARGEST_BLOCK);
            self.check_cancelled()?;
            let now = Instant::now();
            let more = end > floor || floor == 0;
            if more && now >= self.deadline {
                self.page.timed_out = true;
                return Ok(Scanned::To(end));
            }
            if now >= self.yield_at {
                // A search is never urgent.
                thread::yield_now();
                self.yield_at = Instant::now() + SLICE;
            }
        }
        Ok(match floor {
            0 => Scanned::Whole,
            _ => Scanned::AllWanted,
        })
    }

    /// Takes the lines wanted from the block, last first. Returns where the
    /// last line taken begins once there are enough.
    fn take_lines(&mut self) -> Option<u64> {
        let lines = self.block.lines();
        self.candidates.clear();
        self.filter.find_candidates(lines, &mut self.candidates);
        for candidate in self.candidates.iter().rev() {
            let line = lines.get(candidate.clone()).unwrap_or_default();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if !self.filter.accepts(line) {
                continue;
            }
            // What was torn and ended later looks right only at its start.
            let Some(raw) = raw_json(line) else {
                continue;
            };
            self.page.lines.push(raw);
            if self.page.lines.len() >= self.limit {
                return Some(self.block.start + candidate.start as u64);
            }
        }
        None
    }

    fn check_cancelled(&self) -> Result<(), SearchError> {
        match self.cancel.is_cancelled() {
            true => Err(SearchError::Cancelled),
            false => Ok(()),
        }
    }
}

fn raw_json(line: &[u8]) -> Option<Box<RawValue>> {
    let line = String::from_utf8(line.to_vec()).ok()?;
    RawValue::from_string(line).ok()
}
