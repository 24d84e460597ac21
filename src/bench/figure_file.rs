//! The file for the figures: open before anything is measured, and as it was
//! if nothing could be.

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
    /// It was not there before.
    is_new: bool,
}

impl FigureFile {
    /// Leaves what is in it.
    pub(super) fn open(path: &Path) -> Result<FigureFile, BenchError> {
        let mut options = OpenOptions::new();
        // A pipe that nobody reads is not waited for.
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

    /// Has these figures, and nothing else.
    pub(super) fn write(mut self, figures: &str) -> Result<(), BenchError> {
        self.replace(figures)
            .map_err(|error| BenchError::Unwritable(self.path.clone(), error))
    }

    fn replace(&mut self, figures: &str) -> io::Result<()> {
        // A pipe or a terminal has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(figures.as_bytes())
    }

    /// Whether it is there for nothing: nobody else has put another one in its
    /// place, or anything into it.
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
