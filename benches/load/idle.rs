//! What a connection costs that does nothing.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::measure::{Kernel, Latencies, Process};
use crate::report::Report;
use crate::support::Server;
use crate::swarm::Swarm;

/// Opens connections, logs them in, and divides what the system then uses more.
pub fn run(server: &Server, connections: usize) -> Result<Report, Failure> {
    let mut swarm = Swarm::new(server)?;
    let (process, kernel) = (Process::of(server)?, Kernel::read()?);
    let start = Instant::now();
    let times = swarm.enter(connections, |_| None)?;
    let took = start.elapsed();
    swarm.settle()?;
    let (process_after, kernel_after) = (Process::of(server)?, Kernel::read()?);

    let mut report = Report::new(format!("idle: {connections} connections, logged in"));
    let mut each = |name: &str, before: u64, after: u64| {
        let bytes = (after as f64 - before as f64) * 1024.0 / connections as f64;
        report.add(name, bytes, "bytes/connection");
    };
    let (before, after) = (&process, &process_after);
    each("resident", before.resident_kib, after.resident_kib);
    each("page tables", before.page_tables_kib, after.page_tables_kib);
    each("kernel stacks", kernel.stacks_kib, kernel_after.stacks_kib);
    each(
        "kernel objects, both ends",
        kernel.slab_kib,
        kernel_after.slab_kib,
    );
    each(
        "TCP buffers, both ends",
        kernel.tcp_kib,
        kernel_after.tcp_kib,
    );
    let resident = after.resident_kib as f64 / 1024.0;
    report.add("resident in all", resident, "MiB");
    report.add("threads", after.threads as f64, "");
    report.add("logins", connections as f64 / took.as_secs_f64(), "/s");
    let cpu = Duration::from_secs_f64(after.cpu_seconds - before.cpu_seconds);
    let micros = cpu.as_micros() as f64 / connections as f64;
    report.add("server CPU per login", micros, "µs");
    let mut latencies = Latencies::default();
    times.into_iter().for_each(|time| latencies.add(time));
    latencies.report("login", &mut report);
    Ok(report)
}
