//! Reading a log file: by whole lines, backwards in blocks, and by time.
//!
//! Never reads more than asked for, never holds more than a block (or one
//! long line), and never looks past the length the file had when opened: it
//! may be growing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use memchr::{memchr, memrchr};
use rustix::fs::OFlags;

use super::stamp::Stamp;

/// A longer line is none of ours and is passed over.
pub(super) const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Bytes read at a time where only a line's start or end is looked for.
const PEEK: usize = 4096;

/// How much of the first line tells files apart.
const HEAD: u64 = 256;

/// A log file as it was when opened.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    inode: u64,
    end: u64,
}

/// Whole lines of a file. The buffer is used again from block to block.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    skip: usize,
    /// Where the first of the lines begins in the file.
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
    /// Opens a file for reading; `None` if there is none, or if it is
    /// something (a pipe, a folder) that cannot be a log file.
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

    /// Where the last whole line ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The inode: the same file under any name.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// A number for the file that survives renaming, copying and appending:
    /// a hash (64-bit FNV-1a) of how its first line begins.
    pub fn fingerprint(&self) -> io::Result<u64> {
        let mut head = vec![0; self.end.min(HEAD) as usize];
        self.read_at(&mut head, 0)?;
        let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        Ok(line.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// The stamp of the first line that has one.
    pub fn first_stamp(&self) -> io::Result<Option<Stamp>> {
        Ok(self.stamped_line_from(0)?.map(|(_, stamp)| stamp))
    }

    /// The stamp of the last line that has one.
    pub fn last_stamp(&self) -> io::Result<Option<Stamp>> {
        let mut block = Block::default();
        let mut end = self.end;
        while end > 0 {
            self.read_lines_before(end, 0, PEEK, &mut block)?;
            let stamp = block
                .lines()
                .rsplit(|&b| b == b'\n')
                .find_map(Stamp::of_line);
            if stamp.is_some() {
                return Ok(stamp);
            }
            end = block.start;
        }
        Ok(None)
    }

    /// Where the first line begins whose stamp is not `before`; stamps never
    /// decrease, so a few dozen small reads find it.
    pub fn partition(&self, before: impl Fn(Stamp) -> bool) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.stamped_line_from(middle)? {
                Some((start, stamp)) if before(stamp) => low = start + 1,
                _ => high = middle,
            }
        }
        Ok(self.line_start_from(low)?.unwrap_or(self.end))
    }

    /// Fills `block` with whole lines that end at `end`, about `size` bytes
    /// of them, none before `floor`. Both are ends of lines. What follows
    /// backwards ends at `block.start`.
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
                // Somebody cut the file: there are no lines here any more.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    block.clear(floor);
                    return Ok(());
                }
                read => read?,
            }
            if from == floor {
                return Ok(());
            }
            // All but by luck the block begins inside a line: leave it out.
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

    /// Where the line that `offset` is in begins: after the last newline
    /// before it.
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

    /// Where the first line begins that does not begin before `offset`.
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

    /// The first line with a stamp that does not begin before `offset`.
    fn stamped_line_from(&self, offset: u64) -> io::Result<Option<(u64, Stamp)>> {
        let mut next = self.line_start_from(offset)?;
        while let Some(start) = next {
            let mut bytes = [0; Stamp::KIND_AT];
            let read = self.read_at(&mut bytes, start)?;
            if let Some(stamp) = Stamp::of_line(read) {
                return Ok(Some((start, stamp)));
            }
            next = self.line_start_from(start + 1)?;
        }
        Ok(None)
    }

    /// Reads what there is, up to the buffer's length.
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
    use std::io::Write;

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
        assert_eq!(file.first_stamp().unwrap(), Some(Stamp::of(0)));
        assert_eq!(file.last_stamp().unwrap(), Some(Stamp::of(66)));
        for ms in 0..70 {
            let offset = file.partition(|stamp| stamp < Stamp::of(ms)).unwrap();
            let wanted = starts
                .iter()
                .find(|(_, at)| *at >= ms)
                .map(|(start, _)| *start);
            match wanted {
                // Rubbish has no time of its own: it may go to either side.
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
            assert_eq!(file.last_stamp().unwrap(), None);
            assert_eq!(file.partition(|_| true).unwrap(), 0);
            assert_eq!(file.partition(|_| false).unwrap(), 0);
        }
    }
}
