//! What the contract says of bytes: records in, outputs, close records and state out.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects without a detour"
)]

mod closings;
mod conformance;
mod ordered;
mod output;
mod properties;
mod records;
mod rules;
mod state;

use wire::{
    Arrival, CoreError, CoreOptions, DecodeReply, EmissionKind, SessionCore, StateChange, StepReply,
};

/// 2024-12-14T11:40:00.000+0900, the event time of most events here.
const AT_MS: i64 = 1_734_144_000_000;

/// A core with these options, one `name=value` a line.
fn core_with(options: &str) -> SessionCore {
    SessionCore::new(CoreOptions::parse(options).unwrap())
}

/// A decode reply that owns its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decoded {
    Event { key: String, at_ms: i64, found: Vec<u8> },
    Dead { reason: String, detail: String },
}

impl Decoded {
    /// The reason of a dead letter, or `event`.
    fn reason(&self) -> &str {
        match self {
            Decoded::Event { .. } => "event",
            Decoded::Dead { reason, .. } => reason,
        }
    }
}

/// Decodes with a record time and a wall clock.
fn decode_at(core: &SessionCore, value: Option<&[u8]>, record_ms: i64, now_ms: i64) -> Decoded {
    let mut frame = Vec::new();
    core.decode(value, record_ms, now_ms, &mut frame);
    match DecodeReply::read(&frame).expect("a decode frame") {
        DecodeReply::Event { key, event_time_ms, found } => {
            Decoded::Event { key: key.to_owned(), at_ms: event_time_ms, found: found.to_vec() }
        }
        DecodeReply::DeadLetter { reason, detail } => {
            Decoded::Dead { reason: reason.to_owned(), detail: detail.to_owned() }
        }
    }
}

/// Decodes where no event time is too far ahead.
fn decode(core: &SessionCore, value: impl AsRef<[u8]>) -> Decoded {
    decode_at(core, Some(value.as_ref()), -1, i64::MAX)
}

/// A step that owns its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Step {
    state: Vec<u8>,
    output: Option<(Vec<u8>, Vec<u8>)>,
    closings: Vec<(Vec<u8>, Vec<u8>)>,
    deleted_ms: Option<i64>,
    registered_ms: Option<i64>,
}

fn read_step(old_state: &[u8], frame: &[u8]) -> Step {
    let reply = StepReply::read(frame).expect("a step frame");
    let mut step = Step {
        state: match reply.state_change {
            StateChange::Keep => old_state.to_vec(),
            StateChange::Put => reply.state.to_vec(),
            StateChange::Clear => Vec::new(),
        },
        deleted_ms: reply.delete_timer_ms,
        registered_ms: reply.register_timer_ms,
        ..Step::default()
    };
    for emission in &reply.emissions {
        let record = (emission.key.to_vec(), emission.value.to_vec());
        match emission.kind {
            EmissionKind::Output => assert_eq!(step.output.replace(record), None, "two outputs"),
            EmissionKind::CloseRecord => step.closings.push(record),
            EmissionKind::DeadLetter => panic!("the core failed"),
        }
    }
    step
}

/// Decodes a record that must be an event, and gives it its session.
fn on_event(core: &SessionCore, state: &[u8], record: impl AsRef<[u8]>) -> Step {
    let record = record.as_ref();
    let Decoded::Event { found, .. } = decode(core, record) else {
        panic!("a dead letter: {}", String::from_utf8_lossy(record));
    };
    let mut frame = Vec::new();
    core.on_event(state, &found, record, &Arrival::default(), &mut frame).expect("a step");
    read_step(state, &frame)
}

fn on_timer(core: &SessionCore, state: &[u8], key: &str, at_ms: i64) -> Result<Step, CoreError> {
    let mut frame = Vec::new();
    core.on_timer(state, key.as_bytes(), at_ms, at_ms, &mut frame)?;
    Ok(read_step(state, &frame))
}

/// The output of a record that is the first of its key.
fn output_of(core: &SessionCore, record: impl AsRef<[u8]>) -> String {
    let (_, value) = on_event(core, &[], record).output.expect("an output");
    String::from_utf8(value).unwrap()
}
