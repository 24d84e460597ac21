//! Brings in a crowd of clients.

use std::time::{Duration, Instant};

use super::Run;
use super::error::{BenchError, Step};
use super::latency::Latencies;
use super::login::{Entering, Outcome};
use super::people::People;
use super::swarm::Swarm;

/// How long it took them to come in.
pub(super) struct Entered {
    /// The time of each client.
    pub(super) times: Latencies,
    /// The time of all of them together.
    pub(super) took: Duration,
}

/// Has `count` clients come in, as many at a time as the options say, each to its place if it has
/// one. They are the first of the swarm, in order.
pub(super) fn enter(
    run: &Run,
    swarm: &mut Swarm,
    count: usize,
    people: &People,
    place: impl Fn(usize) -> Option<String>,
) -> Result<Entered, BenchError> {
    let (progress, at_once) = (&run.progress, run.options.at_once);
    progress.begin("coming in", count as u64);
    let patience = swarm.patience();
    let started = Instant::now();
    let mut last = started;
    let mut clients: Vec<Entering> = Vec::with_capacity(count);
    let mut times = Latencies::new();
    let mut inside = 0;
    while inside < count {
        while clients.len() < count && clients.len() - inside < at_once {
            let number = clients.len();
            let way = people.way(number, place(number));
            clients.push(Entering::begin(swarm, way, Instant::now())?.1);
        }
        swarm.poll(patience, |swarm, index, text| {
            let Some(client) = clients.get_mut(index) else {
                return Ok(());
            };
            match client.advance(swarm, index, text)? {
                Outcome::Underway => {}
                Outcome::Inside => {
                    times.add(client.took());
                    inside += 1;
                    last = Instant::now();
                }
                Outcome::Refused => return Err(client.refusal(inside)),
            }
            Ok(())
        })?;
        progress.reach(inside as u64);
        if last.elapsed() > patience {
            let waiting = clients.iter().find(|client| !client.is_inside());
            return Err(BenchError::NotLetIn {
                step: Step::Login,
                inside,
                patience,
                heard: waiting.map(Entering::heard).unwrap_or_default(),
            });
        }
    }
    Ok(Entered {
        times,
        took: started.elapsed(),
    })
}
