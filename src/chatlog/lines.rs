//! Reads a log file: by whole lines, backwards in blocks, and by time.
//!
//! Never reads more than asked for, never holds more than a block (or one long line), and never
//! looks past the length the file had when opened: it may be growing.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use memchr::{memchr, memrchr};
use rustix::fs::OFlags;

use super::order::Seq;

/// A longer line cannot be ours and is skipped.
pub(super) const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Bytes read at a time to find the start or end of a line.
const PEEK: usize = 4096;

/// A log file as it was when opened.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    inode: u64,
    end: u64,
}

/// Whole lines of a file. The buffer is reused from block to block.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    skip: usize,
    /// The offset of the first line in the file.
    pub start: u64,
}

impl Block {
    /// The lines, each with its newline.
    pub fn lines(&self) -> &[u8] {
        self.bytes.get(self.skip..).unwrap_or_default()
    }

    fn clear(&mut self, start: u64) {
        self.bytes.clear();
        self.skip = 0;
        self.start = start;
    }
}

impl LogFile {
    /// Opens a file for reading; `None` if there is none, or if it cannot be a log file (a pipe or
    /// a folder, for example).
    pub fn open(path: &Path) -> io::Result<Option<LogFile>> {
        // Without NONBLOCK, opening a pipe would wait for its other end.
        let file = match OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(path)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        LogFile::of(file)
    }

    /// Reads a file that is already open.
    pub fn of(file: File) -> io::Result<Option<LogFile>> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let mut file = LogFile {
            file,
            inode: metadata.ino(),
            end: metadata.len(),
        };
        file.end = file.line_start_before(file.end)?;
        Ok(Some(file))
    }

    /// The offset at which the last whole line ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The inode, which identifies the file under any name.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// The result of `read` for the first line in `range` that has one, and the offset of that
    /// line.
    pub fn first<K>(
        &self,
        range: Range<u64>,
        read: impl Fn(&[u8]) -> Option<K>,
    ) -> io::Result<Option<(u64, K)>> {
        let mut next = self.line_start_from(range.start)?;
        while let Some(start) = next.filter(|&start| start < range.end) {
            let mut bytes = [0; Seq::HEAD_BYTES];
            let head = self.read_at(&mut bytes, start)?;
            let line = head.split(|&byte| byte == b'\n').next();
            if let Some(found) = line.and_then(&read) {
                return Ok(Some((start, found)));
            }
            next = self.line_start_from(start + 1)?;
        }
        Ok(None)
    }

    /// The result of `read` for the last line that has one.
    pub fn last<K>(&self, read: impl Fn(&[u8]) -> Option<K>) -> io::Result<Option<K>> {
        let mut block = Block::default();
        let mut end = self.end;
        while end > 0 {
            self.read_lines_before(end, 0, PEEK, &mut block)?;
            let found = block.lines().rsplit(|&b| b == b'\n').find_map(&read);
            if found.is_some() {
                return Ok(found);
            }
            end = block.start;
        }
        Ok(None)
    }

    /// The offset of the first line in `range` for which `read` gives a result that is not
    /// `before`. All results up to there have to be `before`, and none after it: a few dozen small
    /// reads find the place.
    pub fn partition<K: Copy>(
        &self,
        range: Range<u64>,
        read: impl Fn(&[u8]) -> Option<K>,
        before: impl Fn(K) -> bool,
    ) -> io::Result<u64> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first(middle..range.end, &read)? {
                Some((start, key)) if before(key) => low = start + 1,
                _ => high = middle,
            }
        }
        let start = self.line_start_from(low)?.unwrap_or(range.end);
        Ok(start.min(range.end))
    }

    /// Fills `block` with about `size` bytes of whole lines that end at `end`, none of them before
    /// `floor`. Both are ends of lines. The next block backwards ends at `block.start`.
    pub fn read_lines_before(
        &self,
        end: u64,
        floor: u64,
        size: usize,
        block: &mut Block,
    ) -> io::Result<()> {
        let mut size = size as u64;
        loop {
            let from = end.saturating_sub(size).max(floor);
            block.clear(from);
            block.bytes.resize((end - from) as usize, 0);
            match self.file.read_exact_at(&mut block.bytes, from) {
                // The file was truncated: there are no lines here any more.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    block.clear(floor);
                    return Ok(());
                }
                read => read?,
            }
            if from == floor {
                return Ok(());
            }
            // The block usually begins inside a line, which is left out.
            let inside = block.bytes.len().saturating_sub(1);
            if let Some(at) = memchr(b'\n', block.bytes.get(..inside).unwrap_or_default()) {
                block.skip = at + 1;
                block.start = from + block.skip as u64;
                return Ok(());
            }
            if size >= LONGEST_LINE {
                block.clear(self.line_start_before(from)?.max(floor));
                return Ok(());
            }
            size *= 2;
        }
    }

    /// The start of the line that contains `offset`: after the last newline before it.
    fn line_start_before(&self, offset: u64) -> io::Result<u64> {
        let mut bytes = [0; PEEK];
        let mut end = offset;
        while end > 0 {
            let from = end.saturating_sub(PEEK as u64);
            let read = self.read_at(&mut bytes[..(end - from) as usize], from)?;
            if let Some(at) = memrchr(b'\n', read) {
                return Ok(from + at as u64 + 1);
            }
            end = from;
        }
        Ok(0)
    }

    /// The start of the first line that does not begin before `offset`.
    fn line_start_from(&self, offset: u64) -> io::Result<Option<u64>> {
        if offset == 0 {
            return Ok((self.end > 0).then_some(0));
        }
        let mut bytes = [0; PEEK];
        let mut from = offset - 1;
        while from < self.end {
            let size = (self.end - from).min(PEEK as u64) as usize;
            let read = self.read_at(&mut bytes[..size], from)?;
            if read.is_empty() {
                return Ok(None);
            }
            if let Some(at) = memchr(b'\n', read) {
                let start = from + at as u64 + 1;
                return Ok((start < self.end).then_some(start));
            }
            from += read.len() as u64;
        }
        Ok(None)
    }

    /// Reads up to the length of the buffer.
    fn read_at<'a>(&self, bytes: &'a mut [u8], from: u64) -> io::Result<&'a [u8]> {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, from + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes.get(..done).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;
    use std::io::Write;

    fn partition(file: &LogFile, before: impl Fn(Stamp) -> bool) -> u64 {
        file.partition(0..file.end(), Stamp::of_line, before)
            .unwrap()
    }

    fn file_of(content: &[u8]) -> LogFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        LogFile::of(file).unwrap().unwrap()
    }

    fn backwards(file: &LogFile, size: usize) -> Vec<Vec<u8>> {
        let mut block = Block::default();
        let mut lines = Vec::new();
        let mut end = file.end();
        while end > 0 {
            file.read_lines_before(end, 0, size, &mut block).unwrap();
            assert!(block.start < end);
            let found: Vec<_> = block.lines().split_inclusive(|&b| b == b'\n').collect();
            lines.extend(found.iter().rev().map(|line| line.to_vec()));
            end = block.start;
        }
        lines
    }

    #[test]
    fn blocks_of_any_size_give_the_same_lines() {
        let long = format!("{}\n", "x".repeat(10_000));
        let content = format!("\none\n\n{long}two\nthree\ntorn");
        let file = file_of(content.as_bytes());
        assert_eq!(file.end(), content.len() as u64 - 4);
        let wanted: Vec<&str> = vec!["three\n", "two\n", &long, "\n", "one\n", "\n"];
        for size in [1, 2, 3, 5, 7, 64, 4096, 1 << 20] {
            let lines = backwards(&file, size);
            assert_eq!(
                lines,
                wanted.iter().map(|l| l.as_bytes()).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over() {
        let mut content = b"before\n".to_vec();
        content.resize(content.len() + LONGEST_LINE as usize + 1, b'x');
        content.extend_from_slice(b"\nafter\n");
        let file = file_of(&content);
        assert_eq!(
            backwards(&file, 4096),
            [b"after\n".to_vec(), b"before\n".to_vec()]
        );
    }

    #[test]
    fn times_are_found_between_lines_of_any_length() {
        let mut content = b"torn rubbish\n".to_vec();
        let mut starts = Vec::new();
        for n in 0..200u64 {
            starts.push((content.len() as u64, n / 3));
            let stamp = Stamp::of(n / 3);
            let text = "y".repeat((n as usize * 7919) % 9000);
            writeln!(
                content,
                r#"{{"at":"{}","kind":"open","text":"{text}"}}"#,
                stamp.as_str()
            )
            .unwrap();
            if n % 10 == 0 {
                content.extend_from_slice(b"rubbish\n");
            }
        }
        let file = file_of(&content);
        let first = file.first(0..file.end(), Stamp::of_line).unwrap();
        assert_eq!(first.map(|(_, stamp)| stamp), Some(Stamp::of(0)));
        assert_eq!(file.last(Stamp::of_line).unwrap(), Some(Stamp::of(66)));
        for ms in 0..70 {
            let offset = partition(&file, |stamp| stamp < Stamp::of(ms));
            let wanted = starts
                .iter()
                .find(|(_, at)| *at >= ms)
                .map(|(start, _)| *start);
            match wanted {
                // Rubbish has no time of its own: it may be on either side.
                Some(start) => assert!(
                    offset <= start && !content[offset as usize..start as usize].contains(&b'{'),
                    "{ms}: {offset} {start}"
                ),
                None => assert_eq!(offset, file.end()),
            }
        }
    }

    #[test]
    fn an_empty_file_has_no_lines() {
        for content in ["", "torn"] {
            let file = file_of(content.as_bytes());
            assert_eq!(file.end(), 0);
            assert_eq!(file.last(Stamp::of_line).unwrap(), None);
            assert_eq!(partition(&file, |_| true), 0);
            assert_eq!(partition(&file, |_| false), 0);
        }
    }
}
