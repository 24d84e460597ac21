//! The thread that reports, beat by beat, that this server lives, and reads which others do. Now
//! and then it has Redis remove what is old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;

use crate::hub::NodeId;
use crate::model::time::unix_ms;

use super::about::{About, all_can_govern};
use super::clock::Reading;
use super::common::{Common, Part};
use super::error::LinkError;
use super::keys::{EntryId, node_text, parse_node};
use super::link::{Link, answer};
use super::settings::NodeInfo;

/// Age at which consumers of servers that are gone are removed.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

/// How many channels and people of a shard Redis forgets in one step, and in how many steps: it does
/// nothing else meanwhile.
const FORGET_AT_ONCE: i64 = 1000;
const FORGETS: usize = 20;

/// How often to measure the backlog, in beats.
const LOOK_EVERY: u32 = 5;

/// Missing beats after which no more clients are sent to a server.
const LATE: u32 = 3;

/// How many beats to keep stored entries while Redis is full.
const KEEP_IF_FULL: u32 = 60;

/// See the module's documentation.
pub struct Beat {
    common: Arc<Common>,
    link: Link,
    trimmed: Instant,
    /// `None` until the first look in this process.
    looked: Option<Instant>,
    /// For how many beats another node has had this server's address.
    twins: u32,
}

impl Beat {
    pub fn new(common: Arc<Common>) -> Beat {
        Beat {
            link: common.link(),
            trimmed: Instant::now(),
            looked: None,
            twins: 0,
            common,
        }
    }

    /// Has Redis remove entries that are old and stored, if it is time to.
    fn trim(&mut self) -> Result<(), LinkError> {
        let settings = &self.common.settings;
        if self.trimmed.elapsed() < settings.beat * settings.keep / 10 {
            return Ok(());
        }
        self.remove(None)
    }

    /// Has Redis remove stored entries that are old, or older than `older_than`.
    fn remove(&mut self, older_than: Option<Duration>) -> Result<(), LinkError> {
        let common = self.common.clone();
        let (settings, scripts) = (&common.settings, &common.scripts);
        self.trimmed = Instant::now();
        let prefix = settings.prefix.as_bytes();
        let age = older_than.map_or_else(String::new, |age| age.as_millis().to_string());
        let age = age.as_bytes();
        self.link.script(&scripts.trim, &[prefix, b"news", age])?;
        let long = FORGET_AFTER.as_millis().to_string();
        for shard in 0..settings.shards {
            let shard = shard.to_string();
            self.link
                .script(&scripts.trim, &[prefix, shard.as_bytes(), age])?;
            let arguments = [prefix, shard.as_bytes(), long.as_bytes()];
            self.link.script(&scripts.consumers, &arguments)?;
            if self.common.interest.is_some() {
                self.forget(&shard, age)?;
            }
        }
        Ok(())
    }

    /// Has Redis remove what is kept of channels and people of which nothing was published for long.
    fn forget(&mut self, shard: &str, age: &[u8]) -> Result<(), LinkError> {
        let (prefix, most) = (&self.common.settings.prefix, FORGET_AT_ONCE.to_string());
        let arguments = [prefix.as_bytes(), shard.as_bytes(), most.as_bytes(), age];
        for _ in 0..FORGETS {
            let forgotten = self.link.script(&self.common.scripts.forget, &arguments)?;
            match forgotten {
                Value::Int(count) if count >= FORGET_AT_ONCE => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// Measures the backlog for the metrics, if it is time to.
    fn look(&mut self) -> Result<(), LinkError> {
        let settings = &self.common.settings;
        let is_soon = |looked: Instant| looked.elapsed() < settings.beat * LOOK_EVERY;
        if self.looked.is_some_and(is_soon) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let read = self.common.read();
        let mut arguments = vec![
            settings.prefix.clone(),
            settings.shards.to_string(),
            read.news.to_string(),
        ];
        arguments.extend(read.logs.iter().map(EntryId::to_string));
        let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_bytes()).collect();
        let state = self.link.script(&self.common.scripts.state, &arguments)?;
        let numbers: Vec<u64> = answer::array(state)
            .into_iter()
            .filter_map(|number| answer::text(number)?.parse().ok())
            .collect();
        if let [now, unread, unstored, since] = numbers[..] {
            let age = |from: u64| match from {
                0 => Duration::ZERO,
                from => Duration::from_millis(now.saturating_sub(from)),
            };
            self.common.set_behind(age(unread), unstored, age(since));
        }
        self.look_at_memory()
    }

    /// Whether Redis has room. If not, stored entries are soon removed.
    fn look_at_memory(&mut self) -> Result<(), LinkError> {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let info = match self.link.call(&command) {
            Ok(info) => answer::text(info).unwrap_or_default(),
            // Not every Redis user may ask this.
            Err(LinkError::Refused(why)) => {
                log::debug!("Redis does not say how much memory it has: {why}");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match self.common.set_memory(&info) {
            true => self.remove(Some(self.common.settings.beat * KEEP_IF_FULL)),
            false => Ok(()),
        }
    }

    /// Beats until it is time to end.
    pub fn run(&mut self) {
        let mut next = Instant::now();
        loop {
            let life = self.common.life();
            if life.is_over {
                self.wake_reader(life.node);
            } else {
                match self.beat(&node_text(life.node)) {
                    Ok(true) => {
                        self.common.has_beaten();
                        let done = self.trim().and_then(|()| self.look());
                        self.common.report(Part::Beat, done);
                    }
                    Ok(false) => {
                        let why = "the others had not heard from it for too long";
                        self.common.cut_off(life.number, why);
                    }
                    Err(error) => {
                        self.common.has_not_beaten();
                        self.common.report(Part::Beat, Err(error));
                    }
                }
            }
            next = (next + self.common.settings.beat).max(Instant::now());
            if self
                .common
                .pause(next.saturating_duration_since(Instant::now()).max(TICK))
            {
                return;
            }
        }
    }

    /// A reader that waits for what is published has to find out that its life is over, although
    /// there are no beats any more.
    fn wake_reader(&mut self, node: NodeId) {
        if self.common.interest.is_some()
            && let Err(error) = self.common.wake(node, &mut self.link)
        {
            log::debug!("the reader cannot be woken: {error}");
        }
    }

    /// Whether another node has this server's address. After a restart that is so until the former
    /// life is given up.
    fn look_for_twins(&mut self, nodes: &[NodeInfo]) {
        let settings = &self.common.settings;
        let own = self.common.life().node;
        let is_twin = |node: &&NodeInfo| {
            let is_alive = node.beat_age <= settings.beat * LATE;
            node.id != own && node.address == settings.address && is_alive
        };
        let has_twin = !settings.address.is_empty() && nodes.iter().any(|node| is_twin(&node));
        self.twins = if has_twin {
            self.twins.saturating_add(1)
        } else {
            0
        };
        if self.twins == settings.patience.saturating_add(1) {
            log::error!(
                "another live server tells clients the address {}, too: give each of them its \
                 own in cluster.advertise",
                settings.address
            );
        }
        self.common.set_twin(self.twins > settings.patience);
    }

    /// Sends one beat. Returns whether the node is live.
    fn beat(&mut self, node: &str) -> Result<bool, LinkError> {
        let settings = &self.common.settings;
        // Beats are late now and then, which must not cost every second tick.
        let shortest = (settings.beat.as_millis() * 9 / 10).to_string();
        let (patience, keep) = (
            settings.patience.to_string(),
            settings.keep.max(1).to_string(),
        );
        let arguments: [&[u8]; 6] = [
            settings.prefix.as_bytes(),
            node.as_bytes(),
            &self.common.about().into_bytes(),
            shortest.as_bytes(),
            patience.as_bytes(),
            keep.as_bytes(),
        ];
        let before = unix_ms();
        let reply = self.link.script(&self.common.scripts.beat, &arguments)?;
        let after = unix_ms();
        let mut parts = answer::array(reply).into_iter();
        if parts.next().and_then(answer::text).as_deref() != Some("live") {
            return Ok(false);
        }
        let tick = match parts.next() {
            Some(Value::Int(tick)) => tick,
            _ => 0,
        };
        let nodes = answer::pairs(parts.next().unwrap_or(Value::Nil));
        if all_can_govern(nodes.iter().map(|(_, about)| about.as_str())) {
            self.common.all_can_govern();
        }
        let beats = answer::pairs(parts.next().unwrap_or(Value::Nil));
        let redis = parts.next().and_then(answer::text);
        if let Some(redis) = redis.and_then(|ms| ms.parse().ok()) {
            self.common.compare_clocks(Reading {
                before,
                redis,
                after,
            });
        }
        let info = |(id, about): (String, String)| {
            let about = About::parse(&about)?;
            let beat = beats.iter().find(|(node, _)| *node == id);
            let beat: i64 = beat.and_then(|(_, beat)| beat.parse().ok()).unwrap_or(tick);
            let ticks = u32::try_from((tick - beat).max(0)).unwrap_or(u32::MAX);
            Some(NodeInfo {
                is_ready: about.ready && ticks <= LATE,
                id: parse_node(&id)?,
                address: about.address,
                connections: about.connections,
                is_draining: about.draining,
                started_ms: about.started_ms,
                version: about.version,
                beat_age: settings.beat.saturating_mul(ticks),
            })
        };
        let mut nodes: Vec<NodeInfo> = nodes.into_iter().filter_map(info).collect();
        nodes.sort_by(|a, b| (&a.address, a.id).cmp(&(&b.address, b.id)));
        self.look_for_twins(&nodes);
        self.common.set_nodes(nodes);
        Ok(true)
    }
}

/// The shortest pause between two beats, however late they are.
const TICK: Duration = Duration::from_millis(5);
