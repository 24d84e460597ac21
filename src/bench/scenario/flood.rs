//! A flooded room: each sender always has a window of messages in flight, and sends the next when
//! its witness, a member that sends nothing, has received one of its messages.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::balance::Balance;
use crate::bench::error::BenchError;
use crate::bench::latency::Timed;
use crate::bench::mark::{self, Clock, Finder, Mark};
use crate::bench::progress::Progress;
use crate::bench::swarm::Swarm;

/// Members, spread over the room, whose latencies are measured.
const SAMPLED: usize = 8;
/// How often to check whether time is up.
const GLANCE: Duration = Duration::from_millis(10);

/// A flood and its results so far.
pub(super) struct Flood {
    clock: Clock,
    window: usize,
    /// By sender, how many messages it may send now.
    allowed: Vec<usize>,
    /// The senders that a member is the witness of.
    witness_of: HashMap<usize, Vec<usize>>,
    /// By member, how many messages it has received.
    received: Vec<u64>,
    /// A finder for each member whose messages are parsed and not only counted.
    finders: Vec<Option<Finder>>,
    /// Members from this one on no longer read.
    reading: usize,
    /// Messages sent so far.
    pub(super) sent: u64,
    latencies: Option<Timed>,
}

impl Flood {
    /// Nothing is sent yet. The first `senders` members send, and their witnesses are among the
    /// first `reading`, who go on reading.
    pub(super) fn new(members: usize, reading: usize, senders: usize, window: usize) -> Flood {
        let others = reading.saturating_sub(senders);
        let mut witness_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for sender in 0..senders {
            let witness = match others {
                0 => (sender + 1) % reading,
                _ => senders + sender % others,
            };
            witness_of.entry(witness).or_default().push(sender);
        }
        let mut finders = vec![None; members];
        let sampled = (1..=SAMPLED).map(|n| (members * n / SAMPLED).saturating_sub(1));
        for member in witness_of.keys().copied().chain(sampled) {
            if let Some(finder) = finders.get_mut(member) {
                *finder = Some(Finder::default());
            }
        }
        Flood {
            clock: Clock::start(),
            window,
            allowed: vec![window; senders],
            witness_of,
            received: vec![0; members],
            finders,
            reading: members,
            sent: 0,
            latencies: None,
        }
    }

    /// Begins to measure latencies.
    pub(super) fn measure(&mut self) {
        self.latencies = Some(Timed::new());
    }

    /// The latencies measured since.
    pub(super) fn measured(&mut self) -> Timed {
        self.latencies.take().unwrap_or_else(Timed::new)
    }

    /// Has all but the first `reading` members stop reading. What they have received no longer
    /// counts.
    pub(super) fn stop_reading(&mut self, reading: usize, swarm: &mut Swarm) {
        self.reading = reading;
        (reading..self.received.len()).for_each(|member| swarm.stop_reading(member));
        self.received.truncate(self.reading);
        self.finders.truncate(self.reading);
        if let Some(last) = self.finders.last_mut() {
            last.get_or_insert_default();
        }
    }

    /// Floods the room for this long.
    pub(super) fn go(
        &mut self,
        length: Duration,
        what: &'static str,
        swarm: &mut Swarm,
        progress: &Progress,
    ) -> Result<(), BenchError> {
        progress.begin(what, length.as_secs());
        let start = Instant::now();
        let mut last = start;
        while start.elapsed() < length {
            self.send(swarm)?;
            let came = swarm.poll(GLANCE, |swarm, member, text| {
                self.receive(swarm, member, text);
                swarm.still_open(member, text)
            })?;
            if came > 0 {
                last = Instant::now();
            } else if last.elapsed() > swarm.patience() {
                return Err(BenchError::Stalled(last.elapsed(), swarm.last_words(0)));
            }
            swarm.not_held_back()?;
            progress.reach(start.elapsed().as_secs());
        }
        Ok(())
    }

    fn send(&mut self, swarm: &mut Swarm) -> Result<(), BenchError> {
        for (sender, allowed) in self.allowed.iter_mut().enumerate() {
            let count = std::mem::take(allowed);
            if count > 0 {
                let mark = Mark {
                    tag: mark::tag(sender),
                    sent_ns: self.clock.now_ns(),
                };
                self.sent += count as u64;
                swarm.say_all(sender, std::iter::repeat_n(mark, count))?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, swarm: &Swarm, member: usize, text: &[u8]) {
        let Some(received) = self.received.get_mut(member) else {
            return;
        };
        *received += mark::count(text);
        let Some(Some(finder)) = self.finders.get_mut(member) else {
            return;
        };
        let now = self.clock.now_ns();
        let seen = self.witness_of.get(&member);
        finder.find(text, |mark| {
            for &sender in seen.into_iter().flatten() {
                if mark.tag == mark::tag(sender)
                    && let Some(allowed) = self.allowed.get_mut(sender)
                {
                    // A server that delivers twice must not increase the flood.
                    *allowed = (*allowed + 1).min(self.window);
                }
            }
            if let Some(latencies) = &mut self.latencies {
                latencies.add(mark::between(mark.sent_ns, now), swarm.waited());
            }
        });
    }

    /// Deliveries to members that read.
    pub(super) fn deliveries(&self) -> u64 {
        self.received.iter().sum()
    }

    /// Reads what is still in flight. Members that do not read do not count.
    pub(super) fn finish(&mut self, swarm: &mut Swarm) -> Result<Balance, BenchError> {
        let sent = self.sent;
        let mut expected = self.sent * self.reading as u64;
        if !swarm.protocol.echoes() {
            expected -= self.sent;
        }
        swarm.drain(
            self,
            |flood, swarm, member, text| flood.receive(swarm, member, text),
            |flood| flood.deliveries() >= expected,
        )?;
        Ok(Balance {
            sent,
            expected,
            received: self.deliveries(),
        })
    }
}
