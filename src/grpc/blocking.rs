//! Work that blocks, such as asking the hub or searching the chat log: done on
//! a thread of its own, so that the connection's other calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_channel::oneshot;
use tonic::Status;

use crate::cancel::Cancel;

/// Threads at work at once; more calls are asked to come back.
const MOST: usize = 64;

/// Runs what blocks. Clones share their limit.
#[derive(Clone, Debug, Default)]
pub struct Blocking(Arc<AtomicUsize>);

/// A thread at work.
struct Working(Arc<AtomicUsize>);

/// Dropped when nobody waits for the result any more.
struct Waiting(Cancel);

impl Blocking {
    /// What `work` returns. If the caller goes away meanwhile, `work` is told;
    /// its thread ends when it does.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let busy = || Status::resource_exhausted("too many calls are under way; try again");
        let working = self.enter().ok_or_else(busy)?;
        let waiting = Waiting(Cancel::new());
        let cancel = waiting.0.clone();
        let (sender, result) = oneshot::channel();
        let thread = thread::Builder::new().name("grpc-call".to_owned());
        thread
            .spawn(move || {
                let result = work(&cancel);
                drop(working);
                // Nobody may be waiting any more.
                let _ = sender.send(result);
            })
            .map_err(|_| busy())?;
        let result = result.await;
        result.unwrap_or_else(|_| Err(Status::internal("a fault of the server's own")))
    }

    fn enter(&self) -> Option<Working> {
        let working = Working(self.0.clone());
        let others = self.0.fetch_add(1, Ordering::Relaxed);
        (others < MOST).then_some(working)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_only_so_many_threads_and_they_come_back() {
        let blocking = Blocking::default();
        let all: Vec<Working> = (0..MOST).map(|_| blocking.enter().unwrap()).collect();
        assert!(blocking.enter().is_none());
        assert!(blocking.enter().is_none());
        drop(all);
        assert!(blocking.enter().is_some());
    }
}
