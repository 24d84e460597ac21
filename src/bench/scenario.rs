//! The scenarios: which client sends what and when, and which figures result.

mod balance;
mod churn;
mod flood;
mod idle;
mod logins;
mod meter;
mod pairs;
mod relay;
mod room;
mod schedule;
mod send_loop;
mod slow;

use std::time::Duration;

use super::Run;
use super::error::BenchError;
use super::options::Scenario;
use super::report::Report;
use schedule::Plan;

/// Time before the measurement, in which caches and buffers fill.
const WARM_UP: Duration = Duration::from_secs(1);

/// Runs the chosen scenario.
pub(super) fn run(run: &mut Run) -> Result<Report, BenchError> {
    let senders = run.options.scenario.senders();
    match run.options.scenario {
        Scenario::Room {
            members,
            rate: Some(rate),
            ..
        } => schedule::run(run, Plan::one_room(members, senders, rate)),
        Scenario::Room {
            members,
            window,
            rate: None,
            ..
        } => room::run(run, members, senders, window),
        Scenario::Pairs {
            rooms,
            rate: Some(rate),
        } => schedule::run(run, Plan::pairs(rooms, rate)),
        Scenario::Pairs { rooms, rate: None } => pairs::run(run, rooms),
        Scenario::Idle { connections } => idle::run(run, connections),
        Scenario::Logins { connections } => logins::run(run, connections),
        Scenario::Churn { per_second } => churn::run(run, per_second),
        Scenario::Slow {
            members,
            readers,
            window,
            ..
        } => slow::run(run, (members, readers), (senders, window)),
        Scenario::SendLoop { members, rate } => send_loop::run(run, members, rate),
        Scenario::Relay { rooms } => relay::run(run, rooms),
    }
}
