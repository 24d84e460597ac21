//! The desk: threads that look things up in the store for connection threads.
//!
//! A database query takes several pages of stack. On a connection's own
//! thread they would stay with it for as long as it lives, times the number
//! of connections; here they are there once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::store::{Store, StoreError};

/// Threads at the desk.
const CLERKS: usize = 2;
/// Questions that may wait.
const QUEUE: usize = 256;
/// How long one is waited for before the store counts as busy.
const PATIENCE: Duration = Duration::from_secs(5);

type Question = Box<dyn FnOnce(&dyn Store) + Send>;

/// Where questions are put. The threads end with it.
pub(super) struct Desk {
    questions: Sender<Question>,
}

impl Desk {
    /// Starts the threads.
    pub fn open(store: &Arc<dyn Store>) -> io::Result<Desk> {
        let (questions, waiting) = bounded(QUEUE);
        for number in 0..CLERKS {
            let (store, waiting) = (store.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("desk-{number}"))
                .spawn(move || answer(&*store, &waiting))?;
        }
        Ok(Desk { questions })
    }

    /// Has a question answered.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = bounded(1);
        let question: Question = Box::new(move |store| {
            // Nobody may be waiting any more.
            let _ = reply.send(question(store));
        });
        self.questions
            .send_timeout(question, PATIENCE)
            .map_err(|_| StoreError::Busy)?;
        answer
            .recv_timeout(PATIENCE)
            .unwrap_or(Err(StoreError::Busy))
    }
}

fn answer(store: &dyn Store, waiting: &Receiver<Question>) {
    for question in waiting {
        // One question must not take the clerk from all others.
        let answered = catch_unwind(AssertUnwindSafe(|| question(store)));
        if answered.is_err() {
            log::error!("looking something up ended by a fault of ours");
        }
    }
}
