//! The thread that says, beat by beat, that this server lives, and hears from
//! whoever does so as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;
use serde::Deserialize;

use super::common::{Common, Part};
use super::error::LinkError;
use super::keys::{node_text, parse_node};
use super::link::{Link, answer};
use super::settings::NodeInfo;

/// See the module's documentation.
pub struct Beat {
    common: Arc<Common>,
    link: Link,
}

/// What a node says of itself.
#[derive(Deserialize)]
struct About {
    address: String,
    connections: u64,
    started_ms: u64,
}

impl Beat {
    pub fn new(common: Arc<Common>) -> Beat {
        Beat {
            link: common.link(),
            common,
        }
    }

    /// Beats until it is time to end.
    pub fn run(&mut self) {
        let mut next = Instant::now();
        loop {
            let life = self.common.life();
            if !life.is_over {
                match self.beat(&node_text(life.node)) {
                    Ok(true) => self.common.report(Part::Beat, Ok::<(), LinkError>(())),
                    Ok(false) => {
                        let why = "it was not heard of for too long";
                        self.common.cut_off(life.number, why);
                    }
                    Err(error) => self.common.report(Part::Beat, Err(error)),
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

    /// One beat; whether the node is live.
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
        let reply = self.link.script(&self.common.scripts.beat, &arguments)?;
        let mut parts = answer::array(reply).into_iter();
        if parts.next().and_then(answer::text).as_deref() != Some("live") {
            return Ok(false);
        }
        let tick = match parts.next() {
            Some(Value::Int(tick)) => tick,
            _ => 0,
        };
        let nodes = answer::pairs(parts.next().unwrap_or(Value::Nil));
        let beats = answer::pairs(parts.next().unwrap_or(Value::Nil));
        let info = |(id, about): (String, String)| {
            let about: About = serde_json::from_str(&about).ok()?;
            let beat = beats.iter().find(|(node, _)| *node == id);
            let beat: i64 = beat.and_then(|(_, beat)| beat.parse().ok()).unwrap_or(tick);
            let ticks = u32::try_from((tick - beat).max(0)).unwrap_or(u32::MAX);
            Some(NodeInfo {
                id: parse_node(&id)?,
                address: about.address,
                connections: about.connections,
                started_ms: about.started_ms,
                beat_age: settings.beat.saturating_mul(ticks),
            })
        };
        let mut nodes: Vec<NodeInfo> = nodes.into_iter().filter_map(info).collect();
        nodes.sort_by(|a, b| (&a.address, a.id).cmp(&(&b.address, b.id)));
        self.common.set_nodes(nodes);
        Ok(true)
    }
}

/// The shortest pause between two beats, however late they are.
const TICK: Duration = Duration::from_millis(5);
