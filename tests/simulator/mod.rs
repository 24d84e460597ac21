//! The simulator: the real hub in a simulated world.
//!
//! Connections, clock, store and network are simulated; everything that
//! happens follows from one number, the seed. After every step all that can
//! be seen of the hub is compared with a small model of what it should be,
//! and every word the hub says is judged as it is said. A finding is a seed
//! and a step, and happens again whenever that seed is run.
//!
//! `world` acts, `model` knows, `judge` and `audit` compare, `invariant` says
//! what must hold, `bug` plants faults to show that they are found.
//! `docs/simulation.md` says how to use it and how to extend it.

mod audit;
pub mod bug;
mod call;
mod client;
mod effect;
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
use invariant::{Invariant, Violation};
use trace::Trace;
use world::World;

/// Steps that are shown of a run with a finding.
const SHOWN: u64 = 30;

/// A run without a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// All that happened, as a number.
    pub trace: u64,
    /// Calls of the hub.
    pub calls: u64,
    /// The kinds of things the hub has said.
    pub said: BTreeSet<&'static str>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Where to find it again.
    pub seed: u64,
    /// The step after which it was found.
    pub step: u64,
    /// How many steps to run to find it again; one less if it was found when
    /// all was over.
    pub steps: u64,
    /// Which, and what was seen.
    pub violation: Violation,
    /// All that happened until then, as a number.
    pub trace: u64,
    /// The last steps, in words.
    pub lines: Vec<String>,
}

/// Lets one world run for so many steps.
pub fn run(seed: u64, steps: u64, bug: Option<Bug>) -> Result<Run, Box<Finding>> {
    match attempt(seed, steps, bug, u64::MAX) {
        Ok(run) => Ok(run),
        // Once more: putting every step into words would take too long.
        Err(found) => {
            let from = found.step.saturating_sub(SHOWN);
            match attempt(seed, steps, bug, from) {
                Err(shown) => Err(shown),
                Ok(_) => Err(found),
            }
        }
    }
}

fn attempt(seed: u64, steps: u64, bug: Option<Bug>, words_from: u64) -> Result<Run, Box<Finding>> {
    let mut world = World::new(seed, bug, Trace::new(words_from));
    for step in 1..=steps + 1 {
        let result = catch_unwind(AssertUnwindSafe(|| match step <= steps {
            true => world.step(step),
            false => world.end(step),
        }));
        let violation = match result {
            Ok(Ok(())) => continue,
            Ok(Err(violation)) => violation,
            Err(panic) => panicked(&*panic),
        };
        return Err(Box::new(Finding {
            seed,
            step,
            steps: step.min(steps),
            violation,
            trace: world.trace.hash(),
            lines: world.trace.into_lines(),
        }));
    }
    Ok(Run {
        trace: world.trace.hash(),
        calls: world.calls,
        said: world.trace.into_said(),
    })
}

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
