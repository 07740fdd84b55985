//! The input: files become decoded records, in one order, a batch at a time.
//!
//! ```text
//! file::InputFile ─ lines ─▶ reader::Head ─ the earliest first ─▶ batch::Batch ─▶ the engine
//! ```
//!
//! Reading and decoding have a thread of their own; the sessions have the other.

mod batch;
mod file;
mod merge;
mod reader;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use clap::ValueEnum;
use wire::SessionCore;

use crate::failure::Outcome;
use crate::options::JobOptions;
use crate::progress::Progress;

pub(crate) use batch::{Batch, Decoded, Record, Source};
pub(crate) use file::{InputFile, Mark, Position, STDIN};
pub(crate) use merge::{InputThread, Inputs};
pub(crate) use reader::Reading;

/// What the lines of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
pub(crate) enum Format {
    /// A line is a record's value
    JsonLines,
    /// A line is a Kafka record: the capture format
    Capture,
}

/// A file to read, and where a stopped run was.
#[derive(Clone, Debug)]
pub(crate) struct InputPlace {
    pub(crate) path: PathBuf,
    pub(crate) mark: Option<Mark>,
}

/// Reads all files from their beginning, and visits every record of them in order.
pub(crate) fn for_each_record(
    paths: &[PathBuf],
    format: Format,
    job: &JobOptions,
    mut visit: impl FnMut(&Batch, &Record) -> Outcome<()>,
) -> Outcome<()> {
    let places: Vec<_> =
        paths.iter().map(|path| InputPlace { path: path.clone(), mark: None }).collect();
    let core = SessionCore::new(job.core.clone());
    let reading = Reading { core, format, now_ms: job.now_ms, carries: false };
    let read_bytes = Arc::new(AtomicU64::new(0));
    let mut thread = InputThread::start(Inputs::open(&places, reading, &read_bytes)?)?;
    let progress = Progress::start(paths.iter().map(PathBuf::as_path));
    let mut records = 0;
    while let Some(batch) = thread.next()? {
        for record in &batch.records {
            visit(&batch, record)?;
        }
        records += batch.records.len() as u64;
        thread.give_back(batch);
        progress.at(read_bytes.load(Ordering::Relaxed), records);
    }
    Ok(())
}
