//! The hub, the connection's reader and a writer thread.

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use crate::explore;
use crate::outgoing::Outgoing;

/// The writer's queue: how often the connection is in it.
#[derive(Default)]
struct Queue {
    length: usize,
    ended: bool,
}

struct World {
    outgoing: Outgoing,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// The bytes sent, in the order of encryption; the lock is that of rustls.
    encrypted: Mutex<Vec<u8>>,
}

impl World {
    fn put(&self) {
        let mut queue = self.queue.lock().unwrap();
        queue.length += 1;
        assert_eq!(queue.length, 1, "twice in the queue");
        drop(queue);
        self.changed.notify_all();
    }

    fn add(&self, bytes: &[u8]) {
        self.outgoing.add(bytes, || self.put());
    }

    fn encrypt(&self) {
        let mut encrypted = self.encrypted.lock().unwrap();
        let (plaintext, then_close) = self.outgoing.take();
        encrypted.extend(plaintext);
        if then_close {
            encrypted.push(b'.');
        }
    }

    fn encrypt_what_was_taken_before(&self) {
        let (plaintext, then_close) = self.outgoing.take();
        let mut encrypted = self.encrypted.lock().unwrap();
        encrypted.extend(plaintext);
        if then_close {
            encrypted.push(b'.');
        }
    }
}

/// How the parts are used: correctly, or with a planted fault.
#[derive(Clone, Copy)]
struct Plan {
    serve: fn(&World),
    /// What the hub does when the writer is far behind.
    help: fn(&World),
}

const AS_IT_IS: Plan = Plan {
    serve: |world| {
        world.outgoing.leave_queue();
        world.encrypt();
    },
    help: World::encrypt,
};

fn write(world: &World, serve: fn(&World)) {
    loop {
        let mut queue = world.queue.lock().unwrap();
        while queue.length == 0 {
            if queue.ended {
                return;
            }
            queue = world.changed.wait(queue).unwrap();
        }
        queue.length -= 1;
        drop(queue);
        serve(world);
    }
}

fn check(plan: Plan) {
    explore(3, move || {
        let world = Arc::new(World {
            outgoing: Outgoing::default(),
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
            encrypted: Mutex::new(Vec::new()),
        });
        let writer = {
            let world = world.clone();
            thread::spawn(move || write(&world, plan.serve))
        };
        // rustls itself has bytes to send.
        let reader = {
            let world = world.clone();
            thread::spawn(move || world.add(&[]))
        };
        world.add(b"a");
        world.add(b"b");
        (plan.help)(&world);
        world.add(b"c");
        world.outgoing.close(|| world.put());
        reader.join().unwrap();
        world.queue.lock().unwrap().ended = true;
        world.changed.notify_all();
        writer.join().unwrap();
        assert_eq!(world.outgoing.waiting(), 0, "something is stuck");
        let encrypted = world.encrypted.lock().unwrap();
        let encrypted = String::from_utf8_lossy(&encrypted);
        assert_eq!(encrypted, "abc.", "lost or out of order");
    });
}

#[test]
fn everything_leaves_once_and_in_order_and_the_queue_holds_a_connection_once() {
    check(AS_IT_IS);
}

#[test]
#[should_panic(expected = "lost or out of order")]
fn a_writer_that_leaves_the_queue_too_late_is_found() {
    check(Plan {
        serve: |world| {
            world.encrypt();
            world.outgoing.leave_queue();
        },
        ..AS_IT_IS
    });
}

#[test]
#[should_panic(expected = "out of order")]
fn bytes_taken_before_it_is_ones_turn_to_encrypt_are_found() {
    check(Plan {
        serve: |world| {
            world.outgoing.leave_queue();
            world.encrypt_what_was_taken_before();
        },
        help: World::encrypt_what_was_taken_before,
    });
}
