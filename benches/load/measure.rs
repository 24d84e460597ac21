//! What the kernel says about the server and about memory, and latencies.

use std::fs::read_to_string;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;
use crate::report::Report;
use crate::support::Server;

/// `/proc` counts processor time in hundredths of a second on every
/// architecture this is likely to run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// `/proc/net/sockstat` counts pages.
const PAGE_KIB: u64 = 4;

/// A process at one moment.
pub struct Process {
    /// Seconds of processor time used so far.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub resident_kib: u64,
    /// Page tables.
    pub page_tables_kib: u64,
    /// Threads.
    pub threads: u64,
}

/// Memory the kernel itself uses, for all processes.
pub struct Kernel {
    /// Stacks of all threads while in the kernel.
    pub stacks_kib: u64,
    /// Kernel objects such as sockets and files.
    pub slab_kib: u64,
    /// What TCP holds in buffers.
    pub tcp_kib: u64,
}

impl Process {
    /// Looks at the server.
    pub fn of(server: &Server) -> Result<Process, Failure> {
        Process::read(&server.pid().to_string())
    }

    /// Looks at this program.
    pub fn own() -> Result<Process, Failure> {
        Process::read("self")
    }

    fn read(pid: &str) -> Result<Process, Failure> {
        let status = read_to_string(format!("/proc/{pid}/status"))?;
        let stat = read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may contain spaces; count from behind it.
        let fields = stat.rsplit(')').next().unwrap_or("");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Process {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            resident_kib: number_after(&status, "VmRSS:"),
            page_tables_kib: number_after(&status, "VmPTE:"),
            threads: number_after(&status, "Threads:"),
        })
    }
}

impl Kernel {
    /// Looks at the kernel.
    pub fn read() -> Result<Kernel, Failure> {
        let memory = read_to_string("/proc/meminfo")?;
        let sockets = read_to_string("/proc/net/sockstat")?;
        Ok(Kernel {
            stacks_kib: number_after(&memory, "KernelStack:"),
            slab_kib: number_after(&memory, "Slab:"),
            tcp_kib: number_after(&sockets, " mem ") * PAGE_KIB,
        })
    }
}

/// The number that follows `label`; 0 when there is none.
fn number_after(text: &str, label: &str) -> u64 {
    let rest = text.split_once(label).map_or("", |(_, rest)| rest);
    let number = rest.split_whitespace().next();
    number.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// A counter of the server's metrics; none if it has no such counter.
pub fn counter(server: &Server, name: &str) -> Option<f64> {
    server.rest()?;
    let metrics = server.get("/metrics");
    if metrics.status != 200 {
        return None;
    }
    metrics.body.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == name).then(|| value.trim().parse().ok())?
    })
}

/// As many descriptors as the system lets us have.
pub fn raise_descriptor_limit() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(())
}

/// Latencies of many messages.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// Adds percentiles to a report, in milliseconds.
    pub fn report(mut self, what: &str, report: &mut Report) {
        self.0.sort_unstable();
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            let rank = (self.0.len() as f64 * share).ceil() as usize;
            if let Some(latency) = self.0.get(rank.saturating_sub(1)) {
                let name = format!("{what}, {name}");
                report.add(&name, latency.as_secs_f64() * 1000.0, "ms");
            }
        }
    }
}
