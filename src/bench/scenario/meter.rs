//! Measures time and processor time.

use std::time::Instant;

use crate::bench::Run;
use crate::bench::error::BenchError;
use crate::bench::process::Process;
use crate::bench::report::Report;

/// The values when the measurement began.
pub(super) struct Meter {
    server: Option<Process>,
    own: Process,
    start: Instant,
}

/// The time used since.
pub(super) struct Metered {
    /// Seconds.
    pub(super) seconds: f64,
    /// The server's processor time, if its process is known.
    pub(super) server_cpu: Option<f64>,
    /// The generator's processor time.
    pub(super) own_cpu: f64,
}

impl Meter {
    /// Begins to measure.
    pub(super) fn start(run: &Run) -> Result<Meter, BenchError> {
        Ok(Meter {
            server: run.target.process()?,
            own: Process::own()?,
            start: Instant::now(),
        })
    }

    /// Ends the measurement.
    pub(super) fn stop(self, run: &Run) -> Result<Metered, BenchError> {
        let seconds = self.start.elapsed().as_secs_f64();
        let server = run.target.process()?;
        let server_cpu = server.zip(self.server);
        Ok(Metered {
            seconds,
            server_cpu: server_cpu.map(|(after, before)| after.cpu_seconds - before.cpu_seconds),
            own_cpu: Process::own()?.cpu_seconds - self.own.cpu_seconds,
        })
    }
}

impl Metered {
    /// Reports the cost of that many messages and deliveries.
    pub(super) fn report(&self, messages: u64, deliveries: u64, report: &mut Report) {
        if let Some(cpu) = self.server_cpu {
            let per_message = cpu * 1e6 / messages as f64;
            report.add(
                "server_cpu_us_per_message",
                "server CPU a message",
                per_message,
                "us",
            );
            let per_delivery = cpu * 1e6 / deliveries as f64;
            report.add(
                "server_cpu_s_per_million",
                "server CPU",
                per_delivery,
                "s a million deliveries",
            );
            let share = cpu / self.seconds * 100.0;
            report.add("server_cpu_percent", "server CPU", share, "%");
        }
        let share = self.own_cpu / self.seconds * 100.0;
        report.add("generator_cpu_percent", "the generator's CPU", share, "%");
    }
}
