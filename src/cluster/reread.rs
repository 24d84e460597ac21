//! Stores again what the log still has, after the database has continued from another point.
//!
//! A standby that takes over while it is behind lacks messages that were stored, acknowledged and
//! seen. The log keeps them for some minutes more. A message that is there already is left as it
//! is, so all entries are stored again, each shard by the first server that comes to it.

use redis::Value;

use crate::model::Record;
use crate::store::{Store, StoreError};

use super::common::Common;
use super::entry;
use super::error::LinkError;
use super::link::{Link, answer};
use super::stream::entries;

/// Entries in one transaction.
const COUNT: usize = 500;
/// Seconds after which another server takes over a shard that is not being continued, and for which
/// a finished one is remembered.
const CLAIMED_S: u64 = 60;
const DONE_S: u64 = 3600;

/// Why it has to be tried again.
pub enum Unfinished {
    Redis(LinkError),
    Store(StoreError),
}

impl From<LinkError> for Unfinished {
    fn from(error: LinkError) -> Unfinished {
        Unfinished::Redis(error)
    }
}

/// Checks whether the database continues from another point than the servers know, and stores again
/// what is needed. Returns whether nothing is left to do.
pub fn catch_up(common: &Common, link: &mut Link, store: &dyn Store) -> Result<bool, Unfinished> {
    let Some(now) = store.timeline().map_err(Unfinished::Store)? else {
        return Ok(true);
    };
    let key = common.key("timeline");
    let known = answer::text(link.call(redis::cmd("GET").arg(&key))?);
    if known.as_deref() == Some(&now) {
        return Ok(true);
    }
    if let Some(known) = known {
        let mut is_done = true;
        for shard in 0..common.settings.shards {
            is_done &= shard_again(common, link, store, shard, &now)?;
        }
        if !is_done {
            return Ok(false);
        }
        log::warn!(
            "another PostgreSQL has taken over (timeline {now} after {known}): what Redis still \
             had of the last minutes has been stored again"
        );
    }
    link.call(redis::cmd("SET").arg(&key).arg(&now))?;
    Ok(true)
}

/// Stores a shard again, unless another server does or did. Returns whether it is done.
fn shard_again(
    common: &Common,
    link: &mut Link,
    store: &dyn Store,
    shard: u32,
    timeline: &str,
) -> Result<bool, Unfinished> {
    let claim = common.key(&format!("again:{timeline}:{shard}"));
    let node = super::keys::node_text(common.life().node);
    let mut take = redis::cmd("SET");
    take.arg(&claim)
        .arg(&node)
        .arg("NX")
        .arg("EX")
        .arg(CLAIMED_S);
    if link.call(&take)? == Value::Nil {
        let by = answer::text(link.call(redis::cmd("GET").arg(&claim))?);
        match by.as_deref() {
            Some("done") => return Ok(true),
            // This server, before something went wrong.
            Some(by) if by == node => {}
            _ => return Ok(false),
        }
    }
    let mut from = "-".to_owned();
    loop {
        let mut command = redis::cmd("XRANGE");
        command.arg(common.key(&format!("log:{shard}")));
        command.arg(&from).arg("+").arg("COUNT").arg(COUNT);
        let page = entries(link.call(&command)?);
        let is_last = page.len() < COUNT;
        if let Some(last) = page.last() {
            from = format!("({}", last.id);
        }
        let messages: Vec<Record> = page
            .iter()
            .filter_map(|entry| {
                let read = entry::decode(entry.node?, entry.id.message(shard), &entry.bytes);
                Some(read.ok()?.record)
            })
            .collect();
        // What cannot be stored now, such as a message of an account that is lost, never will be.
        store.merge(&messages).map_err(Unfinished::Store)?;
        if is_last || common.is_stopping() {
            break;
        }
        link.call(redis::cmd("EXPIRE").arg(&claim).arg(CLAIMED_S))?;
    }
    if common.is_stopping() {
        return Ok(false);
    }
    link.call(
        redis::cmd("SET")
            .arg(&claim)
            .arg("done")
            .arg("EX")
            .arg(DONE_S),
    )?;
    Ok(true)
}
