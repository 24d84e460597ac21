//! Simulates the hub for a given time on every core, each core with its own
//! seeds. `make simulate MINUTES=10`, or `make simulate SEED=7 STEPS=1000` to
//! run one world again. Exits with 1 if there is a finding.

#[path = "../tests/simulator/mod.rs"]
mod simulator;

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use simulator::bug::Bug;
use simulator::invariant::Invariant;
use simulator::{Finding, run, run_governed};

/// Interval between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// How soon the main thread notices the end.
const GLANCE: Duration = Duration::from_millis(100);

/// Simulates the hub.
#[derive(Parser)]
struct Options {
    /// How long, in minutes
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Stops after so many steps in all, instead
    #[arg(long, conflicts_with = "minutes")]
    total: Option<u64>,
    /// Runs only the world of this seed
    #[arg(long)]
    seed: Option<u64>,
    /// Steps of each world
    #[arg(long, default_value_t = 50_000)]
    steps: u64,
    /// Worlds at a time; by default one for each core
    #[arg(long)]
    threads: Option<usize>,
    /// Plants a bug, to see what a finding looks like
    #[arg(long, value_parser = bug_of)]
    bug: Option<Bug>,
    /// Lists the invariants, and the bugs that can be planted
    #[arg(long)]
    list: bool,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The progress of all threads together.
#[derive(Default)]
struct Progress {
    worlds: AtomicU64,
    steps: AtomicU64,
    calls: AtomicU64,
    stop: AtomicBool,
    finding: Mutex<Option<Box<Finding>>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        list();
        return ExitCode::SUCCESS;
    }
    // A panic in a world is a finding and is reported as one.
    std::panic::set_hook(Box::new(|_| {}));
    let progress = Progress::default();
    let started = Instant::now();
    match options.seed {
        Some(seed) => run_one(&options, &progress, seed),
        None => run_many(&options, &progress, started),
    }
    progress.report(started);
    let finding = progress.finding.lock().expect("no thread panics");
    match finding.as_deref() {
        None => {
            println!("nothing found");
            ExitCode::SUCCESS
        }
        Some(finding) => {
            println!("{finding}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the worlds of a seed: the one without rules, and the one in which channels have
/// rules. A bug is planted in the one in which it can be.
fn run_one(options: &Options, progress: &Progress, seed: u64) {
    progress.note(options.steps, run(seed, options.steps, options.bug));
    if options.bug.is_none() {
        progress.note(options.steps, run_governed(seed, options.steps, None));
    }
}

fn bug_of(word: &str) -> Result<Bug, String> {
    let bug = Bug::ALL.iter().find(|bug| format!("{bug:?}") == word);
    bug.copied().ok_or_else(|| "see --list".to_owned())
}

fn list() {
    for &invariant in Invariant::ALL {
        println!("{invariant}: {}", invariant.sentence());
        for bug in Bug::ALL.iter().filter(|bug| bug.caught_by() == invariant) {
            println!("    --bug {bug:?}: {}", bug.what());
        }
    }
}

fn run_many(options: &Options, progress: &Progress, started: Instant) {
    let length = Duration::from_secs_f64(options.minutes.max(0.0) * 60.0);
    let threads = options
        .threads
        .unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
    let first_seed = SystemTime::now().duration_since(UNIX_EPOCH);
    let first_seed = first_seed.map_or(0, |since| since.as_nanos() as u64);
    println!("seeds from {first_seed} on");
    let next_seed = AtomicU64::new(first_seed);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !progress.stop.load(Ordering::Relaxed) {
                    let seed = next_seed.fetch_add(1, Ordering::Relaxed);
                    run_one(options, progress, seed);
                }
            });
        }
        let mut reported = started;
        while !progress.stop.load(Ordering::Relaxed) {
            let done = match options.total {
                Some(total) => progress.steps.load(Ordering::Relaxed) >= total,
                None => started.elapsed() >= length,
            };
            if done {
                progress.stop.store(true, Ordering::Relaxed);
            }
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                progress.report(started);
            }
            std::thread::sleep(GLANCE);
        }
    });
}

impl Progress {
    fn note(&self, steps: u64, result: Result<simulator::Run, Box<Finding>>) {
        match result {
            Ok(run) => {
                self.worlds.fetch_add(1, Ordering::Relaxed);
                self.steps.fetch_add(steps, Ordering::Relaxed);
                self.calls.fetch_add(run.calls, Ordering::Relaxed);
            }
            Err(found) => {
                self.steps.fetch_add(found.step, Ordering::Relaxed);
                self.stop.store(true, Ordering::Relaxed);
                let mut finding = self.finding.lock().expect("no thread panics");
                finding.get_or_insert(found);
            }
        }
    }

    fn report(&self, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        let steps = self.steps.load(Ordering::Relaxed);
        println!(
            "{seconds:6.0} s: {steps} steps in {} worlds, {} calls of the hub, {:.0} steps a second",
            self.worlds.load(Ordering::Relaxed),
            self.calls.load(Ordering::Relaxed),
            steps as f64 / seconds,
        );
    }
}
