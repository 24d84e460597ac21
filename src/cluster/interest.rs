//! What this server follows for its people, how far it has heard of each, and which of its own
//! drafts it has yet to hear of.
//!
//! A topic is followed from the first person here whom it concerns until a while after the last
//! one. Whoever reads what came before waits until Redis has confirmed it: what is published after
//! that is heard, what came before that is read.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::hub::{Fate, Settled};
use crate::metrics::InterestHealth;
use crate::model::MessageId;

use super::keys::EntryId;
use super::topic::Topic;

/// How many drafts that were heard of before Redis's answer came are remembered. A batch has fewer.
const EARLY: usize = 4096;

/// See the module's documentation.
#[derive(Default)]
pub struct Interest {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    topics: HashMap<Topic, Followed>,
    /// Those that Redis has yet to be asked for.
    wanted: VecDeque<Topic>,
    /// Those without people, by when that was found; some have people again.
    idle: VecDeque<(Instant, Topic)>,
    /// Own drafts that are committed and were not heard of, by their handles.
    unheard: HashMap<MessageId, Unheard>,
    /// Own drafts that were heard of before Redis's answer came.
    early: HashSet<MessageId>,
    /// The last time that Redis has told, in ms.
    time_ms: u64,
    gaps: u64,
    overdue: u64,
}

#[derive(Default)]
struct Followed {
    /// How many people here it concerns.
    people: usize,
    idle_since: Option<Instant>,
    is_live: bool,
    /// The last position that was heard of or read; `None` until Redis has confirmed it once.
    heard: Option<EntryId>,
    /// The message up to which others have read when it was confirmed.
    covered: MessageId,
    /// What came after this time was not read, because Redis was away.
    missed_since: Option<EntryId>,
}

struct Unheard {
    id: MessageId,
    /// `None` for what all servers hear of.
    topic: Option<Topic>,
    since: Instant,
}

/// An own draft that Redis has committed.
#[derive(Clone, Debug)]
pub struct Committed {
    pub draft: MessageId,
    pub id: MessageId,
    /// `None` for what all servers hear of.
    pub topic: Option<Topic>,
}

/// What to do with a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    New,
    /// It is known already, or nobody here wants it.
    Known,
    /// Some before it were not heard of, from this position on.
    Gap(EntryId),
}

impl Interest {
    /// People here have come to some topics, and left others.
    pub fn people(&self, came: Vec<Topic>, left: Vec<Topic>) {
        let mut state = self.state.lock();
        for topic in came {
            let followed = state.follow(&topic);
            followed.people += 1;
            followed.idle_since = None;
        }
        for topic in left {
            if let Some(followed) = state.topics.get_mut(&topic) {
                followed.people = followed.people.saturating_sub(1);
                if followed.people == 0 {
                    state.note_idle(topic);
                }
            }
        }
    }

    /// Whether there is something that Redis has to be asked for.
    pub fn has_wanted(&self) -> bool {
        !self.state.lock().wanted.is_empty()
    }

    /// Waits until a topic is followed, for a while if it is not yet. `wake` is called if so.
    pub fn attend(&self, topic: &Topic, most: Duration, wake: impl FnOnce()) -> bool {
        let deadline = Instant::now() + most;
        let mut state = self.state.lock();
        let asked_ms = state.time_ms;
        if state.attended(topic) {
            return true;
        }
        drop(state);
        wake();
        state = self.state.lock();
        while !state.attended(topic) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                let at = EntryId {
                    ms: asked_ms,
                    sequence: 0,
                };
                let followed = state.follow(topic);
                if asked_ms > 0 {
                    followed.missed_since.get_or_insert(at);
                }
                return false;
            }
        }
        true
    }

    /// Redis has told the time.
    pub fn set_time(&self, ms: u64) {
        self.state.lock().time_ms = ms;
    }

    /// The next topics to ask Redis for, at most so many.
    pub fn take_wanted(&self, most: usize) -> Vec<Topic> {
        let mut state = self.state.lock();
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(topic) = state.wanted.pop_front()
        {
            if state.topics.get(&topic).is_some_and(|it| !it.is_live) {
                taken.push(topic);
            }
        }
        taken
    }

    /// Redis has confirmed a topic of which this is the last that was published. Returns the
    /// position after which something has to be read, if so, and the own drafts that are settled
    /// by that.
    pub fn confirmed(
        &self,
        topic: &Topic,
        last: Option<(EntryId, MessageId)>,
    ) -> (Option<EntryId>, Vec<Settled>) {
        let mut state = self.state.lock();
        let Some(followed) = state.topics.get_mut(topic) else {
            return (None, Vec::new());
        };
        followed.is_live = true;
        let known = followed.heard.or(followed.missed_since.take());
        let mut settled = Vec::new();
        let gap = match (known, last) {
            (Some(known), Some((last, _))) if known < last => Some(known),
            (Some(_), _) => None,
            (None, last) => {
                let (_, covered) = last.unwrap_or_default();
                followed.covered = covered;
                settled = state.settle(|it| it.topic.as_ref() == Some(topic) && it.id <= covered);
                None
            }
        };
        if let Some(followed) = state.topics.get_mut(topic) {
            let last = last.map(|(last, _)| last).unwrap_or_default();
            followed.heard = Some(known.unwrap_or(last));
        }
        drop(state);
        self.changed.notify_all();
        (gap, settled)
    }

    /// What to do with a publication; it counts as heard of unless there is a gap before it.
    pub fn hears(&self, topic: &Topic, before: EntryId, position: EntryId) -> Verdict {
        let mut state = self.state.lock();
        let followed = state.topics.get_mut(topic).filter(|it| it.is_live);
        let Some(followed) = followed else {
            return Verdict::Known;
        };
        let heard = followed.heard.unwrap_or_default();
        if position <= heard {
            return Verdict::Known;
        }
        if before > heard {
            return Verdict::Gap(heard);
        }
        followed.heard = Some(position);
        Verdict::New
    }

    /// What was missed of a topic has been read up to there.
    pub fn has_read(&self, topic: &Topic, position: EntryId) {
        if let Some(followed) = self.state.lock().topics.get_mut(topic) {
            followed.heard = followed.heard.max(Some(position));
        }
    }

    /// Counts a gap that was filled.
    pub fn count_gap(&self) {
        self.state.lock().gaps += 1;
    }

    /// The last position of a topic that was heard of or read.
    pub fn heard(&self, topic: &Topic) -> Option<EntryId> {
        self.state.lock().topics.get(topic)?.heard
    }

    pub fn is_followed(&self, topic: &Topic) -> bool {
        let state = self.state.lock();
        state.topics.get(topic).is_some_and(|it| it.is_live)
    }

    /// The last time that Redis has told.
    pub fn time(&self) -> EntryId {
        EntryId {
            ms: self.state.lock().time_ms,
            sequence: 0,
        }
    }

    /// Redis may have published what was not heard: all has to be asked for again.
    pub fn lost_touch(&self) {
        let state = &mut *self.state.lock();
        state.wanted.clear();
        for (topic, followed) in &mut state.topics {
            followed.is_live = false;
            state.wanted.push_back(topic.clone());
        }
    }

    /// Another life begins: nobody is here, and of earlier drafts nothing more is told.
    pub fn begin(&self) {
        let mut state = self.state.lock();
        let (gaps, overdue) = (state.gaps, state.overdue);
        *state = State {
            gaps,
            overdue,
            ..State::default()
        };
        drop(state);
        self.changed.notify_all();
    }

    /// Takes out the topics that have had nobody here for so long, and settles what waits for them.
    pub fn take_idle(&self, long: Duration) -> (Vec<Topic>, Vec<Settled>) {
        let mut state = self.state.lock();
        let (mut taken, mut settled) = (Vec::new(), Vec::new());
        while let Some((since, topic)) = state.idle.front().cloned() {
            if since.elapsed() < long {
                break;
            }
            state.idle.pop_front();
            let followed = state.topics.get(&topic);
            if followed.is_some_and(|it| it.idle_since == Some(since)) {
                state.topics.remove(&topic);
                settled.extend(state.settle(|it| it.topic.as_ref() == Some(&topic)));
                taken.push(topic);
            }
        }
        (taken, settled)
    }

    /// Own drafts are committed. Those are settled that will not be heard of; the others once they
    /// are.
    pub fn committed(&self, drafts: Vec<Committed>) -> Vec<Settled> {
        let mut state = self.state.lock();
        let mut settled = Vec::new();
        for Committed { draft, id, topic } in drafts {
            if state.early.remove(&draft) {
                continue;
            }
            let is_to_come = match &topic {
                None => true,
                Some(topic) => {
                    let followed = state.topics.get(topic);
                    followed.is_some_and(|it| !it.is_live || id > it.covered)
                }
            };
            let unheard = Unheard {
                id,
                topic,
                since: Instant::now(),
            };
            match is_to_come {
                true => drop(state.unheard.insert(draft, unheard)),
                false => settled.push(committed(draft, id)),
            }
        }
        settled
    }

    /// An own draft was heard of.
    pub fn heard_own(&self, draft: MessageId) {
        let mut state = self.state.lock();
        if state.unheard.remove(&draft).is_none() {
            if state.early.len() >= EARLY {
                state.early.clear();
            }
            state.early.insert(draft);
        }
    }

    /// How many own drafts were not heard of.
    pub fn unheard(&self) -> usize {
        self.state.lock().unheard.len()
    }

    /// The topics of which own drafts should have been heard of by now; `None` is for what all
    /// servers hear of.
    pub fn overdue(&self, long: Duration) -> Vec<Option<Topic>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let is_overdue = |it: &&Unheard| it.since.elapsed() >= long;
        let overdue = state.unheard.values().filter(is_overdue);
        let is_live = |topic: &Topic| state.topics.get(topic).is_none_or(|it| it.is_live);
        let topics = overdue.map(|it| it.topic.clone());
        let topics = topics.filter(|topic| topic.as_ref().is_none_or(is_live));
        let topics: HashSet<Option<Topic>> = topics.collect();
        state.overdue += topics.len() as u64;
        topics.into_iter().collect()
    }

    /// Settles what is overdue although everything of its topic was read.
    pub fn settle_overdue(&self, topic: &Option<Topic>, long: Duration) -> Vec<Settled> {
        let mut state = self.state.lock();
        state.settle(|it| it.topic == *topic && it.since.elapsed() >= long)
    }

    pub fn health(&self) -> InterestHealth {
        let state = self.state.lock();
        InterestHealth {
            followed: state.topics.len() as u64,
            gaps: state.gaps,
            overdue: state.overdue,
        }
    }
}

impl State {
    /// A topic that is followed, from now on if it was not.
    fn follow(&mut self, topic: &Topic) -> &mut Followed {
        if !self.topics.contains_key(topic) {
            self.wanted.push_back(topic.clone());
        }
        self.topics.entry(topic.clone()).or_default()
    }

    /// Whether a topic is followed; if not, it will be.
    fn attended(&mut self, topic: &Topic) -> bool {
        let is_new = !self.topics.contains_key(topic);
        let is_live = self.follow(topic).is_live;
        if is_new {
            self.note_idle(topic.clone());
        }
        is_live
    }

    fn note_idle(&mut self, topic: Topic) {
        let now = Instant::now();
        if let Some(followed) = self.topics.get_mut(&topic) {
            followed.idle_since = Some(now);
            self.idle.push_back((now, topic));
        }
    }

    /// Settles drafts, in the order of the log.
    fn settle(&mut self, which: impl Fn(&Unheard) -> bool) -> Vec<Settled> {
        let taken = self.unheard.extract_if(|_, it| which(it));
        let taken: BTreeMap<MessageId, MessageId> =
            taken.map(|(draft, it)| (it.id, draft)).collect();
        let settled = taken.into_iter();
        settled.map(|(id, draft)| committed(draft, id)).collect()
    }
}

fn committed(draft: MessageId, id: MessageId) -> Settled {
    Settled {
        draft,
        fate: Fate::Committed(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn at(ms: u64) -> EntryId {
        EntryId { ms, sequence: 0 }
    }

    fn id(ms: u64) -> MessageId {
        MessageId { ms, sequence: 0 }
    }

    fn dev() -> Topic {
        Topic::Channel("dev".into())
    }

    fn draft(number: u64, topic: Option<Topic>) -> Committed {
        Committed {
            draft: id(number),
            id: id(number + 100),
            topic,
        }
    }

    #[test]
    fn what_was_there_before_is_read_and_what_comes_later_heard() {
        let interest = Interest::default();
        interest.people(vec![dev()], Vec::new());
        assert_eq!(interest.take_wanted(10), [dev()]);
        assert_eq!(interest.hears(&dev(), at(0), at(4)), Verdict::Known);
        assert!(!interest.attend(&dev(), Duration::ZERO, || {}));
        interest.confirmed(&dev(), Some((at(5), id(5))));
        assert!(interest.attend(&dev(), Duration::ZERO, || panic!("it is followed")));
        assert_eq!(interest.hears(&dev(), at(4), at(5)), Verdict::Known);
        assert_eq!(interest.hears(&dev(), at(5), at(6)), Verdict::New);
        assert_eq!(interest.hears(&dev(), at(7), at(8)), Verdict::Gap(at(6)));
        interest.has_read(&dev(), at(8));
        assert_eq!(interest.hears(&dev(), at(7), at(8)), Verdict::Known);
        // What is kept is gone after ten minutes without a message.
        assert_eq!(interest.hears(&dev(), at(0), at(9)), Verdict::New);
        interest.lost_touch();
        assert_eq!(interest.take_wanted(10), [dev()]);
        let (gap, _) = interest.confirmed(&dev(), Some((at(12), id(12))));
        assert_eq!(gap, Some(at(9)));
    }

    #[test]
    fn what_came_while_redis_was_away_is_read_when_it_is_back() {
        let interest = Interest::default();
        interest.set_time(7);
        assert!(!interest.attend(&dev(), Duration::ZERO, || {}));
        let (gap, _) = interest.confirmed(&dev(), Some((at(12), id(12))));
        assert_eq!(gap, Some(at(7)));
    }

    #[test]
    fn a_draft_is_settled_once_whichever_is_first() {
        let interest = Interest::default();
        // Nobody here will hear of it.
        assert_eq!(interest.committed(vec![draft(1, Some(dev()))]).len(), 1);
        interest.people(vec![dev()], Vec::new());
        // It waits, and was committed before the topic was confirmed.
        assert_eq!(interest.committed(vec![draft(2, Some(dev()))]).len(), 0);
        let (_, settled) = interest.confirmed(&dev(), Some((at(1), id(103))));
        assert_eq!(settled.len(), 1);
        assert_eq!(interest.committed(vec![draft(3, Some(dev()))]).len(), 1);
        // From now on it is heard of, before the answer or after it.
        interest.heard_own(id(4));
        assert_eq!(interest.committed(vec![draft(4, Some(dev()))]).len(), 0);
        assert_eq!(interest.committed(vec![draft(5, Some(dev()))]).len(), 0);
        assert_eq!(interest.unheard(), 1);
        interest.heard_own(id(5));
        assert_eq!(interest.unheard(), 0);
        // Or never.
        interest.committed(vec![draft(7, Some(dev())), draft(6, Some(dev()))]);
        interest.committed(vec![draft(8, None)]);
        assert_eq!(interest.overdue(LONG), []);
        assert_eq!(interest.overdue(Duration::ZERO).len(), 2);
        let settled = interest.settle_overdue(&Some(dev()), Duration::ZERO);
        let drafts: Vec<u64> = settled.iter().map(|it| it.draft.ms).collect();
        assert_eq!(drafts, [6, 7]);
        assert_eq!(interest.settle_overdue(&None, Duration::ZERO).len(), 1);
    }

    #[test]
    fn a_topic_is_left_a_while_after_its_last_person() {
        let interest = Interest::default();
        interest.people(vec![dev(), dev()], vec![dev()]);
        assert!(interest.take_idle(Duration::ZERO).0.is_empty());
        interest.people(Vec::new(), vec![dev()]);
        assert!(interest.take_idle(LONG).0.is_empty());
        interest.people(vec![dev()], Vec::new());
        assert!(interest.take_idle(Duration::ZERO).0.is_empty());
        interest.people(Vec::new(), vec![dev()]);
        interest.committed(vec![draft(1, Some(dev()))]);
        let (left, settled) = interest.take_idle(Duration::ZERO);
        assert_eq!((left, settled.len()), (vec![dev()], 1));
        assert_eq!(interest.health().followed, 0);
    }
}
