//! How the kernel takes turns among the server's threads.

use rustix::process::getpriority_process;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// What the crate takes for the nice value 0: it can only set both at once,
/// and makes 39 nice values of 100 priorities.
const NOT_NICE: u8 = 47;

/// Has this thread, and all that it starts from now on, run to the end of the
/// few microseconds each has to do before the next begins: `SCHED_BATCH` of
/// sched(7). Otherwise every message that comes in interrupts somebody, and
/// there is one switch between threads more for each. Who has given the
/// program a nice value has decided otherwise.
pub fn run_in_turns() {
    if getpriority_process(None) != Ok(0) {
        return;
    }
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    let set = ThreadPriorityValue::try_from(NOT_NICE).is_ok_and(|nice| {
        let nice = ThreadPriority::Crossplatform(nice);
        set_thread_priority_and_policy(thread_native_id(), nice, batch).is_ok()
    });
    if !set {
        log::warn!("threads are scheduled as those of any program");
    }
}
