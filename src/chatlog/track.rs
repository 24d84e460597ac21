//! One journal, read backwards: its files, newest first, in blocks, and of each only the parts that
//! can contain matches.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::vec;

use serde_json::value::RawValue;

use super::filter::Filter;
use super::folder::Folder;
use super::journal::Journal;
use super::lines::{Block, LogFile};
use super::order::{Place, SLACK_MS, Seq};
use super::query::{Query, SearchError};
use crate::model::{Kind, Stamp};

/// The first block: a page is often found in the newest lines.
const FIRST_BLOCK: usize = 32 * 1024;
/// The largest block: it fits into the processor's cache.
const LARGEST_BLOCK: usize = 256 * 1024;
/// Runs of a file that are searched one by one. A file with more, from a clock that steps back all
/// the time, is read as a whole.
const MOST_RUNS: u64 = 64;

/// A journal, searched backwards.
pub(super) struct Track {
    wanted: Wanted,
    files: vec::IntoIter<Source>,
    open: Option<Open>,
    found: VecDeque<(Place, Box<RawValue>)>,
    /// Everything from here on has been searched.
    reached: Place,
}

/// What decides which parts of a file are read.
struct Wanted {
    /// Between these times, with some tolerance: see [`SLACK_MS`].
    since: Option<Stamp>,
    until: Option<Stamp>,
    /// Only entries before this position.
    before: Place,
    /// Whether lines of this version may match; if not, only those of earlier versions, which had
    /// everything in one file.
    numbered: bool,
}

/// A file of the journal.
enum Source {
    /// Opened before the folder was read, so that a rotation in between cannot hide it.
    Current(PathBuf, LogFile),
    /// With the rank of its lines without numbers.
    Rotated(PathBuf, u64),
}

struct Open {
    path: PathBuf,
    file: LogFile,
    rank: u64,
    /// The offset of the first line with a number.
    numbered_from: u64,
    /// The parts still to be read, the newest last.
    parts: Vec<Range<u64>>,
    block_bytes: usize,
}

impl Track {
    /// A journal, if it can contain matches.
    pub fn new(
        journal: Journal,
        folder: &Folder,
        query: &Query,
        before: Place,
    ) -> Result<Option<Track>, SearchError> {
        let numbered = journal.may_hold(query.kind.or(query.said.then_some(Kind::Message)));
        // Earlier versions had everything in the file that now is the chat's.
        if !numbered && journal != Journal::Chat {
            return Ok(None);
        }
        let wanted = Wanted {
            since: query.since.map(|ms| Stamp::of(ms.saturating_sub(SLACK_MS))),
            until: query.until.map(|ms| Stamp::of(ms.saturating_add(SLACK_MS))),
            before,
            numbered,
        };
        Ok(Some(Track {
            files: sources(folder, before)?.into_iter(),
            wanted,
            open: None,
            found: VecDeque::new(),
            reached: before,
        }))
    }

    /// The position of the newest line found and not yet taken.
    pub fn found(&self) -> Option<Place> {
        self.found.front().map(|(place, _)| *place)
    }

    /// Takes that line.
    pub fn take(&mut self) -> Option<(Place, Box<RawValue>)> {
        self.found.pop_front()
    }

    /// The position from which on everything has been searched.
    pub fn reached(&self) -> Place {
        self.reached
    }

    /// Whether everything has been searched.
    pub fn is_done(&self) -> bool {
        self.open.is_none() && self.files.len() == 0
    }

    /// Opens the next file, or searches the next block.
    pub fn advance(&mut self, filter: &mut Filter, block: &mut Block) -> Result<(), SearchError> {
        let Some(mut open) = self.open.take() else {
            return self.open_next();
        };
        open.read_block(block)?;
        self.look_through(&open, filter, block);
        self.open = Some(open).filter(|open| !open.parts.is_empty());
        Ok(())
    }

    /// Finds the matching lines of the block, last first.
    fn look_through(&mut self, open: &Open, filter: &mut Filter, block: &Block) {
        let lines = block.lines();
        let mut candidates = Vec::new();
        filter.find_candidates(lines, &mut candidates);
        for candidate in candidates.iter().rev() {
            let offset = block.start + candidate.start as u64;
            let line = lines.get(candidate.clone()).unwrap_or_default();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // In a file edited by hand the lines may be in any order.
            let Some(place) = open.place_of(line, offset).filter(|it| *it < self.reached) else {
                continue;
            };
            if filter.accepts(line)
                // A line that was torn and ended later is only valid at its start.
                && let Some(raw) = raw_json(line)
            {
                self.found.push_back((place, raw));
                self.reached = place;
            }
        }
        let mut offset = block.start;
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if let Some(place) = open.place_of(line, offset) {
                self.reached = self.reached.min(place);
                return;
            }
            offset += line.len() as u64;
        }
    }

    fn open_next(&mut self) -> Result<(), SearchError> {
        let Some(source) = self.files.next() else {
            return Ok(());
        };
        let (path, file, rank) = match source {
            Source::Current(path, file) => (path, Some(file), u64::MAX),
            Source::Rotated(path, rank) => match LogFile::open(&path) {
                Ok(file) => (path, file, rank),
                Err(error) => return Err(unreadable(&path, error)),
            },
        };
        // It may have been removed meanwhile.
        let Some(file) = file else { return Ok(()) };
        let open = Open::new(path, file, rank, &self.wanted);
        self.open = Some(open?).filter(|open| !open.parts.is_empty());
        Ok(())
    }
}

impl Open {
    fn new(path: PathBuf, file: LogFile, rank: u64, wanted: &Wanted) -> Result<Open, SearchError> {
        let mut open = Open {
            numbered_from: 0,
            parts: Vec::new(),
            block_bytes: FIRST_BLOCK,
            path,
            file,
            rank,
        };
        match open.choose_parts(wanted) {
            Ok(()) => Ok(open),
            Err(error) => Err(unreadable(&open.path, error)),
        }
    }

    fn choose_parts(&mut self, wanted: &Wanted) -> io::Result<()> {
        self.numbered_from = first_numbered(&self.file)?;
        let (unnumbered, end) = (self.numbered_from, self.file.end());
        wanted.add_unnumbered(&self.file, self.rank, 0..unnumbered, &mut self.parts)?;
        wanted.add_numbered(&self.file, unnumbered..end, &mut self.parts)?;
        self.parts.retain(|part| !part.is_empty());
        Ok(())
    }

    /// Reads the block before the one read last.
    fn read_block(&mut self, block: &mut Block) -> Result<(), SearchError> {
        let Some(part) = self.parts.last_mut() else {
            return Ok(());
        };
        self.file
            .read_lines_before(part.end, part.start, self.block_bytes, block)
            .map_err(|error| unreadable(&self.path, error))?;
        self.block_bytes = (self.block_bytes * 2).min(LARGEST_BLOCK);
        part.end = block.start;
        if part.is_empty() {
            self.parts.pop();
        }
        Ok(())
    }

    fn place_of(&self, line: &[u8], offset: u64) -> Option<Place> {
        match offset < self.numbered_from {
            true => Some(Place::unnumbered(self.rank, offset)),
            false => Seq::of_line(line).map(Place::of),
        }
    }
}

impl Wanted {
    /// Adds the parts that may match among lines without numbers.
    fn add_unnumbered(
        &self,
        file: &LogFile,
        rank: u64,
        mut lines: Range<u64>,
        parts: &mut Vec<Range<u64>>,
    ) -> io::Result<()> {
        let before = self.before;
        if before <= Place::unnumbered(rank, 0) {
            return Ok(());
        }
        if before.seq == Place::unnumbered(rank, 0).seq {
            lines.end = lines.end.min(before.offset);
        }
        parts.push(self.within_times(file, lines)?);
        Ok(())
    }

    /// Adds the parts that may match among lines with numbers, run by run.
    fn add_numbered(
        &self,
        file: &LogFile,
        mut lines: Range<u64>,
        parts: &mut Vec<Range<u64>>,
    ) -> io::Result<()> {
        if !self.numbered {
            return Ok(());
        }
        if self.before != Place::END {
            let is_before = |seq| Place::of(seq) < self.before;
            lines.end = file.partition(lines.clone(), Seq::of_line, is_before)?;
        }
        let (Some((_, first)), Some(last)) = (
            file.first(lines.clone(), Seq::of_line)?,
            file.last(Seq::of_line)?,
        ) else {
            return Ok(());
        };
        let any_time = self.since.is_none() && self.until.is_none();
        if any_time || last.run.saturating_sub(first.run) >= MOST_RUNS {
            parts.push(lines);
            return Ok(());
        }
        let mut start = lines.start;
        for run in first.run..=last.run {
            let rest = start..lines.end;
            let end = file.partition(rest, Seq::of_line, |seq| seq.run <= run)?;
            parts.push(self.within_times(file, start..end)?);
            start = end;
        }
        Ok(())
    }

    /// The part of these lines, whose times rise, that can be between the times wanted.
    fn within_times(&self, file: &LogFile, mut lines: Range<u64>) -> io::Result<Range<u64>> {
        if let Some(since) = self.since {
            lines.start = file.partition(lines.clone(), Stamp::of_line, |at| at < since)?;
        }
        if let Some(until) = self.until {
            lines.end = file.partition(lines.clone(), Stamp::of_line, |at| at <= until)?;
        }
        Ok(lines)
    }
}

/// The offset of the first line with a number: the start or the end of the file, unless an earlier
/// version began the file and this one continued it.
fn first_numbered(file: &LogFile) -> io::Result<u64> {
    let all = 0..file.end();
    let is_numbered = |line: &[u8]| Stamp::of_line(line).map(|_| Seq::of_line(line).is_some());
    match file.first(all.clone(), is_numbered)? {
        None => Ok(all.end),
        Some((_, true)) => Ok(0),
        Some((_, false)) if file.last(Seq::of_line)?.is_none() => Ok(all.end),
        Some((_, false)) => file.partition(all, is_numbered, |numbered| !numbered),
    }
}

/// The files, newest first, except those with nothing before this position.
fn sources(folder: &Folder, before: Place) -> Result<Vec<Source>, SearchError> {
    let path = folder.current();
    let current = LogFile::open(&path).map_err(|error| unreadable(&path, error))?;
    let rotated = folder
        .rotated()
        .map_err(|error| unreadable(folder.path(), error))?;
    // It may have been rotated since it was opened.
    let current = current.filter(|file| rotated.iter().all(|old| old.inode != file.inode()));
    let mut files: Vec<Source> = current
        .map(|file| Source::Current(path, file))
        .into_iter()
        .collect();
    for file in rotated.into_iter().rev() {
        let rank = match file.number {
            0 => file.until.ms().unwrap_or(0),
            _ => u64::MAX,
        };
        files.push(Source::Rotated(file.path, rank));
    }
    if before != Place::END {
        let newer = files.partition_point(|file| file.begins_after(before));
        files.drain(..newer);
    }
    Ok(files)
}

impl Source {
    /// Whether all its content is after this position. False for a file that cannot be read, which
    /// is reported when its turn comes.
    fn begins_after(&self, place: Place) -> bool {
        let opened;
        let (file, rank) = match self {
            Source::Current(_, file) => (file, u64::MAX),
            Source::Rotated(path, rank) => match LogFile::open(path) {
                Ok(Some(file)) => {
                    opened = file;
                    (&opened, *rank)
                }
                _ => return false,
            },
        };
        let first = file.first(0..file.end(), |line| {
            Stamp::of_line(line).map(|_| Seq::of_line(line))
        });
        match first {
            Ok(Some((_, Some(seq)))) => Place::of(seq) >= place,
            Ok(Some((offset, None))) => Place::unnumbered(rank, offset) >= place,
            _ => false,
        }
    }
}

fn unreadable(path: &Path, error: io::Error) -> SearchError {
    SearchError::Io {
        path: path.to_owned(),
        error,
    }
}

/// The entry: the line without its number.
fn raw_json(line: &[u8]) -> Option<Box<RawValue>> {
    let mut line = line.to_vec();
    if let Some((_, start, end)) = Seq::find(&line) {
        line.drain(start..end);
    }
    RawValue::from_string(String::from_utf8(line).ok()?).ok()
}
