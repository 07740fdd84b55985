//! The time of a decode and of a step.

use core_benchmarks as bench;
use criterion::{criterion_group, criterion_main, Criterion};

fn core(criterion: &mut Criterion) {
    let bench::Sample { core, record, found, state } = bench::sample();
    let (mut decoded, mut stepped) = (Vec::new(), Vec::new());
    criterion.bench_function("decode", |b| b.iter(|| bench::decode(&core, &record, &mut decoded)));
    criterion.bench_function("step", |b| {
        b.iter(|| bench::step(&core, &state, &found, &record, &mut stepped));
    });
}

criterion_group!(benches, core);
criterion_main!(benches);
