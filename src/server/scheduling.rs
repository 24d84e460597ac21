//! How the kernel schedules the server's threads.

use rustix::process::getpriority_process;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// What the crate passes for the nice value 0: it can only set both at once, and maps 39 nice
/// values to 100 priorities.
const NOT_NICE: u8 = 47;

/// Lets this thread, and all that it starts from now on, finish the few microseconds of work that
/// each has before the next one runs: `SCHED_BATCH` of sched(7). Otherwise every incoming message
/// preempts a running thread, at the cost of one more context switch. A nice value chosen by the
/// administrator is kept: then nothing is changed.
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
