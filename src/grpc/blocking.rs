//! Work that blocks, such as asking the hub or searching the chat log, is done on a thread of its
//! own, so that the other calls of the connection go on.

use std::thread;

use futures_channel::oneshot;
use tonic::Status;

use crate::cancel::Cancel;

use super::places::Places;

/// The most threads at work at once; further calls are told to come back.
const MOST: usize = 64;

/// Runs blocking work. Clones share the limit.
#[derive(Clone, Debug)]
pub struct Blocking(Places);

/// Cancels the work when the result is no longer wanted.
struct Waiting(Cancel);

impl Default for Blocking {
    fn default() -> Blocking {
        Blocking(Places::new(MOST))
    }
}

impl Blocking {
    /// Returns the result of `work`. If the caller goes away, `work` is cancelled; its thread ends
    /// when it notices.
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
                // The caller may have gone.
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
