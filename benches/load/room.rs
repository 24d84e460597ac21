//! One room and senders that never let up: each always has a window of
//! messages under way and sends the next when one of its own comes back.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::mark::{self, Clock, Finder, Mark};
use crate::measure::{Latencies, Process, counter};
use crate::report::Report;
use crate::support::Server;
use crate::swarm::{Swarm, still_open};

/// Members besides the senders whose latencies are taken.
const SAMPLED: usize = 8;
/// Not measured.
const WARM_UP: Duration = Duration::from_secs(1);

struct Room {
    clock: Clock,
    senders: usize,
    /// Messages each member has got.
    received: Vec<u64>,
    /// One for each member whose messages are read and not only counted.
    finders: Vec<Option<Finder>>,
    /// Messages each sender may send now.
    allowed: Vec<usize>,
    sent: u64,
    latencies: Option<Latencies>,
}

/// Floods the room.
pub fn run(
    server: &Server,
    (members, senders, window): (usize, usize, usize),
    seconds: u64,
) -> Result<Report, Failure> {
    let mut swarm = Swarm::new(server)?;
    swarm.enter(members, |_| Some("flood".to_owned()))?;
    swarm.settle()?;
    let mut room = Room::new(members, senders.min(members), window);
    room.flood(&mut swarm, WARM_UP)?;

    let counters = || ["chat_deliveries_total", "chat_sends_total"].map(|n| counter(server, n));
    let counted = counters();
    let (process, own) = (Process::of(server)?, Process::own()?);
    let before = room.deliveries();
    room.latencies = Some(Latencies::default());
    let start = Instant::now();
    room.flood(&mut swarm, Duration::from_secs(seconds))?;
    let took = start.elapsed().as_secs_f64();
    let deliveries = (room.deliveries() - before) as f64;
    let (process_after, own_after) = (Process::of(server)?, Process::own()?);
    let counted_after = counters();
    let latencies = room.latencies.take().unwrap_or_default();
    let lost = room.finish(&mut swarm)?;

    let mut report = Report::new(format!(
        "room: {members} members, {senders} senders with {window} messages under way, {seconds} s"
    ));
    report.add("deliveries", deliveries / took, "/s");
    report.add("messages", deliveries / members as f64 / took, "/s");
    latencies.report("latency", &mut report);
    let cpu = process_after.cpu_seconds - process.cpu_seconds;
    report.add("server CPU", cpu / deliveries * 1e6, "µs/delivery");
    report.add("server CPU", cpu / took * 100.0, "%");
    let cpu = own_after.cpu_seconds - own.cpu_seconds;
    report.add("this client's CPU", cpu / took * 100.0, "%");
    if let [Some(deliveries), Some(sends)] = counted
        && let [Some(deliveries_after), Some(sends_after)] = counted_after
    {
        let each = (deliveries_after - deliveries) / (sends_after - sends);
        report.add("messages in one send", each, "");
    }
    report.add("lost", lost as f64, "deliveries");
    Ok(report)
}

impl Room {
    fn new(members: usize, senders: usize, window: usize) -> Room {
        let mut finders = vec![None; members];
        finders[..senders].fill(Some(Finder::default()));
        for sample in 1..=SAMPLED {
            // A small room is sampled whole.
            let sampled = (members * sample / SAMPLED).saturating_sub(1);
            finders[sampled] = Some(Finder::default());
        }
        Room {
            clock: Clock::start(),
            senders,
            received: vec![0; members],
            finders,
            allowed: vec![window; senders],
            sent: 0,
            latencies: None,
        }
    }

    fn flood(&mut self, swarm: &mut Swarm, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        let mut lines = Vec::new();
        while Instant::now() < end {
            for sender in 0..self.senders {
                lines.clear();
                let mark = Mark {
                    tag: sender_tag(sender),
                    sent_ns: self.clock.now_ns(),
                };
                for _ in 0..std::mem::take(&mut self.allowed[sender]) {
                    mark::write_message(&mut lines, mark);
                    self.sent += 1;
                }
                if !lines.is_empty() {
                    swarm.send(sender, &lines)?;
                }
            }
            swarm.poll(Duration::from_millis(10), |_, member, bytes| {
                self.receive(member, bytes);
                still_open(bytes)
            })?;
        }
        Ok(())
    }

    fn receive(&mut self, member: usize, bytes: &[u8]) {
        self.received[member] += mark::count(bytes);
        let Some(finder) = &mut self.finders[member] else {
            return;
        };
        let now = self.clock.now_ns();
        finder.find(bytes, |mark| {
            if member < self.senders && mark.tag == sender_tag(member) {
                self.allowed[member] += 1;
            }
            if let Some(latencies) = &mut self.latencies {
                latencies.add(mark::between(mark.sent_ns, now));
            }
        });
    }

    fn deliveries(&self) -> u64 {
        self.received.iter().sum()
    }

    /// Reads what is still under way. Returns how much never came.
    fn finish(&mut self, swarm: &mut Swarm) -> Result<u64, Failure> {
        let expected = self.sent * self.received.len() as u64;
        let deliveries = std::cell::Cell::new(self.deliveries());
        swarm.drain(
            |_, bytes| deliveries.set(deliveries.get() + mark::count(bytes)),
            || deliveries.get() >= expected,
        )?;
        Ok(expected.abs_diff(deliveries.get()))
    }
}

/// Tells senders apart. They are few; a shared tag would only mean that
/// somebody else's message counts as one's own.
fn sender_tag(sender: usize) -> u8 {
    b'A' + (sender % 57) as u8
}
