//! The server's own counters, for Prometheus.
//!
//! Handles are plain atomics: incrementing one takes no lock and no look-up, so the hub thread may
//! do it.

mod cluster;
mod hooks;
mod plain;
mod process;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::build_info;

pub use cluster::{ClusterHealth, InterestHealth, ServiceHealth};
pub use hooks::HookMetrics;
pub use plain::PLAIN_CONTENT_TYPE;

/// The format of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the buckets of [`Metrics::message_seconds`].
const MESSAGE_SECONDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// A value that goes up and down.
pub type Level = Gauge<u64, AtomicU64>;

/// The protocol of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Protocol {
    /// Its name, as in lists of users.
    pub protocol: &'static str,
}

/// The program's version, commit and optional features.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    commit: &'static str,
    features: &'static str,
}

/// All metrics. Get a handle once and keep it.
pub struct Metrics {
    /// Chat connections open, by protocol.
    pub connections: Family<Protocol, Level>,
    /// Chat connections opened so far, by protocol.
    pub connections_opened: Family<Protocol, Counter>,
    /// Connections turned away because there were too many.
    pub connections_refused: Counter,
    /// Connections ended because they did not read.
    pub slow_readers: Counter,
    /// Nicknames in use.
    pub users: Level,
    /// Channels.
    pub channels: Level,
    /// Channel and private messages accepted.
    pub messages: Counter,
    /// Seconds from receiving a message to delivering it, for committing it and waiting for the
    /// hub.
    pub message_seconds: Histogram,
    /// Answers from the past of channels that were held back, at least in part, because their
    /// readers might no longer read them when they had been found.
    pub history_withdrawn: Counter,
    /// Deliveries: an event written to one recipient.
    pub deliveries: Counter,
    /// System calls that sent something.
    pub sends: Counter,
    /// Bytes sent.
    pub bytes_sent: Counter,
    /// Turns of the hub.
    pub turns: Counter,
    /// Inputs that the hub has processed: commands and other requests.
    pub inputs: Counter,
    /// Whether the server can do its work, as `/readyz` says.
    pub ready: Level,
    /// Whether the hub answered when the metrics were last read; if not, the numbers of users,
    /// channels and connections are older.
    pub hub_answered: Level,
    /// Inputs waiting for the hub.
    pub hub_queue: Level,
    /// Chat log entries dropped because the disk did not keep up.
    pub log_entries_dropped: Counter,
    /// Those of outgoing hooks.
    pub hooks: HookMetrics,
    registry: Mutex<Registry>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Arc<Metrics> {
        let mut registry = Registry::default();
        // These names are the same for every program.
        registry.register_collector(Box::new(process::Process::default()));
        let r = registry.sub_registry_with_prefix("chat");
        let message_seconds = Histogram::new(MESSAGE_SECONDS.iter().copied());
        let build: Family<Build, Level> = made(r, "build_info", "1, for the program that this is");
        let this = Build {
            version: build_info::VERSION,
            commit: build_info::commit(),
            features: build_info::features(),
        };
        build.get_or_create_owned(&this).set(1);
        let help = "Time from taking a message to telling it";
        r.register("message_seconds", help, message_seconds.clone());
        let metrics = Metrics {
            connections: made(r, "connections", "Open chat connections"),
            connections_opened: made(r, "connections_opened", "Chat connections opened"),
            connections_refused: made(r, "connections_refused", "Connections turned away"),
            slow_readers: made(r, "slow_readers", "Connections ended for not reading"),
            users: made(r, "users", "Nicknames in use"),
            channels: made(r, "channels", "Channels"),
            messages: made(r, "messages", "Messages accepted"),
            message_seconds,
            history_withdrawn: made(
                r,
                "history_withdrawn",
                "Answers held back because their readers might no longer read the past",
            ),
            deliveries: made(r, "deliveries", "Events written, one a recipient"),
            sends: made(r, "sends", "System calls that sent something"),
            bytes_sent: made(r, "sent_bytes", "Bytes sent"),
            turns: made(r, "turns", "Turns of the hub"),
            inputs: made(r, "inputs", "Inputs the hub has taken"),
            ready: made(r, "ready", "1, or 0 if /readyz says what is in the way"),
            hub_answered: made(
                r,
                "hub_answered",
                "1, or 0 if users, channels and connections are old because the hub is busy",
            ),
            hub_queue: made(r, "hub_queue_length", "Inputs waiting for the hub"),
            log_entries_dropped: made(r, "log_entries_dropped", "Chat log entries dropped"),
            hooks: HookMetrics::register(r),
            registry: Mutex::new(Registry::default()),
        };
        *metrics.registry.lock() = registry;
        Arc::new(metrics)
    }

    /// Adds the metrics of one of several servers. `health` is called whenever the metrics are
    /// read, and must not wait.
    pub fn watch_cluster(&self, health: impl Fn() -> ClusterHealth + Send + Sync + 'static) {
        let collector = Box::new(cluster::Cluster(health));
        self.registry.lock().register_collector(collector);
    }

    /// Everything in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry.lock());
        text
    }

    /// All metrics in the older text format of Prometheus.
    pub fn encode_plain(&self) -> String {
        plain::plain(&self.encode())
    }
}

fn made<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_show_in_the_text() {
        let metrics = Metrics::new();
        let line = metrics
            .connections
            .get_or_create_owned(&Protocol { protocol: "line" });
        line.inc();
        metrics.messages.inc_by(3);
        let text = metrics.encode();
        assert!(
            text.contains("chat_connections{protocol=\"line\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("chat_messages_total 3\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_shows_without_our_prefix() {
        let text = Metrics::new().encode();
        let value = |name: &str| -> f64 {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value
                .unwrap_or_else(|| panic!("{name} in {text}"))
                .parse()
                .unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0, "{text}");
        assert!(value("process_resident_memory_bytes") < value("process_virtual_memory_bytes"));
        assert!(value("process_threads") >= 1.0, "{text}");
        assert!(value("process_open_fds") >= 3.0, "{text}");
        assert!(value("process_open_fds") <= value("process_max_fds"));
        assert!(value("process_cpu_seconds_total") >= 0.0, "{text}");
        let age = jiff::Timestamp::now().as_duration().as_secs_f64()
            - value("process_start_time_seconds");
        assert!((-1.0..86_400.0).contains(&age), "{age}");
    }
}
