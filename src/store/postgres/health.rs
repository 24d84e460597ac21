//! Whether the database answers, as all who ask it know together: who had
//! better not wait for it, and what the log says of it. Never asks it itself.
//!
//! The log has one line when questions begin to fail, and one when they no
//! longer do, however many people ask meanwhile, and also if some of them are
//! answered.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::StoreError;

/// How often a database that said nothing is tried again.
const TRY_EVERY: Duration = Duration::from_secs(3);
/// A question that is answered sooner after one that failed ends nothing: a
/// database goes, and comes, one connection at a time.
const CALM: Duration = Duration::from_secs(3);

/// What is known of the database.
#[derive(Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When it last said anything, to anybody.
    heard: Option<Instant>,
    /// When it was tried last, if it is silent.
    tried: Option<Instant>,
    /// When a question failed last, if the log has it that they do.
    failed: Option<Instant>,
}

impl Health {
    /// Whether somebody may put a question, instead of being told that
    /// nobody answers.
    pub fn may_try(&self) -> bool {
        self.state.lock().may_try(Instant::now())
    }

    /// The database has said something, if only that it does not want to.
    pub fn heard(&self) {
        self.state.lock().heard(Instant::now());
    }

    /// A question has been answered.
    pub fn succeeded(&self) {
        let recovers = self.state.lock().succeeded(Instant::now());
        if recovers {
            log::info!("the database answers questions again");
        }
    }

    /// A question has not been answered, for this reason.
    pub fn failed(&self, error: &StoreError) {
        if error.is_outage() && self.state.lock().fails(Instant::now()) {
            log::error!("questions to the database fail: {error}");
        }
    }

    /// Somebody has waited in vain since then. Only if nobody else has heard
    /// anything either is it the database that is silent.
    pub fn gave_up(&self, since: Instant) -> StoreError {
        self.state.lock().gave_up(since, Instant::now())
    }

    /// Why nobody is free to ask it.
    pub fn why_all_wait(&self) -> StoreError {
        match self.state.lock().tried {
            Some(_) => StoreError::Silent,
            None => StoreError::Busy,
        }
    }
}

impl State {
    fn may_try(&mut self, now: Instant) -> bool {
        match self.tried {
            Some(last) if now.duration_since(last) < TRY_EVERY => false,
            Some(_) => {
                self.tried = Some(now);
                true
            }
            None => true,
        }
    }

    fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.tried = None;
    }

    /// Whether the log has to say so.
    fn succeeded(&mut self, now: Instant) -> bool {
        self.heard(now);
        let is_over = |failed| now.duration_since(failed) >= CALM;
        self.failed.take_if(|failed| is_over(*failed)).is_some()
    }

    /// Whether the log has to say so.
    fn fails(&mut self, now: Instant) -> bool {
        self.failed.replace(now).is_none()
    }

    fn gave_up(&mut self, since: Instant, now: Instant) -> StoreError {
        if self.heard.is_some_and(|heard| heard >= since) {
            return StoreError::Slow;
        }
        self.tried = Some(now);
        StoreError::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_silent_only_if_nobody_has_heard_anything() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.gave_up(at(0), at(4)), StoreError::Silent);
        assert!(!state.may_try(at(5)));
        assert!(state.may_try(at(7)), "one");
        assert!(!state.may_try(at(7)), "and no other");
        state.heard(at(8));
        assert!(state.may_try(at(8)));
        assert_eq!(state.gave_up(at(7), at(11)), StoreError::Slow);
        assert!(state.may_try(at(11)));
        assert_eq!(state.gave_up(at(9), at(13)), StoreError::Silent);
        assert!(!state.may_try(at(13)));
    }

    #[test]
    fn an_episode_has_two_lines_and_ends_when_all_is_calm() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert!(!state.succeeded(at(0)));
        assert!(state.fails(at(1)));
        assert!(!state.succeeded(at(2)), "one connection was left");
        assert!(!state.fails(at(3)));
        assert!(!state.fails(at(100)));
        assert!(!state.succeeded(at(101)));
        assert!(!state.fails(at(102)), "by turns");
        assert!(!state.succeeded(at(104)));
        assert!(state.succeeded(at(105)));
        assert!(!state.succeeded(at(106)));
        assert!(state.fails(at(106)));
        assert!(state.succeeded(at(109)));
    }
}
