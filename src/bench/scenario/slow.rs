//! A flooded room, before and after some of its members stop reading: the
//! others should not notice.

use super::WARM_UP;
use super::flood::Flood;
use super::meter::Meter;
use crate::bench::Run;
use crate::bench::enter::enter;
use crate::bench::error::BenchError;
use crate::bench::people::People;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// Floods the room, of which the last `readers` stop reading half-way.
pub(super) fn run(
    run: &Run,
    (members, readers): (usize, usize),
    (senders, window): (usize, usize),
) -> Result<Report, BenchError> {
    let people = People::new(run, members)?;
    let mut swarm = Swarm::new(run)?;
    let room = |_| Some("flood".to_owned());
    enter(run, &mut swarm, members, &people, room)?;
    swarm.settle()?;
    let reading = members - readers;
    let mut flood = Flood::new(members, reading, senders, window);
    flood.go(WARM_UP, "warming up", &mut swarm, &run.progress)?;
    let length = run.options.length();
    let mut report = Report::new(run.options, run.target.name.clone());
    let mut p99 = Vec::new();
    for (key, what) in [("before", "before"), ("after", "with slow readers")] {
        if key == "after" {
            flood.stop_reading(reading, &mut swarm);
            // Fills the buffers of the slow readers.
            flood.go(WARM_UP, "warming up", &mut swarm, &run.progress)?;
        }
        let before = flood.deliveries();
        flood.measure();
        let meter = Meter::start(run)?;
        flood.go(length, "measuring", &mut swarm, &run.progress)?;
        let took = meter.stop(run)?;
        let per_second = (flood.deliveries() - before) as f64 / took.seconds;
        let label = format!("deliveries, {what}");
        let figure = format!("{key}_deliveries_per_second");
        report.add(&figure, label, per_second, "/s");
        let latencies = flood.measured();
        latencies.report(
            &format!("{key}_latency"),
            &format!("latency, {what}"),
            &mut report,
        );
        p99.extend(latencies.percentile_ms(99.0));
    }
    let balance = flood.finish(&mut swarm)?;
    if let [before, after] = p99[..] {
        let label = "latency of the others, p99, after / before";
        report.add("latency_p99_ratio", label, after / before, "");
    }
    balance.report(&mut report);
    Ok(report)
}
