//! The thread that reads what other servers have written, and tells the hub.
//!
//! It reads every shard, or [listens](super::listener) to what this server's own people need. After
//! any failure of the connection it continues where it was. It never continues across a gap: then
//! this life is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redis::Value;

use crate::hub::News;

use super::common::{Common, Life, Part};
use super::error::{FORGETFUL, LinkError};
use super::hearing::{Cursors, MISSING, hear_entry, hear_news, is_missing};
use super::join;
use super::keys::{EntryId, node_text, parse_node};
use super::link::{Backoff, Link, answer};
use super::listener::Listener;
use super::notice;
use super::store::ClusterStore;
use super::stream::{Entry, streams};

/// How long to wait for something new.
const BLOCK: Duration = Duration::from_millis(1000);
/// Entries of each stream in one answer.
const COUNT: usize = 500;
/// How often to try to read the rules of channels.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How often to check whether the next life has begun.
const LIMBO: Duration = Duration::from_millis(20);

/// See the module's documentation.
pub struct Reader {
    common: Arc<Common>,
    store: Arc<ClusterStore>,
    link: Link,
    /// What it hears by, unless it reads everything.
    listener: Option<Listener>,
    /// When it last tried to read the rules of channels that the hub has yet to be told.
    asked_rules: Option<Instant>,
}

impl Reader {
    pub fn new(common: Arc<Common>, store: Arc<ClusterStore>) -> Reader {
        Reader {
            link: Link::blocking(&common.settings.redis, BLOCK),
            listener: (common.interest.as_ref())
                .map(|interest| Listener::new(common.clone(), interest.clone())),
            store,
            common,
            asked_rules: None,
        }
    }

    /// The rules of channels, if the hub has yet to be told them and they can be read now. Whatever
    /// changes after they are read is read from the log afterwards.
    fn owed_rules(&mut self) -> Option<News> {
        let is_soon = |asked: Instant| asked.elapsed() < ASK_EVERY;
        if !self.common.owes_rules.load(Ordering::Acquire) || self.asked_rules.is_some_and(is_soon)
        {
            return None;
        }
        self.asked_rules = Some(Instant::now());
        let rules = self.store.rules().ok()?;
        self.common.owes_rules.store(false, Ordering::Release);
        Some(News::Rules(rules))
    }

    /// Reads, life after life, until it is time to stop.
    pub fn run(&mut self) {
        while !self.common.is_stopping() {
            let life = self.common.life();
            self.live(&life);
            if self.common.is_stopping() {
                return;
            }
            self.common.deliver(vec![News::CutOff]);
            while self.common.life().number == life.number {
                if self.common.pause(LIMBO) {
                    return;
                }
            }
        }
    }

    /// Reads until this life is over.
    fn live(&mut self, life: &Life) {
        let mut cursors = Cursors::of(life);
        if let Some(listener) = &mut self.listener {
            listener.begin();
            // The logs are not read, so nothing of them can be missed.
            cursors.logs.clear();
        }
        let mut is_new = true;
        let mut backoff = Backoff::default();
        while !self.is_over(life) {
            let read = match is_new {
                true => self.roster(&mut cursors),
                false => self.next(&mut cursors),
            };
            match read {
                Ok(news) => {
                    is_new = false;
                    backoff.reset();
                    self.common.report(Part::Reader, Ok::<(), LinkError>(()));
                    self.common.deliver(news);
                    let rules = self.owed_rules();
                    self.common.deliver(Vec::from_iter(rules));
                    self.common
                        .set_read(life.number, cursors.news, &cursors.logs);
                }
                Err(error) => {
                    self.common.report(Part::Reader, Err(error));
                    if self.common.pause(backoff.next()) {
                        return;
                    }
                }
            }
        }
    }

    fn is_over(&self, life: &Life) -> bool {
        let now = self.common.life();
        now.is_over || now.number != life.number || self.common.is_stopping()
    }

    /// The bans, and who is online on the other servers, each up to a position in the news.
    fn roster(&mut self, cursors: &mut Cursors) -> Result<Vec<News>, LinkError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(self.common.key("nodes"));
        let nodes = answer::array(self.link.call(&command)?);
        let nodes = nodes.into_iter().filter_map(answer::text);
        let (settings, scripts) = (&self.common.settings, &self.common.scripts);
        let Some(bans) = join::bans(settings, scripts, &mut self.link)? else {
            // There were bans when this life began, or at least the empty set.
            self.common.cut_off(cursors.life.number, FORGETFUL);
            return Ok(Vec::new());
        };
        let mut news = vec![News::Bans(bans)];
        for node in nodes.filter_map(|text| parse_node(&text)) {
            if node == cursors.life.node {
                continue;
            }
            let mut command = redis::cmd("HGETALL");
            command.arg(self.common.key(&format!("people:{}", node_text(node))));
            for (key, line) in answer::pairs(self.link.call(&command)?) {
                if key.is_empty() {
                    let up_to = line.parse().unwrap_or_default();
                    cursors.known.insert(node, up_to);
                    continue;
                }
                match notice::read_person(line.as_bytes()) {
                    Ok(changes) => {
                        let told = |change| News::Roster(node, change);
                        news.extend(changes.into_iter().map(told));
                    }
                    Err(why) => self.common.skipped(why),
                }
            }
        }
        news.push(News::Met);
        Ok(news)
    }

    /// Waits for something new.
    fn next(&mut self, cursors: &mut Cursors) -> Result<Vec<News>, LinkError> {
        match &mut self.listener {
            Some(listener) => listener.hear(cursors),
            None => self.read(cursors),
        }
    }

    /// Reads what is new.
    fn read(&mut self, cursors: &mut Cursors) -> Result<Vec<News>, LinkError> {
        let mut pipeline = redis::pipe();
        let block = BLOCK.as_millis().to_string();
        let read = pipeline.cmd("XREAD").arg("COUNT").arg(COUNT);
        read.arg("BLOCK").arg(block).arg("STREAMS");
        read.arg(self.common.key("news"));
        for shard in 0..cursors.logs.len() {
            read.arg(self.common.key(&format!("log:{shard}")));
        }
        read.arg(cursors.news.to_string());
        for cursor in &cursors.logs {
            read.arg(cursor.to_string());
        }
        // Asked for at the same time, so that what is removed later is not missed.
        pipeline.cmd("HGETALL").arg(self.common.key("trimmed"));
        let mut values = self.link.pipe(&pipeline)?.into_iter();
        let streams = streams(values.next().unwrap_or(Value::Nil));
        let trimmed = answer::pairs(values.next().unwrap_or(Value::Nil));
        if self.misses_something(cursors, &streams, &trimmed) {
            self.common.cut_off(cursors.life.number, MISSING);
            return Ok(Vec::new());
        }
        let mut news = Vec::new();
        for (key, entries) in streams {
            match key.rsplit_once(":log:").and_then(|(_, n)| n.parse().ok()) {
                Some(shard) => self.read_log(cursors, shard, entries, &mut news),
                None => hear_news(&self.common, cursors, entries, &mut news),
            }
        }
        Ok(news)
    }

    /// Whether something was removed before it was read.
    fn misses_something(
        &self,
        cursors: &Cursors,
        streams: &[(String, Vec<Entry>)],
        trimmed: &[(String, String)],
    ) -> bool {
        trimmed.iter().any(|(short, last)| {
            let Ok(last) = last.parse::<EntryId>() else {
                return false;
            };
            let (key, cursor) = match short.parse::<usize>() {
                Ok(shard) => (
                    self.common.key(&format!("log:{shard}")),
                    cursors.logs.get(shard).copied(),
                ),
                Err(_) => (self.common.key("news"), Some(cursors.news)),
            };
            let first = streams
                .iter()
                .find(|(stream, _)| *stream == key)
                .and_then(|(_, entries)| entries.first());
            cursor.is_some_and(|it| is_missing(it, Some(last), first.map(|it| it.id)))
        })
    }

    fn read_log(
        &self,
        cursors: &mut Cursors,
        shard: u32,
        entries: Vec<Entry>,
        news: &mut Vec<News>,
    ) {
        let own = cursors.life.node;
        let Some(cursor) = cursors.logs.get_mut(shard as usize) else {
            return;
        };
        for entry in entries {
            *cursor = entry.id;
            let id = entry.id.message(shard);
            let heard = hear_entry(&self.common, own, id, (entry.node, &entry.bytes));
            news.extend(heard.into_iter().flatten());
        }
    }
}
