//! The names of the chat log's files, and which of them are removed.
//!
//! `chat.log`, or the file that an administrator has named, is the current file. A rotated one is
//! beside it, with the time of its last line and a number in its name:
//! `chat-20261121T080000.123Z-7.log`. The numbers give the order; files of earlier versions have
//! none and are older than all others. Never touches a file whose name is not exactly of this form.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};

use crate::model::Stamp;

/// The folder of the log, and the names of its files.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The part before the time in the name of a rotated file: `chat`.
    stem: String,
    /// The part after the number: `.log`, or nothing.
    ending: String,
    /// Whether another server might write the same file: outside of the data folder no lock
    /// excludes it.
    pub is_shared: bool,
}

/// A complete file, which will only be read or removed.
#[derive(Clone, Debug)]
pub(super) struct Rotated {
    /// The time of its last line.
    pub until: Stamp,
    /// One higher than that of the file before; 0 in files of an earlier version.
    pub number: u64,
    /// The path.
    pub path: PathBuf,
    /// Its inode, the same as while it was the current file.
    pub inode: u64,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Folder {
    /// The files of this stem in this folder, such as `chat.log`.
    pub fn new(path: PathBuf, stem: &str) -> Folder {
        Folder {
            path,
            stem: stem.to_owned(),
            ending: ".log".to_owned(),
            is_shared: false,
        }
    }

    /// A file with any name and path; `None` if it is not a valid name.
    pub fn of_file(file: &Path) -> Option<Folder> {
        let name = file.file_name()?.to_str()?;
        let (stem, ending) = match name.rfind('.').filter(|&at| at > 0) {
            Some(at) => name.split_at(at),
            None => (name, ""),
        };
        // The parent of a bare name is "", which is not a folder's path.
        let parent = file.parent().filter(|path| !path.as_os_str().is_empty());
        Some(Folder {
            path: parent.unwrap_or(Path::new(".")).to_owned(),
            stem: stem.to_owned(),
            ending: ending.to_owned(),
            is_shared: true,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the current file.
    pub fn current(&self) -> PathBuf {
        self.path.join(format!("{}{}", self.stem, self.ending))
    }

    /// Whether both could name the same file. The folders may not exist yet.
    pub fn is_same(&self, other: &Folder) -> bool {
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.stem == other.stem
            && self.ending == other.ending
            && place(&self.path) == place(&other.path)
    }

    /// Creates the folder if necessary. Members' messages are only for the owner of the server to
    /// read.
    pub fn create(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
    }

    /// The rotated files, oldest first; none if there is no folder.
    pub fn rotated(&self) -> io::Result<Vec<Rotated>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if let Some((until, number)) = name.to_str().and_then(|name| self.rotation(name)) {
                files.push(Rotated {
                    until,
                    number,
                    path: entry.path(),
                    inode: entry.ino(),
                });
            }
        }
        files.sort_by_key(|file| (file.number, file.until));
        Ok(files)
    }

    /// Renames the current file, whose last line has the time `last`, to its permanent name.
    pub fn rotate(&self, last: Stamp) -> io::Result<()> {
        let number = self.rotated()?.pop().map_or(1, |file| file.number + 1);
        let (stem, time, ending) = (&self.stem, last.compact(), &self.ending);
        let name = format!("{stem}-{time}-{number}{ending}");
        fs::rename(self.current(), self.path.join(name))
    }

    /// Removes rotated files beyond `keep_files`, and those older than `keep_days`; 0 is no limit.
    /// Returns how many it removed.
    pub fn expire(&self, keep_files: usize, keep_days: u64, now_ms: u64) -> io::Result<usize> {
        let files = self.rotated()?;
        let surplus = match keep_files {
            0 => 0,
            keep => files.len().saturating_sub(keep),
        };
        let oldest = match keep_days {
            0 => Stamp::of(0),
            days => Stamp::of(now_ms.saturating_sub(days.saturating_mul(DAY_MS))),
        };
        let mut removed = 0;
        let mut until = Stamp::of(u64::MAX);
        for (index, file) in files.iter().enumerate().rev() {
            // Rotated while the clock was ahead: it is older than the one after it.
            if file.until <= Stamp::of(now_ms) {
                until = file.until;
            }
            if index < surplus || until < oldest {
                fs::remove_file(&file.path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn rotation(&self, name: &str) -> Option<(Stamp, u64)> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('-')?;
        let rest = rest.strip_suffix(&self.ending)?;
        match rest.split_once('-') {
            None => Some((Stamp::from_compact(rest)?, 0)),
            Some((time, digits)) => {
                let number = digits.parse().ok().filter(|&number| number > 0)?;
                let is_ours = format!("{number}") == digits && number < u64::MAX;
                is_ours.then_some((Stamp::from_compact(time)?, number))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let folder = Folder::new(dir.path().to_owned(), "chat");
        (dir, folder)
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn rotated_files_are_in_order_whatever_the_clock_was() {
        let (_dir, folder) = folder_with(&["chat-20261121T080000.124Z.log"]);
        let at = 1_795_248_000_123;
        for (round, ms) in ["a", "b", "c", "d"].into_iter().zip([at, at, at + 5000, 7]) {
            fs::write(folder.current(), round).unwrap();
            folder.rotate(Stamp::of(ms)).unwrap();
        }
        let files = folder.rotated().unwrap();
        let contents: Vec<_> = files.iter().map(|f| fs::read(&f.path).unwrap()).collect();
        assert_eq!(contents, [b"".as_slice(), b"a", b"b", b"c", b"d"]);
        assert!(files[1].path.ends_with("chat-20261121T080000.123Z-1.log"));
        assert!(files[4].path.ends_with("chat-19700101T000000.007Z-4.log"));
    }

    #[test]
    fn a_file_of_the_future_is_as_old_as_the_one_after_it() {
        let (_dir, folder) = folder_with(&[
            "chat-20261121T080000.000Z-1.log",
            "chat-20361121T080000.000Z-2.log",
            "chat-20261122T080000.000Z-3.log",
            "chat-20261130T080000.000Z-4.log",
            "chat-20361121T080000.000Z-5.log",
        ]);
        let now = Stamp::from_compact("20261130T090000.000Z").unwrap();
        assert_eq!(folder.expire(0, 2, now.ms().unwrap()).unwrap(), 3);
        let left = folder.rotated().unwrap();
        let left: Vec<u64> = left.iter().map(|file| file.number).collect();
        assert_eq!(left, [4, 5]);
    }

    #[test]
    fn a_file_may_have_any_name() {
        let (dir, _) = folder_with(&[]);
        let last = Stamp::of(1_795_248_000_123);
        for (name, rotated) in [
            ("server.log", "server-20261121T080000.123Z-1.log"),
            ("a.b.txt", "a.b-20261121T080000.123Z-1.txt"),
            ("chat", "chat-20261121T080000.123Z-1"),
            (".log", ".log-20261121T080000.123Z-1"),
        ] {
            let folder = Folder::of_file(&dir.path().join(name)).unwrap();
            assert_eq!(folder.current(), dir.path().join(name));
            fs::write(folder.current(), name).unwrap();
            folder.rotate(last).unwrap();
            let files = folder.rotated().unwrap();
            assert_eq!(files.len(), 1, "{name}");
            assert_eq!(files[0].path, dir.path().join(rotated));
            assert_eq!(fs::read_to_string(&files[0].path).unwrap(), name);
        }
        let bare = Folder::of_file(Path::new("chat.txt")).unwrap();
        assert_eq!(bare.current(), Path::new("./chat.txt"));
        for none in ["", "/", "logs/.."] {
            assert!(Folder::of_file(Path::new(none)).is_none(), "{none:?}");
        }
    }

    #[test]
    fn only_rotated_files_expire() {
        let (_dir, folder) = folder_with(&[
            "chat.log",
            "chat-20261121T080000.000Z.log",
            "chat-20261122T080000.000Z.log",
            "chat-20261123T080000.000Z.log",
            "chat-20261121.log",
            "chat-20261121T080000.000Z.log.gz",
            "notes.txt",
        ]);
        let now = Stamp::from_compact("20261123T090000.000Z")
            .unwrap()
            .ms()
            .unwrap();
        assert_eq!(folder.expire(0, 0, now).unwrap(), 0);
        assert_eq!(folder.expire(2, 0, now).unwrap(), 1);
        assert_eq!(folder.expire(2, 1, now).unwrap(), 1);
        assert_eq!(
            names(&folder),
            [
                "chat-20261121.log",
                "chat-20261121T080000.000Z.log.gz",
                "chat-20261123T080000.000Z.log",
                "chat.log",
                "notes.txt"
            ]
        );
    }
}
