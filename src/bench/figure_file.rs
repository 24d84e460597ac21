//! The file for the figures: opened before anything is measured, and left unchanged if the run
//! fails.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::BenchError;

/// See the module's documentation.
pub(super) struct FigureFile {
    path: PathBuf,
    file: File,
    /// It did not exist before.
    is_new: bool,
}

impl FigureFile {
    /// Opens the file without changing it.
    pub(super) fn open(path: &Path) -> Result<FigureFile, BenchError> {
        let mut options = OpenOptions::new();
        // Opening a pipe without a reader must not block.
        let nonblock = OFlags::NONBLOCK.bits().cast_signed();
        options.append(true).custom_flags(nonblock);
        let (file, is_new) = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (options.create(true).open(path), false)
            }
            opened => (opened, true),
        };
        Ok(FigureFile {
            path: path.to_owned(),
            file: file.map_err(|error| BenchError::Unwritable(path.to_owned(), error))?,
            is_new,
        })
    }

    /// Replaces the content of the file by these figures.
    pub(super) fn write(mut self, figures: &str) -> Result<(), BenchError> {
        self.replace(figures)
            .map_err(|error| BenchError::Unwritable(self.path.clone(), error))
    }

    fn replace(&mut self, figures: &str) -> io::Result<()> {
        // Pipes and terminals have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(figures.as_bytes())
    }

    /// Whether the file is left over from a failed run: created by it, not replaced, and still
    /// empty.
    fn is_useless(&self) -> bool {
        let here = self.file.metadata();
        let there = fs::symlink_metadata(&self.path);
        here.and_then(|here| there.map(|there| (here, there)))
            .is_ok_and(|(here, there)| {
                (here.dev(), here.ino(), here.len()) == (there.dev(), there.ino(), 0)
            })
    }
}

impl Drop for FigureFile {
    fn drop(&mut self) {
        if self.is_new && self.is_useless() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
