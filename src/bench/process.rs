//! The kernel's figures for a process and for memory.

use std::fs::read_to_string;
use std::io;

use rustix::process::{Resource, getrlimit};

use super::error::BenchError;
use crate::net::limits::raise_descriptor_limit;

/// Descriptors besides connections: files, epoll, pipes.
const OTHER_DESCRIPTORS: u64 = 64;

/// Whether this program was started with a signal ignored.
pub(super) fn ignores(signal: i32) -> bool {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let mask = u64::from_str_radix(word_after(&status, "SigIgn:"), 16).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// The figures of a process at one moment.
#[derive(Default)]
pub(super) struct Process {
    /// Seconds of processor time used so far.
    pub(super) cpu_seconds: f64,
    /// Resident memory.
    pub(super) resident_kib: u64,
    /// Resident memory, with shared pages counted in proportion.
    pub(super) proportional_kib: u64,
    /// Page tables.
    pub(super) page_tables_kib: u64,
    /// Threads.
    pub(super) threads: u64,
}

/// Memory used by the kernel itself, for all processes.
pub(super) struct Kernel {
    /// Stacks of all threads while in the kernel.
    pub(super) stacks_kib: u64,
    /// Kernel objects such as sockets and files.
    pub(super) slab_kib: u64,
    /// What TCP holds in buffers.
    pub(super) tcp_kib: u64,
}

impl Process {
    /// Reads the figures of a process.
    pub(super) fn of(pid: u32) -> Result<Process, BenchError> {
        Process::read(&pid.to_string()).map_err(|error| BenchError::NoProcess(pid, error))
    }

    /// Reads the figures of this program.
    pub(super) fn own() -> Result<Process, BenchError> {
        Process::read("self").map_err(BenchError::io("/proc cannot be read"))
    }

    fn read(pid: &str) -> io::Result<Process> {
        let status = read_to_string(format!("/proc/{pid}/status"))?;
        let stat = read_to_string(format!("/proc/{pid}/stat"))?;
        // Only the owner of the process may read it.
        let maps = read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        // The name in parentheses may contain spaces; fields are counted after it.
        let fields = stat.rsplit(')').next().unwrap_or("");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Process {
            cpu_seconds: ticks / rustix::param::clock_ticks_per_second() as f64,
            resident_kib: number_after(&status, "VmRSS:"),
            proportional_kib: number_after(&maps, "Pss:"),
            page_tables_kib: number_after(&status, "VmPTE:"),
            threads: number_after(&status, "Threads:"),
        })
    }
}

impl Kernel {
    /// Reads the kernel's figures.
    pub(super) fn read() -> Result<Kernel, BenchError> {
        let unreadable = BenchError::io("/proc cannot be read");
        let memory = read_to_string("/proc/meminfo").map_err(&unreadable)?;
        let sockets = read_to_string("/proc/net/sockstat").map_err(&unreadable)?;
        let page_kib = rustix::param::page_size() as u64 / 1024;
        Ok(Kernel {
            stacks_kib: number_after(&memory, "KernelStack:"),
            slab_kib: number_after(&memory, "Slab:"),
            tcp_kib: number_after(&sockets, " mem ") * page_kib,
        })
    }
}

/// The number that follows `label`; 0 when there is none.
fn number_after(text: &str, label: &str) -> u64 {
    word_after(text, label).parse().unwrap_or(0)
}

/// The word that follows `label`; empty when there is none.
fn word_after<'a>(text: &'a str, label: &str) -> &'a str {
    let rest = text.split_once(label).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().unwrap_or("")
}

/// Raises the limit on descriptors so that this many connections can be open.
pub(super) fn need_descriptors(connections: usize) -> Result<(), BenchError> {
    raise_descriptor_limit();
    let needed = connections as u64 + OTHER_DESCRIPTORS;
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(BenchError::Descriptors { needed, allowed }),
        _ => Ok(()),
    }
}
