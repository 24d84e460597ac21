//! Compares what was sent with what arrived.

use crate::bench::report::Report;

/// Counts from the first message on.
pub(super) struct Balance {
    /// Messages sent.
    pub(super) sent: u64,
    /// Deliveries that should have happened.
    pub(super) expected: u64,
    /// Deliveries that happened.
    pub(super) received: u64,
}

impl Balance {
    /// Adds the counts to a report.
    pub(super) fn report(&self, report: &mut Report) {
        let lost = self.expected.saturating_sub(self.received);
        let surplus = self.received.saturating_sub(self.expected);
        report.add("sent", "messages, in all", self.sent as f64, "");
        let expected = self.expected as f64;
        report.add("expected", "deliveries to expect", expected, "");
        let received = self.received as f64;
        report.add("received", "deliveries, in all", received, "");
        report.add("lost", "lost", lost as f64, "deliveries");
        if surplus > 0 {
            let label = "more than once";
            report.add("surplus", label, surplus as f64, "deliveries");
        }
    }
}
