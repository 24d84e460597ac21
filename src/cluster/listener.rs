//! Hears of what this server's own people need: Redis publishes it, and what was missed is read.
//!
//! A connection that lives loses nothing. On a new one, the last position of everything that is
//! followed is compared with the last that was heard of; only then is the server ready. A
//! publication names the position before it, so whatever is missing all the same is found with the
//! next one, or when an own message is overdue. What cannot be read any more ends this life.

use std::collections::HashSet;
use std::sync::Arc;

use redis::Value;

use crate::hub::{News, Settled};
use crate::model::{Place, Record};

use super::common::Common;
use super::ears::{Ears, Heard};
use super::entry::{LogEntry, Unreadable};
use super::error::LinkError;
use super::hearing::{
    Cursors, MISSING, hear_news, is_missing, others, own_draft, read_entry, to_recipient, to_sender,
};
use super::interest::{Interest, Verdict};
use super::keys::EntryId;
use super::link::{ANSWER, Link, answer};
use super::stream::{Entry, entries};
use super::topic::{Heading, Headings, Publication, Topic};

/// Topics that Redis is asked for at once.
const CHUNK: usize = 500;
/// Entries that are read at once.
const PAGE: usize = 500;
/// How many beats, which are published too, may fail to come.
const BEATS: u32 = 2;

/// See the module's documentation.
pub struct Listener {
    common: Arc<Common>,
    interest: Arc<Interest>,
    /// `None` until it has heard, and after every failure.
    hearing: Option<Hearing>,
}

/// One connection.
struct Hearing {
    common: Arc<Common>,
    interest: Arc<Interest>,
    ears: Ears,
    headings: Headings,
    /// For what has to be read.
    link: Link,
    news: Vec<News>,
}

impl Listener {
    pub fn new(common: Arc<Common>, interest: Arc<Interest>) -> Listener {
        Listener {
            common,
            interest,
            hearing: None,
        }
    }

    /// Begins a life, under another id.
    pub fn begin(&mut self) {
        self.hearing = None;
    }

    /// Waits for the next thing to hear of; the first time until nothing is missing.
    pub fn hear(&mut self, cursors: &mut Cursors) -> Result<Vec<News>, LinkError> {
        let (mut hearing, is_new) = match self.hearing.take() {
            Some(hearing) => (hearing, false),
            None => (self.connect(cursors)?, true),
        };
        let done = match is_new {
            true => hearing.catch_up(cursors),
            false => hearing.next(cursors),
        };
        let news = std::mem::take(&mut hearing.news);
        match done {
            Ok(()) => {
                self.hearing = Some(hearing);
                Ok(news)
            }
            Err(error) => {
                // What came before the failure counts as heard of.
                self.common.deliver(news);
                match hearing.ears.is_interrupted && !is_new {
                    true => self.hear(cursors),
                    false => Err(error),
                }
            }
        }
    }

    fn connect(&self, cursors: &Cursors) -> Result<Hearing, LinkError> {
        self.interest.lost_touch();
        let settings = &self.common.settings;
        let patience = settings.beat * BEATS + ANSWER;
        Ok(Hearing {
            ears: Ears::open(&settings.redis, patience)?,
            headings: Headings::new(settings, cursors.life.node),
            link: self.common.link(),
            news: Vec::new(),
            common: self.common.clone(),
            interest: self.interest.clone(),
        })
    }
}

impl Hearing {
    /// Follows everything anew, and reads what was missed.
    fn catch_up(&mut self, cursors: &mut Cursors) -> Result<(), LinkError> {
        self.follow(vec![Heading::News, Heading::Own], cursors)?;
        self.read_news(cursors)?;
        let since = self.interest.time();
        self.follow_wanted(cursors)?;
        self.check_forgotten(since, cursors)
    }

    /// What is kept of a topic may be gone although not all of it was heard of: if anything was
    /// removed that is newer than the last sign of Redis, that cannot be known.
    fn check_forgotten(&mut self, since: EntryId, cursors: &Cursors) -> Result<(), LinkError> {
        if since == EntryId::default() {
            return Ok(());
        }
        let mut command = redis::cmd("HGETALL");
        command.arg(self.common.key("forgotten"));
        let removed = answer::pairs(self.link.call(&command)?);
        let is_newer = |id: &str| id.parse().is_ok_and(|id: EntryId| id > since);
        if removed.iter().any(|(_, id)| is_newer(id)) {
            self.common.cut_off(cursors.life.number, MISSING);
        }
        Ok(())
    }

    fn next(&mut self, cursors: &mut Cursors) -> Result<(), LinkError> {
        match self.ears.next()? {
            Heard::Publication(name, bytes) => self.take(&name, &bytes, cursors),
            Heard::Follows(_) | Heard::Nothing => Ok(()),
        }
    }

    fn take(&mut self, name: &str, bytes: &[u8], cursors: &mut Cursors) -> Result<(), LinkError> {
        let Some(heading) = self.headings.parse(name) else {
            return Ok(());
        };
        if heading == Heading::Own {
            return self.take_beat(bytes, cursors);
        }
        let Some(publication) = Publication::parse(bytes) else {
            self.common.skipped(Unreadable::Bad);
            return Ok(());
        };
        match heading {
            Heading::News if publication.position <= cursors.news => Ok(()),
            Heading::News if publication.before > cursors.news => self.read_news(cursors),
            Heading::News => {
                let entry = Entry {
                    id: publication.position,
                    node: publication.node,
                    message: publication.message,
                    bytes: publication.entry,
                };
                hear_news(&self.common, cursors, vec![entry], &mut self.news);
                Ok(())
            }
            Heading::Of(topic) => {
                let (before, position) = (publication.before, publication.position);
                match self.interest.hears(&topic, before, position) {
                    Verdict::New => self.tell(&topic, &publication, cursors),
                    Verdict::Known => {}
                    Verdict::Gap(after) => self.read_recent(&topic, after, cursors)?,
                }
                Ok(())
            }
            Heading::Own => Ok(()),
        }
    }

    /// A beat, or this server's other threads want something.
    fn take_beat(&mut self, bytes: &[u8], cursors: &mut Cursors) -> Result<(), LinkError> {
        let text = std::str::from_utf8(bytes).ok();
        if let Some(ms) = text.and_then(|text| text.parse().ok()) {
            self.interest.set_time(ms);
            self.read_overdue(cursors)?;
            self.leave_idle()?;
        }
        self.follow_wanted(cursors)
    }

    /// Follows what the people here need and Redis was not asked for.
    fn follow_wanted(&mut self, cursors: &mut Cursors) -> Result<(), LinkError> {
        loop {
            let topics = self.interest.take_wanted(CHUNK);
            if topics.is_empty() {
                return Ok(());
            }
            let headings = topics.iter().cloned().map(Heading::Of).collect();
            self.follow(headings, cursors)?;
            self.confirm(&topics, cursors)?;
            // What comes next need not wait for all of the others.
            self.common.deliver(std::mem::take(&mut self.news));
        }
    }

    /// Asks Redis for publications, and goes on hearing the others until it has confirmed that.
    fn follow(&mut self, what: Vec<Heading>, cursors: &mut Cursors) -> Result<(), LinkError> {
        let names: Vec<String> = what.iter().map(|it| self.headings.text(it)).collect();
        self.ears.follow(&names)?;
        let mut asked: HashSet<String> = names.into_iter().collect();
        while !asked.is_empty() {
            match self.ears.next()? {
                Heard::Follows(name) => drop(asked.remove(&name)),
                // Whatever else is wanted is seen to after this, and at the next beat.
                Heard::Publication(name, _) if self.headings.is_own(&name) => {}
                Heard::Publication(name, bytes) => self.take(&name, &bytes, cursors)?,
                Heard::Nothing => {}
            }
        }
        Ok(())
    }

    /// Compares the last positions of topics that are followed again with what was heard of.
    fn confirm(&mut self, topics: &[Topic], cursors: &Cursors) -> Result<(), LinkError> {
        let shards = self.common.settings.shards;
        let mut arguments = vec![self.common.settings.prefix.clone()];
        arguments.extend(topics.iter().map(|topic| topic.text(shards)));
        let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_bytes()).collect();
        let heads = self.link.script(&self.common.scripts.heads, &arguments)?;
        let mut heads = answer::array(heads).into_iter().map(answer::text);
        for topic in topics {
            let mut id = || -> Option<EntryId> { heads.next()??.parse().ok() };
            let (position, message) = (id(), id());
            let last = position.zip(message.map(EntryId::as_message));
            let (gap, settled) = self.interest.confirmed(topic, last);
            self.settle(settled);
            if let Some(after) = gap {
                self.read_recent(topic, after, cursors)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, settled: Vec<Settled>) {
        self.news.extend(settled.into_iter().map(News::Settled));
    }

    /// Reads the news that were not heard of.
    fn read_news(&mut self, cursors: &mut Cursors) -> Result<(), LinkError> {
        loop {
            let mut pipeline = redis::pipe();
            let read = pipeline.cmd("XRANGE").arg(self.common.key("news"));
            read.arg(format!("({}", cursors.news)).arg("+");
            read.arg("COUNT").arg(PAGE);
            let removed = pipeline.cmd("HGET").arg(self.common.key("trimmed"));
            removed.arg("news");
            let mut values = self.link.pipe(&pipeline)?.into_iter();
            let page = entries(values.next().unwrap_or(Value::Nil));
            let removed = values.next().and_then(answer::text);
            let removed = removed.and_then(|id| id.parse().ok());
            if is_missing(cursors.news, removed, page.first().map(|it| it.id)) {
                self.common.cut_off(cursors.life.number, MISSING);
                return Ok(());
            }
            let is_last = page.len() < PAGE;
            hear_news(&self.common, cursors, page, &mut self.news);
            if is_last || self.common.life().is_over {
                return Ok(());
            }
            self.common.deliver(std::mem::take(&mut self.news));
        }
    }

    /// Reads what was not heard of a topic, from a position on.
    fn read_recent(
        &mut self,
        topic: &Topic,
        mut after: EntryId,
        cursors: &Cursors,
    ) -> Result<(), LinkError> {
        self.interest.count_gap();
        let settings = &self.common.settings;
        let (prefix, text) = (settings.prefix.clone(), topic.text(settings.shards));
        let most = PAGE.to_string();
        loop {
            let position = after.to_string();
            let arguments = [&prefix, &text, &position, &most];
            let arguments = arguments.map(|text| text.as_bytes());
            let page = self.link.script(&self.common.scripts.recent, &arguments)?;
            let page = answer::array(page);
            let is_last = page.len() < PAGE;
            for kept in page {
                let publication = match kept {
                    Value::BulkString(bytes) => Publication::parse(&bytes),
                    _ => None,
                };
                let publication = publication.filter(|it| it.before <= after);
                let Some(publication) = publication else {
                    self.common.cut_off(cursors.life.number, MISSING);
                    return Ok(());
                };
                after = publication.position;
                self.interest.has_read(topic, after);
                self.tell(topic, &publication, cursors);
            }
            self.common.deliver(std::mem::take(&mut self.news));
            if is_last {
                return Ok(());
            }
        }
    }

    /// Reads what should have been heard of by now: own messages are committed that were not.
    fn read_overdue(&mut self, cursors: &mut Cursors) -> Result<(), LinkError> {
        let long = self.common.settings.overdue;
        for topic in self.interest.overdue(long) {
            match &topic {
                None => self.read_news(cursors)?,
                Some(topic) => {
                    if let Some(after) = self.interest.heard(topic) {
                        self.read_recent(topic, after, cursors)?;
                    }
                }
            }
            let settled = self.interest.settle_overdue(&topic, long);
            self.settle(settled);
        }
        Ok(())
    }

    /// Follows no longer what nobody here has needed for a while.
    fn leave_idle(&mut self) -> Result<(), LinkError> {
        let linger = self.common.settings.linger;
        let (topics, settled) = self.interest.take_idle(linger);
        self.settle(settled);
        for topics in topics.chunks(CHUNK) {
            let headings = topics.iter().cloned().map(Heading::Of);
            let names: Vec<String> = headings.map(|it| self.headings.text(&it)).collect();
            self.ears.leave(&names)?;
        }
        Ok(())
    }

    /// Has the hub told of an entry of a topic.
    fn tell(&mut self, topic: &Topic, publication: &Publication, cursors: &Cursors) {
        let id = publication.message.unwrap_or_default();
        let written = (publication.node, publication.entry.as_slice());
        let Some(entry) = read_entry(&self.common, id, written) else {
            return;
        };
        let is_own = entry.node == cursors.life.node;
        match topic {
            Topic::Channel(_) if is_own => self.news.push(own_draft(&self.common, &entry)),
            Topic::Channel(_) => self.news.push(others(entry.record)),
            Topic::Person(_) if entry.private_message().is_some() => {
                self.tell_message(topic, &entry, is_own);
            }
            // The answer to the batch has settled it.
            Topic::Person(_) if is_own => {}
            Topic::Person(_) if self.is_told_by(topic, &entry.record) => {
                self.news.push(others(entry.record));
            }
            Topic::Person(_) => {}
        }
    }

    /// A private message: each of its two parties is told by what is followed for them.
    fn tell_message(&mut self, topic: &Topic, entry: &LogEntry, is_own: bool) {
        let Some(Place::Direct { from, to }) = entry.record.message().map(|it| &it.place) else {
            return;
        };
        if *topic == Topic::Person(*to) {
            self.news.extend(to_recipient(entry));
        }
        if *topic == Topic::Person(*from) {
            self.news.extend(to_sender(entry, is_own));
        }
    }

    /// Whether the hub is told of a change in a thread by this topic, and not by that of the other
    /// party, who is here as well.
    fn is_told_by(&self, topic: &Topic, record: &Record) -> bool {
        let mut topics = Topic::of(record).into_iter();
        topics.find(|it| self.interest.is_followed(it)).as_ref() == Some(topic)
    }
}
