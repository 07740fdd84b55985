//! One user's events through the core, as the job would send them.

use wire::{Arrival, CoreOptions, DecodeReply, SessionCore, StepReply};

/// 2024-12-14 11:40 in Seoul.
const START_MS: i64 = 1_734_144_000_000;
const GAP_MS: i64 = 75_000;

/// A core with the job's default options.
#[must_use]
pub fn core() -> SessionCore {
    SessionCore::new(CoreOptions::default())
}

/// An event in the middle of a session, with all that its calls need.
pub struct Sample {
    pub core: SessionCore,
    pub record: Vec<u8>,
    pub found: Vec<u8>,
    /// The key's state before it.
    pub state: Vec<u8>,
}

/// The twentieth event of a user; the state is that after the first.
#[must_use]
pub fn sample() -> Sample {
    let core = core();
    let mut frame = Vec::new();
    let first = record(0);
    decode(&core, &first, &mut frame);
    let first_found = found(&frame);
    step(&core, &[], &first_found, &first, &mut frame);
    let state = state(&frame);
    let record = record(19);
    decode(&core, &record, &mut frame);
    let found = found(&frame);
    Sample { core, record, found, state }
}

/// The record of an event, of the load's length.
#[must_use]
pub fn record(number: i64) -> Vec<u8> {
    let log_name = if number % 20 == 0 { "CIN" } else { "CLICK" };
    format!(
        r#"{{"uid":"user-123456","access_type":"mobile","log_name":"{log_name}","in_time":"405","out_time":"","ip":"192.168.75.139","ts":{}}}"#,
        START_MS + number * GAP_MS
    )
    .into_bytes()
}

/// Decodes a record; returns what decode found.
pub fn decode(core: &SessionCore, record: &[u8], frame: &mut Vec<u8>) {
    core.decode(Some(record), -1, START_MS + 1_000 * GAP_MS, frame);
}

/// What decode found, out of its frame.
///
/// # Panics
///
/// Where the record is no event.
#[must_use]
pub fn found(frame: &[u8]) -> Vec<u8> {
    match DecodeReply::read(frame) {
        Some(DecodeReply::Event { found, .. }) => found.to_vec(),
        other => panic!("no event: {other:?}"),
    }
}

/// Gives an event its session.
///
/// # Panics
///
/// Where the core refuses.
pub fn step(core: &SessionCore, state: &[u8], found: &[u8], record: &[u8], frame: &mut Vec<u8>) {
    let arrival = Arrival::default();
    core.on_event(state, found, record, &arrival, frame).expect("a step");
}

/// The state after a step, out of its frame.
///
/// # Panics
///
/// Where the frame is none.
#[must_use]
pub fn state(frame: &[u8]) -> Vec<u8> {
    StepReply::read(frame).expect("a step frame").state.to_vec()
}
