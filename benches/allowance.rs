//! The cost of asking whether an address may have more output: with one
//! connection, and with one on every processor from the same address.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chat_server::session::allowance::Allowances;
use criterion::{Criterion, criterion_group, criterion_main};

fn take(c: &mut Criterion) {
    let allowances = Allowances::new(1 << 40);
    let address: IpAddr = [192, 0, 2, 1].into();
    let mut group = c.benchmark_group("allowance");
    let of = allowances.of(address);
    group.bench_function("take, alone", |b| b.iter(|| of.take(300).is_ok()));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 1..processors {
            scope.spawn(|| {
                let of = allowances.of(address);
                while !stop.load(Ordering::Relaxed) {
                    let _ = of.take(300);
                }
            });
        }
        group.bench_function("take, all processors at one address", |b| {
            b.iter(|| of.take(300).is_ok());
        });
        stop.store(true, Ordering::Relaxed);
    });
    for n in 0..60_000u32 {
        let _ = allowances.of(IpAddr::from(n.to_be_bytes()));
    }
    group.bench_function("find one of 60,000 addresses", |b| {
        b.iter(|| allowances.of(address));
    });
    group.finish();
}

criterion_group!(benches, take);
criterion_main!(benches);
