//! Counts the messages of the crowd: sent, received, and how late.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Latencies are counted in steps of a millisecond, up to this many.
const LONGEST_MS: usize = 30_000;
/// Speakers of the largest channel; no other channel has more.
pub const SPEAKERS: usize = 3;
/// Most reasons kept.
const MOST_REASONS: usize = 100;
/// The beginning of every message.
const SIGN: &[u8] = b": crowd ";

/// How often each latency was measured.
pub struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram(vec![0; LONGEST_MS + 1])
    }
}

impl Histogram {
    fn take(&mut self, latency: Duration) {
        let at = (latency.as_millis() as usize).min(LONGEST_MS);
        self.0[at] += 1;
    }

    /// The latency in milliseconds that this many in a thousand do not exceed.
    pub fn at(&self, per_mille: u64) -> usize {
        let all: u64 = self.0.iter().sum();
        let mut left = (all * per_mille).div_ceil(1000);
        let found = self.0.iter().position(|&count| {
            left = left.saturating_sub(count);
            left == 0
        });
        found.unwrap_or(0)
    }
}

/// Counts and latencies.
pub struct Tally {
    start: Instant,
    /// Latencies of the largest channel, and of the others.
    pub latencies: [Histogram; 2],
    /// All latencies since the last sample.
    pub recent: Histogram,
    pub sent: u64,
    pub delivered: u64,
    pub lost: u64,
    pub doubled: u64,
    /// Connections that the server ended, by the last line they received.
    pub cut_off: BTreeMap<String, u64>,
}

impl Tally {
    /// An empty tally.
    pub fn new() -> Tally {
        Tally {
            start: Instant::now(),
            latencies: Default::default(),
            recent: Histogram::default(),
            sent: 0,
            delivered: 0,
            lost: 0,
            doubled: 0,
            cut_off: BTreeMap::new(),
        }
    }

    /// Counts a connection that the server ended.
    pub fn cut_off(&mut self, last: &str) {
        if self.cut_off.len() < MOST_REASONS || self.cut_off.contains_key(last) {
            *self.cut_off.entry(last.to_owned()).or_default() += 1;
        }
    }

    /// Composes a speaker's next message.
    pub fn compose(&mut self, speaker: usize, number: u64) -> String {
        self.sent += 1;
        let at = self.start.elapsed().as_micros();
        format!("crowd {speaker} {number} {at}")
    }
}

/// A member of a channel, and what it has received.
#[derive(Clone)]
pub struct Member {
    /// The channel's number; 0 is the largest.
    pub channel: usize,
    /// The last number received from each speaker.
    pub last: [u64; SPEAKERS],
    /// A hash: equal for members that received the same messages in the same
    /// order.
    pub order: u64,
}

impl Member {
    /// A member that has received nothing.
    pub fn of(channel: usize) -> Member {
        Member {
            channel,
            last: [0; SPEAKERS],
            order: 0,
        }
    }

    /// Takes a line, which may be a message.
    pub fn hear(&mut self, line: &[u8], tally: &mut Tally) {
        let Some((speaker, number, at)) = parse(line) else {
            return;
        };
        let Some(last) = self.last.get_mut(speaker) else {
            return;
        };
        tally.delivered += 1;
        if number <= *last {
            tally.doubled += 1;
            return;
        }
        tally.lost += number - *last - 1;
        *last = number;
        let heard = number * SPEAKERS as u64 + speaker as u64;
        self.order = (self.order ^ heard).wrapping_mul(0x0000_0100_0000_01b3);
        let latency = tally.start.elapsed().saturating_sub(at);
        tally.latencies[usize::from(self.channel > 0)].take(latency);
        tally.recent.take(latency);
    }
}

/// Speaker, number and time of a message.
fn parse(line: &[u8]) -> Option<(usize, u64, Duration)> {
    let at = memchr::memmem::find(line, SIGN)?;
    let text = std::str::from_utf8(&line[at + SIGN.len()..]).ok()?;
    let mut words = text.split_ascii_whitespace();
    let speaker = words.next()?.parse().ok()?;
    let number = words.next()?.parse().ok()?;
    let at = Duration::from_micros(words.next()?.parse().ok()?);
    Some((speaker, number, at))
}
