//! Keeps other processes from a file.

use std::fs::{File, TryLockError};
use std::ops::Deref;

/// A file that this value alone may write. Dropping it lets others in at once, although a child
/// process that was being started has a copy of the descriptor until it executes its program.
pub struct LockedFile(File);

impl LockedFile {
    /// Fails at once if the file is locked already.
    pub fn new(file: File) -> Result<LockedFile, TryLockError> {
        file.try_lock()?;
        Ok(LockedFile(file))
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Fails only for an invalid descriptor.
        let _ = self.0.unlock();
    }
}
