//! As many clients as fit: half of them idle, a quarter in one channel, the
//! others in small ones, and hundreds a second that connect and disconnect.
//!
//! Memory, threads and descriptors must not grow once all clients are in; no
//! client may miss a message, get one twice or be cut off; and the server must
//! release everything at the end.

mod swarm;
mod tally;

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::conductor::{Sample, raise_descriptor_limit, sample};
use crate::support::Server;
use swarm::{Role, Swarm};
use tally::{Member, SPEAKERS, Tally};

/// Server connections and descriptors of this process reserved for other uses.
const RESERVE: usize = 600;
/// Logins in flight at once: fewer than a listener's backlog.
const LOGINS: usize = 64;
/// Members of each small channel.
const SMALL: usize = 10;
/// Most visitors at a time; a machine that is too busy has fewer.
const MOST_VISITORS: usize = RESERVE - 100;
/// Interval between two visitors.
const VISIT: Duration = Duration::from_millis(5);
/// The shortest visit.
const STAY: Duration = Duration::from_millis(250);
/// How often each speaker of the largest channel sends a message.
const LARGE_PACE: Duration = Duration::from_millis(1500);
/// How often a speaker of each small channel does.
const SMALL_PACE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(10);
/// How long a wait may take before it is a finding.
const PATIENCE: Duration = Duration::from_secs(60);
/// Growth of memory, in KiB, that is allowed while no client is added: the
/// database's writer fills a cache of 64 MiB with the pages it has written.
const GROWTH_KIB: u64 = 72 * 1024;
/// Threads and descriptors more than before that are not taken for a leak.
const SLACK: u64 = 8;

/// A client that sends a message now and then.
struct Speaker {
    index: usize,
    channel: usize,
    /// Its number among the channel's speakers.
    number: usize,
    said: u64,
    due: Instant,
    pace: Duration,
}

struct Crowd {
    server: Server,
    swarm: Swarm,
    tally: Tally,
    speakers: Vec<Speaker>,
    /// Visitors in the order in which they leave, with the time.
    visitors: VecDeque<(Instant, usize)>,
    /// Visitors disconnected before they had logged in.
    turned_away: u64,
    visits: usize,
    samples: Vec<Sample>,
    findings: Vec<String>,
}

/// Gathers `people` clients for this long; returns whether there was no
/// finding.
pub fn run(people: usize, time: Duration) -> bool {
    raise_descriptor_limit();
    let server = Server::start(|config| {
        config["limits"]["connections"] = (people + RESERVE).into();
        config["limits"]["bytes_per_address"] = 0.into();
        config["chat_log"]["rotate_bytes"] = (32 << 20).into();
        config["chat_log"]["keep_files"] = 2.into();
    });
    let before = sample(&server);
    let fit = that_fit(people, &server);
    let swarm = match Swarm::new(server.telnet()) {
        Ok(swarm) => swarm,
        Err(error) => {
            println!("no crowd: {error}");
            return false;
        }
    };
    let mut crowd = Crowd {
        server,
        swarm,
        tally: Tally::new(),
        speakers: Vec::new(),
        visitors: VecDeque::new(),
        turned_away: 0,
        visits: 0,
        samples: Vec::new(),
        findings: Vec::new(),
    };
    let talked = crowd.gather(fit).and_then(|()| crowd.talk(time));
    for ended in [talked, crowd.hear_the_rest()] {
        if let Err(error) = ended {
            crowd.findings.push(error.to_string());
        }
    }
    crowd.compare();
    crowd.part(before);
    crowd.report()
}

/// As many clients as the machine allows the server; prints a note if it is
/// fewer.
fn that_fit(people: usize, server: &Server) -> usize {
    let output = server.output();
    let bound = output
        .lines()
        .find_map(|line| line.strip_prefix("connections: at most "));
    let Some(bound) = bound else {
        return people;
    };
    println!("the server takes at most {bound}");
    let most = bound.split(',').next().and_then(|most| most.parse().ok());
    most.map_or(people, |most: usize| {
        people.min(most.saturating_sub(RESERVE))
    })
}

impl Crowd {
    /// Connects all clients.
    fn gather(&mut self, people: usize) -> io::Result<()> {
        let began = Instant::now();
        let (idle, large) = (people / 2, people / 4);
        let small = (people - idle - large) / SMALL;
        for number in 0..idle {
            self.come_in(Role::Idle, &format!("idle{number}"), None)?;
        }
        for channel in 0..=small {
            let members = if channel == 0 { large } else { SMALL };
            let (speakers, pace) = match channel {
                0 => (SPEAKERS, LARGE_PACE),
                _ => (1, SMALL_PACE),
            };
            for number in 0..members {
                let role = Role::Member(Member::of(channel));
                let nickname = format!("m{channel}x{number}");
                let index = self.come_in(role, &nickname, Some(&format!("crowd{channel}")))?;
                if number < speakers {
                    self.speakers.push(Speaker {
                        index,
                        channel,
                        number,
                        said: 0,
                        due: Instant::now(),
                        pace,
                    });
                }
            }
        }
        self.wait_until_in(0)?;
        println!(
            "{} connections in {:.0} s: {idle} idle, {large} in one channel, {small} channels of {SMALL}",
            self.swarm.connected(),
            began.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn come_in(&mut self, role: Role, name: &str, channel: Option<&str>) -> io::Result<usize> {
        self.wait_until_in(LOGINS)?;
        self.swarm.connect(role, name, channel)
    }

    /// Waits until all but `outside` clients have logged in.
    fn wait_until_in(&mut self, outside: usize) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.swarm.connected() - self.swarm.inside() > outside {
            self.swarm
                .poll(Duration::from_millis(100), &mut self.tally)?;
            if Instant::now() > deadline {
                return Err(io::Error::other("a client never logged in"));
            }
        }
        Ok(())
    }

    /// All clients act according to their roles.
    fn talk(&mut self, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        let end = start + time;
        let count = self.speakers.len().max(1) as u32;
        for (at, speaker) in self.speakers.iter_mut().enumerate() {
            speaker.due = start + speaker.pace * at as u32 / count;
        }
        let mut next_visit = start;
        let mut next_look = start + LOOK;
        println!(
            "  seconds  connections  threads  descriptors  resident KiB  delivered  p99 ms  cpu s   load"
        );
        while Instant::now() < end {
            let now = Instant::now();
            while next_visit <= now {
                if self.visitors.len() < MOST_VISITORS {
                    self.visit()?;
                }
                next_visit += VISIT;
            }
            self.say_what_is_due(now)?;
            self.see_off(now)?;
            if now >= next_look {
                self.look(now - start);
                next_look += LOOK;
            }
            self.swarm.poll(Duration::from_millis(2), &mut self.tally)?;
        }
        Ok(())
    }

    fn visit(&mut self) -> io::Result<()> {
        self.visits += 1;
        let nickname = format!("visitor{}", self.visits);
        let channel = format!("visits{}", self.visits % 20);
        let index = self
            .swarm
            .connect(Role::Visitor, &nickname, Some(&channel))?;
        self.visitors.push_back((Instant::now() + STAY, index));
        Ok(())
    }

    fn say_what_is_due(&mut self, now: Instant) -> io::Result<()> {
        for speaker in &mut self.speakers {
            if speaker.due <= now {
                speaker.said += 1;
                speaker.due += speaker.pace;
                let text = self.tally.compose(speaker.number, speaker.said);
                self.swarm.send(speaker.index, &text)?;
            }
        }
        Ok(())
    }

    /// Visitors disconnect, each in one of three ways.
    fn see_off(&mut self, now: Instant) -> io::Result<()> {
        while let Some(&(due, index)) = self.visitors.front()
            && due <= now
        {
            self.visitors.pop_front();
            match (self.swarm.is_inside(index), index % 3) {
                (None, _) => self.turned_away += 1,
                (Some(false), _) if now > due + PATIENCE => {
                    return Err(io::Error::other("a visitor never came in"));
                }
                // The visitors behind it came later still and have as much
                // time.
                (Some(false), _) => {
                    self.visitors.push_back((due, index));
                    return Ok(());
                }
                // The server may have closed the connection already.
                (Some(true), 0) => drop(self.swarm.quit(index)),
                (Some(true), 1) => self.swarm.leave(index, false),
                (Some(true), _) => self.swarm.leave(index, true),
            }
        }
        Ok(())
    }

    fn look(&mut self, since: Duration) {
        let now = sample(&self.server);
        self.samples.push(now);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!(
            "{:>9} {:>12} {:>8} {:>12} {:>13} {:>10} {:>7} {:>6.0} {:>6}",
            since.as_secs(),
            self.swarm.connected(),
            now.threads,
            now.descriptors,
            now.resident_kib,
            self.tally.delivered,
            std::mem::take(&mut self.tally.recent).at(990),
            now.cpu_seconds,
            load.split(' ').next().unwrap_or_default(),
        );
    }

    /// Reads the last messages, which are still on their way.
    fn hear_the_rest(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.missing() > 0 && Instant::now() < deadline {
            self.swarm
                .poll(Duration::from_millis(100), &mut self.tally)?;
        }
        Ok(())
    }

    /// Messages that some member has not received.
    fn missing(&self) -> u64 {
        let mut said: HashMap<usize, [u64; SPEAKERS]> = HashMap::new();
        for speaker in &self.speakers {
            said.entry(speaker.channel).or_default()[speaker.number] = speaker.said;
        }
        let of = |member: &Member| {
            let said = said.get(&member.channel).copied().unwrap_or_default();
            let pairs = said.into_iter().zip(member.last);
            pairs
                .map(|(said, last)| said.saturating_sub(last))
                .sum::<u64>()
        };
        self.swarm.members().map(of).sum()
    }

    /// All members of a channel must have received the same messages.
    fn compare(&mut self) {
        self.tally.lost += self.missing();
        let mut orders = HashMap::new();
        let mut different = 0;
        for member in self.swarm.members() {
            let order = *orders.entry(member.channel).or_insert(member.order);
            different += usize::from(order != member.order);
        }
        let tally = &self.tally;
        let mut found = |what: &str, count: u64| {
            if count > 0 {
                self.findings.push(format!("{count} {what}"));
            }
        };
        found("messages lost", tally.lost);
        found("messages doubled", tally.doubled);
        found("visitors turned away", self.turned_away);
        for (last, count) in &tally.cut_off {
            found(&format!("connections cut off after {last:?}"), *count);
        }
        found("members that received another order", different as u64);
        if tally.delivered == 0 {
            self.findings.push("nothing was delivered".to_owned());
        }
    }

    /// All clients disconnect at once; the server must release what they took.
    fn part(&mut self, before: Sample) {
        // Compares the last fifth with the second: by then caches are full.
        let fifth = self.samples.len() / 5;
        let mean = |samples: &[Sample]| {
            let sum: u64 = samples.iter().map(|sample| sample.resident_kib).sum();
            sum / (samples.len() as u64).max(1)
        };
        if fifth > 0 {
            let early = mean(&self.samples[fifth..2 * fifth]);
            let late = mean(&self.samples[self.samples.len() - fifth..]);
            println!("memory: {early} KiB after a fifth of the time, {late} KiB at the end");
            if late > early + GROWTH_KIB {
                let what = format!("memory grew by {} KiB", late - early);
                self.findings.push(what);
            }
        }
        let all: Vec<usize> = (0..self.swarm.connected() + self.visits).collect();
        for index in all {
            self.swarm.leave(index, false);
        }
        let began = Instant::now();
        loop {
            let now = sample(&self.server);
            let is_back = now.threads <= before.threads + SLACK
                && now.descriptors <= before.descriptors + SLACK;
            if is_back || began.elapsed() > PATIENCE {
                println!(
                    "all left; after {:.1} s: {} threads (at first {}), {} descriptors ({}), {} KiB ({})",
                    began.elapsed().as_secs_f64(),
                    now.threads,
                    before.threads,
                    now.descriptors,
                    before.descriptors,
                    now.resident_kib,
                    before.resident_kib
                );
                if !is_back {
                    let what = "threads or descriptors were not given back";
                    self.findings.push(what.to_owned());
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn report(mut self) -> bool {
        self.server.signal(Signal::TERM);
        if !self.server.wait_exit().success() {
            let what = format!("the end was not orderly\n{}", self.server.output());
            self.findings.push(what);
        }
        let tally = &self.tally;
        println!(
            "{} visits; messages: {} sent, {} deliveries, {} lost, {} doubled",
            self.visits, tally.sent, tally.delivered, tally.lost, tally.doubled
        );
        for (what, latencies) in ["the largest channel", "small channels"]
            .iter()
            .zip(&tally.latencies)
        {
            println!(
                "delivery in {what}, ms: p50 {}, p99 {}, p99.9 {}, max {}",
                latencies.at(500),
                latencies.at(990),
                latencies.at(999),
                latencies.at(1000)
            );
        }
        match self.findings.len() {
            0 => println!("nothing found"),
            count => println!("{count} findings:\n{}", self.findings.join("\n")),
        }
        self.findings.is_empty()
    }
}
