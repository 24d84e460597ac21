//! A sender, the flusher, and a peer that reads now and then.

use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use loom::thread;

use crate::backlog::{Backlog, Sent, Wire};
use crate::explore;
use crate::sync::Ordering;

/// The state of the kernel, epoll and the peer.
#[derive(Default)]
struct State {
    /// Bytes the kernel would accept now.
    room: usize,
    taken: Vec<u8>,
    /// How many bytes had been accepted when the end was reported.
    finished_after: Option<usize>,
    /// Whether the flusher is told when there is room.
    watched: bool,
    sender_done: bool,
}

struct World {
    backlog: Backlog,
    state: Mutex<State>,
    changed: Condvar,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn watch(&self, watched: bool) {
        self.state().watched = watched;
        self.changed.notify_all();
    }
}

impl Wire for World {
    fn send(&self, bytes: &[u8]) -> Sent {
        let mut state = self.state();
        let count = bytes.len().min(state.room);
        state.room -= count;
        state.taken.extend(&bytes[..count]);
        if count == bytes.len() {
            Sent::All
        } else {
            Sent::Part(count)
        }
    }

    fn finish(&self) {
        let mut state = self.state();
        let after = state.taken.len();
        let before = state.finished_after.replace(after);
        assert_eq!(before, None, "finished twice");
    }

    fn abort(&self) {
        panic!("nothing is broken");
    }
}

/// How the parts are used: correctly, or with a planted fault.
#[derive(Clone, Copy)]
struct Plan {
    post: fn(&World, &[u8]),
    drain: fn(&World),
}

const AS_IT_IS: Plan = Plan {
    post: |world, bytes| {
        world.backlog.post(world, bytes, || world.watch(true));
    },
    drain: |world| world.backlog.drain(world, || world.watch(false)),
};

/// The flusher thread: waits for room while there is something to drain.
fn flush(world: &World, drain: fn(&World)) {
    loop {
        let mut state = world.state();
        while !(state.watched && state.room > 0) {
            if state.sender_done && !state.watched {
                return;
            }
            state = world.changed.wait(state).unwrap();
        }
        drop(state);
        drain(world);
    }
}

fn check(plan: Plan) {
    explore(3, move || {
        let world = Arc::new(World {
            backlog: Backlog::new(),
            state: Mutex::new(State {
                room: 1,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let flusher = {
            let world = world.clone();
            thread::spawn(move || flush(&world, plan.drain))
        };
        let peer = {
            let world = world.clone();
            thread::spawn(move || {
                for room in [2, 3] {
                    world.state().room += room;
                    world.changed.notify_all();
                }
            })
        };
        for bytes in ["ab", "cd", "e"] {
            (plan.post)(&world, bytes.as_bytes());
        }
        world.backlog.finish_when_sent(&*world);
        world.state().sender_done = true;
        world.changed.notify_all();
        flusher.join().unwrap();
        peer.join().unwrap();
        assert_eq!(world.backlog.waiting(), 0, "something is stuck");
        let state = world.state();
        assert_eq!(state.taken, b"abcde", "lost or out of order");
        assert_eq!(state.finished_after, Some(5), "ended at the wrong time");
    });
}

#[test]
fn nothing_is_lost_overtaken_or_stuck_and_the_end_comes_last() {
    check(AS_IT_IS);
}

#[test]
#[should_panic(expected = "lost or out of order")]
fn a_flag_cleared_before_the_bytes_are_sent_is_found() {
    check(Plan {
        drain: |world| {
            world.backlog.has_any.store(false, Ordering::Release);
            (AS_IT_IS.drain)(world);
        },
        ..AS_IT_IS
    });
}

#[test]
#[should_panic(expected = "out of order")]
fn a_sender_that_does_not_look_at_what_waits_is_found() {
    check(Plan {
        post: |world, bytes| {
            if let Sent::Part(sent) = world.send(bytes) {
                let mut queue = world.backlog.queue.lock();
                queue.bytes.extend(&bytes[sent..]);
                world.backlog.has_any.store(true, Ordering::Release);
                world.watch(true);
            }
        },
        ..AS_IT_IS
    });
}

#[test]
#[should_panic(expected = "ended at the wrong time")]
fn an_end_looked_for_too_early_is_found() {
    struct Endless<'a>(&'a World);
    impl Wire for Endless<'_> {
        fn send(&self, bytes: &[u8]) -> Sent {
            self.0.send(bytes)
        }
        fn finish(&self) {}
        fn abort(&self) {
            self.0.abort();
        }
    }
    check(Plan {
        drain: |world| {
            let then_finish = world.backlog.queue.lock().then_finish;
            world.backlog.drain(&Endless(world), || {
                if then_finish {
                    world.finish();
                }
                world.watch(false);
            });
        },
        ..AS_IT_IS
    });
}

#[test]
#[should_panic(expected = "something is stuck")]
fn a_backlog_that_nobody_is_told_of_is_found() {
    check(Plan {
        drain: |world| {
            // Stops watching although the kernel has not accepted all bytes.
            world.backlog.drain(world, || ());
            world.watch(false);
        },
        ..AS_IT_IS
    });
}
