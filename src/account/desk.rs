//! The desk: threads that look things up in the store for connection threads.
//!
//! A database query takes several pages of stack. On a connection's own thread those pages would
//! stay allocated for as long as it lives, once per connection; here there are only a few threads.
//! Questions are answered in turn, address by address.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::fair::{Asker, FairChannel};
use crate::store::{Store, StoreError};

/// Threads at the desk.
const CLERKS: usize = 4;
/// Questions that may wait; beyond it, the last one of the address with the most is answered with
/// "busy".
const QUEUE: usize = 1024;
/// How long a caller waits before the store counts as busy.
const PATIENCE: Duration = Duration::from_secs(5);

type Question = Box<dyn FnOnce(&dyn Store) + Send>;

/// Takes questions. The threads end when it is dropped.
pub(super) struct Desk {
    questions: Arc<FairChannel<Asker, Question>>,
}

impl Desk {
    /// Starts the threads.
    pub fn open(store: &Arc<dyn Store>) -> io::Result<Desk> {
        let desk = Desk {
            questions: Arc::new(FairChannel::new(QUEUE)),
        };
        for number in 0..CLERKS {
            let (store, waiting) = (store.clone(), desk.questions.clone());
            std::thread::Builder::new()
                .name(format!("desk-{number}"))
                .spawn(move || answer(&*store, &waiting))?;
        }
        Ok(desk)
    }

    /// Has a clerk answer a question when it is the asker's turn.
    pub fn ask<T: Send + 'static>(
        &self,
        asker: Asker,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = bounded(1);
        let question: Question = Box::new(move |store| {
            // The caller may have given up.
            let _ = reply.send(question(store));
        });
        // A question that finds no room, this one or another, fails at once.
        drop(self.questions.push(asker, question));
        answer
            .recv_timeout(PATIENCE)
            .unwrap_or(Err(StoreError::Busy))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.questions.close();
    }
}

fn answer(store: &dyn Store, waiting: &FairChannel<Asker, Question>) {
    while let Some(question) = waiting.pop() {
        // A panic in one question must not cost the others the clerk.
        let answered = catch_unwind(AssertUnwindSafe(|| question(store)));
        if answered.is_err() {
            log::error!("looking something up failed because of a bug in this server");
        }
    }
}
