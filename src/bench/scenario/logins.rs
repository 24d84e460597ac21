//! How fast clients log in: from connecting to having joined one common channel or, in protocols
//! without channels, to being logged in.

use super::meter::Meter;
use crate::bench::Run;
use crate::bench::enter::enter;
use crate::bench::error::BenchError;
use crate::bench::people::People;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// Runs the scenario.
pub(super) fn run(run: &Run, connections: usize) -> Result<Report, BenchError> {
    let people = People::new(run, connections)?;
    let mut swarm = Swarm::new(run)?;
    let room = |_| Some("crowd".to_owned());
    let meter = Meter::start(run)?;
    let entered = enter(run, &mut swarm, connections, &people, room)?;
    let took = meter.stop(run)?;

    let mut report = Report::new(run.options, run.target.name.clone());
    let per_second = connections as f64 / took.seconds;
    report.add("logins_per_second", "logins", per_second, "/s");
    entered.times.report("login", "login", &mut report);
    let each = 1e6 / connections as f64;
    if let Some(cpu) = took.server_cpu {
        report.add(
            "server_cpu_us_per_login",
            "server CPU per login",
            cpu * each,
            "µs",
        );
    }
    let own = took.own_cpu * each;
    let label = "the generator's CPU per login";
    report.add("generator_cpu_us_per_login", label, own, "µs");
    Ok(report)
}
