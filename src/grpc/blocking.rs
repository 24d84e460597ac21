//! Work that blocks, such as asking the hub or searching the chat log: done on
//! a thread of its own, so that the connection's other calls go on.

use std::thread;

use futures_channel::oneshot;
use tonic::Status;

use crate::cancel::Cancel;

use super::places::Places;

/// Threads at work at once; more calls are asked to come back.
const MOST: usize = 64;

/// Runs what blocks. Clones share their limit.
#[derive(Clone, Debug)]
pub struct Blocking(Places);

/// Dropped when nobody waits for the result any more.
struct Waiting(Cancel);

impl Default for Blocking {
    fn default() -> Blocking {
        Blocking(Places::new(MOST))
    }
}

impl Blocking {
    /// What `work` returns. If the caller goes away meanwhile, `work` is told;
    /// its thread ends when it does.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let busy = || Status::resource_exhausted("too many calls are under way; try again");
        let place = self.0.take().ok_or_else(busy)?;
        let waiting = Waiting(Cancel::new());
        let cancel = waiting.0.clone();
        let (sender, result) = oneshot::channel();
        let thread = thread::Builder::new().name("grpc-call".to_owned());
        thread
            .spawn(move || {
                let result = work(&cancel);
                drop(place);
                // Nobody may be waiting any more.
                let _ = sender.send(result);
            })
            .map_err(|_| busy())?;
        let result = result.await;
        result.unwrap_or_else(|_| Err(Status::internal("a fault of the server's own")))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
