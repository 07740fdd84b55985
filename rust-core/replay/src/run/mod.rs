//! `run`: files through the sessions, to files.
//!
//! With a state folder, everything that a commit holds is written at once: states, timers, how far
//! each input is read, how long each output is. A commit comes after so many steps, not after some
//! time, so a run that was killed and goes on makes the same members of the same compressed files.

mod folder;
mod note;
mod replay;
mod tally;

use std::path::PathBuf;

use clap::Args;

pub(crate) use replay::run;
pub(crate) use tally::thousands;

use crate::failure::{Failure, Outcome};
use crate::input::{Format, InputPlace, STDIN};
use crate::options::{size, JobArgs};
use crate::output::{OutputPaths, STDOUT};

/// Examples for the help of `run`.
pub(crate) const EXAMPLES: &str = "\
Examples:
  session-replay run access.jsonl --output sessions.jsonl
  session-replay run day1.zst day2.zst --state work --output out.zst
      goes on where it was when it is stopped and started again
  session-replay run --format capture log-before.capture.gz \\
      --output log-after.capture.gz --close-records closed.capture.gz
  zcat *.gz | session-replay run - --output - --dead-letters bad.jsonl";

/// The options of `run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// Files to read, plain, gzip or zstd; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// What the lines of the inputs are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::JsonLines)]
    pub(crate) format: Format,
    /// What the lines of the outputs are [default: as the inputs]
    #[arg(long, value_enum, value_name = "FORMAT")]
    output_format: Option<Format>,
    /// Where the events go with their sessions (log-after); - is standard output. A name that ends
    /// in .gz or .zst is compressed
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where close records go
    #[arg(long, value_name = "FILE")]
    close_records: Option<PathBuf>,
    /// Where records go that are no events [default: counted only]
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<PathBuf>,
    /// Replace outputs that are there already
    #[arg(long)]
    overwrite: bool,
    /// Leave sessions open at the end, for a next run with the same state folder
    #[arg(long)]
    keep_open: bool,
    /// Keep state, timers and positions in this folder, so that a stopped run goes on where it
    /// was; without it state is in memory, and a stopped run begins anew
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// About how much memory state may take; what does not fit goes to RocksDB, in the state
    /// folder or in one that is deleted at the end
    #[arg(long, value_name = "SIZE", default_value = "1gb")]
    memory: String,
    /// With --state: how many steps (a record, a timer) lie between two commits
    #[arg(long, value_name = "STEPS", default_value_t = 200_000)]
    commit_every: u64,
    /// Rules of the sessions [default: built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

/// What a run is asked for, checked.
#[derive(Debug)]
struct Request {
    inputs: Vec<PathBuf>,
    format: Format,
    output_format: Format,
    outputs: OutputPaths,
    overwrite: bool,
    keep_open: bool,
    state: Option<PathBuf>,
    memory: usize,
    commit_every: u64,
}

/// The least that RocksDB and a commit's changes need.
const LEAST_MEMORY: i64 = 64 << 20;

impl RunArgs {
    fn check(&self) -> Outcome<Request> {
        let mut mistakes = Vec::new();
        let outputs = OutputPaths {
            log_after: self.output.clone(),
            close_records: self.close_records.clone(),
            dead_letters: self.dead_letters.clone(),
        };
        self.check_outputs(&outputs, &mut mistakes);
        let stdin = self.inputs.iter().filter(|input| input.as_os_str() == STDIN).count();
        if stdin > 1 {
            mistakes.push("-: standard input can be read once only".to_owned());
        }
        if self.state.is_some() && stdin > 0 {
            mistakes.push(
                "--state: standard input cannot be read again, so a stopped run could not go on: \
                 give files, or leave --state out"
                    .to_owned(),
            );
        }
        if self.keep_open && self.state.is_none() {
            mistakes.push("--keep-open: open sessions are kept in a --state folder".to_owned());
        }
        let memory =
            size(&self.memory).filter(|bytes| *bytes >= LEAST_MEMORY).unwrap_or_else(|| {
                mistakes.push(format!("--memory: '{}' is not a size from 64mb on", self.memory));
                LEAST_MEMORY
            });
        if self.commit_every == 0 {
            mistakes.push("--commit-every: at least 1".to_owned());
        }
        if !mistakes.is_empty() {
            return Err(Failure::Usage(mistakes));
        }
        Ok(Request {
            inputs: self.inputs.clone(),
            format: self.format,
            output_format: self.output_format.unwrap_or(self.format),
            outputs,
            overwrite: self.overwrite,
            keep_open: self.keep_open,
            state: self.state.clone(),
            memory: usize::try_from(memory).unwrap_or(usize::MAX),
            commit_every: self.commit_every,
        })
    }

    fn check_outputs(&self, outputs: &OutputPaths, mistakes: &mut Vec<String>) {
        let mut seen: Vec<(&str, &PathBuf)> = Vec::new();
        for (name, path) in outputs.named() {
            let Some(path) = path else { continue };
            let is_stdout = path.as_os_str() == STDOUT;
            if let Some((other, _)) = seen.iter().find(|(_, known)| *known == path) {
                mistakes.push(format!("--{name}: {} is the --{other} already", path.display()));
            } else if self.inputs.contains(path) && !is_stdout {
                mistakes.push(format!("--{name}: {} is an input", path.display()));
            }
            if is_stdout && self.state.is_some() {
                mistakes.push(format!(
                    "--{name}: standard output cannot be gone on with: name a file, or leave \
                     --state out"
                ));
            }
            seen.push((name, path));
        }
        if seen.is_empty() {
            mistakes.push("--output, --close-records or --dead-letters: name one".to_owned());
        }
    }
}

impl Request {
    /// The outputs that are there already and may not be replaced, a mistake each.
    fn outputs_in_the_way(&self) -> Outcome<()> {
        let there = |(name, path): (&str, Option<&PathBuf>)| {
            let path = path.filter(|path| path.as_os_str() != STDOUT && path.exists())?;
            Some(format!("--{name}: {} is there already; --overwrite replaces it", path.display()))
        };
        let mistakes: Vec<_> = self.outputs.named().into_iter().filter_map(there).collect();
        if mistakes.is_empty() || self.overwrite {
            Ok(())
        } else {
            Err(Failure::Usage(mistakes))
        }
    }

    fn input_places(&self) -> Vec<InputPlace> {
        self.inputs.iter().map(|path| InputPlace { path: path.clone(), mark: None }).collect()
    }
}
