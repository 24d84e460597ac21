//! Futures that run beside a connection's own.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

use hyper::rt::Executor;

/// A future of this thread.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Takes futures, which need not be `Send`. Clones share them.
#[derive(Clone, Default)]
pub struct Tasks(Rc<RefCell<Vec<Task>>>);

impl Tasks {
    /// The futures added since the last call.
    pub(super) fn take(&self) -> Vec<Task> {
        self.0.take()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.borrow_mut().push(Box::pin(future));
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.0.borrow().len();
        f.debug_struct("Tasks").field("waiting", &waiting).finish()
    }
}
