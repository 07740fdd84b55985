//! The loop: a record, the watermark behind it, the timers that are due; and the commits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use wire::{Arrival, Emission, EmissionKind, Order, SessionCore, Subject};

use super::folder::{self, Begun, Scratch};
use super::note::Note;
use super::tally::{peak_memory, thousands, Tally};
use super::{Request, RunArgs};
use crate::carried::Carried;
use crate::engine::{Engine, EngineEvent};
use crate::failure::Outcome;
use crate::input::{
    Batch, Decoded, Format, InputPlace, InputThread, Inputs, Mark, Position, Reading, Source,
};
use crate::options::JobOptions;
use crate::output::{DeadLetter, Origin, Outputs};
use crate::progress::Progress;
use crate::store::Store;
use crate::watermark::Bounds;

/// Runs `run`.
pub(crate) fn run(args: &RunArgs) -> Outcome<()> {
    let request = args.check()?;
    let job = args.job.read(request.outputs.close_records.is_some(), args.rules.as_deref())?;
    let note = Note::new(&request, &job);
    let began = Instant::now();
    let (store, note, places) = match &request.state {
        None => {
            request.outputs_in_the_way()?;
            (Store::in_memory(), note, request.input_places())
        }
        Some(folder) => match folder::open(folder, &request, note)? {
            Begun::Done(note) => {
                eprint(&format!("this run has ended already\n{}", note.tally.table()));
                return Ok(());
            }
            Begun::Run(store, note) => {
                let places = note.input_places();
                (*store, note, places)
            }
        },
    };
    let before = note.tally.records;
    // The inputs first: where one has changed, no output is touched.
    let reading = Reading {
        core: SessionCore::new(job.core.clone()),
        format: request.format,
        now_ms: note.now_ms,
        carries: request.output_format == Format::Capture || job.core.order == Order::EventTime,
    };
    let read_bytes = Arc::new(AtomicU64::new(0));
    let inputs = Inputs::open(&places, reading, &read_bytes)?;
    let mut replay = Replay::new(&request, &job, store, note, &places)?;
    replay.all(InputThread::start(inputs)?, &read_bytes)?;
    let tally = replay.finish()?;

    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a rate")]
    #[expect(clippy::cast_sign_loss, reason = "it is none")]
    let rate = ((tally.records - before) as f64 / seconds.max(0.001)) as u64;
    let memory = peak_memory().map_or(String::new(), |bytes| {
        format!(", at most {} MB of memory", thousands(bytes >> 20))
    });
    eprint(&format!(
        "{}\n  {seconds:.1} s, {} records a second{memory}",
        tally.table(),
        thousands(rate)
    ));
    Ok(())
}

struct Replay<'r> {
    request: &'r Request,
    engine: Engine,
    outputs: Outputs,
    note: Note,
    places: Vec<InputPlace>,
    positions: Vec<Position>,
    bounds: Bounds,
    /// Since the last commit.
    steps: u64,
    /// Where state goes that does not fit into memory, where there is no state folder. Declared
    /// behind the engine: what uses it is dropped first.
    scratch: Option<Scratch>,
}

impl<'r> Replay<'r> {
    fn new(
        request: &'r Request,
        job: &JobOptions,
        store: Store,
        note: Note,
        places: &[InputPlace],
    ) -> Outcome<Replay<'r>> {
        let committed = request.state.is_some().then_some(&note.lengths);
        let outputs = Outputs::open(&request.outputs, request.output_format, committed)?;
        let position = |place: &InputPlace| place.mark.unwrap_or_default().position;
        Ok(Replay {
            request,
            engine: Engine::new(SessionCore::new(job.core.clone()), store),
            outputs,
            note,
            positions: places.iter().map(position).collect(),
            places: places.to_vec(),
            bounds: job.bounds,
            steps: 0,
            scratch: None,
        })
    }

    /// Everything from here to the end of the inputs, and the closings behind it.
    fn all(&mut self, mut thread: InputThread, read_bytes: &AtomicU64) -> Outcome<()> {
        let progress = Progress::start(self.places.iter().map(|place| place.path.as_path()));
        // A commit may lie between a watermark and its last timer.
        self.fire_due()?;
        while let Some(batch) = thread.next()? {
            self.take(&batch)?;
            thread.give_back(batch);
            progress.at(read_bytes.load(Ordering::Relaxed), self.note.tally.records);
        }
        if !self.request.keep_open {
            progress.closing();
            self.note.watermarks.finish();
            self.fire_due()?;
        }
        Ok(())
    }

    fn take(&mut self, batch: &Batch) -> Outcome<()> {
        for record in &batch.records {
            match &record.decoded {
                Decoded::Event { source, key, at_ms, found } => {
                    let value = source.value.as_ref().map(|span| batch.get(span));
                    let event = EngineEvent {
                        key: batch.get(key),
                        found: batch.get(found),
                        record: value.unwrap_or_default(),
                        arrival: self.arrival(batch, source),
                    };
                    self.note.tally.records += 1;
                    let mut writer =
                        Writer { outputs: &mut self.outputs, tally: &mut self.note.tally };
                    self.engine.on_event(event, |emission| {
                        writer.write(event.key, Some((batch, source)), emission)
                    })?;
                    self.note.watermarks.on_source(batch, source, *at_ms, self.bounds);
                }
                Decoded::DeadLetter { source, reason, detail } => {
                    let (reason, detail) = (batch.get(reason), batch.get(detail));
                    self.note.tally.records += 1;
                    self.note.tally.dead_letter(reason);
                    self.outputs.dead_letter(&dead_letter(batch, source, reason, detail))?;
                }
                Decoded::EndOfFile { .. } => {
                    self.note.watermarks.on_other(batch, record, self.bounds);
                }
            }
            if let Some(position) = self.positions.get_mut(record.input) {
                *position = record.position;
            }
            self.count_step()?;
            self.fire_due()?;
        }
        Ok(())
    }

    fn arrival<'b>(&self, batch: &'b Batch, source: &Source) -> Arrival<'b> {
        Arrival {
            partition: source.partition,
            offset: source.offset,
            carried: batch.get(&source.carried),
            watermark_ms: self.note.watermarks.watermark_ms(),
        }
    }

    /// Fires the timers that are due, in order of time, then key.
    fn fire_due(&mut self) -> Outcome<()> {
        let Some(watermark_ms) = self.note.watermarks.to_fire() else { return Ok(()) };
        loop {
            let mut writer = Writer { outputs: &mut self.outputs, tally: &mut self.note.tally };
            let fired = self.engine.fire_next(watermark_ms, |timer, emission| {
                writer.write(timer.key(), None, emission)
            })?;
            if !fired {
                self.note.watermarks.fired();
                return Ok(());
            }
            self.count_step()?;
        }
    }

    fn count_step(&mut self) -> Outcome<()> {
        self.steps += 1;
        if self.steps < self.request.commit_every {
            return Ok(());
        }
        self.steps = 0;
        let fits = folder::store_memory(self.request.memory);
        if self.request.state.is_some() {
            self.commit()?;
        } else if self.scratch.is_some() {
            self.engine.store.commit(&[])?;
        } else if self.engine.store.bytes() > fits {
            let scratch = Scratch::create(self.request)?;
            let memory = folder::disk_memory(self.request.memory);
            self.engine.store.spill(&scratch.state(), memory)?;
            self.scratch = Some(scratch);
        }
        self.engine.store.shrink(fits);
        Ok(())
    }

    /// Outputs first: what the note tells of them has to be on the disk.
    fn commit(&mut self) -> Outcome<()> {
        self.note.lengths = self.outputs.commit()?;
        let read = self.note.inputs.iter_mut().zip(&self.places).zip(&self.positions);
        for ((input, place), position) in read {
            input.mark = Some(match input.mark {
                Some(mark) => mark.moved_to(&place.path, *position)?,
                None => Mark::of(&place.path, *position)?,
            });
        }
        self.engine.store.commit(&self.note.encode())
    }

    fn finish(mut self) -> Outcome<Tally> {
        self.note.finished = true;
        if self.request.state.is_some() {
            self.commit()?;
        }
        self.outputs.finish()?;
        Ok(self.note.tally)
    }
}

/// Writes what the core emits, and counts it.
struct Writer<'w> {
    outputs: &'w mut Outputs,
    tally: &'w mut Tally,
}

impl Writer<'_> {
    /// `given` is the record of the step; a timer has none.
    fn write(
        &mut self,
        key: &[u8],
        given: Option<(&Batch, &Source)>,
        emission: &Emission<'_>,
    ) -> Outcome<()> {
        match emission.kind {
            EmissionKind::Output => {
                self.tally.events += 1;
                let carried = match emission.subject {
                    Subject::Waited { arrival, .. } => arrival.carried,
                    _ => given.map_or(&[][..], |(batch, source)| batch.get(&source.carried)),
                };
                self.outputs.log_after(emission.key, emission.value, carried)
            }
            EmissionKind::CloseRecord => {
                self.tally.closed += 1;
                self.outputs.close_record(emission.key, emission.value)
            }
            EmissionKind::DeadLetter => self.write_failure(key, given, emission),
        }
    }

    /// A dead letter of what the core failed on.
    fn write_failure(
        &mut self,
        key: &[u8],
        given: Option<(&Batch, &Source)>,
        emission: &Emission<'_>,
    ) -> Outcome<()> {
        let (reason, detail) = (emission.key, emission.value);
        let of_key = DeadLetter { reason, detail, key: Some(key), value: None, origin: None };
        match (emission.subject, given) {
            (Subject::Waited { arrival, record }, _) => {
                self.tally.dead_letter(reason);
                let carried = Carried::decode(arrival.carried);
                self.outputs.dead_letter(&DeadLetter {
                    key: carried.as_ref().and_then(|carried| carried.key.bytes()),
                    value: Some(record),
                    origin: carried.as_ref().map(|carried| Origin {
                        topic: carried.topic.as_bytes(),
                        partition: carried.partition,
                        offset: carried.offset,
                        timestamp_ms: carried.timestamp_ms,
                        carried: arrival.carried,
                    }),
                    ..of_key
                })
            }
            (Subject::Given, Some((batch, source))) => {
                self.tally.dead_letter(reason);
                self.outputs.dead_letter(&dead_letter(batch, source, reason, detail))
            }
            // Not of a record: the ledger does not count it.
            (Subject::Sessions(state), _) => {
                self.outputs.dead_letter(&DeadLetter { value: Some(state), ..of_key })
            }
            (Subject::Given, None) => self.outputs.dead_letter(&of_key),
        }
    }
}

fn dead_letter<'a>(
    batch: &'a Batch,
    source: &'a Source,
    reason: &'a [u8],
    detail: &'a [u8],
) -> DeadLetter<'a> {
    DeadLetter {
        reason,
        detail,
        key: source.kafka_key.as_ref().map(|span| batch.get(span)),
        value: source.value.as_ref().map(|span| batch.get(span)),
        origin: Some(Origin {
            topic: batch.get(&source.topic),
            partition: source.partition,
            offset: source.offset,
            timestamp_ms: source.timestamp_ms,
            carried: batch.get(&source.carried),
        }),
    }
}

/// Tells the user something; standard output may be an output.
fn eprint(text: &str) {
    use std::io::Write;
    // Nobody to tell: then it is not told.
    let _ = writeln!(std::io::stderr(), "{text}");
}
