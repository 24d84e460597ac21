//! The cost of an idle connection.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::bench::Run;
use crate::bench::enter::enter;
use crate::bench::error::BenchError;
use crate::bench::people::People;
use crate::bench::process::{Kernel, Process};
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// Loopback connections without a server that show the cost of a client's end.
const BARE: usize = 1000;

/// Opens connections, logs them in, and divides the additional memory of the system among them.
/// From the kernel's part the clients' ends are subtracted: half the cost of as many bare
/// connections.
pub(super) fn run(run: &Run, connections: usize) -> Result<Report, BenchError> {
    let people = People::new(run, connections)?;
    let mut swarm = Swarm::new(run)?;
    let (process, kernel) = (run.target.process()?, Kernel::read()?);
    let entered = enter(run, &mut swarm, connections, &people, |_| None)?;
    swarm.settle()?;
    let (process_after, kernel_after) = (run.target.process()?, Kernel::read()?);
    let client_end = client_end().ok();

    let mut report = Report::new(run.options, run.target.name.clone());
    let per_connection =
        |before: u64, after: u64| (after as f64 - before as f64) * 1024.0 / connections as f64;
    let held = swarm.connected();
    report.add("held", "connections", held as f64, "");
    if let Some((before, after)) = process.zip(process_after) {
        let memory = Memory::between(&before, &after, &kernel, &kernel_after);
        let client = client_end.unwrap_or_default();
        let mut all = -client;
        for (key, label, (before, after)) in memory.parts() {
            let bytes = per_connection(before, after);
            all += bytes;
            report.add(key, label, bytes, "bytes/connection");
        }
        let label = match client_end {
            Some(client) => {
                let label = "of them the client's end";
                report.add("client_end_bytes", label, client, "bytes/connection");
                "all of it, without the client's end"
            }
            // For lack of descriptors, for example.
            None => "all of it, with the client's end",
        };
        report.add("memory_bytes", label, all, "bytes/connection");
        let resident = per_connection(before.resident_kib, after.resident_kib);
        let label = "resident, with what is shared";
        report.add("resident_bytes", label, resident, "bytes/connection");
        let in_all = after.resident_kib as f64 / 1024.0;
        report.add("resident_mib", "resident in all", in_all, "MiB");
        report.add("threads", "threads", after.threads as f64, "");
        let cpu = (after.cpu_seconds - before.cpu_seconds) * 1e6 / connections as f64;
        report.add("server_cpu_us_per_login", "server CPU per login", cpu, "µs");
    }
    let per_second = connections as f64 / entered.took.as_secs_f64();
    report.add("logins_per_second", "logins", per_second, "/s");
    entered.times.report("login", "login", &mut report);
    Ok(report)
}

/// Bytes of kernel objects per end of a connection.
fn client_end() -> Result<f64, io::Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let objects = || Kernel::read().map(|kernel| kernel.slab_kib as f64);
    let before = objects().map_err(io::Error::other)?;
    let mut ends: Vec<TcpStream> = Vec::with_capacity(2 * BARE);
    for _ in 0..BARE {
        ends.push(TcpStream::connect(address)?);
        ends.push(listener.accept()?.0);
    }
    let after = objects().map_err(io::Error::other)?;
    Ok((after - before).max(0.0) * 1024.0 / ends.len() as f64)
}

/// KiB before and after, part by part.
struct Memory {
    own: (u64, u64),
    page_tables: (u64, u64),
    stacks: (u64, u64),
    objects: (u64, u64),
    buffers: (u64, u64),
}

impl Memory {
    fn between(before: &Process, after: &Process, kernel: &Kernel, later: &Kernel) -> Memory {
        Memory {
            own: (before.proportional_kib, after.proportional_kib),
            page_tables: (before.page_tables_kib, after.page_tables_kib),
            stacks: (kernel.stacks_kib, later.stacks_kib),
            objects: (kernel.slab_kib, later.slab_kib),
            buffers: (kernel.tcp_kib, later.tcp_kib),
        }
    }

    fn parts(&self) -> [(&'static str, &'static str, (u64, u64)); 5] {
        [
            ("process_bytes", "the server's own", self.own),
            ("page_table_bytes", "page tables", self.page_tables),
            ("kernel_stack_bytes", "kernel stacks", self.stacks),
            (
                "kernel_object_bytes",
                "kernel objects, both ends",
                self.objects,
            ),
            ("tcp_buffer_bytes", "TCP buffers, both ends", self.buffers),
        ]
    }
}
