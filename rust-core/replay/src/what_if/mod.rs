//! `what-if`: several rules over the same input in one pass.
//!
//! Each candidate has the real core with a state of its own; its close records are counted, so what
//! is told is told of the sessions that the job would make. State is in memory.

mod candidates;
mod page;
mod report;
mod statistics;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use wire::{Arrival, EmissionKind};

use self::candidates::Candidate;
use self::statistics::GapStatistics;
use crate::failure::{Failure, Outcome};
use crate::input::{for_each_record, Batch, Decoded, Format, Record};
use crate::options::JobArgs;
use crate::say;
use crate::watermark::Watermarks;

/// Examples for the help of `what-if`.
pub(crate) const EXAMPLES: &str = "\
Examples:
  session-replay what-if access.jsonl --timeout 10m,15m,30m,1h
  session-replay what-if access.jsonl.zst --rules now.json --rules new.json \\
      --html what-if.html --csv what-if.csv";

/// The options of `what-if`.
#[derive(Args, Clone, Debug)]
pub(crate) struct WhatIfArgs {
    /// Files to read, plain, gzip or zstd; - is standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// What the lines of the inputs are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::JsonLines)]
    format: Format,
    /// Timeouts to compare, in place of default.timeout of the rules in force; checked in, a
    /// timeout stays as it is, but is never shorter
    #[arg(long, value_name = "DURATION,...", value_delimiter = ',')]
    timeout: Vec<String>,
    /// Rules in force [default: built in]. Given more than once: the rules to compare, those in
    /// force first
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Write the comparison as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the distribution of gaps as CSV
    #[arg(long, value_name = "FILE")]
    gaps_csv: Option<PathBuf>,
    /// Write tables and plots as one HTML page that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    job: JobArgs,
}

/// What a pass has found.
struct Findings {
    candidates: Vec<Candidate>,
    gaps: GapStatistics,
    records: u64,
    dead_letters: u64,
    inputs: Vec<String>,
}

/// Runs `what-if`.
pub(crate) fn what_if(args: &WhatIfArgs) -> Outcome<()> {
    let candidates = candidates::read(&args.job, &args.rules, &args.timeout)?;
    let findings = pass(args, candidates)?;
    say(&report::text(&findings))?;
    let write = |path: &Option<PathBuf>, content: Outcome<Vec<u8>>| match path {
        Some(path) => {
            std::fs::write(path, content?).map_err(|error| Failure::file("write", path, &error))
        }
        None => Ok(()),
    };
    write(&args.csv, report::csv(&findings))?;
    write(&args.gaps_csv, report::gaps_csv(&findings.gaps))?;
    write(&args.html, page::page(&findings).map(String::into_bytes))
}

fn pass(args: &WhatIfArgs, mut candidates: Vec<Candidate>) -> Outcome<Findings> {
    let Some(first) = candidates.first() else { return Err(Failure::usage("nothing to compare")) };
    let job = first.job.clone();
    let mut watermarks = Watermarks::default();
    let mut newest: HashMap<Box<[u8]>, i64> = HashMap::new();
    let mut gaps = GapStatistics::default();
    let (mut records, mut dead_letters) = (0, 0);
    for_each_record(&args.inputs, args.format, &job, |batch, record| {
        match &record.decoded {
            Decoded::Event { key, at_ms, .. } => {
                records += 1;
                match newest.get_mut(batch.get(key)) {
                    Some(newest_ms) => {
                        gaps.count(*at_ms - *newest_ms);
                        *newest_ms = (*newest_ms).max(*at_ms);
                    }
                    None => {
                        newest.insert(batch.get(key).into(), *at_ms);
                    }
                }
            }
            Decoded::DeadLetter { .. } => {
                records += 1;
                dead_letters += 1;
            }
            Decoded::EndOfFile { .. } => {}
        }
        let arrived_ms = watermarks.watermark_ms();
        match &record.decoded {
            Decoded::Event { source, at_ms, .. } => {
                watermarks.on_source(batch, source, *at_ms, job.bounds);
            }
            _ => watermarks.on_other(batch, record, job.bounds),
        }
        for candidate in &mut candidates {
            step(candidate, batch, record, arrived_ms)?;
            if let Some(watermark_ms) = watermarks.to_fire() {
                candidate.fire(watermark_ms)?;
            }
        }
        watermarks.fired();
        Ok(())
    })?;
    for candidate in &mut candidates {
        candidate.fire(i64::MAX)?;
    }
    let inputs = args.inputs.iter().map(|path| path.display().to_string()).collect();
    Ok(Findings { candidates, gaps, records, dead_letters, inputs })
}

/// Gives a record to a candidate, as the candidate's own rules see it.
fn step(
    candidate: &mut Candidate,
    batch: &Batch,
    record: &Record,
    watermark_ms: i64,
) -> Outcome<()> {
    let (source, decoded) = match &record.decoded {
        Decoded::Event { source, key, found, .. } => {
            (source, Some((batch.get(key), batch.get(found))))
        }
        Decoded::DeadLetter { source, .. } => (source, None),
        Decoded::EndOfFile { .. } => return Ok(()),
    };
    let value = source.value.as_ref().map(|span| batch.get(span));
    let arrival =
        Arrival { partition: source.partition, offset: source.offset, carried: &[], watermark_ms };
    candidate.take(value, source.timestamp_ms, decoded, arrival)
}

/// Whether an emission tells of a session that has closed.
fn is_close_record(kind: EmissionKind) -> bool {
    kind == EmissionKind::CloseRecord
}
