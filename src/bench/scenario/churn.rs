//! Clients that connect, log in and leave on a fixed schedule. Times count from when a connection
//! was due.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::meter::Meter;
use super::schedule::due_ns;
use crate::bench::Run;
use crate::bench::error::BenchError;
use crate::bench::latency::Latencies;
use crate::bench::login::{Entering, Outcome};
use crate::bench::options::CHURN_AT_ONCE;
use crate::bench::people::People;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// Where clients need accounts, this many are used again and again.
const ACCOUNTS: usize = 20;

/// Runs the scenario.
pub(super) fn run(run: &Run, per_second: u64) -> Result<Report, BenchError> {
    let mut visits = Visits {
        swarm: Swarm::new(run)?,
        people: People::new(run, ACCOUNTS)?,
        underway: HashMap::new(),
        logins: Latencies::new(),
        begun: 0,
        most: 0,
    };
    let total = per_second * run.options.seconds;
    run.progress.begin("measuring", total);
    let before = run.target.process()?;
    let meter = Meter::start(run)?;
    let start = Instant::now();
    let mut last = start;
    while visits.begun < total || !visits.underway.is_empty() {
        let due = start + Duration::from_nanos(due_ns(visits.begun, per_second));
        let now = Instant::now();
        if visits.begun < total && due <= now {
            visits.begin(due)?;
            continue;
        }
        let wait = match visits.begun < total {
            true => due - now,
            false => Duration::from_secs(1),
        };
        if visits.go_on(wait)? > 0 {
            last = Instant::now();
        } else if last.elapsed() > run.options.patience() {
            return Err(BenchError::Stalled(last.elapsed(), String::new()));
        }
        run.progress
            .reach(visits.begun - visits.underway.len() as u64);
    }
    let took = meter.stop(run)?;

    let mut report = Report::new(run.options, run.target.name.clone());
    let visited = total as f64 / took.seconds;
    report.add("visits_per_second", "visits", visited, "/s");
    visits.logins.report("login", "login", &mut report);
    let label = "connected at once, at most";
    report.add("most_at_once", label, visits.most as f64, "");
    if let Some(cpu) = took.server_cpu {
        let each = cpu * 1e6 / total as f64;
        report.add(
            "server_cpu_us_per_visit",
            "server CPU per visit",
            each,
            "µs",
        );
    }
    if let Some((before, after)) = before.zip(run.target.process()?) {
        let growth = after.resident_kib as f64 - before.resident_kib as f64;
        report.add("growth_kib", "resident, growth", growth, "KiB");
    }
    Ok(report)
}

struct Visits {
    swarm: Swarm,
    people: People,
    underway: HashMap<usize, Entering>,
    logins: Latencies,
    begun: u64,
    most: usize,
}

impl Visits {
    fn begin(&mut self, due: Instant) -> Result<(), BenchError> {
        let way = self.people.way(self.begun as usize, None);
        let (index, entering) = Entering::begin(&mut self.swarm, way, due)?;
        self.underway.insert(index, entering);
        self.begun += 1;
        self.most = self.most.max(self.swarm.connected());
        match self.most > CHURN_AT_ONCE {
            true => Err(BenchError::Behind(self.most)),
            false => Ok(()),
        }
    }

    fn go_on(&mut self, wait: Duration) -> Result<usize, BenchError> {
        let (underway, logins) = (&mut self.underway, &mut self.logins);
        let begun = self.begun as usize;
        self.swarm.poll(wait, |swarm, index, text| {
            let inside = begun - underway.len();
            let Some(entering) = underway.get_mut(&index) else {
                return Ok(());
            };
            match entering.advance(swarm, index, text)? {
                Outcome::Underway => {}
                Outcome::Inside => {
                    logins.add(entering.took());
                    underway.remove(&index);
                    swarm.close(index);
                }
                Outcome::Refused => return Err(entering.refusal(inside)),
            }
            Ok(())
        })
    }
}
