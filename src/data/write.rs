//! Writes a small file completely or not at all, and reads one up to a limit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces the content of the file, readable by its owner only. After a crash at any moment the
/// file is either the old one or the new one. The caller makes sure that no other thread writes the
/// same file.
pub(super) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    // Left by a crash; anything else must not be written through.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_synced(&new, contents).and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        // The first error counts; the next save removes the file too.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    // The new name is durable only once the folder is on disk.
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn write_synced(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Reads text of at most `limit` bytes.
pub(super) fn read_limited(file: &File, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        let what = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(text)
}
