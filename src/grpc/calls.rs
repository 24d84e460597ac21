//! The calls in progress on one connection, and the progress of their answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tonic::Status;

/// The calls of one connection. Clones share them.
#[derive(Clone)]
pub struct Calls(Rc<RefCell<Table>>);

struct Table {
    last: u64,
    /// Since when the client has not taken the last part of an answer.
    waiting: BTreeMap<u64, Option<Instant>>,
    idle_since: Instant,
}

/// A call in progress, until it is dropped.
pub struct Call {
    calls: Calls,
    id: u64,
}

/// An answer being sent. It records when a part was handed out and when the next one is wanted: in
/// between, the client's window is closed.
pub struct Answer {
    body: tonic::body::Body,
    call: Call,
}

impl Calls {
    /// No calls yet.
    pub fn new() -> Calls {
        Calls(Rc::new(RefCell::new(Table {
            last: 0,
            waiting: BTreeMap::new(),
            idle_since: Instant::now(),
        })))
    }

    /// Begins another call.
    pub fn begin(&self) -> Call {
        let mut table = self.0.borrow_mut();
        table.last += 1;
        let id = table.last;
        table.waiting.insert(id, None);
        Call {
            calls: self.clone(),
            id,
        }
    }

    /// Since when there has been no call.
    pub fn idle_since(&self) -> Option<Instant> {
        let table = self.0.borrow();
        table.waiting.is_empty().then_some(table.idle_since)
    }

    /// Since when an answer has not been taken.
    pub fn stalled_since(&self) -> Option<Instant> {
        self.0.borrow().waiting.values().flatten().min().copied()
    }
}

impl Call {
    /// Wraps the body of its answer.
    pub fn answer(self, body: tonic::body::Body) -> Answer {
        Answer { body, call: self }
    }

    fn waits_since(&self, since: Option<Instant>) {
        let mut table = self.calls.0.borrow_mut();
        table.waiting.insert(self.id, since);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut table = self.calls.0.borrow_mut();
        table.waiting.remove(&self.id);
        table.idle_since = Instant::now();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Answer>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let handed_out = matches!(frame, Poll::Ready(Some(Ok(_))));
        self.call.waits_since(handed_out.then(Instant::now));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
