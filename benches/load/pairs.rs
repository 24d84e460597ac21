//! Rooms of two who answer each other at once: many small conversations, in
//! which nothing can be done in bulk.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::mark::{self, Clock, Finder, Mark};
use crate::measure::{Latencies, Process};
use crate::report::Report;
use crate::support::Server;
use crate::swarm::{Swarm, still_open};

/// Not measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// Lets all rooms talk.
pub fn run(server: &Server, rooms: usize, seconds: u64) -> Result<Report, Failure> {
    let mut swarm = Swarm::new(server)?;
    swarm.enter(rooms * 2, |member| Some(format!("pair{}", member / 2)))?;
    swarm.settle()?;
    let mut talk = Talk {
        clock: Clock::start(),
        finders: vec![Finder::default(); rooms * 2],
        sent: 0,
        received: 0,
        latencies: None,
        line: Vec::new(),
        stopping: false,
    };
    for room in 0..rooms {
        talk.say(room * 2, &mut swarm)?;
    }
    talk.run(WARM_UP, &mut swarm)?;

    talk.latencies = Some(Latencies::default());
    let before = talk.received;
    let (process, own) = (Process::of(server)?, Process::own()?);
    let start = Instant::now();
    talk.run(Duration::from_secs(seconds), &mut swarm)?;
    let took = start.elapsed().as_secs_f64();
    let deliveries = (talk.received - before) as f64;
    let (process_after, own_after) = (Process::of(server)?, Process::own()?);
    let latencies = talk.latencies.take().unwrap_or_default();
    let lost = talk.finish(&mut swarm)?;

    let mut report = Report::new(format!("pairs: {rooms} rooms of two, {seconds} s"));
    report.add("deliveries", deliveries / took, "/s");
    latencies.report("latency", &mut report);
    let cpu = process_after.cpu_seconds - process.cpu_seconds;
    report.add("server CPU", cpu / deliveries * 1e6, "µs/delivery");
    let cpu = own_after.cpu_seconds - own.cpu_seconds;
    report.add("this client's CPU", cpu / took * 100.0, "%");
    report.add("lost", lost as f64, "deliveries");
    Ok(report)
}

struct Talk {
    clock: Clock,
    finders: Vec<Finder>,
    sent: u64,
    received: u64,
    latencies: Option<Latencies>,
    line: Vec<u8>,
    stopping: bool,
}

impl Talk {
    fn say(&mut self, member: usize, swarm: &mut Swarm) -> Result<(), Failure> {
        self.line.clear();
        let mark = Mark {
            tag: tag_of(member),
            sent_ns: self.clock.now_ns(),
        };
        mark::write_message(&mut self.line, mark);
        self.sent += 1;
        swarm.send(member, &self.line)
    }

    fn run(&mut self, time: Duration, swarm: &mut Swarm) -> Result<(), Failure> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            swarm.poll(Duration::from_millis(10), |swarm, member, bytes| {
                still_open(bytes)?;
                self.receive(member, bytes, swarm)
            })?;
        }
        Ok(())
    }

    fn receive(&mut self, member: usize, bytes: &[u8], swarm: &mut Swarm) -> Result<(), Failure> {
        let now = self.clock.now_ns();
        let mut answers = 0;
        self.finders[member].find(bytes, |mark| {
            self.received += 1;
            if mark.tag != tag_of(member) {
                answers += 1;
                if let Some(latencies) = &mut self.latencies {
                    latencies.add(mark::between(mark.sent_ns, now));
                }
            }
        });
        for _ in 0..answers {
            if !self.stopping {
                self.say(member, swarm)?;
            }
        }
        Ok(())
    }

    /// Reads what is still under way. Returns how much never came.
    fn finish(&mut self, swarm: &mut Swarm) -> Result<u64, Failure> {
        self.stopping = true;
        let expected = self.sent * 2;
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.received < expected && Instant::now() < deadline {
            self.run(Duration::from_millis(10), swarm)?;
        }
        Ok(expected.abs_diff(self.received))
    }
}

/// Which of the two a member is.
fn tag_of(member: usize) -> u8 {
    b'a' + (member % 2) as u8
}
