//! How well a server that is one of several reaches what they share. A server that stands alone has
//! none of these.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The values at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClusterHealth {
    /// Redis, which holds the common log.
    pub redis: ServiceHealth,
    /// PostgreSQL, which stores the messages.
    pub postgres: ServiceHealth,
    /// Live servers, as of the last beat.
    pub servers: u64,
    /// How often this server has joined them.
    pub joined: u64,
    /// Whether another live server has this one's address.
    pub has_twin: bool,
    /// Bytes of memory that Redis uses.
    pub redis_bytes: u64,
    /// The limit on its memory; 0 is none.
    pub redis_max_bytes: u64,
    /// How many seconds this server's clock is ahead of that of Redis.
    pub clock_seconds: f64,
    /// What this server follows, unless it hears of everything.
    pub interest: Option<InterestHealth>,
    /// The age of the oldest entry of the log that this server has not read.
    pub behind_seconds: f64,
    /// Entries of the log that no server has stored yet.
    pub unstored: u64,
    /// The age of the oldest of those entries.
    pub unstored_seconds: f64,
}

/// How a server hears of what its own people need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterestHealth {
    /// Channels and people that it follows.
    pub followed: u64,
    /// How often it has read entries of one that it had not heard of.
    pub gaps: u64,
    /// How often an own message was committed and not heard of in time.
    pub overdue: u64,
}

/// A service that the servers depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceHealth {
    /// Whether it answers.
    pub is_up: bool,
    /// How often it has answered again after an outage.
    pub reconnects: u64,
}

/// Reads the values whenever the metrics are read.
pub(super) struct Cluster<F>(pub F);

impl<F> fmt::Debug for Cluster<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl<F: Fn() -> ClusterHealth + Send + Sync + 'static> Collector for Cluster<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let health = (self.0)();
        let services = [("redis", health.redis), ("postgres", health.postgres)];
        let e = &mut encoder;
        let help = "1 if it answers this server, or 0";
        let mut up = e.encode_descriptor("chat_cluster_up", help, None, MetricType::Gauge)?;
        for (service, health) in services {
            let labels = [("service", service)];
            let is_up = ConstGauge::new(u64::from(health.is_up));
            is_up.encode(up.encode_family(&labels)?)?;
        }
        let help = "Times it has answered again after it had not";
        let name = "chat_cluster_reconnects";
        let mut again = e.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (service, health) in services {
            let labels = [("service", service)];
            let reconnects = ConstCounter::new(health.reconnects);
            reconnects.encode(again.encode_family(&labels)?)?;
        }
        let (name, help) = ("chat_cluster_servers", "Live servers");
        one(e, name, help, &ConstGauge::new(health.servers))?;
        let (name, help) = (
            "chat_cluster_joined",
            "Times this server has become one of the live ones",
        );
        one(e, name, help, &ConstCounter::new(health.joined))?;
        let (name, help) = (
            "chat_cluster_address_shared",
            "1 if another live server tells clients the same address, or 0",
        );
        one(e, name, help, &ConstGauge::new(u64::from(health.has_twin)))?;
        let (name, help) = ("chat_cluster_redis_bytes", "Memory that Redis uses");
        one(e, name, help, &ConstGauge::new(health.redis_bytes))?;
        let (name, help) = (
            "chat_cluster_redis_max_bytes",
            "Memory that Redis may use (maxmemory); 0 is no limit",
        );
        one(e, name, help, &ConstGauge::new(health.redis_max_bytes))?;
        let (name, help) = (
            "chat_cluster_clock_seconds",
            "By how much the clock of this server is ahead of that of Redis; negative: behind",
        );
        one(e, name, help, &ConstGauge::new(health.clock_seconds))?;
        let (name, help) = (
            "chat_cluster_behind_seconds",
            "Age of the oldest entry of the log that this server has not read",
        );
        one(e, name, help, &ConstGauge::new(health.behind_seconds))?;
        let (name, help) = (
            "chat_cluster_unstored",
            "Entries of the log, of all servers, that are not in PostgreSQL yet",
        );
        one(e, name, help, &ConstGauge::new(health.unstored))?;
        let (name, help) = ("chat_cluster_unstored_seconds", "Age of the oldest of them");
        one(e, name, help, &ConstGauge::new(health.unstored_seconds))?;
        match health.interest {
            Some(interest) => encode_interest(e, interest),
            None => Ok(()),
        }
    }
}

fn encode_interest(e: &mut DescriptorEncoder<'_>, health: InterestHealth) -> fmt::Result {
    let (name, help) = (
        "chat_cluster_followed",
        "Channels and people that this server follows",
    );
    one(e, name, help, &ConstGauge::new(health.followed))?;
    let (name, help) = (
        "chat_cluster_gaps",
        "Times this server has read what it had not heard of a channel or person",
    );
    one(e, name, help, &ConstCounter::new(health.gaps))?;
    let (name, help) = (
        "chat_cluster_overdue",
        "Times an own message was committed and not heard of in time",
    );
    one(e, name, help, &ConstCounter::new(health.overdue))
}

fn one(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn only_one_of_several_has_them() {
        let metrics = Metrics::new();
        assert!(!metrics.encode().contains("chat_cluster"));
        metrics.watch_cluster(|| ClusterHealth {
            redis: ServiceHealth {
                is_up: true,
                reconnects: 2,
            },
            unstored: 7,
            unstored_seconds: 1.5,
            ..ClusterHealth::default()
        });
        let text = metrics.encode();
        for line in [
            "chat_cluster_up{service=\"redis\"} 1\n",
            "chat_cluster_up{service=\"postgres\"} 0\n",
            "chat_cluster_reconnects_total{service=\"redis\"} 2\n",
            "chat_cluster_unstored 7\n",
            "chat_cluster_unstored_seconds 1.5\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }
}
