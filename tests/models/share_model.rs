//! The hub, and a thread that helps it or comes too late.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use crate::explore;
use crate::share::Share;

const PIECES: usize = 3;

/// How often each piece was done.
type Work = [AtomicUsize; PIECES];

/// Waits for a signal that is sent once.
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

/// Never reached.
const NEVER: usize = PIECES + 1;

/// Does the work in two threads. The hub stops starting pieces after it has
/// done some itself, and takes the work back when `is_over` returns.
fn together(stop_after: usize, is_over: fn(&Word)) {
    let share = Arc::new(Share::new(Work::default(), PIECES));
    let done = Arc::new(Word::default());
    let helper = {
        let (share, done) = (share.clone(), done.clone());
        thread::spawn(move || while step(&share, &done) {})
    };
    let mut begun = 0;
    while step(&share, &done) {
        begun += 1;
        if begun == stop_after {
            break;
        }
    }
    let begun = if begun == stop_after {
        share.stop(|| done.say())
    } else {
        PIECES
    };
    is_over(&done);
    let work = share.take().expect("no other thread has the work any more");
    for (piece, times) in work.iter().enumerate() {
        let expected = usize::from(piece < begun);
        assert_eq!(times.load(Ordering::Relaxed), expected);
    }
    helper.join().unwrap();
    assert_eq!(*done.said.lock().unwrap(), 1);
}

fn step(share: &Share<Work>, done: &Word) -> bool {
    let each = |work: &Work, piece: usize| {
        if let Some(times) = work.get(piece) {
            times.fetch_add(1, Ordering::Relaxed);
        }
    };
    share.step(each, || done.say())
}

#[test]
fn every_piece_is_done_once_and_the_work_comes_back() {
    explore(3, || together(NEVER, Word::wait));
}

#[test]
fn what_is_begun_when_the_hub_stops_is_done_and_nothing_else() {
    explore(3, || together(1, Word::wait));
    explore(3, || together(PIECES, Word::wait));
}

#[test]
#[should_panic(expected = "assertion `left == right` failed")]
fn not_waiting_for_the_others_pieces_is_found() {
    explore(3, || together(NEVER, |_| {}));
}
