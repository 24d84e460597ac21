//! Soak: the release build of the server among hundreds of mixed clients,
//! faults and restarts, for minutes or hours.
//!
//! The checks run all the time: no client misses a message, gets one twice or
//! out of order; resuming clients get everything through kills and stops; a
//! bystander's messages take less than 250 ms at the 99th percentile; and
//! clients that have gone leave nothing behind. Prints a report; the exit code
//! is not 0 if there is a finding.
//!
//! ```text
//! cargo bench --bench soak -- --minutes 5
//! cargo bench --bench soak -- --minutes 30 --crowd 20000
//! ```

#![forbid(unsafe_code)]

mod bystanders;
mod conductor;
mod crowd;
mod faults;
mod ledger;
mod line;
mod people;
mod world;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// The longest soak that can be asked for: a week.
const MOST_MINUTES: u64 = 7 * 24 * 60;

#[derive(Parser)]
#[command(about = "Runs the server among mixed clients, faults and restarts")]
struct Arguments {
    /// For how long
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=MOST_MINUTES))]
    minutes: u64,
    /// Instead of faults, so many people at once
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    crowd: Option<u32>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        // Run as a test, by `cargo test --all-targets`.
        println!("nothing to test; run it with: make soak MINUTES=5");
        return ExitCode::SUCCESS;
    }
    let time = Duration::from_secs(60 * arguments.minutes);
    let is_well = match arguments.crowd {
        Some(people) => crowd::run(people as usize, time),
        None => conductor::run(time),
    };
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
