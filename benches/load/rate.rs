//! One room and messages on a fixed schedule. Latency counts from when a
//! message was due, so a server that stalls cannot hide it by being sent less.

use crate::Failure;
use crate::mark::{self, Clock, Finder, Mark};
use crate::measure::{Latencies, Process};
use crate::report::Report;
use crate::support::Server;
use crate::swarm::{Swarm, still_open};

/// Members who take turns sending.
const SENDERS: usize = 10;
/// Not measured.
const WARM_UP_SECONDS: u64 = 1;
const WARM_UP: u8 = b'w';
const MEASURED: u8 = b'm';

/// Sends on schedule.
pub fn run(
    server: &Server,
    members: usize,
    per_second: u64,
    seconds: u64,
) -> Result<Report, Failure> {
    let mut swarm = Swarm::new(server)?;
    swarm.enter(members, |_| Some("talk".to_owned()))?;
    swarm.settle()?;
    let mut schedule = Schedule {
        clock: Clock::start(),
        per_second: per_second.max(1),
        senders: SENDERS.min(members),
        next: 0,
        finders: vec![Finder::default(); members],
        latencies: Latencies::default(),
        received: 0,
    };
    schedule.send_until(WARM_UP_SECONDS, WARM_UP, &mut swarm)?;
    let (process, own) = (Process::of(server)?, Process::own()?);
    let warm_up = schedule.next;
    schedule.send_until(WARM_UP_SECONDS + seconds, MEASURED, &mut swarm)?;
    let expected = (schedule.next - warm_up) * members as u64;
    schedule.finish(expected, &mut swarm)?;
    let (process_after, own_after) = (Process::of(server)?, Process::own()?);

    let mut report = Report::new(format!(
        "rate: {members} members, {per_second} messages a second, {seconds} s"
    ));
    let deliveries = schedule.received as f64;
    report.add("deliveries", deliveries / seconds as f64, "/s");
    schedule.latencies.report("latency", &mut report);
    let cpu = process_after.cpu_seconds - process.cpu_seconds;
    report.add("server CPU", cpu / deliveries * 1e6, "µs/delivery");
    let cpu = own_after.cpu_seconds - own.cpu_seconds;
    report.add("this client's CPU", cpu / deliveries * 1e6, "µs/delivery");
    let lost = expected.abs_diff(schedule.received);
    report.add("lost", lost as f64, "deliveries");
    Ok(report)
}

struct Schedule {
    clock: Clock,
    per_second: u64,
    senders: usize,
    /// Number of the message that is due next.
    next: u64,
    finders: Vec<Finder>,
    latencies: Latencies,
    received: u64,
}

impl Schedule {
    fn due_ns(&self) -> u64 {
        self.next * 1_000_000_000 / self.per_second
    }

    /// Sends everything due before this second and handles what arrives.
    fn send_until(&mut self, second: u64, tag: u8, swarm: &mut Swarm) -> Result<(), Failure> {
        let end = second * 1_000_000_000;
        let mut line = Vec::new();
        while self.due_ns() < end {
            let now = self.clock.now_ns();
            if self.due_ns() <= now {
                line.clear();
                let sent_ns = self.due_ns();
                mark::write_message(&mut line, Mark { tag, sent_ns });
                swarm.send(self.next as usize % self.senders, &line)?;
                self.next += 1;
                continue;
            }
            let wait = mark::between(now, self.due_ns());
            swarm.poll(wait, |_, member, bytes| {
                self.receive(member, bytes);
                still_open(bytes)
            })?;
        }
        Ok(())
    }

    fn receive(&mut self, member: usize, bytes: &[u8]) {
        let now = self.clock.now_ns();
        self.finders[member].find(bytes, |mark| {
            if mark.tag == MEASURED {
                self.received += 1;
                self.latencies.add(mark::between(mark.sent_ns, now));
            }
        });
    }

    /// Reads what is still under way.
    fn finish(&mut self, expected: u64, swarm: &mut Swarm) -> Result<(), Failure> {
        let schedule = std::cell::RefCell::new(self);
        swarm.drain(
            |member, bytes| schedule.borrow_mut().receive(member, bytes),
            || schedule.borrow().received >= expected,
        )
    }
}
