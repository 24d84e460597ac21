//! The thread that carries everything from this server's hub to Redis, in the
//! hub's order, one batch at a time.
//!
//! A batch whose answer is lost is sent again until it is answered: Redis executes it once. What
//! has never been sent is given up after a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::hub::{News, NodeId};
use crate::model::MessageId;

use super::batch::{Answered, Batch, not_stored};
use super::common::{Common, Part};
use super::error::{FORGETFUL, LinkError};
use super::join;
use super::keys::node_text;
use super::link::{Backoff, Link, answer};
use super::people::People;
use super::queue::{Op, Queue};
use super::store::ClusterStore;

/// Most operations in one batch, and most bytes: Redis does nothing else meanwhile.
const MOST: usize = 512;
const MOST_BYTES: usize = 512 * 1024;
/// How often to look for nicknames whose hold has run out.
const IDLE: Duration = Duration::from_millis(500);

/// Why a life is over.
const SILENT: &str = "the others had not heard from it for too long";
const UNASKED: &str = "Redis answers questions that were not asked";

/// See the module's documentation.
pub struct Appender {
    common: Arc<Common>,
    queue: Arc<Queue>,
    store: Arc<ClusterStore>,
    link: Link,
    people: People,
    /// Number of the batch last executed in this life.
    number: u64,
}

/// The result of sending a batch.
enum Sent {
    Answered(String),
    /// It was not executed and never will be, for this reason.
    Over(&'static str),
    Failed(LinkError),
}

impl Appender {
    pub fn new(common: Arc<Common>, queue: Arc<Queue>, store: Arc<ClusterStore>) -> Appender {
        Appender {
            store,
            link: Link::strict(&common.settings.redis),
            common,
            queue,
            people: People::default(),
            number: 0,
        }
    }

    /// Works until the queue is closed and empty.
    pub fn run(&mut self) {
        while !self.common.is_stopping() {
            let deadline = Instant::now() + IDLE;
            let Some(ops) = self.queue.take(MOST, MOST_BYTES, deadline) else {
                break;
            };
            if ops.is_empty() && self.common.is_in_trouble(Part::Appender) {
                self.probe();
            }
            self.carry(ops);
        }
    }

    /// Checks, while there is nothing to send, whether an outage is over.
    fn probe(&mut self) {
        let life = self.common.life();
        if life.is_over {
            return;
        }
        let batch = Batch::new(self.number + 1);
        match self.attempt(&batch, life.node) {
            // An empty batch: only its number is answered.
            Sent::Answered(words) if batch.answered(&words, &mut self.people).is_some() => {
                self.number += 1;
                self.common.report(Part::Appender, Ok::<(), String>(()));
            }
            Sent::Answered(_) => self.common.cut_off(life.number, UNASKED),
            Sent::Over(why) => self.common.cut_off(life.number, why),
            Sent::Failed(error) => self.failed(error),
        }
    }

    fn failed(&self, error: LinkError) {
        if error.is_want_of_memory() {
            self.common.redis_is_full();
        }
        self.common.report(Part::Appender, Err(error));
    }

    fn carry(&mut self, ops: Vec<(Op, Instant)>) {
        let mut ops = ops.into_iter();
        while !self.common.life().is_over {
            let mut batch = self.next_batch();
            let rejoins = self.fill(&mut batch, &mut ops);
            self.send(batch);
            if !rejoins && ops.as_slice().is_empty() {
                return;
            }
        }
        // The rest belongs to a life that is over, up to the next one.
        for (op, _) in ops.by_ref() {
            match op {
                Op::Draft(draft) => self.common.deliver(not_stored(vec![draft.record.id()])),
                Op::Rejoin => {
                    self.rejoin();
                    break;
                }
                Op::Share(_) | Op::Claim { .. } => {}
            }
        }
        if !ops.as_slice().is_empty() {
            self.carry(ops.collect());
        }
    }

    fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::new(self.number + 1);
        let now = Instant::now();
        for key in self.people.overdue(now) {
            batch.release(&key, now);
        }
        batch
    }

    /// Puts operations into a batch. Returns whether it ended with a request for a new life that is
    /// not needed.
    fn fill(&mut self, batch: &mut Batch, ops: &mut impl Iterator<Item = (Op, Instant)>) -> bool {
        let rejoins = self.fill_with(batch, ops);
        let (came, left) = self.people.take_topics();
        if let Some(interest) = &self.common.interest {
            interest.people(came, left);
            if interest.has_wanted() {
                batch.wake();
            }
        }
        rejoins
    }

    fn fill_with(
        &mut self,
        batch: &mut Batch,
        ops: &mut impl Iterator<Item = (Op, Instant)>,
    ) -> bool {
        let settings = &self.common.settings;
        for (op, came) in ops {
            match op {
                Op::Draft(draft) => batch.draft(&draft, settings, came),
                Op::Share(shared) => {
                    let news = batch.share(shared, &mut self.people, came);
                    self.common.deliver(Vec::from_iter(news));
                }
                Op::Claim { name, who, answer } => {
                    batch.ask(name, who, answer, &self.people, came);
                }
                Op::Rejoin => return true,
            }
        }
        false
    }

    /// Sends a batch until it is answered, or nothing is left of it.
    fn send(&mut self, mut batch: Batch) {
        let life = self.common.life();
        let mut backoff = Backoff::default();
        // A connection that was good before may have been closed while idle, which is no failure.
        let mut may_repeat = true;
        while !batch.is_empty() {
            // What was written to a dead connection may have arrived; what was never sent can still
            // be refused.
            if !batch.is_sent && self.common.is_redis_away() {
                self.link.reset();
            }
            match self.attempt(&batch, life.node) {
                Sent::Answered(words) => match batch.answered(&words, &mut self.people) {
                    Some(answered) => {
                        self.number += 1;
                        self.take_in(answered);
                        self.common.report(Part::Appender, Ok::<(), String>(()));
                        return;
                    }
                    None => {
                        // Another client has written to this connection.
                        self.common.cut_off(life.number, UNASKED);
                        return;
                    }
                },
                Sent::Over(why) => {
                    self.common.cut_off(life.number, why);
                    // A Redis that forgets cannot tell whether it executed an earlier attempt.
                    if !batch.is_sent {
                        self.common.deliver(not_stored(batch.drafts()));
                    }
                    return;
                }
                Sent::Failed(LinkError::Broken(_)) if may_repeat => {
                    batch.is_sent = true;
                    may_repeat = false;
                }
                Sent::Failed(error) => {
                    batch.is_sent |= error.is_doubtful();
                    self.failed(error);
                    self.expire(&mut batch);
                    let is_over = self.common.life().is_over || self.common.is_overdue();
                    if is_over || self.common.pause(backoff.next()) {
                        return;
                    }
                }
            }
        }
    }

    fn take_in(&self, answered: Answered) {
        let mut news = answered.news;
        (self.common.unread).fetch_add(answered.to_read, Ordering::AcqRel);
        if let Some(interest) = &self.common.interest {
            let settled = interest.committed(answered.committed);
            news.extend(settled.into_iter().map(News::Settled));
        }
        self.common.deliver(news);
    }

    fn attempt(&mut self, batch: &Batch, node: NodeId) -> Sent {
        let settings = &self.common.settings;
        let (prefix, node) = (&settings.prefix, node_text(node));
        let number = batch.number.to_string();
        let kept = settings.recent.to_string();
        let mut arguments: Vec<&[u8]> = vec![
            prefix.as_bytes(),
            node.as_bytes(),
            number.as_bytes(),
            kept.as_bytes(),
        ];
        arguments.extend(batch.arguments());
        match self.link.script(&self.common.scripts.batch, &arguments) {
            Ok(value) => match answer::text(value) {
                Some(words) if words == "gone" => Sent::Over(SILENT),
                Some(words) if words == "lost" => Sent::Over(FORGETFUL),
                Some(words) => Sent::Answered(words),
                None => {
                    self.link.reset();
                    Sent::Failed(LinkError::Broken(
                        "an answer that makes no sense".to_owned(),
                    ))
                }
            },
            Err(error) => Sent::Failed(error),
        }
    }

    /// Refuses what has waited too long without ever being sent.
    fn expire(&mut self, batch: &mut Batch) {
        let Some(then) = Instant::now().checked_sub(self.common.settings.refuse_after) else {
            return;
        };
        let mut expired = batch.expire(then);
        expired.extend(self.queue.expire(then));
        self.common.deliver(not_stored(expired));
    }

    /// Begins the next life, as soon as Redis allows it.
    fn rejoin(&mut self) {
        self.people.clear();
        if let Some(interest) = &self.common.interest {
            interest.begin();
        }
        self.number = 0;
        let old = self.common.life().node;
        // Read before the reader can add to them.
        let own = self.common.own_bans();
        let mut backoff = Backoff::default();
        loop {
            let settings = &self.common.settings;
            let joined = join::leave(settings, old, &mut self.link)
                .and_then(|()| join::first_bans(settings, &own, &mut self.link))
                .and_then(|_| join::join(settings, &self.common.about(), &mut self.link));
            let error = match joined {
                Ok((node, start)) => {
                    self.common.report(Part::Appender, Ok::<(), String>(()));
                    // Before any client can come in: nobody joins what is closed to them.
                    self.tell_rules();
                    self.common.begin(node, start);
                    if self.queue.has_lost() {
                        let why = "too much waits to be told to them";
                        self.common.cut_off(self.common.life().number, why);
                    }
                    return;
                }
                Err(error) => error,
            };
            self.common.report(Part::Appender, Err(error));
            self.common.deliver(not_stored(self.expired_of_queue()));
            if self.common.is_overdue() || self.common.pause(backoff.next()) {
                return;
            }
        }
    }

    /// Tells the hub the rules of all channels. If they cannot be read, the reader tries again, and
    /// what the hub knew before holds.
    fn tell_rules(&self) {
        match self.store.rules() {
            Ok(rules) => self.common.deliver(vec![News::Rules(rules)]),
            Err(error) => {
                log::warn!("the rules of channels cannot be read at present: {error}");
                self.common.owes_rules.store(true, Ordering::Release);
            }
        }
    }

    fn expired_of_queue(&self) -> Vec<MessageId> {
        let then = Instant::now().checked_sub(self.common.settings.refuse_after);
        then.map(|then| self.queue.expire(then)).unwrap_or_default()
    }
}
