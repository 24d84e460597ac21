//! Ends a server together with the process that started it (a test or `bench`),
//! even if that process is killed.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Asks the kernel to send SIGTERM to this process when its parent ends; more
/// exactly, when the parent's thread that started this process ends, see prctl(2).
/// Returns false if the parent is not `parent` (any more).
pub(super) fn end_with(parent: u32) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    Ok(parent.is_some() && getppid() == parent)
}
