//! What the hub has for the other servers and has not been sent. Putting something in never waits,
//! so the room is limited.

use std::collections::VecDeque;
use std::time::Instant;

use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};

use crate::hub::{Draft, Shared};
use crate::model::{MessageId, Name};
use crate::turn::{Claimant, Claimed};

/// Bytes that a draft counts besides its text.
const DRAFT_OVERHEAD: usize = 256;

/// An operation, in the order in which it came.
#[derive(Debug)]
pub enum Op {
    /// Commit a message.
    Draft(Draft),
    /// Tell the others.
    Share(Shared),
    /// Ask whether a client here may have this nickname.
    Claim {
        name: Name,
        who: Claimant,
        answer: Sender<Option<Claimed>>,
    },
    /// After everything of the last life: begin the next one.
    Rejoin,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes of drafts.
    pub draft_bytes: usize,
    /// The number of operations other than drafts.
    pub shares: usize,
}

/// There is no room: what the others know of this server would be wrong.
#[derive(Debug)]
pub struct Overflow;

/// The queue. One thread takes from it.
pub struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
    room: Room,
}

struct Waiting {
    ops: VecDeque<(Op, Instant)>,
    draft_bytes: usize,
    shares: usize,
    /// Whether something was refused since the last life began.
    has_lost: bool,
    open: bool,
}

impl Queue {
    pub fn new(room: Room) -> Queue {
        Queue {
            waiting: Mutex::new(Waiting {
                ops: VecDeque::new(),
                draft_bytes: 0,
                shares: 0,
                has_lost: false,
                open: true,
            }),
            came: Condvar::new(),
            room,
        }
    }

    /// Adds drafts and returns those that do not fit or come after the end.
    pub fn drafts(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        let mut refused = Vec::new();
        for draft in drafts {
            let weight = weight(&draft);
            if !waiting.open || waiting.draft_bytes + weight > self.room.draft_bytes {
                refused.push(draft.record.id());
                continue;
            }
            waiting.draft_bytes += weight;
            waiting.ops.push_back((Op::Draft(draft), now));
        }
        drop(waiting);
        self.came.notify_one();
        refused
    }

    /// Adds operations that must not be lost.
    pub fn push(&self, ops: impl IntoIterator<Item = Op>) -> Result<(), Overflow> {
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        for op in ops {
            if !waiting.open || waiting.shares >= self.room.shares {
                waiting.has_lost = true;
                return Err(Overflow);
            }
            waiting.shares += 1;
            waiting.ops.push_back((op, now));
        }
        drop(waiting);
        self.came.notify_one();
        Ok(())
    }

    /// Drops everything that waits, and adds the beginning of another life.
    pub fn rejoin(&self) {
        let mut waiting = self.waiting.lock();
        if !waiting.open {
            return;
        }
        waiting.ops.clear();
        waiting.draft_bytes = 0;
        waiting.shares = 1;
        waiting.has_lost = false;
        waiting.ops.push_back((Op::Rejoin, Instant::now()));
        drop(waiting);
        self.came.notify_one();
    }

    /// Whether something was refused since the last life began.
    pub fn has_lost(&self) -> bool {
        self.waiting.lock().has_lost
    }

    /// Takes what waits, up to a limit, each with the moment at which it was added; waits for the
    /// first one until `deadline`. `None` once the queue is closed and empty.
    pub fn take(
        &self,
        most: usize,
        most_bytes: usize,
        deadline: Instant,
    ) -> Option<Vec<(Op, Instant)>> {
        let mut waiting = self.waiting.lock();
        while waiting.ops.is_empty() {
            if !waiting.open {
                return None;
            }
            if self.came.wait_until(&mut waiting, deadline).timed_out() {
                break;
            }
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < most
            && bytes < most_bytes
            && let Some((op, came)) = waiting.ops.pop_front()
        {
            bytes += waiting.forget(&op);
            taken.push((op, came));
        }
        Some(taken)
    }

    /// Takes out the drafts older than `then`.
    pub fn expire(&self, then: Instant) -> Vec<MessageId> {
        let mut waiting = self.waiting.lock();
        let mut expired = Vec::new();
        let mut kept = VecDeque::with_capacity(waiting.ops.len());
        while let Some((op, came)) = waiting.ops.pop_front() {
            match &op {
                Op::Draft(draft) if came < then => {
                    expired.push(draft.record.id());
                    waiting.forget(&op);
                }
                _ => kept.push_back((op, came)),
            }
        }
        waiting.ops = kept;
        expired
    }

    /// Accepts nothing any more.
    pub fn close(&self) {
        self.waiting.lock().open = false;
        self.came.notify_all();
    }
}

impl Waiting {
    fn forget(&mut self, op: &Op) -> usize {
        match op {
            Op::Draft(draft) => {
                let weight = weight(draft);
                self.draft_bytes -= weight;
                weight
            }
            _ => {
                self.shares -= 1;
                DRAFT_OVERHEAD
            }
        }
    }
}

fn weight(draft: &Draft) -> usize {
    draft.record.bytes() + DRAFT_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{ConnectionId, Order};
    use crate::model::{Message, Place, Record, Text};

    fn draft(ms: u64, bytes: usize) -> Draft {
        Draft {
            record: Record::Message(Message {
                id: MessageId { ms, sequence: 0 },
                at_ms: ms,
                author: Name::parse("amy").unwrap(),
                place: Place::Channel {
                    channel: Name::parse("dev").unwrap(),
                    account: None,
                },
                body: Text::clean(&"x".repeat(bytes)).into(),
            }),
            to: None,
            tag: None,
            sender: ConnectionId {
                index: 0,
                generation: 0,
            },
        }
    }

    fn share() -> Op {
        Op::Share(Shared::Order(Order::Revoke { token: "t".into() }))
    }

    fn queue() -> Queue {
        Queue::new(Room {
            draft_bytes: 1000,
            shares: 2,
        })
    }

    fn take(queue: &Queue) -> Option<Vec<(Op, Instant)>> {
        queue.take(100, 10_000, Instant::now())
    }

    #[test]
    fn there_is_an_end_to_what_fits_and_room_again_afterwards() {
        let queue = queue();
        let refused = queue.drafts(vec![draft(1, 300), draft(2, 300), draft(3, 100)]);
        assert_eq!(refused, [MessageId { ms: 2, sequence: 0 }]);
        assert!(queue.push([share(), share()]).is_ok());
        assert!(queue.push([share()]).is_err());
        assert!(queue.has_lost());
        let taken = take(&queue).unwrap();
        assert_eq!(taken.len(), 4);
        assert!(matches!(taken[0].0, Op::Draft(_)));
        assert!(queue.drafts(vec![draft(4, 700)]).is_empty());
        assert!(queue.push([share(), share()]).is_ok());
    }

    #[test]
    fn the_next_life_has_room() {
        let queue = queue();
        assert!(queue.push([share(), share(), share()]).is_err());
        queue.drafts(vec![draft(1, 700)]);
        queue.rejoin();
        assert!(queue.drafts(vec![draft(2, 700)]).is_empty());
        assert!(queue.push([share()]).is_ok());
        assert!(!queue.has_lost());
        let taken = take(&queue).unwrap();
        assert_eq!(taken.len(), 3);
        assert!(matches!(taken[0].0, Op::Rejoin));
        assert!(queue.push([share(), share()]).is_ok());
    }

    #[test]
    fn only_drafts_grow_too_old() {
        let queue = queue();
        queue.drafts(vec![draft(1, 1)]);
        queue.push([share()]).unwrap();
        let then = Instant::now();
        assert_eq!(queue.expire(then).len(), 1);
        assert_eq!(queue.expire(then).len(), 0);
        assert_eq!(take(&queue).unwrap().len(), 1);
        assert!(queue.drafts(vec![draft(1, 700)]).is_empty());
    }

    #[test]
    fn what_is_in_is_taken_out_before_the_end() {
        let queue = queue();
        queue.push([share()]).unwrap();
        queue.close();
        assert_eq!(queue.drafts(vec![draft(1, 1)]).len(), 1);
        assert!(queue.push([share()]).is_err());
        assert_eq!(take(&queue).unwrap().len(), 1);
        assert!(take(&queue).is_none());
    }
}
