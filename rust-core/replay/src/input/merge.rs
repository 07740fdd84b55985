//! Several files become one sequence, and the thread that reads them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::batch::{Batch, Decoded, Record, Source};
use super::file::InputFile;
use super::reader::{Head, Reading};
use super::{Format, InputPlace};
use crate::failure::{Failure, Outcome};

/// A batch is full with so many records, or so many bytes.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;
/// How many batches wait between the threads.
const BATCHES_WAITING: usize = 4;

/// All files, in the order in which their records are taken.
///
/// Each file keeps its order. Of the records at their heads the earliest comes next: by the
/// record's own time where it has one, else by event time; without either at once. Of two equal
/// ones the file named first wins.
pub(crate) struct Inputs {
    heads: Vec<Head>,
    reading: Reading,
}

impl Inputs {
    /// Opens the files.
    pub(crate) fn open(
        places: &[InputPlace],
        reading: Reading,
        read_bytes: &Arc<AtomicU64>,
    ) -> Outcome<Inputs> {
        let mut heads = Vec::new();
        for (input, place) in places.iter().enumerate() {
            let counter = Arc::new(AtomicU64::new(0));
            let file = match &place.mark {
                Some(mark) => InputFile::open_at(&place.path, mark, Arc::clone(&counter))?,
                None => InputFile::open(&place.path, Arc::clone(read_bytes))?,
            };
            read_bytes.fetch_add(counter.load(Ordering::Relaxed), Ordering::Relaxed);
            let mut head = Head::new(file, input);
            // Alone, it is read without the way round by a head.
            if places.len() > 1 {
                head.advance(&reading)?;
            }
            heads.push(head);
        }
        Ok(Inputs { heads, reading })
    }

    /// Fills a batch; `false` where all files are at their end.
    pub(crate) fn read(&mut self, batch: &mut Batch) -> Outcome<bool> {
        batch.clear();
        if let [alone] = self.heads.as_mut_slice() {
            return read_alone(alone, batch, &self.reading);
        }
        while !is_full(batch) {
            let format = self.reading.format;
            let earliest = self
                .heads
                .iter_mut()
                .filter(|head| head.record().is_some())
                .min_by_key(|head| head.record().map(|record| turn(record, format)));
            let Some(head) = earliest else { break };
            head.move_to(batch);
            if !head.is_at_end() {
                head.advance(&self.reading)?;
            }
        }
        Ok(!batch.records.is_empty())
    }
}

/// Fills a batch from the only file.
fn read_alone(file: &mut Head, batch: &mut Batch, reading: &Reading) -> Outcome<bool> {
    while !is_full(batch) && !file.is_at_end() {
        file.read_into(batch, reading)?;
    }
    Ok(!batch.records.is_empty())
}

fn is_full(batch: &Batch) -> bool {
    batch.records.len() >= BATCH_RECORDS || batch.bytes.len() >= BATCH_BYTES
}

/// What decides whose turn it is: the smallest comes next.
fn turn(record: &Record, format: Format) -> i64 {
    match &record.decoded {
        Decoded::Event { source: Source { timestamp_ms, .. }, .. }
        | Decoded::DeadLetter { source: Source { timestamp_ms, .. }, .. }
            if format == Format::Capture =>
        {
            *timestamp_ms
        }
        Decoded::Event { at_ms, .. } => *at_ms,
        Decoded::DeadLetter { .. } | Decoded::EndOfFile { .. } => i64::MIN,
    }
}

/// The reading thread, seen from the other side: batches come out of it, and go back to be filled
/// again.
pub(crate) struct InputThread {
    full: Receiver<Outcome<Batch>>,
    empty: SyncSender<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl InputThread {
    /// Starts to read.
    pub(crate) fn start(mut inputs: Inputs) -> Outcome<InputThread> {
        let (full_in, full) = sync_channel(BATCHES_WAITING);
        let (empty, empty_out) = sync_channel::<Batch>(BATCHES_WAITING + 2);
        let read_all = move || loop {
            let mut batch = empty_out.try_recv().unwrap_or_default();
            let read = match inputs.read(&mut batch) {
                Ok(true) => Ok(batch),
                Ok(false) => return,
                Err(failure) => Err(failure),
            };
            // Nobody takes it any more: the other side has ended.
            let ends = read.is_err();
            if full_in.send(read).is_err() || ends {
                return;
            }
        };
        let thread = std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(read_all)
            .map_err(|error| Failure::run(format!("cannot start a thread: {error}")))?;
        Ok(InputThread { full, empty, thread: Some(thread) })
    }

    /// The next batch; none at the end of all files.
    pub(crate) fn next(&mut self) -> Outcome<Option<Batch>> {
        match self.full.recv() {
            Ok(batch) => batch.map(Some),
            Err(_) => match self.thread.take().map(JoinHandle::join) {
                Some(Err(_)) => Err(Failure::run("the reading thread panicked: a bug")),
                _ => Ok(None),
            },
        }
    }

    /// Gives a batch back to be filled again.
    pub(crate) fn give_back(&self, batch: Batch) {
        // A full channel or a thread that has ended: then the batch is simply dropped.
        let _ = self.empty.try_send(batch);
    }
}
