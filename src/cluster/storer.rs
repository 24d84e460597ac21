//! The thread that puts the log into the store. All servers share the work:
//! each entry is handed to one of them, and to another one if that one does
//! not come to an end with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;

use crate::model::NewMessage;
use crate::store::{AppendError, Store};

use super::common::{Common, Part};
use super::entry::{self, Unreadable};
use super::error::LinkError;
use super::keys::{EntryId, node_text};
use super::link::{Backoff, Link, answer};
use super::reread::{self, Unfinished};
use super::stream::{Entry, entries, streams};

/// How long to wait for something new.
const BLOCK: Duration = Duration::from_millis(500);
/// Entries of each shard in one transaction.
const COUNT: usize = 128;
/// How often the store is asked whether it can be written to, if it has
/// nothing to do.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How often to look whether another database has taken over.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// How often the store's own quiet work is done, and in how many slices.
const TEND_EVERY: Duration = Duration::from_secs(1);
const TEND_SLICES: usize = 20;
/// How many times entries nobody finished are looked for in one go.
const CLAIMS: usize = 16;

/// See the module's documentation.
pub struct Storer {
    common: Arc<Common>,
    store: Arc<dyn Store>,
    link: Link,
    /// What the group knows it by.
    consumer: String,
    logs: Vec<String>,
    claimed: Instant,
    compared: Instant,
    tended: Instant,
    probed: Instant,
}

/// An entry to be stored, and where it is from.
struct Work {
    shard: u32,
    id: EntryId,
    /// Nothing, if it makes no sense.
    message: Option<NewMessage>,
}

impl Storer {
    pub fn new(common: Arc<Common>, store: Arc<dyn Store>) -> Storer {
        let logs = (0..common.settings.shards).map(|shard| common.key(&format!("log:{shard}")));
        let now = Instant::now();
        Storer {
            link: Link::blocking(&common.settings.redis, BLOCK),
            consumer: node_text(common.life().node),
            logs: logs.collect(),
            claimed: now,
            compared: now,
            tended: now,
            probed: now,
            store,
            common,
        }
    }

    /// Stores until it is time to end and nothing is left, or no time.
    pub fn run(&mut self) {
        let mut backoff = Backoff::default();
        loop {
            let is_last = self.common.is_stopping();
            match self.round(is_last) {
                Ok(stored) => {
                    backoff.reset();
                    self.common.report(Part::Storer, Ok::<(), LinkError>(()));
                    if is_last && (stored == 0 || self.common.is_overdue()) {
                        return;
                    }
                }
                Err(error) => {
                    if error.to_string().contains("NOGROUP") {
                        self.make_groups();
                    }
                    self.common.report(Part::Storer, Err(error));
                    if self.common.pause(backoff.next()) {
                        return;
                    }
                }
            }
        }
    }

    /// Stores what is new and does what is due; how many entries were new.
    fn round(&mut self, is_last: bool) -> Result<usize, LinkError> {
        let work = self.read(is_last)?;
        let count = work.len();
        self.finish(work)?;
        let settings = &self.common.settings;
        if self.claimed.elapsed() >= settings.claim_after / 3 {
            self.claim()?;
            self.claimed = Instant::now();
        }
        if self.compared.elapsed() >= COMPARE_EVERY && !is_last {
            self.compare_timelines()?;
            self.compared = Instant::now();
        }
        self.tend(count);
        Ok(count)
    }

    /// Whether the database is the one all servers know.
    fn compare_timelines(&mut self) -> Result<(), LinkError> {
        match reread::catch_up(&self.common, &mut self.link, &*self.store) {
            Ok(_) => Ok(()),
            // Of no room, for example.
            Err(Unfinished::Redis(LinkError::Refused(why))) => {
                log::debug!("the timeline of PostgreSQL cannot be noted: {why}");
                Ok(())
            }
            Err(Unfinished::Redis(error)) => Err(error),
            // Tried again soon; that it is away is known by who stores.
            Err(Unfinished::Store(error)) => {
                log::debug!("the timeline of PostgreSQL cannot be compared: {error}");
                Ok(())
            }
        }
    }

    fn read(&mut self, is_last: bool) -> Result<Vec<Work>, LinkError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg("store").arg(&self.consumer);
        command.arg("COUNT").arg(COUNT);
        if !is_last {
            command.arg("BLOCK").arg(BLOCK.as_millis().to_string());
        }
        command.arg("STREAMS").arg(&self.logs);
        for _ in &self.logs {
            command.arg(">");
        }
        let mut work = Vec::new();
        for (key, entries) in streams(self.link.call(&command)?) {
            let shard = self.logs.iter().position(|log| *log == key);
            let shard = shard.and_then(|shard| u32::try_from(shard).ok());
            if let Some(shard) = shard {
                self.add(shard, entries, &mut work);
            }
        }
        Ok(work)
    }

    /// Takes over what others have begun and not finished.
    fn claim(&mut self) -> Result<(), LinkError> {
        for shard in 0..self.common.settings.shards {
            let mut from = "0-0".to_owned();
            for _ in 0..CLAIMS {
                let mut command = redis::cmd("XAUTOCLAIM");
                command.arg(self.common.key(&format!("log:{shard}")));
                command.arg("store").arg(&self.consumer);
                command.arg(self.common.settings.claim_after.as_millis().to_string());
                command.arg(&from).arg("COUNT").arg(COUNT);
                let mut parts = answer::array(self.link.call(&command)?).into_iter();
                from = parts.next().and_then(answer::text).unwrap_or_default();
                let mut work = Vec::new();
                self.add(
                    shard,
                    entries(parts.next().unwrap_or(Value::Nil)),
                    &mut work,
                );
                if !work.is_empty() {
                    log::info!("storing {} messages that another server left", work.len());
                }
                self.finish(work)?;
                if from == "0-0" || from.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn add(&self, shard: u32, entries: Vec<Entry>, work: &mut Vec<Work>) {
        for Entry { id, node, bytes } in entries {
            let read = match node {
                Some(node) => entry::decode(node, id.message(shard), &bytes),
                None => Err(Unreadable::Bad),
            };
            let message = match read {
                Ok(entry) => Some(entry.message),
                Err(Unreadable::Bad) => None,
                // It stays there for those who know it.
                Err(Unreadable::Newer) => continue,
            };
            work.push(Work { shard, id, message });
        }
    }

    /// Stores, however long that takes, and says so to the group.
    fn finish(&mut self, work: Vec<Work>) -> Result<(), LinkError> {
        if work.is_empty() || !self.store_all(&work) {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for (shard, log) in self.logs.iter().enumerate() {
            let mut ids = work.iter().filter(|work| work.shard as usize == shard);
            let Some(first) = ids.next() else { continue };
            let done = pipeline.cmd("XACK").arg(log).arg("store");
            done.arg(first.id.to_string());
            for work in ids {
                done.arg(work.id.to_string());
            }
        }
        self.link.pipe(&pipeline).map(|_| ())
    }

    /// Whether all of it is in the store now. If not, it is for others to do.
    fn store_all(&self, work: &[Work]) -> bool {
        let messages: Vec<NewMessage> = work
            .iter()
            .filter_map(|work| work.message.clone())
            .collect();
        let mut backoff = Backoff::default();
        loop {
            match self.store.merge(&messages) {
                Ok(results) => {
                    self.common.report(Part::Store, Ok::<(), LinkError>(()));
                    for (message, result) in messages.iter().zip(results) {
                        if let Err(error) = result {
                            complain(message, &error);
                        }
                    }
                    return true;
                }
                Err(error) => {
                    self.common.report(Part::Store, Err(error));
                    if self.common.pause(backoff.next()) {
                        return false;
                    }
                }
            }
        }
    }

    /// Lets the store do what is left for quiet moments.
    fn tend(&mut self, busy: usize) {
        if self.tended.elapsed() < TEND_EVERY {
            return;
        }
        // What is old is so by the clock that gives out ids: one server whose
        // own is wrong must not remove what all others have.
        let now_ms = self.common.unix_ms();
        let slices = if busy == 0 { TEND_SLICES } else { 1 };
        for _ in 0..slices {
            match self.store.tend(now_ms) {
                Ok(true) if !self.common.is_stopping() => {}
                _ => break,
            }
        }
        self.tended = Instant::now();
        if busy == 0 && self.probed.elapsed() >= PROBE_EVERY {
            self.common.report(Part::Store, self.store.check_writable());
            self.probed = Instant::now();
        }
    }

    /// Somebody has emptied Redis: then all that is in it now is new.
    fn make_groups(&mut self) {
        for log in &self.logs {
            let mut command = redis::cmd("XGROUP");
            command.arg("CREATE").arg(log).arg("store").arg("0");
            command.arg("MKSTREAM");
            // Fails if there is one.
            let _ = self.link.call(&command);
        }
    }
}

fn complain(message: &NewMessage, error: &AppendError) {
    log::error!("message {} cannot be stored: {error}", message.id);
}
