//! The operating system's figures for this process, under the names that Prometheus uses for every
//! program.
//!
//! Read only when the metrics are read. Without `/proc` these metrics are missing; none is made up.

use std::fmt;
use std::fs;
use std::sync::OnceLock;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// Memory, threads, descriptors and processor time of this process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Computed once, because the result would vary by fractions of a second.
    started: OnceLock<f64>,
}

/// The values from `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    /// Processor time, in ticks.
    cpu_ticks: u64,
    threads: u64,
    /// When it was started, in ticks since the machine's start.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let e = &mut encoder;
        if let Some(stat) = read("/proc/self/stat").as_deref().and_then(Stat::parse) {
            let cpu = ConstCounter::new(seconds(stat.cpu_ticks));
            one(e, "process_cpu_seconds", "Processor time taken", &cpu)?;
            let resident = stat.resident_pages.saturating_mul(page_size() as u64);
            let name = "process_resident_memory_bytes";
            one(e, name, "Memory in use", &ConstGauge::new(resident))?;
            let virt = ConstGauge::new(stat.virtual_bytes);
            one(e, "process_virtual_memory_bytes", "Addresses in use", &virt)?;
            let threads = ConstGauge::new(stat.threads);
            one(e, "process_threads", "Threads", &threads)?;
            if let Some(started) = self.started(stat.start_ticks) {
                let help = "When the process was started, in seconds since 1970 UTC";
                let started = ConstGauge::new(started);
                one(e, "process_start_time_seconds", help, &started)?;
            }
        }
        if let Some(open) = open_descriptors() {
            let open = ConstGauge::new(open);
            one(e, "process_open_fds", "Open descriptors", &open)?;
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            let help = "Descriptors that may be open";
            one(e, "process_max_fds", help, &ConstGauge::new(most))?;
        }
        Ok(())
    }
}

impl Process {
    fn started(&self, start_ticks: u64) -> Option<f64> {
        if let Some(&started) = self.started.get() {
            return Some(started);
        }
        let uptime = read("/proc/uptime")?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let now = Timestamp::now().as_duration().as_secs_f64();
        let started = now - (uptime - seconds(start_ticks));
        Some(*self.started.get_or_init(|| started))
    }
}

impl Stat {
    fn parse(text: &str) -> Option<Stat> {
        // The name before it is in parentheses and may contain some itself.
        let (_, fields) = text.rsplit_once(')')?;
        // `proc(5)` counts from 1, and two fields are gone.
        let mut numbers = fields.split_whitespace().skip(11);
        let mut number = |skipped: usize| numbers.nth(skipped)?.parse::<u64>().ok();
        let user = number(0)?;
        let system = number(0)?;
        Some(Stat {
            cpu_ticks: user.saturating_add(system),
            threads: number(4)?,
            start_ticks: number(1)?,
            virtual_bytes: number(0)?,
            resident_pages: number(0)?,
        })
    }
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

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact for longer than machines last"
)]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

/// Since Linux 6.2 the kernel reports the number; before, the descriptors have to be counted.
fn open_descriptors() -> Option<u64> {
    let folder = "/proc/self/fd";
    match fs::metadata(folder).ok()?.len() {
        0 => Some(fs::read_dir(folder).ok()?.count() as u64),
        open => Some(open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_manual_says() {
        let text = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 14 15 16 17 18 19 20 21 22 23 24 25 26\n";
        let stat = Stat {
            cpu_ticks: 29,
            threads: 20,
            start_ticks: 22,
            virtual_bytes: 23,
            resident_pages: 24,
        };
        assert_eq!(Stat::parse(text), Some(stat));
        for torn in [
            "",
            "7 (a",
            "7 (a) S 1 2",
            "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 15",
        ] {
            assert_eq!(Stat::parse(torn), None, "{torn:?}");
        }
    }
}
