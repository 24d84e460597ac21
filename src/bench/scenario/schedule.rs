//! Messages on a fixed schedule, in one room or in many. Latency counts from when a message was
//! due, so a server that stalls cannot hide it by being sent less.

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

const SECOND_NS: u64 = 1_000_000_000;

/// Overdue messages sent at once before reading again.
const AT_ONCE: u64 = 64;

/// The rooms and their members, and the order of senders.
pub(super) struct Plan {
    members: usize,
    /// Members of each room.
    together: usize,
    place: fn(&People, usize) -> String,
    /// The sender of the message with a number.
    speaker: Box<dyn Fn(u64) -> usize>,
    /// Whether a client's own messages are timed apart: in pairs they are half of what is heard, on
    /// IRC nothing.
    own_apart: bool,
    per_second: u64,
}

impl Plan {
    /// One room, whose first members send in turn.
    pub(super) fn one_room(members: usize, senders: usize, per_second: u64) -> Plan {
        Plan {
            members,
            together: members,
            place: |_, _| "talk".to_owned(),
            speaker: Box::new(move |number| number as usize % senders),
            own_apart: false,
            per_second,
        }
    }

    /// Rooms of two, in which the members send alternately.
    pub(super) fn pairs(rooms: usize, per_second: u64) -> Plan {
        Plan {
            members: rooms * 2,
            together: 2,
            place: People::place_of_two,
            speaker: Box::new(move |number| {
                let (room, turn) = (number as usize % rooms, number as usize / rooms);
                room * 2 + turn % 2
            }),
            own_apart: true,
            per_second,
        }
    }
}

/// Sends on schedule.
pub(super) fn run(run: &Run, plan: Plan) -> Result<Report, BenchError> {
    let people = People::new(run, plan.members)?;
    let mut swarm = Swarm::new(run)?;
    let place = |member| Some((plan.place)(&people, member));
    enter(run, &mut swarm, plan.members, &people, place)?;
    swarm.settle()?;
    let mut each = plan.together as u64;
    if !swarm.protocol.echoes() {
        each -= 1;
    }
    let mut arrivals = Arrivals::new(plan.members);
    arrivals.own_apart = plan.own_apart;
    let mut schedule = Schedule {
        clock: Clock::start(),
        plan,
        next: 0,
        arrivals,
    };
    let warm_up = WARM_UP.as_secs();
    run.progress.begin("warming up", warm_up);
    schedule.send_until(warm_up, run, &mut swarm)?;
    let before = schedule.next;
    schedule.arrivals.count_from(schedule.due_ns());
    run.progress.begin("measuring", run.options.seconds);
    let meter = Meter::start(run)?;
    let begun = schedule.clock.now_ns();
    schedule.send_until(warm_up + run.options.seconds, run, &mut swarm)?;
    let sending = mark::between(begun, schedule.clock.now_ns());
    let messages = schedule.next - before;
    schedule
        .arrivals
        .finish(messages * each, schedule.clock, &mut swarm)?;
    let took = meter.stop(run)?;
    swarm.not_held_back()?;

    let mut report = Report::new(run.options, run.target.name.clone());
    // A run behind its schedule takes longer, with fewer messages a second.
    let sending = sending.max(run.options.length());
    let per_second = messages as f64 / sending.as_secs_f64();
    report.add("messages_per_second", "messages", per_second, "/s");
    schedule
        .arrivals
        .report(messages, messages * each, &mut report);
    took.report(messages, schedule.arrivals.received, &mut report);
    Ok(report)
}

struct Schedule {
    clock: Clock,
    plan: Plan,
    /// Number of the message that is due next.
    next: u64,
    arrivals: Arrivals,
}

impl Schedule {
    fn due_ns(&self) -> u64 {
        due_ns(self.next, self.plan.per_second)
    }

    /// Sends everything due before this second, and handles what arrives.
    fn send_until(&mut self, second: u64, run: &Run, swarm: &mut Swarm) -> Result<(), BenchError> {
        let begun = Instant::now();
        let mut unheard = None;
        while self.due_ns() < second * SECOND_NS {
            run.go_on()?;
            let now = self.clock.now_ns();
            if self.due_ns() <= now {
                let speaker = (self.plan.speaker)(self.next);
                let mark = Mark {
                    tag: mark::tag(speaker),
                    sent_ns: self.due_ns(),
                };
                swarm.say(speaker, mark)?;
                self.next += 1;
                unheard.get_or_insert(now);
                if !self.next.is_multiple_of(AT_ONCE) {
                    continue;
                }
            }
            let wait = mark::between(now, self.due_ns());
            let came = swarm.poll(wait, |swarm, member, text| {
                self.arrivals.receive(swarm, member, text, self.clock);
                swarm.still_open(member, text)
            })?;
            swarm.not_held_back()?;
            if came > 0 {
                unheard = None;
            }
            let silence = unheard.map_or(Duration::ZERO, |since| mark::between(since, now));
            if silence > swarm.patience() {
                return Err(BenchError::Stalled(silence, swarm.last_words(0)));
            }
            run.progress.reach(begun.elapsed().as_secs());
        }
        Ok(())
    }
}

/// When the message with this number is due.
pub(super) fn due_ns(number: u64, per_second: u64) -> u64 {
    let nanoseconds = u128::from(number) * u128::from(SECOND_NS) / u128::from(per_second.max(1));
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// Messages that arrive.
pub(super) struct Arrivals {
    finders: Vec<Finder>,
    /// As in [`Plan`].
    own_apart: bool,
    from_ns: u64,
    latencies: Timed,
    /// Messages that count.
    pub(super) received: u64,
}

impl Arrivals {
    /// Nothing has arrived yet, and nothing counts.
    pub(super) fn new(members: usize) -> Arrivals {
        Arrivals {
            finders: vec![Finder::default(); members],
            own_apart: false,
            from_ns: u64::MAX,
            latencies: Timed::new(),
            received: 0,
        }
    }

    /// Counts messages that were due from then on.
    pub(super) fn count_from(&mut self, ns: u64) {
        self.from_ns = ns;
    }

    /// Handles what a member has received.
    pub(super) fn receive(&mut self, swarm: &Swarm, member: usize, text: &[u8], clock: Clock) {
        let now = clock.now_ns();
        let Some(finder) = self.finders.get_mut(member) else {
            return;
        };
        let own = mark::tag(member);
        finder.find(text, |mark| {
            if mark.sent_ns < self.from_ns {
                return;
            }
            self.received += 1;
            let took = mark::between(mark.sent_ns, now);
            match self.own_apart && mark.tag == own {
                true => self.latencies.add_own(took, swarm.waited()),
                false => self.latencies.add(took, swarm.waited()),
            }
        });
    }

    /// Reads what is still in flight.
    pub(super) fn finish(
        &mut self,
        expected: u64,
        clock: Clock,
        swarm: &mut Swarm,
    ) -> Result<(), BenchError> {
        swarm.drain(
            self,
            |arrivals, swarm, member, text| arrivals.receive(swarm, member, text, clock),
            |arrivals| arrivals.received >= expected,
        )
    }

    /// Adds latencies and losses.
    pub(super) fn report(&self, sent: u64, expected: u64, report: &mut Report) {
        self.latencies.report("latency", "latency", report);
        let balance = Balance {
            sent,
            expected,
            received: self.received,
        };
        balance.report(report);
    }
}
