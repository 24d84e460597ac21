//! The simulator: the real hub in a simulated world.
//!
//! Connections, clock, store and network are simulated. Everything that happens
//! follows from one number, the seed. After every step the audit compares
//! everything the hub shows with a small model of its correct state, and the
//! judge checks every effect as the hub emits it. A finding is a seed and a
//! step; running that seed again repeats it.
//! `world` acts, `model` knows, `judge` and `audit` compare, `invariant` states
//! what must hold, `bug` plants faults to prove that the invariants catch them.
//! `docs/simulation.md` describes how to use and extend the simulator.

mod audit;
pub mod bug;
mod call;
mod client;
mod effect;
mod governed;
pub mod invariant;
mod judge;
mod model;
mod names;
mod plan;
mod random;
mod store;
mod trace;
mod world;

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bug::Bug;
use invariant::{Check, Invariant, Violation};
use trace::Trace;
use world::World;

/// Steps printed for a run with a finding.
const SHOWN: u64 = 30;

/// A run without a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// A hash of everything that happened.
    pub trace: u64,
    /// Number of calls of the hub.
    pub calls: u64,
    /// The kinds of effects the hub emitted.
    pub said: BTreeSet<&'static str>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed of the run.
    pub seed: u64,
    /// The step after which the invariant was broken.
    pub step: u64,
    /// Steps to run to reproduce it; one less than `step` if it was found after
    /// the last step.
    pub steps: u64,
    /// The invariant and what happened instead.
    pub violation: Violation,
    /// A hash of everything that happened until then.
    pub trace: u64,
    /// The last steps as text.
    pub lines: Vec<String>,
}

/// A world that acts step by step.
trait Steps {
    fn step(&mut self, step: u64) -> Check;
    fn end(&mut self, step: u64) -> Check;
    fn calls(&self) -> u64;
    fn into_trace(self) -> Trace;
}

/// Runs one world for a number of steps. A bug is planted in the world in which it can
/// be; without one, it is the world of channels without rules.
pub fn run(seed: u64, steps: u64, bug: Option<Bug>) -> Result<Run, Box<Finding>> {
    match bug.is_some_and(Bug::is_governed) {
        true => run_governed(seed, steps, bug),
        false => run_in(World::new, seed, steps, bug),
    }
}

/// Runs one world in which channels have rules.
pub fn run_governed(seed: u64, steps: u64, bug: Option<Bug>) -> Result<Run, Box<Finding>> {
    run_in(governed::World::new, seed, steps, bug)
}

fn run_in<W: Steps>(
    new: fn(u64, Option<Bug>, Trace) -> W,
    seed: u64,
    steps: u64,
    bug: Option<Bug>,
) -> Result<Run, Box<Finding>> {
    match attempt(new, seed, steps, bug, u64::MAX) {
        Ok(run) => Ok(run),
        // Runs the seed again: to describe every step of every run would take
        // too long.
        Err(found) => {
            let from = found.step.saturating_sub(SHOWN);
            match attempt(new, seed, steps, bug, from) {
                Err(shown) => Err(shown),
                Ok(_) => Err(found),
            }
        }
    }
}

fn attempt<W: Steps>(
    new: fn(u64, Option<Bug>, Trace) -> W,
    seed: u64,
    steps: u64,
    bug: Option<Bug>,
    words_from: u64,
) -> Result<Run, Box<Finding>> {
    let mut world = new(seed, bug, Trace::new(words_from));
    for step in 1..=steps + 1 {
        let result = catch_unwind(AssertUnwindSafe(|| {
            if step <= steps {
                world.step(step)
            } else {
                world.end(step)
            }
        }));
        let violation = match result {
            Ok(Ok(())) => continue,
            Ok(Err(violation)) => violation,
            Err(panic) => panicked(&*panic),
        };
        let trace = world.into_trace();
        return Err(Box::new(Finding {
            seed,
            step,
            steps: step.min(steps),
            violation,
            trace: trace.hash(),
            lines: trace.into_lines(),
        }));
    }
    let calls = world.calls();
    let trace = world.into_trace();
    Ok(Run {
        trace: trace.hash(),
        calls,
        said: trace.into_said(),
    })
}

macro_rules! steps {
    ($world:ty) => {
        impl Steps for $world {
            fn step(&mut self, step: u64) -> Check {
                <$world>::step(self, step)
            }

            fn end(&mut self, step: u64) -> Check {
                <$world>::end(self, step)
            }

            fn calls(&self) -> u64 {
                self.calls
            }

            fn into_trace(self) -> Trace {
                self.trace
            }
        }
    };
}

steps!(World);
steps!(governed::World);

fn panicked(panic: &(dyn std::any::Any + Send)) -> Violation {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    Violation {
        invariant: Invariant::NeverPanics,
        seen: words.unwrap_or("a panic").to_owned(),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        let Violation { invariant, seen } = &self.violation;
        let (seed, step, steps, trace) = (self.seed, self.step, self.steps, self.trace);
        writeln!(
            f,
            "seed {seed}, step {step}, trace {trace:016x}: {invariant}"
        )?;
        writeln!(f, "  {}", invariant.sentence())?;
        writeln!(f, "  {seen}")?;
        write!(f, "again: make simulate SEED={seed} STEPS={steps}")
    }
}
