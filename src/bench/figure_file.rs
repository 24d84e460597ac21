//! The file for the figures: open before anything is measured, and as it was
//! if nothing could be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::BenchError;

/// See the module's documentation.
pub(super) struct FigureFile {
    path: PathBuf,
    file: File,
    /// It was not there before, and nothing is in it yet.
    is_blank: bool,
}

impl FigureFile {
    /// Leaves what is in it.
    pub(super) fn open(path: &Path) -> Result<FigureFile, BenchError> {
        let is_blank = !path.exists();
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(FigureFile {
            path: path.to_owned(),
            file: file.map_err(|error| BenchError::Unwritable(path.to_owned(), error))?,
            is_blank,
        })
    }

    /// Has these figures, and nothing else.
    pub(super) fn write(mut self, figures: &str) -> Result<(), BenchError> {
        self.is_blank = false;
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
}

impl Drop for FigureFile {
    fn drop(&mut self) {
        if self.is_blank {
            let _ = fs::remove_file(&self.path);
        }
    }
}
