//! The same sessions over files, without Flink: what the job would have written, and why.
//!
//! ```text
//! input   files ─▶ decoded records, in one order          a thread of its own
//! engine  record + state ─▶ core ─▶ state, timer, outputs  as the job's SessionFunction
//! store   states and timers, in memory and in RocksDB
//! run     the loop, its commits, and how a stopped run goes on
//! ```

mod capture;
mod carried;
mod diff;
mod engine;
mod explain;
mod failure;
mod input;
mod options;
mod output;
mod progress;
mod run;
mod store;
mod table;
mod watermark;
mod what_if;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Failure, Outcome};

/// Runs files of access log records through the same sessions as the Flink job: same rules, same
/// options, same bytes.
#[derive(Parser)]
#[command(name = "session-replay", version, max_term_width = 80, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Give every record its session, as the job does
    #[command(after_help = run::EXAMPLES)]
    Run(run::RunArgs),
    /// Tell why one user's sessions start and end
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::ExplainArgs),
    /// Compare several rules or timeouts over the same input
    #[command(name = "what-if", after_help = what_if::EXAMPLES)]
    WhatIf(what_if::WhatIfArgs),
    /// Tell which users' sessions differ between two log-after files
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::DiffArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Command::Run(args) => run::run(args).map(|()| true),
        Command::Explain(args) => explain::explain(args).map(|()| true),
        Command::WhatIf(args) => what_if::what_if(args).map(|()| true),
        Command::Diff(args) => diff::diff(args),
    };
    end(outcome)
}

/// 0 for success, 1 where something was found to differ, 2 where a command could not be carried out.
fn end(outcome: Outcome<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            if !matches!(failure, Failure::NobodyListens) {
                let _ = writeln!(std::io::stderr(), "session-replay: {failure}");
            }
            ExitCode::from(2)
        }
    }
}

/// Writes a command's answer to standard output.
pub(crate) fn say(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::file("write", Path::new("standard output"), &error))
}
