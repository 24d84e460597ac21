//! The threads that call receivers. Hooks whose receivers answer quickly, hooks whose receivers do
//! not, and tests have threads of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::model::time::unix_ms;

use super::sender::{Done, Job, Means, Next, Pace};

/// When a hook is tried again whose sender has panicked.
pub const AFTER_PANIC_MS: u64 = 60_000;

/// A kind of senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For hooks whose receivers have proved to answer quickly.
    Usual,
    /// For those that are new, slow or away.
    Slow,
    /// For tests.
    Test,
}

/// The threads.
pub struct Senders {
    usual: Sender<Job>,
    slow: Sender<Job>,
    tests: Sender<Job>,
}

impl Lane {
    /// How many senders there are, and how many of them the hooks of one keeper may have.
    pub const fn senders(self) -> (usize, usize) {
        match self {
            Lane::Usual | Lane::Slow => (4, 2),
            Lane::Test => (2, 1),
        }
    }

    /// The most jobs that are under way.
    pub const fn most_jobs() -> usize {
        Lane::Usual.senders().0 + Lane::Slow.senders().0 + Lane::Test.senders().0
    }

    fn thread(self) -> &'static str {
        match self {
            Lane::Usual => "hook",
            Lane::Slow => "hook-slow",
            Lane::Test => "hook-test",
        }
    }
}

impl Senders {
    /// Starts them. With fewer it would be slower; with none of a kind, its hooks would wait for
    /// ever.
    pub fn start(means: Means, done: &Sender<Done>) -> Option<Senders> {
        let means = Arc::new(means);
        Some(Senders {
            usual: start(Lane::Usual, &means, done)?,
            slow: start(Lane::Slow, &means, done)?,
            tests: start(Lane::Test, &means, done)?,
        })
    }

    /// Hands a job to a sender that is free. Returns whether there is one.
    pub fn hand(&self, lane: Lane, job: Job) -> bool {
        let queue = match lane {
            Lane::Usual => &self.usual,
            Lane::Slow => &self.slow,
            Lane::Test => &self.tests,
        };
        queue.try_send(job).is_ok()
    }
}

fn start(lane: Lane, means: &Arc<Means>, done: &Sender<Done>) -> Option<Sender<Job>> {
    let (senders, _) = lane.senders();
    let (queue, jobs) = bounded(senders);
    for number in 0..senders {
        let (means, jobs, done) = (means.clone(), jobs.clone(), done.clone());
        let thread = Builder::new().name(format!("{}-{number}", lane.thread()));
        thread.spawn(move || work(&means, &jobs, &done)).ok()?;
    }
    Some(queue)
}

fn work(means: &Means, jobs: &Receiver<Job>, done: &Sender<Done>) {
    while let Ok(job) = jobs.recv() {
        let (id, duty) = match &job {
            Job::Send(duty, _) | Job::Feed(duty) => {
                (duty.hook.program.id.clone(), Some(duty.clone()))
            }
            Job::Test(hook) => (hook.program.id.clone(), None),
        };
        let came = catch_unwind(AssertUnwindSafe(|| means.work(job)));
        let came = came.unwrap_or_else(|_| {
            log::error!("the hook {id} could not be seen to because of a bug in this server");
            Done {
                id,
                duty,
                next: Next::At(unix_ms() + AFTER_PANIC_MS),
                pace: Pace::Slow,
            }
        });
        if done.send(came).is_err() {
            return;
        }
    }
}
