//! Sees to one hook: puts what was said into its queue, and sends what is in it, in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::account::Accounts;
use crate::metrics::HookMetrics;
use crate::model::hook::Duty;
use crate::model::outgoing::{Attempt, Delivery, MAX_WAITING, Outgoing, Settled};
use crate::model::subscriber::Subscriber;
use crate::model::time::unix_ms;
use crate::model::{
    AccountId, Body, History, Hook, Mark, Message, MessageId, MessageKind, Once, Text, Window,
};
use crate::session::bots::{Bots, Entry, NotDone, Post};
use crate::store::{Feed, StoreError};

use super::client::Client;
use super::{Tested, payload};

/// Messages that are looked at in one go.
const PAGE: usize = 200;
/// Calls in one go, and the time after which none of them begins; then other hooks have their turn.
const CALLS: i64 = 20;
const BUDGET: Duration = Duration::from_secs(1);
/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait.
const LONGEST_WAIT_MS: u64 = 60 * 60 * 1000;
/// How long to wait when the store or the hub has failed, and when the channel refuses the hook.
const TROUBLE_MS: u64 = 5_000;
const REFUSED_MS: u64 = 60_000;
/// Calls that take longer make their hook a slow one.
const SLOW: Duration = Duration::from_millis(500);
/// Accounts of which it is remembered whether programs speak as them.
const MOST_KNOWN: usize = 10_000;

/// What senders work with.
pub struct Means {
    pub accounts: Arc<Accounts>,
    pub bots: Arc<Bots>,
    pub metrics: HookMetrics,
    pub client: Client,
    pub retry_ms: Arc<AtomicU64>,
    /// The hooks for which a test waits or is under way.
    pub tested: Tested,
    /// Whether programs speak as these accounts; locked to look.
    pub known: Mutex<HashMap<AccountId, bool>>,
}

/// What a sender does with a hook.
#[derive(Debug)]
pub enum Job {
    /// It feeds the queue and sends, until this time.
    Send(Box<Duty>, Instant),
    /// It only feeds the queue.
    Feed(Box<Duty>),
    /// It sends a test.
    Test(Box<Hook>),
}

/// What came of a job.
#[derive(Debug)]
pub struct Done {
    /// The hook.
    pub id: String,
    /// What is known of it now; nothing after a test.
    pub duty: Option<Box<Duty>>,
    /// When it is to be seen to again.
    pub next: Next,
    /// How its receiver has answered.
    pub pace: Pace,
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It was not called.
    Unknown,
    /// It answers quickly.
    Quick,
    /// It takes its time, or is away.
    Slow,
}

/// When a hook is to be seen to again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When something is said.
    Idle,
    /// Not before it is looked for again: it is paused.
    Never,
    /// At once, after other hooks.
    Now,
    /// At a time, in milliseconds since 1970 UTC.
    At(u64),
}

/// Why a hook cannot be seen to at present.
enum Trouble {
    Store(StoreError),
    Bot(NotDone),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

impl From<NotDone> for Trouble {
    fn from(not: NotDone) -> Trouble {
        Trouble::Bot(not)
    }
}

/// Dropped when a test is over, in whatever way: its hook may be tested again.
struct Over<'a>(&'a Tested, &'a str);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

/// What came of a call.
enum Called {
    /// The next one may follow.
    Done,
    /// It is to be repeated at a time.
    Away(u64),
    /// The hook is paused now.
    Paused,
}

/// The calls of one job.
#[derive(Default)]
struct Calls {
    count: u32,
    time: Duration,
    has_failed: bool,
}

impl Calls {
    fn pace(&self) -> Pace {
        match self.count {
            0 => Pace::Unknown,
            _ if self.has_failed || self.time > SLOW * self.count => Pace::Slow,
            _ => Pace::Quick,
        }
    }
}

impl Means {
    /// Does a job.
    pub fn work(&self, job: Job) -> Done {
        match job {
            Job::Test(hook) => {
                self.test(&hook);
                Done {
                    id: hook.program.id.clone(),
                    duty: None,
                    next: Next::Idle,
                    pace: Pace::Unknown,
                }
            }
            Job::Feed(mut duty) => {
                let fed = self.feed(&mut duty);
                let next = Next::At(duty.next_at);
                let next = fed.map_or_else(|trouble| self.in_trouble(&duty, trouble), |()| next);
                done(duty, next, Pace::Unknown)
            }
            Job::Send(mut duty, until) => {
                let mut calls = Calls::default();
                let sent = self
                    .feed(&mut duty)
                    .and_then(|()| match self.rests(&duty.hook)? {
                        true => Ok(Next::Never),
                        false => self.send(&mut duty, until, &mut calls),
                    });
                let pace = calls.pace();
                let next = sent.unwrap_or_else(|trouble| self.in_trouble(&duty, trouble));
                done(duty, next, pace)
            }
        }
    }

    /// Puts what was said since the last time into the queue.
    fn feed(&self, duty: &mut Duty) -> Result<(), Trouble> {
        let Some(outgoing) = duty.hook.outgoing.clone() else {
            return Ok(());
        };
        while duty.waiting < MAX_WAITING {
            let page = (Window::After(duty.fed_to), PAGE);
            let history = self.read(&duty.hook, page)?;
            let Some(last) = history.messages.last() else {
                break;
            };
            let fed_to = last.id;
            let mut wanted = Vec::new();
            for message in &history.messages {
                if self.is_for(&duty.hook, &outgoing, message)? {
                    wanted.push(message.id);
                }
            }
            let feed = Feed {
                hook: &duty.hook.program.id,
                messages: &wanted,
                fed_to,
            };
            duty.waiting = self.accounts.store().feed_hook(&feed)?;
            duty.fed_to = fed_to;
            if !history.more {
                break;
            }
        }
        Ok(())
    }

    fn is_for(
        &self,
        hook: &Hook,
        outgoing: &Outgoing,
        message: &Message,
    ) -> Result<bool, StoreError> {
        let Some((own, name)) = &hook.program.bot else {
            return Ok(false);
        };
        let author = message.place.account();
        if author == Some(*own) || !outgoing.wants(message, name) {
            return Ok(false);
        }
        // Programs that answer each other would never end.
        let needs_a_person = !outgoing.triggers.is_empty();
        Ok(!(needs_a_person && self.is_by_a_bot(message)?))
    }

    fn is_by_a_bot(&self, message: &Message) -> Result<bool, StoreError> {
        let Some(author) = message.place.account() else {
            return Ok(false);
        };
        if let Some(known) = self.known.lock().get(&author) {
            return Ok(*known);
        }
        let is_bot = self.accounts.store().is_bot(author)?;
        let mut known = self.known.lock();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(author, is_bot);
        Ok(is_bot)
    }

    fn send(&self, duty: &mut Duty, until: Instant, calls: &mut Calls) -> Result<Next, Trouble> {
        if duty.next_at > unix_ms() {
            return Ok(Next::At(duty.next_at));
        }
        let id = duty.hook.program.id.clone();
        let waiting = self.accounts.store().deliveries(&id, false, CALLS)?;
        let Some(first) = waiting.first() else {
            duty.waiting = 0;
            return Ok(Next::Idle);
        };
        let page = self.page(&duty.hook, first.message)?;
        for delivery in &waiting {
            let begun = Instant::now();
            // Another server may have the hook by now.
            if begun >= until || calls.time >= BUDGET {
                break;
            }
            let called = self.deliver(duty, delivery, &page);
            calls.count += 1;
            calls.time += begun.elapsed();
            match called? {
                Called::Done => {}
                Called::Paused => return Ok(Next::Never),
                Called::Away(next_at) => {
                    calls.has_failed = true;
                    duty.next_at = next_at;
                    return Ok(Next::At(next_at));
                }
            }
        }
        Ok(Next::Now)
    }

    /// Sends one message, which mostly is in this page.
    fn deliver(
        &self,
        duty: &mut Duty,
        delivery: &Delivery,
        page: &[Message],
    ) -> Result<Called, Trouble> {
        let store = self.accounts.store();
        let (hook, id) = (&duty.hook, duty.hook.program.id.as_str());
        let found = page.iter().find(|it| it.id == delivery.message);
        let is_beyond = page.last().is_some_and(|last| last.id < delivery.message);
        let message = match found {
            None if is_beyond => self.page(hook, delivery.message)?.into_iter().next(),
            found => found.cloned(),
        };
        let message = message.filter(|it| it.id == delivery.message && !it.body.is_deleted());
        let Some(message) = message else {
            store.settle_delivery(id, delivery.message, &Settled::Dropped)?;
            duty.waiting = duty.waiting.saturating_sub(1);
            return Ok(Called::Done);
        };
        let is_bot = self.is_by_a_bot(&message)?;
        let body = payload::of_message(hook, &message, is_bot);
        let (attempt, answer) = self.call(hook, &payload::id(hook, message.id), &body);
        if attempt.error.is_none() {
            self.metrics.delivered.inc();
            let settled = Settled::Delivered(attempt);
            store.settle_delivery(id, delivery.message, &settled)?;
            duty.waiting = duty.waiting.saturating_sub(1);
            if let Some(answer) = answer.filter(|_| !is_bot) {
                self.say(hook, Some(message.id), MessageKind::Say, &answer);
            }
            return Ok(Called::Done);
        }
        self.not_delivered(duty, delivery, attempt)
    }

    /// Decides what becomes of a message that was not delivered.
    fn not_delivered(
        &self,
        duty: &mut Duty,
        delivery: &Delivery,
        attempt: Attempt,
    ) -> Result<Called, Trouble> {
        self.metrics.failed_attempts.inc();
        let store = self.accounts.store();
        let id = duty.hook.program.id.as_str();
        let first = delivery.first_tried_at.unwrap_or(attempt.at_ms);
        let is_gone = attempt.status == Some(GONE);
        let is_over = attempt.at_ms.saturating_sub(first) >= self.retry_ms.load(Ordering::Relaxed);
        if is_over && !is_gone {
            self.metrics.failed.inc();
            store.settle_delivery(id, delivery.message, &Settled::Failed(attempt))?;
            duty.waiting = duty.waiting.saturating_sub(1);
            return Ok(Called::Done);
        }
        let doublings = u32::try_from(delivery.attempts).unwrap_or(u32::MAX).min(20);
        let wait = (FIRST_WAIT_MS << doublings).min(LONGEST_WAIT_MS);
        // What is to be tried for an hour is tried at its end.
        let end = first + self.retry_ms.load(Ordering::Relaxed);
        let next_at = (attempt.at_ms + wait).min(end.max(attempt.at_ms + FIRST_WAIT_MS));
        let settled = Settled::Again(attempt, next_at);
        store.settle_delivery(id, delivery.message, &settled)?;
        let why = match (is_gone, duty.waiting >= MAX_WAITING) {
            (true, _) => "its receiver has answered that it is gone for good (410)".to_owned(),
            (_, true) => format!("{MAX_WAITING} messages wait, and its receiver is away"),
            _ => return Ok(Called::Away(next_at)),
        };
        let then = "Nothing is lost; it goes on when it is told to (resend).";
        self.pause(&duty.hook, &why, then)?;
        Ok(Called::Paused)
    }

    /// Pauses a hook that may not go on. Returns whether it may not. What was said until now is in the
    /// queue, so nothing is sent of what is said after a look at who made the hook.
    fn rests(&self, hook: &Hook) -> Result<bool, Trouble> {
        let rests = self
            .accounts
            .rests(own(hook)?, hook)
            .map_err(NotDone::NoBot)?;
        let Some(why) = rests else {
            return Ok(false);
        };
        self.pause(hook, &why.to_string(), "It sends nothing any more.")?;
        Ok(true)
    }

    /// Pauses a hook, and says in its channel why and what is to be known then.
    fn pause(&self, hook: &Hook, why: &str, then: &str) -> Result<(), StoreError> {
        let id = hook.program.id.as_str();
        if self.accounts.store().pause_hook(id, why, unix_ms())? {
            log::warn!("the hook {} ({id}) is paused: {why}", hook.program.name);
            let words = format!("This hook is paused: {why}. {then}");
            self.say(hook, None, MessageKind::Notice, &words);
        }
        Ok(())
    }

    /// Makes a call. Returns what came of it, and what the receiver says.
    fn call(&self, hook: &Hook, id: &str, body: &[u8]) -> (Attempt, Option<String>) {
        let at_ms = unix_ms();
        let at_s = at_ms / 1000;
        let time = at_s.to_string();
        let signature = hook.signing.as_ref().map(|key| key.sign(id, at_s, body));
        let mut fields = vec![("webhook-id", id), ("webhook-timestamp", time.as_str())];
        if let Some(signature) = &signature {
            fields.push(("webhook-signature", signature));
        }
        let url = hook.outgoing.as_ref().map_or("", |it| it.url.expose());
        let (status, error, answer) = match self.client.post(url, &fields, body) {
            Ok(answer) => {
                let status = answer.status;
                let error = match status {
                    200..=299 => None,
                    300..=399 => Some(format!("answered {status}: redirects are not followed")),
                    _ => Some(format!("answered {status}")),
                };
                let said = answer.body.filter(|_| status == 200);
                (Some(status), error, said.and_then(|it| payload::reply(&it)))
            }
            Err(why) => (None, Some(why.to_string()), None),
        };
        let attempt = Attempt {
            at_ms,
            status,
            error,
        };
        (attempt, answer)
    }

    /// Sends a test, unless the hook was removed while that waited.
    fn test(&self, hook: &Hook) {
        // Who sees what came of it may ask for another one.
        let over = Over(&self.tested, &hook.program.id);
        match self.accounts.store().hook(&hook.program.id) {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => return error.log("a hook could not be tested"),
        }
        let body = payload::of_test(hook, unix_ms());
        let id = format!("{}_test-{}", hook.program.id, unix_ms());
        let (attempt, _) = self.call(hook, &id, &body);
        drop(over);
        let noted = self
            .accounts
            .store()
            .note_attempt(&hook.program.id, &attempt);
        if let Err(error) = noted {
            error.log("it could not be noted what came of the test of a hook");
        }
    }

    /// Messages from one on, as they are now, if the bot may still read them.
    fn page(&self, hook: &Hook, from: MessageId) -> Result<Vec<Message>, NotDone> {
        let page = (Window::After(from.previous()), PAGE);
        Ok(self.read(hook, page)?.messages)
    }

    /// Reads part of the past of a hook's channel, as much as its bot may read. An administrator or
    /// operator has given the hook the channel, so it makes one that is not there.
    fn read(&self, hook: &Hook, page: (Window, usize)) -> Result<History, NotDone> {
        let within = (&hook.channel, Entry::Makes);
        let (_, history) = self.bots.read(&hook.program, own(hook)?, within, page)?;
        Ok(history)
    }

    /// Says something as the bot. A failure is logged: it is no reason to send again.
    fn say(&self, hook: &Hook, reply_to: Option<MessageId>, kind: MessageKind, words: &str) {
        let text = Text::clean(words);
        let kept = text.as_str();
        let kept = kept
            .get(..kept.floor_char_boundary(MOST_SAID))
            .unwrap_or_default();
        let once = reply_to.map(|message| Once {
            program: hook.program.id.as_str().into(),
            mark: Mark::of("answer", &format!("{message} {words}")),
            content: None,
        });
        let post = Post {
            channel: hook.channel.clone(),
            body: Body::plain(kind, Text::clean(kept)),
            reply_to,
            once: once.map(Arc::new),
        };
        let said = own(hook).and_then(|by| self.bots.post(&hook.program, by, &post));
        if let Err(error) = said {
            let id = &hook.program.id;
            log::warn!("what the hook {id} has to say was not said: {error}");
        }
    }

    /// When to try again after something that is not the receiver's fault.
    fn in_trouble(&self, duty: &Duty, trouble: Trouble) -> Next {
        let now = unix_ms();
        match trouble {
            Trouble::Store(error) => {
                error.log("a hook could not be seen to");
                Next::At(now + TROUBLE_MS)
            }
            Trouble::Bot(NotDone::Refused(refusal)) => {
                let attempt = Attempt {
                    at_ms: now,
                    status: None,
                    error: Some(refusal.to_string()),
                };
                let store = self.accounts.store();
                if let Err(error) = store.note_attempt(&duty.hook.program.id, &attempt) {
                    error.log("it could not be noted why a hook gets nothing");
                }
                Next::At(now + REFUSED_MS)
            }
            Trouble::Bot(not) => {
                log::debug!("the hook {} waits: {not}", duty.hook.program.id);
                Next::At(now + TROUBLE_MS)
            }
        }
    }
}

/// The status of what is gone for good.
const GONE: u16 = 410;
/// The most bytes of what a receiver says that are said in the channel.
const MOST_SAID: usize = 4_000;

/// A hook counts for itself: there is no address that it comes from.
fn own(hook: &Hook) -> Result<Subscriber, NotDone> {
    let bot = hook.program.bot.as_ref();
    let own = bot.map(|(account, _)| Subscriber::Program(*account));
    own.ok_or(NotDone::Silent)
}

fn done(duty: Box<Duty>, next: Next, pace: Pace) -> Done {
    Done {
        id: duty.hook.program.id.clone(),
        duty: Some(duty),
        next,
        pace,
    }
}
