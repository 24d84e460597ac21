//! Deferred work: what would cost too much to do at once. The hub does it a
//! piece at a time, each of a bounded cost, and does everything else in between.

use super::{Effects, Hub, Now};

/// Does a piece of one kind of work. Returns whether there was any.
type Piece = fn(&mut Hub, Now, &mut Effects) -> bool;

/// The kinds of deferred work. They take turns.
const KINDS: [Piece; 8] = [
    Hub::end_some,
    Hub::expel_some,
    Hub::part_some,
    Hub::go_on_some,
    Hub::answer_one,
    Hub::open_vacant,
    Hub::see_some,
    Hub::sweep_some,
];

impl Hub {
    /// Whether there is work for [`Hub::work`].
    pub fn has_work(&self) -> bool {
        self.questions.len() > 0
            || !self.endings.is_empty()
            || !self.expulsions.is_empty()
            || !self.ready.is_empty()
            || self.has_gone()
            || self.has_vacant()
            || self.sweep.is_under_way()
    }

    /// Does one piece of the deferred work.
    pub fn work(&mut self, now: Now, fx: &mut Effects) {
        for _ in 0..KINDS.len() {
            let piece = KINDS.get(self.next_kind);
            self.next_kind = (self.next_kind + 1) % KINDS.len();
            if piece.is_some_and(|piece| piece(self, now, fx)) {
                return;
            }
        }
    }
}
