//! The hub in a simulated world: whatever happens, what must hold holds.

mod simulator;

use simulator::run;

#[test]
fn try_it() {
    let from: u64 = std::env::var("FROM").map_or(0, |s| s.parse().unwrap());
    let start = std::time::Instant::now();
    for seed in from..from+200 {
        if let Err(found) = run(seed, 2000, None) {
            panic!("{found}");
        }
    }
    eprintln!("{:?}", start.elapsed());
}
