//! No server, only `send()`: one thread sends one line to each of many sockets, on schedule. No
//! server can deliver for less, so the cost of a delivery is compared with this.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, send};
use rustix::time::{ClockId, clock_gettime};

use super::WARM_UP;
use super::schedule::{Arrivals, due_ns};
use crate::bench::Run;
use crate::bench::error::BenchError;
use crate::bench::mark::{Clock, Mark, tag};
use crate::bench::protocol::Protocol;
use crate::bench::report::Report;
use crate::bench::swarm::Swarm;

/// The part of a telnet line before its text.
const BEFORE_TEXT: &str = "12:00 @m00000: ";
/// How often to check whether the run should end.
const GLANCE: Duration = Duration::from_millis(50);

/// Sends on schedule.
pub(super) fn run(run: &Run, members: usize, per_second: u64) -> Result<Report, BenchError> {
    let failed = BenchError::io("sockets cannot be made");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(&failed)?;
    let address = listener.local_addr().map_err(&failed)?;
    let mut swarm = Swarm::new(run)?.at(address, Protocol::Telnet);
    let mut sockets = Vec::with_capacity(members);
    for _ in 0..members {
        swarm.connect(String::new())?;
        // It is there: on loopback, connecting completes the connection.
        sockets.push(listener.accept().map_err(&failed)?.0);
    }
    let sender = Sender {
        sockets,
        clock: Clock::start(),
        per_second,
        end_ns: due_ns(run.options.seconds + WARM_UP.as_secs(), 1),
        stop: run.stop.clone(),
    };
    let clock = sender.clock;
    let messages = run.options.seconds * per_second;
    let expected = messages * members as u64;
    let mut arrivals = Arrivals::new(members);
    arrivals.count_from(due_ns(WARM_UP.as_secs(), 1));
    run.progress
        .begin("measuring", run.options.seconds + WARM_UP.as_secs());
    let thread = std::thread::spawn(move || sender.run());
    let begun = Instant::now();
    while !thread.is_finished() {
        swarm.poll(GLANCE, |swarm, member, text| {
            arrivals.receive(swarm, member, text, clock);
            swarm.still_open(member, text)
        })?;
        run.progress.reach(begun.elapsed().as_secs());
    }
    let sent = thread
        .join()
        .map_err(|_| failed(io::Error::other("a thread has panicked")))?;
    let sent = sent.map_err(failed)?;
    arrivals.finish(expected, clock, &mut swarm)?;

    let mut report = Report::new(run.options, run.target.name.clone());
    report.add(
        "messages_per_second",
        "lines to each",
        per_second as f64,
        "/s",
    );
    arrivals.report(messages, expected, &mut report);
    let each = sent.cpu.as_secs_f64() * 1e6 / sent.count as f64;
    report.add(
        "sender_cpu_s_per_million",
        "CPU of send()",
        each,
        "s a million deliveries",
    );
    Ok(report)
}

struct Sender {
    sockets: Vec<TcpStream>,
    clock: Clock,
    per_second: u64,
    end_ns: u64,
    stop: Arc<AtomicBool>,
}

struct Sent {
    count: u64,
    cpu: Duration,
    /// Keeps the sockets open until everything has been read.
    _sockets: Vec<TcpStream>,
}

impl Sender {
    fn run(self) -> io::Result<Sent> {
        let before = own_cpu();
        let (mut next, mut count) = (0, 0);
        while due_ns(next, self.per_second) < self.end_ns && !self.stop.load(Ordering::Relaxed) {
            let due = due_ns(next, self.per_second);
            let now = self.clock.now_ns();
            if due > now {
                std::thread::sleep(Duration::from_nanos(due - now).min(GLANCE));
                continue;
            }
            let mark = Mark {
                tag: tag(0),
                sent_ns: due,
            };
            let line = format!("{BEFORE_TEXT}{}\n", mark.text());
            for socket in &self.sockets {
                send(
                    socket,
                    line.as_bytes(),
                    SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
                )?;
                count += 1;
            }
            next += 1;
        }
        let cpu = own_cpu().saturating_sub(before);
        Ok(Sent {
            count,
            cpu,
            _sockets: self.sockets,
        })
    }
}

/// The processor time of this thread so far.
fn own_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
