//! The current file, and the lines on their way into it.
//!
//! Knows no thread and no waiting: it makes one attempt, and after a failure all lines are still
//! here for the next one. Avoids leaving half a line behind.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::folder::Folder;
use super::lines::LogFile;
use super::order::Seq;
use crate::model::{Entry, Stamp};

/// The most bytes written at once.
const BATCH_BYTES: usize = 1024 * 1024;

/// Writes lines to the end of the current file.
pub(super) struct Appender {
    folder: Folder,
    rotate_bytes: u64,
    file: Option<Current>,
    /// The time of the last line, written or not.
    last: Stamp,
    /// The time of the last line in a file.
    written: Stamp,
    /// The number of the last line in the file when it was opened.
    found: Seq,
    lines: String,
    count: u64,
    done: usize,
}

struct Current {
    file: File,
    device: u64,
    inode: u64,
    rotate_at: u64,
}

impl Appender {
    /// Opens the current file, or creates it. With `rotate_bytes` 0 it is never rotated.
    pub fn open(folder: Folder, rotate_bytes: u64) -> io::Result<Appender> {
        let mut appender = Appender {
            folder,
            rotate_bytes,
            file: None,
            last: Stamp::of(0),
            written: Stamp::of(0),
            found: Seq::default(),
            lines: String::new(),
            count: 0,
            done: 0,
        };
        appender.current()?;
        Ok(appender)
    }

    /// The folder.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whether everything has been written.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether there is enough for one write.
    pub fn is_full(&self) -> bool {
        let limit = match self.rotate_bytes {
            0 => BATCH_BYTES,
            bytes => usize::try_from(bytes).map_or(BATCH_BYTES, |bytes| bytes.min(BATCH_BYTES)),
        };
        self.lines.len() >= limit
    }

    /// The number of entries waiting to be written.
    pub fn waiting(&self) -> u64 {
        self.count
    }

    /// The highest number in the files when they were opened.
    pub fn found(&self) -> Seq {
        self.found
    }

    /// Adds a line.
    pub fn push(&mut self, entry: &Entry, seq: Seq) {
        let start = self.lines.len();
        match seq.write_line(entry, &mut self.lines) {
            Ok(()) => {
                self.count += 1;
                self.last = Stamp::of(entry.at_ms);
            }
            // Writing strings and numbers to memory does not fail.
            Err(_) => self.lines.truncate(start),
        }
    }

    /// Sets the size for rotation; 0 is no rotation.
    pub fn set_rotate_bytes(&mut self, rotate_bytes: u64) {
        if rotate_bytes == self.rotate_bytes {
            return;
        }
        self.rotate_bytes = rotate_bytes;
        if let Some(current) = &mut self.file {
            current.rotate_at = rotate_bytes;
        }
    }

    /// Closes the file; the next write opens the one that then has its name.
    pub fn reopen(&mut self) {
        self.file = None;
    }

    /// Writes all lines. After an error they are kept, and the next attempt begins by opening the
    /// file again. Returns whether a file was rotated.
    pub fn write(&mut self) -> io::Result<bool> {
        if self.lines.is_empty() {
            return Ok(false);
        }
        let (length, rotated) = self.make_room()?;
        // `make_room` has opened it.
        let Some(current) = &self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        match write_from(&mut &current.file, self.lines.as_bytes(), &mut self.done) {
            Ok(()) => {
                self.lines.clear();
                self.count = 0;
                self.done = 0;
                self.written = self.last;
                Ok(rotated)
            }
            Err(error) => {
                self.take_back(length);
                Err(error)
            }
        }
    }

    /// Opens the file if necessary, and rotates it if the lines would make it too large. Returns
    /// its length and whether it was rotated.
    fn make_room(&mut self) -> io::Result<(u64, bool)> {
        let wanted = self.lines.len() as u64;
        let rotate_bytes = self.rotate_bytes;
        let current = self.current()?;
        let length = current.file.metadata()?.len();
        if rotate_bytes == 0 || length == 0 || length + wanted <= current.rotate_at {
            return Ok((length, false));
        }
        // If the rotation fails, a large file is better than none.
        current.rotate_at = length + rotate_bytes;
        match self.folder.rotate(self.written) {
            Ok(()) => Ok((self.current()?.file.metadata()?.len(), true)),
            Err(error) => {
                log::warn!(
                    "the chat log {} cannot be rotated, it grows on: {error}",
                    self.folder.current().display()
                );
                Ok((length, false))
            }
        }
    }

    /// Removes what an unfinished write has left in the file.
    fn take_back(&mut self, length: u64) {
        let cut = self.file.take().map(|current| current.file.set_len(length));
        self.done = match cut {
            Some(Ok(())) => 0,
            // The line that was cut short is written again as a whole.
            _ => line_start(self.lines.as_bytes(), self.done),
        };
    }

    /// Opens the file that now has the current file's name: the old one may have been moved away or
    /// deleted, even with its folder.
    fn current(&mut self) -> io::Result<&mut Current> {
        let path = self.folder.current();
        let open = self.file.take().filter(|current| {
            fs::metadata(&path)
                .is_ok_and(|there| there.ino() == current.inode && there.dev() == current.device)
        });
        let current = match open {
            Some(current) => current,
            None => self.open_current()?,
        };
        Ok(self.file.insert(current))
    }

    fn open_current(&mut self) -> io::Result<Current> {
        self.folder.create()?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // Without it, opening a pipe would wait for the other end.
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(self.folder.current())?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        if self.folder.is_shared {
            lock(&file)?;
        }
        end_torn_line(&file, &metadata)?;
        self.catch_up_with(&file)?;
        Ok(Current {
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            rotate_at: self.rotate_bytes,
        })
    }

    /// Reads the last number in use, and its time.
    fn catch_up_with(&mut self, file: &File) -> io::Result<()> {
        let newest_rotated = match self.folder.rotated()?.pop() {
            Some(rotated) => LogFile::open(&rotated.path)?,
            None => None,
        };
        let current = LogFile::of(file.try_clone()?)?;
        for file in [&newest_rotated, &current].into_iter().flatten() {
            let last = file.last(Seq::of_line)?;
            self.found = self.found.max(last.unwrap_or_default());
        }
        if let Some(current) = current
            && let Some(stamp) = current.last(sound_stamp)?
        {
            self.written = stamp;
        }
        Ok(())
    }
}

/// The stamp of a line, if it is a valid time.
fn sound_stamp(line: &[u8]) -> Option<Stamp> {
    Stamp::of_line(line).filter(|stamp| stamp.ms().is_some())
}

/// Keeps other servers from writing to the file while it is open.
fn lock(file: &File) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(io::Error::other("another server writes to it")),
        locked => Ok(locked?),
    }
}

/// Ends a line that was cut short when the machine or the process died.
fn end_torn_line(mut file: &File, metadata: &Metadata) -> io::Result<()> {
    let Some(last) = metadata.len().checked_sub(1) else {
        return Ok(());
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    match byte {
        [b'\n'] => Ok(()),
        _ => file.write_all(b"\n"),
    }
}

/// Writes `bytes` from `done` on, keeping `done` correct even after errors.
fn write_from(file: &mut impl Write, bytes: &[u8], done: &mut usize) -> io::Result<()> {
    while let Some(rest) = bytes.get(*done..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => *done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn line_start(lines: &[u8], offset: usize) -> usize {
    let before = lines.get(..offset).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    /// Accepts a few bytes, then is full.
    struct SmallDisk {
        room: usize,
        content: Vec<u8>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room).min(3);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.content.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_no_line_and_keeps_count() {
        let lines = b"first\nsecond\nthird\n";
        for room in 0..lines.len() {
            let mut disk = SmallDisk {
                room,
                content: Vec::new(),
            };
            let mut done = 0;
            let error = write_from(&mut disk, lines, &mut done).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert_eq!(done, room);
            let start = line_start(lines, done);
            assert!(start == 0 || lines[start - 1] == b'\n');
            assert!(!lines[start..done].contains(&b'\n'));
            disk.room = 100;
            write_from(&mut disk, lines, &mut done).unwrap();
            assert_eq!(disk.content, lines);
        }
    }

    fn push(appender: &mut Appender, number: u64, at_ms: u64, text: &str) {
        let entry = Entry {
            text: Some(text.into()),
            ..Entry::new(at_ms, Kind::Message)
        };
        appender.push(&entry, Seq { run: 1, number });
    }

    fn content(folder: &Folder) -> String {
        fs::read_to_string(folder.current()).unwrap()
    }

    #[test]
    fn a_restart_finds_the_last_number_in_whatever_file() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("chatlog"), "chat");
        for (round, found) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            let mut appender = Appender::open(folder.clone(), 0).unwrap();
            assert_eq!(appender.found().number, found);
            push(&mut appender, round, 7, "text");
            appender.write().unwrap();
            if round == 3 {
                folder.rotate(Stamp::of(7)).unwrap();
            }
        }
    }

    #[test]
    fn a_torn_line_is_ended_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().to_owned(), "chat");
        fs::write(folder.current(), "{\"at\":\"20").unwrap();
        let mut appender = Appender::open(folder.clone(), 0).unwrap();
        push(&mut appender, 1, 1, "whole");
        appender.write().unwrap();
        assert_eq!(
            content(&folder),
            "{\"at\":\"20\n{\"at\":\"1970-01-01T00:00:00.001Z\",\"kind\":\"message\",\"seq\":\"1-1\",\"text\":\"whole\"}\n"
        );
    }

    #[test]
    fn a_failed_write_is_made_up_for() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("chatlog"), "chat");
        let mut appender = Appender::open(folder.clone(), 0).unwrap();
        // With a file in place of the folder, not even root can write there.
        fs::remove_dir_all(folder.path()).unwrap();
        fs::write(folder.path(), "").unwrap();
        push(&mut appender, 1, 1, "kept");
        appender.write().unwrap_err();
        appender.write().unwrap_err();
        assert_eq!(appender.waiting(), 1);
        fs::remove_file(folder.path()).unwrap();
        appender.write().unwrap();
        assert_eq!(content(&folder).lines().count(), 1);
        assert!(appender.is_empty());
    }

    #[test]
    fn something_else_in_the_files_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().to_owned(), "chat");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.current(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let error = Appender::open(folder, 0).err().unwrap();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
