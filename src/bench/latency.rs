//! Latencies of many messages.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::report::Report;

/// Significant digits that are kept.
const DIGITS: u8 = 3;
/// Longer times count as this one: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Latencies, in buckets of nanoseconds.
pub(super) struct Latencies(Option<Histogram<u64>>);

/// How long messages took to a client's socket, and until they were read.
pub(super) struct Timed {
    arrived: Latencies,
    read: Latencies,
    /// Arrivals of a client's own messages, kept apart because not every server echoes them.
    own: Latencies,
}

impl Timed {
    /// No messages yet.
    pub(super) fn new() -> Timed {
        Timed {
            arrived: Latencies::new(),
            read: Latencies::new(),
            own: Latencies::new(),
        }
    }

    /// Adds a message just read, by the time since it was sent and the time it waited to be read.
    pub(super) fn add(&mut self, took: Duration, waited: Duration) {
        self.arrived.add(took.saturating_sub(waited));
        self.read.add(took);
    }

    /// As [`Timed::add`], for a client's own message.
    pub(super) fn add_own(&mut self, took: Duration, waited: Duration) {
        self.own.add(took.saturating_sub(waited));
    }

    /// [`Latencies::percentile_ms`] of the arrivals.
    pub(super) fn percentile_ms(&self, percentile: f64) -> Option<f64> {
        self.arrived.percentile_ms(percentile)
    }

    /// Adds all latencies to a report, as [`Latencies::report`].
    pub(super) fn report(&self, key: &str, what: &str, report: &mut Report) {
        self.arrived.report(key, what, report);
        let (read, words) = (format!("{key}_read"), format!("{what} until read"));
        self.read.report(&read, &words, report);
        let (own, words) = (format!("{key}_own"), format!("{what} of own words"));
        self.own.report(&own, &words, report);
    }
}

impl Latencies {
    /// No latencies yet.
    pub(super) fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).ok())
    }

    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(latency.as_nanos() as u64);
        }
    }

    /// The latency in milliseconds that this percentage did not exceed.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_to_be_read_had_arrived_before() {
        let mut timed = Timed::new();
        timed.add(Duration::from_millis(100), Duration::from_millis(60));
        timed.add_own(Duration::from_millis(50), Duration::from_millis(30));
        let p50 = |latencies: &Latencies| latencies.percentile_ms(50.0).unwrap().round();
        let all = [&timed.arrived, &timed.read, &timed.own].map(p50);
        assert_eq!(all, [40.0, 100.0, 20.0]);
    }
}
