//! The thread that copies the log to the store. All servers share the work: each entry is handed to
//! one of them, and to another if that one does not finish it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;

use crate::model::{MessageId, Record};
use crate::store::{AppendError, Store};

use super::common::{Common, Part};
use super::entry::{self, Unreadable};
use super::error::LinkError;
use super::keys::{EntryId, node_text};
use super::link::{Backoff, Link, answer};
use super::reread::{self, Unfinished};
use super::stream::{Entry, entries, streams};
use super::unstored;

/// How long to wait for something new.
const BLOCK: Duration = Duration::from_millis(500);
/// Entries of each shard in one transaction.
const COUNT: usize = 128;
/// How often an idle store is checked for being writable.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How often to check whether another database has taken over.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// How often the store's background work is done, and in how many slices.
const TEND_EVERY: Duration = Duration::from_secs(1);
const TEND_SLICES: usize = 20;
/// How many times in one round to look for entries that were not finished.
const CLAIMS: usize = 16;

/// See the module's documentation.
pub struct Storer {
    common: Arc<Common>,
    store: Arc<dyn Store>,
    link: Link,
    /// Its name in the consumer group.
    consumer: String,
    logs: Vec<String>,
    claimed: Instant,
    compared: Instant,
    tended: Instant,
    probed: Instant,
}

/// An entry to be stored, and where it comes from.
struct Work {
    shard: u32,
    id: EntryId,
    /// `None` if the entry is malformed.
    record: Option<Record>,
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

    /// Stores until it is time to stop and nothing is left, or there is no time left.
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

    /// Stores what is new and does what is due. Returns the number of new entries.
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

    /// Checks whether the database is the one that all servers know.
    fn compare_timelines(&mut self) -> Result<(), LinkError> {
        match reread::catch_up(&self.common, &mut self.link, &*self.store) {
            Ok(_) => Ok(()),
            // For lack of memory, for example.
            Err(Unfinished::Redis(LinkError::Refused(why))) => {
                log::debug!("the timeline of PostgreSQL cannot be noted: {why}");
                Ok(())
            }
            Err(Unfinished::Redis(error)) => Err(error),
            // Tried again soon; the outage itself is reported where messages are stored.
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

    /// Takes over entries that other servers have begun and not finished.
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
        for Entry {
            id, node, bytes, ..
        } in entries
        {
            let read = match node {
                Some(node) => entry::decode(node, id.message(shard), &bytes),
                None => Err(Unreadable::Bad),
            };
            let record = match read {
                Ok(entry) => Some(entry.record),
                Err(Unreadable::Bad) => None,
                // It stays there for servers that know the version.
                Err(Unreadable::Newer) => continue,
            };
            work.push(Work { shard, id, record });
        }
    }

    /// Stores entries, however long that takes, and acknowledges them to the group.
    fn finish(&mut self, work: Vec<Work>) -> Result<(), LinkError> {
        if work.is_empty() {
            return Ok(());
        }
        let mut earlier = self.earlier_changes(&work)?;
        earlier.extend(self.amended_messages(&work)?);
        if !self.store_all(earlier, &work) {
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

    /// The changes of channels before those to be stored that another server may not have stored
    /// yet. They are stored together: so what the store has of a channel's changes never lacks an
    /// older one, and the log has the rest.
    fn earlier_changes(&mut self, work: &[Work]) -> Result<Vec<Record>, LinkError> {
        let mut last: BTreeMap<u32, EntryId> = BTreeMap::new();
        for work in work {
            if matches!(work.record, Some(Record::Change(_))) {
                let last = last.entry(work.shard).or_default();
                *last = work.id.max(*last);
            }
        }
        let mut earlier = Vec::new();
        for (shard, last) in last {
            let from = unstored::unstored_from(&mut self.link, &self.common, shard)?.from;
            let log = self.common.key(&format!("log:{shard}"));
            let changes = unstored::changes_between(&mut self.link, &log, shard, from, Some(last))?;
            let changes = changes.into_iter().map(Box::new).map(Record::Change);
            earlier.extend(changes);
        }
        Ok(earlier)
    }

    /// The messages that are to be changed, and that another server may not have stored yet: what is
    /// changed must be there.
    fn amended_messages(&mut self, work: &[Work]) -> Result<Vec<Record>, LinkError> {
        let mut messages = Vec::new();
        for work in work {
            let id = match &work.record {
                Some(Record::Amend(amendment)) => amendment.message,
                Some(Record::React(reaction)) => reaction.message,
                _ => continue,
            };
            let log = self.common.key(&format!("log:{}", work.shard));
            let entry = unstored::message(&mut self.link, &log, work.shard, id)?;
            messages.extend(entry.map(|entry| entry.record));
        }
        Ok(messages)
    }

    /// Whether all of it is in the store now, the changes before it first. If not, it is left to
    /// other servers.
    fn store_all(&self, mut records: Vec<Record>, work: &[Work]) -> bool {
        let is_earlier: BTreeSet<MessageId> = records.iter().map(Record::id).collect();
        let own = work.iter().filter_map(|work| work.record.clone());
        records.extend(own.filter(|record| !is_earlier.contains(&record.id())));
        let mut backoff = Backoff::default();
        loop {
            match self.store.merge(&records) {
                Ok(results) => {
                    self.common.report(Part::Store, Ok::<(), LinkError>(()));
                    for (record, result) in records.iter().zip(results) {
                        if let Err(error) = result {
                            complain(record, &error);
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

    /// Lets the store do its background work.
    fn tend(&mut self, busy: usize) {
        if self.tended.elapsed() < TEND_EVERY {
            return;
        }
        // Age counts by the clock that gives out ids: a server whose own clock is wrong must not
        // remove messages of all.
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

    /// Redis was emptied: everything in it now is new.
    fn make_groups(&mut self) {
        for log in &self.logs {
            let mut command = redis::cmd("XGROUP");
            command.arg("CREATE").arg(log).arg("store").arg("0");
            command.arg("MKSTREAM");
            // Fails if the group exists.
            let _ = self.link.call(&command);
        }
    }
}

fn complain(record: &Record, error: &AppendError) {
    log::error!("entry {} of the log cannot be stored: {error}", record.id());
}
