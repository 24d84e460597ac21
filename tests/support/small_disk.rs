//! A file system of a few megabytes that a test can fill.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `path`; `None` if this user may not mount, which the test
    /// must report (`not_tested`).
    pub fn mount(path: impl Into<PathBuf>, megabytes: u32) -> Option<SmallDisk> {
        let path = path.into();
        fs::create_dir_all(&path).unwrap();
        let options = format!("size={megabytes}m,mode=0700");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], &path).then_some(SmallDisk(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it read-only; false if that is not possible here.
    pub fn make_read_only(&self) -> bool {
        mount(&["-o", "remount,ro"], &self.0)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the server may not have ended yet.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], path: &Path) -> bool {
    let mounted = Command::new("mount").args(options).arg(path).output();
    mounted.is_ok_and(|output| output.status.success())
}
