//! Latencies of many messages.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::report::Report;

/// Digits that are kept.
const DIGITS: u8 = 3;
/// Anything longer counts as this: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Latencies, in buckets of nanoseconds.
pub(super) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    /// None yet.
    pub(super) fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).ok())
    }

    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(latency.as_nanos() as u64);
        }
    }

    /// So many in a hundred were at most that, in milliseconds.
    pub(super) fn percentile_ms(&self, percentile: f64) -> Option<f64> {
        let histogram = self.0.as_ref().filter(|all| !all.is_empty())?;
        Some(histogram.value_at_percentile(percentile) as f64 / 1e6)
    }

    /// Adds percentiles to a report; `key` as in `latency`, `what` for people.
    pub(super) fn report(&self, key: &str, what: &str, report: &mut Report) {
        for (name, percentile) in [
            ("p50", 50.0),
            ("p90", 90.0),
            ("p99", 99.0),
            ("p99.9", 99.9),
            ("max", 100.0),
        ] {
            if let Some(milliseconds) = self.percentile_ms(percentile) {
                let key = format!("{key}_{}_ms", name.replace('.', "_"));
                report.add(&key, format!("{what}, {name}"), milliseconds, "ms");
            }
        }
    }
}
