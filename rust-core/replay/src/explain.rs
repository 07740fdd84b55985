//! `explain`: why one user's sessions are as they are.
//!
//! The user's events go through the core; all the others only move the watermark. What is told is
//! read off the outputs and close records, so it is told of the sessions that the job makes.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use comfy_table::CellAlignment;
use jiff::tz::TimeZone;
use serde::Deserialize;
use wire::{Arrival, Emission, EmissionKind, SessionCore};

use crate::engine::{Engine, EngineEvent};
use crate::failure::{Failure, Outcome};
use crate::input::{for_each_record, Decoded, Format};
use crate::options::{duration_text, JobArgs};
use crate::say;
use crate::store::Store;
use crate::table::table;
use crate::watermark::Watermarks;

/// Examples for the help of `explain`.
pub(crate) const EXAMPLES: &str = "\
Example:
  session-replay explain --key u21 access.jsonl";

/// The options of `explain`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// Whose sessions: the key, as the rules take it from a record (uid, if not told otherwise)
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Files to read, plain, gzip or zstd; - is standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// What the lines of the inputs are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::JsonLines)]
    format: Format,
    /// Rules of the sessions [default: built in]
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    job: JobArgs,
}

/// What is read of an output.
#[derive(Debug, Deserialize)]
struct Label {
    log_name: String,
    ts_str: String,
    session_id: Option<String>,
    session_start_ts: Option<i64>,
    session_last_ts: Option<i64>,
    session_expire_at: Option<i64>,
    seq_in_session: u64,
}

/// What is read of a close record.
#[derive(Debug, Deserialize)]
struct CloseRecord {
    session_id: String,
    session_start_ts: i64,
    session_last_ts: i64,
    session_expire_at: i64,
    event_count: u64,
    checked_in: bool,
    last_log_name: String,
    closed_by: String,
}

/// A session as it was after its latest event.
#[derive(Clone, Copy, Debug)]
struct Known {
    start_ms: i64,
    last_ms: i64,
    expires_ms: i64,
    closed: bool,
}

/// Runs `explain`.
pub(crate) fn explain(args: &ExplainArgs) -> Outcome<()> {
    let job = args.job.read(true, args.rules.as_deref())?;
    let mut engine = Engine::new(SessionCore::new(job.core.clone()), Store::in_memory());
    let mut watermarks = Watermarks::default();
    let mut story = Story::new(&args.key, job.core.time_zone.clone());
    for_each_record(&args.inputs, args.format, &job, |batch, record| {
        let Decoded::Event { source, key, at_ms, found } = &record.decoded else {
            watermarks.on_other(batch, record, job.bounds);
            return Ok(());
        };
        if batch.get(key) == args.key.as_bytes() {
            let value = source.value.as_ref().map(|span| batch.get(span)).unwrap_or_default();
            let watermark_ms = watermarks.watermark_ms();
            let event = EngineEvent {
                key: batch.get(key),
                found: batch.get(found),
                record: value,
                arrival: Arrival {
                    partition: source.partition,
                    offset: source.offset,
                    carried: &[],
                    watermark_ms,
                },
            };
            engine.on_event(event, |emission| story.tell(emission, watermark_ms, true))?;
        }
        watermarks.on_source(batch, source, *at_ms, job.bounds);
        let Some(watermark_ms) = watermarks.to_fire() else { return Ok(()) };
        while engine
            .fire_next(watermark_ms, |_, emission| story.tell(emission, watermark_ms, false))?
        {
        }
        watermarks.fired();
        Ok(())
    })?;
    let open = i64::MAX;
    while engine.fire_next(open, |_, emission| story.tell(emission, open, false))? {}
    story.print()
}

/// The rows of the table as they come, and what has to be known for the next one.
struct Story<'k> {
    key: &'k str,
    zone: TimeZone,
    sessions: HashMap<String, Known>,
    newest_ms: Option<i64>,
    rows: Vec<[String; 6]>,
    events: usize,
    ended: usize,
}

impl<'k> Story<'k> {
    fn new(key: &'k str, zone: TimeZone) -> Story<'k> {
        Story {
            key,
            zone,
            sessions: HashMap::new(),
            newest_ms: None,
            rows: Vec::new(),
            events: 0,
            ended: 0,
        }
    }

    fn tell(
        &mut self,
        emission: &Emission<'_>,
        watermark_ms: i64,
        on_arrival: bool,
    ) -> Outcome<()> {
        match emission.kind {
            EmissionKind::Output => {
                let label: Label = read(emission.value)?;
                let at_ms = instant(&label.ts_str)?;
                self.tell_event(&label, at_ms, on_arrival && at_ms <= watermark_ms);
            }
            EmissionKind::CloseRecord => {
                let closed = read(emission.value)?;
                self.tell_end(&closed, watermark_ms);
            }
            EmissionKind::DeadLetter => {}
        }
        Ok(())
    }

    fn tell_event(&mut self, label: &Label, at_ms: i64, late: bool) {
        self.events += 1;
        let gap = match self.newest_ms {
            None => String::new(),
            Some(newest_ms) if at_ms >= newest_ms => duration_text(at_ms - newest_ms),
            Some(newest_ms) => format!("-{}", duration_text(newest_ms - at_ms)),
        };
        let mut why = self.why(label, at_ms);
        if late {
            why.push_str("; late: event time was further already");
        }
        let session = label.session_id.as_deref().map_or("none".to_owned(), |id| {
            format!("{} #{}", self.short(id), label.seq_in_session)
        });
        let timeout = match (label.session_last_ts, label.session_expire_at) {
            (Some(last_ms), Some(expires_ms)) => {
                format!("{} to {}", duration_text(expires_ms - last_ms), self.clock(expires_ms))
            }
            _ => String::new(),
        };
        let row = [self.date(at_ms), label.log_name.clone(), gap, session, timeout, why];
        self.rows.push(row);
        if let (Some(id), Some(start_ms), Some(last_ms), Some(expires_ms)) = (
            label.session_id.clone(),
            label.session_start_ts,
            label.session_last_ts,
            label.session_expire_at,
        ) {
            if label.seq_in_session > 0 {
                self.sessions.insert(id, Known { start_ms, last_ms, expires_ms, closed: false });
                self.newest_ms = Some(self.newest_ms.map_or(at_ms, |newest| newest.max(at_ms)));
            }
        }
    }

    /// Why an event is where it is, in a few words.
    fn why(&self, label: &Label, at_ms: i64) -> String {
        let Some(id) = &label.session_id else {
            return "rides along, and no session is there".to_owned();
        };
        if label.seq_in_session == 0 {
            return "rides along".to_owned();
        }
        let known = self.sessions.get(id).filter(|_| label.seq_in_session > 1);
        if let Some(known) = known {
            return if at_ms < known.start_ms {
                "joins from the front: its own timeout reaches the session".to_owned()
            } else if at_ms < known.last_ms {
                "out of order, within the session".to_owned()
            } else {
                format!(
                    "joins: {} after the last event, the timeout was {}",
                    duration_text(at_ms - known.last_ms),
                    duration_text(known.expires_ms - known.last_ms)
                )
            };
        }
        let before = self
            .sessions
            .values()
            .filter(|known| known.start_ms <= at_ms)
            .max_by_key(|known| known.start_ms);
        match before {
            None if self.sessions.is_empty() => "starts: the first event".to_owned(),
            None => "starts: before all sessions, and too early to reach one".to_owned(),
            Some(before) if at_ms > before.expires_ms => format!(
                "starts: {} after the last event, the timeout was {}",
                duration_text(at_ms - before.last_ms),
                duration_text(before.expires_ms - before.last_ms)
            ),
            Some(before) if before.closed => {
                "starts: the session it belongs to had closed".to_owned()
            }
            Some(_) => "starts".to_owned(),
        }
    }

    fn tell_end(&mut self, closed: &CloseRecord, watermark_ms: i64) {
        self.ended += 1;
        if let Some(known) = self.sessions.get_mut(&closed.session_id) {
            known.closed = true;
        }
        let by = match closed.closed_by.as_str() {
            "timeout" if watermark_ms == i64::MAX => "the input has ended".to_owned(),
            "timeout" => format!(
                "no event came within {} of the last ({}{})",
                duration_text(closed.session_expire_at - closed.session_last_ts),
                closed.last_log_name,
                if closed.checked_in { ", checked in" } else { "" }
            ),
            "max_duration" => "it had lasted for max_duration".to_owned(),
            "evicted" => "a ninth session of the user took its place".to_owned(),
            other => other.to_owned(),
        };
        let events = closed.event_count;
        self.rows.push([
            self.date(closed.session_expire_at),
            "(end)".to_owned(),
            String::new(),
            self.short(&closed.session_id).to_owned(),
            String::new(),
            format!(
                "ends: {by}; {events} event{} in {}",
                if events == 1 { "" } else { "s" },
                duration_text(closed.session_last_ts - closed.session_start_ts)
            ),
        ]);
    }

    /// A session's id without the key, which is the same in every row.
    fn short<'i>(&self, id: &'i str) -> &'i str {
        id.strip_prefix(self.key).unwrap_or(id)
    }

    fn date(&self, ms: i64) -> String {
        self.local(ms, "%Y-%m-%d %H:%M:%S%.3f")
    }

    fn clock(&self, ms: i64) -> String {
        self.local(ms, "%H:%M:%S")
    }

    fn local(&self, ms: i64, form: &str) -> String {
        jiff::Timestamp::from_millisecond(ms).map_or_else(
            |_| ms.to_string(),
            |instant| instant.to_zoned(self.zone.clone()).strftime(form).to_string(),
        )
    }

    fn print(&self) -> Outcome<()> {
        if self.events == 0 {
            return Err(Failure::run(format!("no event has the key {}", self.key)));
        }
        let mut table =
            table(&["event time", "log name", "gap", "session", "timeout, expiry", "why"]);
        table.add_rows(&self.rows);
        if let Some(gap) = table.column_mut(2) {
            gap.set_cell_alignment(CellAlignment::Right);
        }
        say(&format!(
            "{table}\n{}: {} events, {} sessions; ids are {}_TIME, times in {}\n",
            self.key,
            self.events,
            self.ended,
            self.key,
            self.zone.iana_name().unwrap_or("the rules' time zone")
        ))
    }
}

/// The event time, from the text that stands in every output.
fn instant(text: &str) -> Outcome<i64> {
    jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text)
        .and_then(|parsed| parsed.to_timestamp())
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|error| Failure::run(format!("the core's output cannot be read ({error}): a bug")))
}

/// Reads an output. A name may occur twice in it, and then the last one counts.
fn read<T: serde::de::DeserializeOwned>(output: &[u8]) -> Outcome<T> {
    serde_json::from_slice::<serde_json::Value>(output)
        .and_then(serde_json::from_value)
        .map_err(|error| Failure::run(format!("the core's output cannot be read ({error}): a bug")))
}
