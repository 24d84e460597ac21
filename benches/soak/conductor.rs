//! Starts all clients, runs one fault after the other with restarts in between,
//! samples the server's resources, and reports.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::bystanders;
use crate::faults::{FAULTS, Fault, UNTIMED};
use crate::ledger::Book;
use crate::people;
use crate::support::{Identity, Server};
use crate::world::World;

/// How long each fault lasts.
const PHASE: Duration = Duration::from_secs(8);
/// Faults between two restarts.
const RESTART_EVERY: usize = 3;
const CLERKS: usize = 6;
const TALKERS: usize = 96;
const QUIET: usize = 200;
const VISITORS: usize = 3;
/// The longest a bystander's message may take, at the 99th percentile.
const P99: Duration = Duration::from_millis(250);
/// Memory in KiB beyond that of a freshly started server: several times what
/// these connections and full caches take.
const MOST_GROWTH_KIB: u64 = 400 * 1024;
/// Threads and descriptors more than before that are not taken for a leak.
const SLACK: u64 = 8;

/// The server's resources at one moment.
#[derive(Clone, Copy)]
pub struct Sample {
    pub threads: u64,
    pub descriptors: u64,
    pub resident_kib: u64,
    /// Processor time since the server started.
    pub cpu_seconds: f64,
}

/// Runs for this long; returns whether there was no finding.
pub fn run(time: Duration) -> bool {
    raise_descriptor_limit();
    let identity = Identity::new();
    let mut server = start(&identity);
    let before = sample(&server);
    let world = World::default();
    world.begin("the start");
    world.open(&server);
    let mut restarts = [0; 2];
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let world = &world;
        let clerks: Vec<_> = (0..CLERKS)
            .map(|number| scope.spawn(move || Book::keep(world, number)))
            .collect();
        scope.spawn(move || bystanders::run(world));
        scope.spawn(move || people::sit(world, QUIET));
        for number in 0..TALKERS {
            scope.spawn(move || people::talk(world, number));
        }
        for number in 0..VISITORS {
            scope.spawn(move || people::come_and_go(world, number));
        }
        // All clients connect; no latency counts meanwhile.
        world.begin("a restart");
        world.pause(Duration::from_secs(3));
        println!("  seconds  during                          threads  descriptors  resident KiB");
        for round in 0.. {
            if Instant::now() >= end {
                break;
            }
            if round % (RESTART_EVERY + 1) == RESTART_EVERY {
                restart(world, &mut server, &mut restarts);
            } else {
                let fault = FAULTS[(round - round / (RESTART_EVERY + 1)) % FAULTS.len()];
                suffer(world, &server, fault);
            }
            let sample = sample(&server);
            let seconds = time.saturating_sub(end.saturating_duration_since(Instant::now()));
            println!(
                "{:>9}  {:<30} {:>8} {:>12} {:>13}",
                seconds.as_secs(),
                world.fault(),
                sample.threads,
                sample.descriptors,
                sample.resident_kib
            );
            if sample.resident_kib > before.resident_kib + MOST_GROWTH_KIB {
                world.found(format!("{} KiB resident", sample.resident_kib));
            }
        }
        world.begin("the end");
        world.stop();
        let books: Vec<_> = clerks
            .into_iter()
            .filter_map(|clerk| clerk.join().ok())
            .collect();
        let mut books: Vec<Book<'_>> = books.into_iter().flatten().collect();
        if books.len() < CLERKS {
            world.found(format!("only {} books were kept", books.len()));
        }
        for book in &mut books {
            book.close(server.web());
        }
        Book::audit(world, &books);
    });
    look_for_leaks(&world, &server, before);
    server.signal(Signal::TERM);
    if !server.wait_exit().success() {
        world.found(format!("the end was not orderly\n{}", server.output()));
    }
    report(&world, restarts)
}

fn start(identity: &Identity) -> Server {
    let names = ["telnet", "rest", "web", "tcp", "ws"];
    Server::start(|config| {
        for name in names {
            config["listen"][name] = "127.0.0.1:0".into();
        }
        identity.configure(config, &names);
        config["limits"]["auth_attempts"] = 0.into();
        config["limits"]["bytes_per_address"] = 0.into();
        config["limits"]["http_seconds"] = 3.into();
        config["limits"]["login_seconds"] = 3.into();
        config["chat_log"]["rotate_bytes"] = (256 * 1024).into();
        config["chat_log"]["keep_files"] = 4.into();
    })
}

/// Runs one fault and checks the server afterwards.
fn suffer(world: &World, server: &Server, (name, fault): Fault) {
    world.begin(name);
    fault(world, &server.dir().join("data"), Instant::now() + PHASE);
    let deadline = Instant::now() + PHASE;
    while server.get("/readyz").status != 200 {
        if Instant::now() > deadline {
            return world.found(format!("not ready: {}", server.get("/readyz").body));
        }
        world.pause(Duration::from_millis(50));
    }
}

/// Restarts the server, by turns cleanly and by a kill, with the log's files
/// moved away before.
fn restart(world: &World, server: &mut Server, restarts: &mut [usize; 2]) {
    world.begin("a restart");
    server.hang_up();
    let kill = restarts[0] > restarts[1];
    world.close();
    if kill {
        server.kill();
        restarts[1] += 1;
    } else {
        server.signal(Signal::TERM);
        let status = server.wait_exit();
        if !status.success() {
            world.found(format!("stopping ended in {status}\n{}", server.output()));
        }
        restarts[0] += 1;
    }
    server.start_again();
    world.open(server);
    // All clients reconnect.
    world.pause(Duration::from_secs(3));
}

/// When all clients have gone, the server must have released what they took.
fn look_for_leaks(world: &World, server: &Server, before: Sample) {
    world.begin("the quiet at the end");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let now = sample(server);
        let is_back =
            now.threads <= before.threads + SLACK && now.descriptors <= before.descriptors + SLACK;
        if is_back || Instant::now() > deadline {
            println!(
                "left at the end: {} threads (at first {}), {} descriptors ({}), {} KiB ({})",
                now.threads,
                before.threads,
                now.descriptors,
                before.descriptors,
                now.resident_kib,
                before.resident_kib
            );
            if !is_back {
                world.found("threads or descriptors were not given back");
            }
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn report(world: &World, [stops, kills]: [usize; 2]) -> bool {
    let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "{} connections, {stops} stops, {kills} kills",
        count(&world.visits)
    );
    println!(
        "messages: {} sent, {} acknowledged, {} deliveries, {} lost, {} doubled",
        count(&world.sent),
        count(&world.acknowledged),
        count(&world.delivered),
        count(&world.lost),
        count(&world.doubled)
    );
    println!("bystanders' messages, ms        count      p50      p99      max");
    let by_fault = world.latencies();
    let judged = by_fault
        .iter()
        .filter(|(fault, _)| !UNTIMED.contains(fault));
    let mut all: Vec<Duration> = judged.flat_map(|(_, times)| times).copied().collect();
    all.sort_unstable();
    let all = ("all that is judged", all);
    for (fault, latencies) in by_fault.into_iter().chain([all]) {
        if latencies.is_empty() {
            continue;
        }
        let at = |share: usize| {
            let index = (latencies.len() * share / 100).min(latencies.len() - 1);
            latencies[index].as_secs_f64() * 1000.0
        };
        let is_timed = !UNTIMED.contains(&fault);
        let is_slow = is_timed && at(99) >= P99.as_secs_f64() * 1000.0;
        let mark = match (is_timed, is_slow) {
            (false, _) => "  (not judged)",
            (true, false) => "",
            (true, true) => "  TOO SLOW",
        };
        println!(
            "{fault:<30} {:>6} {:>8.1} {:>8.1} {:>8.1}{mark}",
            latencies.len(),
            at(50),
            at(99),
            at(100)
        );
        if is_slow {
            world.found(format!("{fault}: p99 of a bystander is {:.0} ms", at(99)));
        }
    }
    let findings = world.findings();
    match findings.len() {
        0 => println!("nothing found"),
        count => println!("{count} findings:\n{}", findings.join("\n")),
    }
    findings.is_empty()
}

/// Samples the server's resources.
pub fn sample(server: &Server) -> Sample {
    let process = format!("/proc/{}", server.pid());
    let entries = |what: &str| {
        let entries = fs::read_dir(format!("{process}/{what}"));
        entries.into_iter().flatten().flatten()
    };
    // The database opens connections when first needed and keeps them.
    let is_counted = |entry: &fs::DirEntry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        !target.to_string_lossy().contains("/chat.db")
    };
    let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.split_whitespace().next());
    Sample {
        threads: entries("task").count() as u64,
        descriptors: entries("fd").filter(is_counted).count() as u64,
        resident_kib: resident.and_then(|kib| kib.parse().ok()).unwrap_or(0),
        cpu_seconds: cpu_seconds(&process).unwrap_or(0.0),
    }
}

fn cpu_seconds(process: &str) -> Option<f64> {
    /// Clock ticks a second, the same on every Linux.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("{process}/stat")).ok()?;
    // The name before it may contain spaces. Then: state, 10 others, user,
    // system.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

/// Raises the limit on descriptors as far as this process may.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
        println!("the limit of open files stays as it is: {error}");
    }
}
