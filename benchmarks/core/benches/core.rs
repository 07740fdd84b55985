//! The time of a decode and of a step.

use core_benchmarks as bench;
use criterion::{criterion_group, criterion_main, Criterion};

fn core(criterion: &mut Criterion) {
    let core = bench::core();
    let (mut decoded, mut stepped) = (Vec::new(), Vec::new());
    let record = bench::record(19);
    bench::decode(&core, &bench::record(0), &mut decoded);
    bench::step(&core, &[], &bench::found(&decoded), &bench::record(0), &mut stepped);
    let state = bench::state(&stepped);
    bench::decode(&core, &record, &mut decoded);
    let found = bench::found(&decoded);
    criterion.bench_function("decode", |b| b.iter(|| bench::decode(&core, &record, &mut decoded)));
    criterion.bench_function("step", |b| {
        b.iter(|| bench::step(&core, &state, &found, &record, &mut stepped));
    });
}

criterion_group!(benches, core);
criterion_main!(benches);
