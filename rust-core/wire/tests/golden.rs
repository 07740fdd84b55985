//! The frames and the state, byte by byte against golden files; Java reads the frames' files too.
//!
//! `tests/golden/README.md` names the inputs. With `UPDATE_EXPECT=1` in the environment the files
//! are written anew: only for a new version, for what is released stays as it is.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects without a detour"
)]

use std::path::Path;

use wire::{Arrival, CoreOptions, DecodeReply, SessionCore, StepReply};

const RECORD_TIME_MS: i64 = 1_734_144_000_123;
const NOW_MS: i64 = 1_734_144_001_000;
/// 2024-12-14T00:00:00.000+0900.
const MIDNIGHT_MS: i64 = 1_734_102_000_000;
const HOUR_MS: i64 = 3_600_000;

fn core(options: &str) -> SessionCore {
    SessionCore::new(CoreOptions::parse(options).unwrap())
}

fn decode(core: &SessionCore, record: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    core.decode(Some(record.as_bytes()), RECORD_TIME_MS, NOW_MS, &mut frame);
    frame
}

/// Gives the events of a key their sessions, one after the other, and returns the last frame.
fn steps(core: &SessionCore, events: &[(&str, i64)]) -> Vec<u8> {
    let mut frame = Vec::new();
    let mut state = Vec::new();
    for (log_name, at_ms) in events {
        let record = format!(r#"{{"uid":"u1","log_name":"{log_name}","ts":{at_ms}}}"#);
        let decoded = decode(core, &record);
        let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&decoded) else {
            panic!("no event: {record}");
        };
        core.on_event(&state, found, record.as_bytes(), &Arrival::default(), &mut frame).unwrap();
        state = state_of(&frame);
    }
    frame
}

fn state_of(frame: &[u8]) -> Vec<u8> {
    StepReply::read(frame).unwrap().state.to_vec()
}

/// Sixteen bytes a line, as the files have them.
fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).map(|line| {
        line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ") + "\n"
    });
    lines.collect()
}

fn check(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let found = hex(bytes);
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(found, golden, "{name}");
}

fn closing_core() -> SessionCore {
    core("close_records=true")
}

fn check_in_and_out(core: &SessionCore) -> Vec<u8> {
    steps(core, &[("CIN", MIDNIGHT_MS), ("COUT", MIDNIGHT_MS + 60_000)])
}

#[test]
fn decode_frames_are_of_version_1() {
    let event = r#"{"uid":"u1","log_name":"CIN","ts":1734144000000,"session_id":"old"}"#;
    check("decode_event_v1.hex", &decode(&closing_core(), event));
    let dead = r#"{"uid":"u1","log_name":"CIN"}"#;
    check("decode_dead_letter_v1.hex", &decode(&closing_core(), dead));
}

#[test]
fn step_frames_are_of_version_1() {
    check("step_v1.hex", &check_in_and_out(&closing_core()));
}

#[test]
fn step_frames_that_clear_are_of_version_1() {
    let core = closing_core();
    let state = state_of(&check_in_and_out(&core));
    let mut frame = Vec::new();
    core.on_timer(&state, b"u1", 1_734_104_460_000, 1_734_104_460_000, &mut frame).unwrap();
    check("step_clear_v1.hex", &frame);
}

#[test]
fn step_frames_that_evict_are_of_version_1() {
    let clicks: Vec<_> = (0..9).map(|n| ("CLICK", MIDNIGHT_MS + n * HOUR_MS)).collect();
    check("step_evict_v1.hex", &steps(&closing_core(), &clicks));
}

#[test]
fn step_frames_without_close_records_are_of_version_1() {
    let core = core("allowed_lateness_ms=86400000");
    let clicks: Vec<_> = (0..9).map(|n| ("CLICK", MIDNIGHT_MS + n * HOUR_MS)).collect();
    check("step_closed_v1.hex", &steps(&core, &clicks));
}

/// The events of the state file, by log name and time.
const STATE_EVENTS: [(&str, i64); 6] = [
    ("CIN", MIDNIGHT_MS),
    ("CLICK", MIDNIGHT_MS + 1),
    ("COUT", MIDNIGHT_MS + 200),
    ("CLICK", MIDNIGHT_MS + 4 * HOUR_MS),
    // Out of order: joins the second session from the front.
    ("클릭", MIDNIGHT_MS + 4 * HOUR_MS - 60_000),
    ("CIN", MIDNIGHT_MS + 9 * HOUR_MS),
];

#[test]
fn state_is_of_version_1() {
    let options = "close_records=true\nallowed_lateness_ms=86400000";
    let mut options = CoreOptions::parse(options).unwrap();
    options.policy.rules.max_duration_ms = Some(170 * 60_000);
    check("state_v1.hex", &state_of(&steps(&SessionCore::new(options), &STATE_EVENTS)));
}

/// A key with a session, and three events that wait: two at one instant, the newest first.
fn waiting_state(core: &SessionCore) -> Vec<u8> {
    let events = [
        ("CIN", MIDNIGHT_MS, 0, 7, MIDNIGHT_MS),
        ("COUT", MIDNIGHT_MS + 60_000, 1, 300, MIDNIGHT_MS),
        ("CLICK", MIDNIGHT_MS + 1, 0, 9, MIDNIGHT_MS),
        ("CLICK", MIDNIGHT_MS + 1, 0, 8, MIDNIGHT_MS),
    ];
    let mut state = Vec::new();
    for (log_name, at_ms, partition, offset, watermark_ms) in events {
        let record = format!(r#"{{"uid":"u1","log_name":"{log_name}","ts":{at_ms}}}"#);
        let decoded = decode(core, &record);
        let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&decoded) else {
            panic!("no event: {record}");
        };
        let carried = format!("carried {offset}").into_bytes();
        let arrival = Arrival { partition, offset, carried: &carried, watermark_ms };
        let mut frame = Vec::new();
        core.on_event(&state, found, record.as_bytes(), &arrival, &mut frame).unwrap();
        state = state_of(&frame);
    }
    state
}

#[test]
fn state_with_waiting_events_is_of_version_1() {
    let core = core("close_records=true\norder=event-time");
    check("state_waiting_v1.hex", &waiting_state(&core));
}

#[test]
fn step_frames_of_waiting_events_are_of_version_1() {
    let core = core("close_records=true\norder=event-time");
    let state = from_file("state_waiting_v1.hex");
    let (timer_ms, watermark_ms) = (MIDNIGHT_MS + 1, MIDNIGHT_MS + 2);
    let mut frame = Vec::new();
    core.on_timer(&state, b"u1", timer_ms, watermark_ms, &mut frame).unwrap();
    check("step_waited_v1.hex", &frame);
}

/// The bytes of a golden file.
fn from_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path)
        .unwrap()
        .split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// A decoder stays for ever: this reads the file, not what today's writer makes.
#[test]
fn state_of_version_1_is_read() {
    let state = from_file("state_v1.hex");
    let mut frame = Vec::new();
    closing_core().on_timer(&state, b"u1", i64::MAX, i64::MAX, &mut frame).unwrap();
    let reply = StepReply::read(&frame).unwrap();
    // All closed: the state with its timer went.
    assert_eq!((reply.state, reply.register_timer_ms), (&[][..], None));
    let closings: Vec<_> = reply
        .emissions
        .iter()
        .map(|closing| String::from_utf8(closing.value.to_vec()).unwrap())
        .collect();
    assert_eq!(
        closings,
        [
            concat!(
                r#"{"session_id":"u1_1734102000000","uid":"u1","session_start_ts":1734102000000,"#,
                r#""session_last_ts":1734102000200,"session_expire_at":1734103800200,"#,
                r#""duration_ms":200,"event_count":3,"log_names":{"CIN":1,"CLICK":1,"COUT":1},"#,
                r#""checked_in":true,"last_log_name":"COUT","closed_by":"timeout"}"#,
            ),
            concat!(
                r#"{"session_id":"u1_1734116400000","uid":"u1","session_start_ts":1734116340000,"#,
                r#""session_last_ts":1734116400000,"session_expire_at":1734118200000,"#,
                r#""duration_ms":60000,"event_count":2,"log_names":{"CLICK":1,"클릭":1},"#,
                r#""checked_in":false,"last_log_name":"CLICK","closed_by":"timeout"}"#,
            ),
            concat!(
                r#"{"session_id":"u1_1734134400000","uid":"u1","session_start_ts":1734134400000,"#,
                r#""session_last_ts":1734134400000,"session_expire_at":1734144600000,"#,
                r#""duration_ms":0,"event_count":1,"log_names":{"CIN":1},"#,
                r#""checked_in":true,"last_log_name":"CIN","closed_by":"max_duration"}"#,
            ),
        ]
    );
}
