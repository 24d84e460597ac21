//! A server that somebody has started for a while ends with them, however they
//! end.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Has the system send SIGTERM to this process when its parent ends, which
/// must be `parent`; more exactly, the thread of it that has started this one,
/// as prctl(2) has it. False if it has ended already.
pub(super) fn end_with(parent: u32) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    Ok(parent.is_some() && getppid() == parent)
}
