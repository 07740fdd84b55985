//! Runs `decode` or `step` so often; under callgrind, the difference of two counts is the cost of
//! a call: `core-benchmarks decode|step COUNT`.

use core_benchmarks as bench;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let count: i64 = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1000);

    let bench::Sample { core, record, found, state } = bench::sample();
    let (mut decoded, mut stepped) = (Vec::new(), Vec::new());
    for _ in 0..count {
        match what.as_str() {
            "decode" => bench::decode(&core, &record, &mut decoded),
            "step" => bench::step(&core, &state, &found, &record, &mut stepped),
            _ => panic!("decode or step, not {what}"),
        }
    }
    std::hint::black_box((&decoded, &stepped));
}
