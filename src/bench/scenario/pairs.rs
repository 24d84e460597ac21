//! Rooms of two members who answer each other at once: many small conversations, in which nothing
//! can be batched.

use std::time::{Duration, Instant};

use super::WARM_UP;
use super::balance::Balance;
use super::meter::Meter;
use crate::bench::Run;
use crate::bench::enter::enter;
use crate::bench::error::BenchError;
use crate::bench::latency::Timed;
use crate::bench::mark::{self, Clock, Finder, Mark};
use crate::bench::people::People;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// How often to check whether time is up.
const GLANCE: Duration = Duration::from_millis(10);

/// Runs the scenario.
pub(super) fn run(run: &Run, rooms: usize) -> Result<Report, BenchError> {
    let people = People::new(run, rooms * 2)?;
    let mut swarm = Swarm::new(run)?;
    let place = |member| Some(people.place_of_two(member));
    enter(run, &mut swarm, rooms * 2, &people, place)?;
    swarm.settle()?;
    talk(run, rooms, swarm)
}

/// Has the clients of a swarm, of which each two are a room, answer each other.
pub(super) fn talk(run: &Run, rooms: usize, mut swarm: Swarm) -> Result<Report, BenchError> {
    let mut talk = Talk {
        clock: Clock::start(),
        finders: vec![Finder::default(); rooms * 2],
        sent: 0,
        received: 0,
        latencies: None,
    };
    for room in 0..rooms {
        talk.say(room * 2, &mut swarm)?;
    }
    run.progress.begin("warming up", WARM_UP.as_secs());
    talk.go(WARM_UP, run, &mut swarm)?;

    talk.latencies = Some(Timed::new());
    let (before, sent) = (talk.received, talk.sent);
    run.progress.begin("measuring", run.options.seconds);
    let meter = Meter::start(run)?;
    talk.go(run.options.length(), run, &mut swarm)?;
    let took = meter.stop(run)?;
    let (deliveries, messages) = (talk.received - before, talk.sent - sent);
    let latencies = talk.latencies.take().unwrap_or_else(Timed::new);
    let balance = talk.finish(&mut swarm)?;

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

struct Talk {
    clock: Clock,
    finders: Vec<Finder>,
    sent: u64,
    received: u64,
    latencies: Option<Timed>,
}

impl Talk {
    fn say(&mut self, member: usize, swarm: &mut Swarm) -> Result<(), BenchError> {
        self.sent += 1;
        let mark = Mark {
            tag: tag_of(member),
            sent_ns: self.clock.now_ns(),
        };
        swarm.say(member, mark)
    }

    fn go(&mut self, length: Duration, run: &Run, swarm: &mut Swarm) -> Result<(), BenchError> {
        let start = Instant::now();
        let mut last = start;
        while start.elapsed() < length {
            let came = self.listen(swarm)?;
            swarm.not_held_back()?;
            if came > 0 {
                last = Instant::now();
            } else if last.elapsed() > swarm.patience() {
                return Err(BenchError::Stalled(last.elapsed(), swarm.last_words(0)));
            }
            run.progress.reach(start.elapsed().as_secs());
        }
        Ok(())
    }

    fn listen(&mut self, swarm: &mut Swarm) -> Result<usize, BenchError> {
        swarm.poll(GLANCE, |swarm, member, text| {
            swarm.still_open(member, text)?;
            for _ in 0..self.receive(swarm, member, text) {
                self.say(member, swarm)?;
            }
            Ok(())
        })
    }

    /// How many messages have come that are to be answered.
    fn receive(&mut self, swarm: &Swarm, member: usize, text: &[u8]) -> u32 {
        let now = self.clock.now_ns();
        let mut answers = 0;
        if let Some(finder) = self.finders.get_mut(member) {
            finder.find(text, |mark| {
                self.received += 1;
                let is_own = mark.tag == tag_of(member);
                answers += u32::from(!is_own);
                let took = mark::between(mark.sent_ns, now);
                match &mut self.latencies {
                    Some(latencies) if is_own => latencies.add_own(took, swarm.waited()),
                    Some(latencies) => latencies.add(took, swarm.waited()),
                    None => {}
                }
            });
        }
        answers
    }

    /// Reads what is still in flight.
    fn finish(&mut self, swarm: &mut Swarm) -> Result<Balance, BenchError> {
        let expected = match swarm.protocol.echoes() {
            true => self.sent * 2,
            false => self.sent,
        };
        swarm.drain(
            self,
            |talk, swarm, member, text| {
                talk.receive(swarm, member, text);
            },
            |talk| talk.received >= expected,
        )?;
        Ok(Balance {
            sent: self.sent,
            expected,
            received: self.received,
        })
    }
}

/// The tag of a member, by its place in the pair.
fn tag_of(member: usize) -> u8 {
    mark::tag(member % 2)
}
