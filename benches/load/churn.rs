//! Connecting, logging in and quitting, on a fixed schedule. Times count from
//! when a connection was due.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::measure::{Latencies, Process};
use crate::report::Report;
use crate::support::Server;
use crate::swarm::{Entering, Swarm};

/// More than this at once means that the server does not keep up.
const MOST_AT_ONCE: usize = 10_000;

/// Lets people come and go.
pub fn run(server: &Server, per_second: u64, seconds: u64) -> Result<Report, Failure> {
    let mut swarm = Swarm::new(server)?;
    let mut visits = HashMap::new();
    let mut logins = Latencies::default();
    let mut whole = Latencies::default();
    let process = Process::of(server)?;
    let start = Instant::now();
    let total = per_second.max(1) * seconds;
    let due = |visit: u64| start + Duration::from_secs(1) * visit as u32 / per_second.max(1) as u32;
    let mut begun = 0;
    let mut most = 0;
    while begun < total || !visits.is_empty() {
        if begun < total && due(begun) <= Instant::now() {
            let index = swarm.connect()?;
            let entering = Entering::new(format!("guest{begun}"), None, due(begun));
            visits.insert(index, (due(begun), entering));
            begun += 1;
            most = most.max(swarm.connected());
            if most > MOST_AT_ONCE {
                return Err(format!("the server does not keep up: {most} at once").into());
            }
        }
        let wait = match begun < total {
            true => due(begun).saturating_duration_since(Instant::now()),
            false => Duration::from_secs(1),
        };
        swarm.poll(wait, |swarm, index, bytes| {
            let Some((due, entering)) = visits.get_mut(&index) else {
                return Ok(());
            };
            if bytes.is_empty() {
                whole.add(due.elapsed());
                visits.remove(&index);
                swarm.close(index);
            } else if let Some(took) = entering.advance(swarm, index, bytes)? {
                logins.add(took);
                swarm.send(index, b"/quit\n")?;
            }
            Ok(())
        })?;
        if start.elapsed() > Duration::from_secs(seconds + 30) {
            return Err(format!("{} visits did not end", visits.len()).into());
        }
    }
    let took = start.elapsed().as_secs_f64();
    let process_after = Process::of(server)?;

    let mut report = Report::new(format!("churn: {per_second} visits a second, {seconds} s"));
    report.add("visits", total as f64 / took, "/s");
    logins.report("until logged in", &mut report);
    whole.report("until closed", &mut report);
    report.add("connected at once, at most", most as f64, "");
    let cpu = process_after.cpu_seconds - process.cpu_seconds;
    report.add("server CPU", cpu / total as f64 * 1e6, "µs/visit");
    let growth = process_after.resident_kib as f64 - process.resident_kib as f64;
    report.add("resident, growth", growth, "KiB");
    Ok(report)
}
