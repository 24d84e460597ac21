//! One flooded room.

use super::WARM_UP;
use super::flood::Flood;
use super::meter::Meter;
use crate::bench::Run;
use crate::bench::enter::enter;
use crate::bench::error::BenchError;
use crate::bench::people::People;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// Floods the room.
pub(super) fn run(
    run: &Run,
    members: usize,
    senders: usize,
    window: usize,
) -> Result<Report, BenchError> {
    let people = People::new(run, members)?;
    let mut swarm = Swarm::new(run)?;
    let room = |_| Some("flood".to_owned());
    enter(run, &mut swarm, members, &people, room)?;
    swarm.settle()?;
    let mut flood = Flood::new(members, members, senders, window);
    flood.go(WARM_UP, "warming up", &mut swarm, &run.progress)?;

    let (before, sent) = (flood.deliveries(), flood.sent);
    flood.measure();
    let meter = Meter::start(run)?;
    flood.go(run.options.length(), "measuring", &mut swarm, &run.progress)?;
    let took = meter.stop(run)?;
    let deliveries = flood.deliveries() - before;
    let messages = flood.sent - sent;
    let latencies = flood.measured();
    let balance = flood.finish(&mut swarm)?;

    let mut report = Report::new(run.options, run.target.name.clone());
    let per_second = deliveries as f64 / took.seconds;
    report.add("deliveries_per_second", "deliveries", per_second, "/s");
    let per_second = messages as f64 / took.seconds;
    report.add("messages_per_second", "messages", per_second, "/s");
    latencies.report("latency", "latency", &mut report);
    took.report(messages, deliveries, &mut report);
    balance.report(&mut report);
    Ok(report)
}
