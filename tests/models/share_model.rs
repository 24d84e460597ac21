//! The hub, and a thread that helps it or comes too late.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use crate::explore;
use crate::share::Share;

const PIECES: usize = 3;

/// How often each piece was done.
type Work = [AtomicUsize; PIECES];

/// Waits for what is said once.
#[derive(Default)]
struct Word {
    said: Mutex<usize>,
    changed: Condvar,
}

impl Word {
    fn say(&self) {
        *self.said.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut said = self.said.lock().unwrap();
        while *said == 0 {
            said = self.changed.wait(said).unwrap();
        }
    }
}

/// Does the work in two threads; the hub takes it back when `is_over` returns.
fn together(is_over: fn(&Word)) {
    let share = Arc::new(Share::new(Work::default(), PIECES));
    let done = Arc::new(Word::default());
    let join = |share: &Share<Work>, done: &Word| {
        let each = |work: &Work, piece: usize| {
            if let Some(times) = work.get(piece) {
                times.fetch_add(1, Ordering::Relaxed);
            }
        };
        share.join(each, || done.say());
    };
    let helper = {
        let (share, done) = (share.clone(), done.clone());
        thread::spawn(move || join(&share, &done))
    };
    join(&share, &done);
    is_over(&done);
    let work = share.take().expect("nobody has the work any more");
    for times in &work {
        assert_eq!(times.load(Ordering::Relaxed), 1);
    }
    helper.join().unwrap();
    assert_eq!(*done.said.lock().unwrap(), 1);
}

#[test]
fn every_piece_is_done_once_and_the_work_comes_back() {
    explore(3, || together(Word::wait));
}

#[test]
#[should_panic]
fn not_waiting_for_the_others_pieces_is_found() {
    explore(3, || together(|_| {}));
}
