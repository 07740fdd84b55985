//! Keyed state: it holds everything, and what is no state is never taken for one.

use wire::{Arrival, CoreError, StateError};

use crate::{core_with, on_event, on_timer, AT_MS};

const MINUTE_MS: i64 = 60_000;

fn record(log_name: &str, at_ms: i64) -> String {
    serde_json::json!({"uid": "u", "log_name": log_name, "ts": at_ms}).to_string()
}

/// The state of a key with three sessions, checked in and not, with counts.
fn rich_state() -> Vec<u8> {
    let core = core_with("close_records=true\nallowed_lateness_ms=86400000");
    [
        ("CIN", AT_MS),
        ("클릭", AT_MS + 1),
        ("COUT", AT_MS + 2),
        ("CLICK", AT_MS + 200 * MINUTE_MS),
        ("CIN", AT_MS + 300 * MINUTE_MS),
        // Out of order: joins the second session from the front.
        ("CLICK", AT_MS + 199 * MINUTE_MS),
    ]
    .iter()
    .fold(Vec::new(), |state, (log_name, at_ms)| {
        on_event(&core, &state, record(log_name, *at_ms)).state
    })
}

fn error_of(state: &[u8]) -> StateError {
    let core = core_with("");
    match on_timer(&core, state, "u", 0) {
        Err(CoreError::State(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_round_trip_keeps_every_byte() {
    let core = core_with("close_records=true\nallowed_lateness_ms=86400000");
    let state = rich_state();
    // A timer that is early closes nothing, and writes what it read.
    assert_eq!(on_timer(&core, &state, "u", 0).unwrap().state, state);
}

#[test]
fn state_of_a_newer_release_is_named_as_such() {
    let mut state = rich_state();
    state[1] = 2;
    assert_eq!(error_of(&state), StateError::Newer { found: 2 });
    state[1] = u8::MAX;
    assert_eq!(error_of(&state), StateError::Newer { found: u8::MAX });
    assert!(error_of(&state).to_string().contains("newer release"));
}

#[test]
fn foreign_bytes_are_not_state() {
    let mut state = rich_state();
    state[0] = b'T';
    assert_eq!(error_of(&state), StateError::NotState);
    state[0] = b'S';
    state[1] = 0;
    assert_eq!(error_of(&state), StateError::NotState);
    assert_eq!(error_of(b"{\"uid\":\"u\"}"), StateError::NotState);
    assert_eq!(error_of(b"\0"), StateError::NotState);
}

#[test]
fn every_truncation_is_refused() {
    let core = core_with("");
    let state = rich_state();
    for end in 1..state.len() {
        let cut = on_timer(&core, &state[..end], "u", 0);
        assert!(matches!(cut, Err(CoreError::State(_))), "cut after {end} bytes: {cut:?}");
    }
    let empty = on_timer(&core, &[], "u", 0).unwrap();
    assert_eq!((empty.state, empty.registered_ms), (Vec::new(), None));
}

#[test]
fn flags_that_version_1_does_not_know_and_a_key_without_sessions_are_damage() {
    // Magic, version, flags and the timer stand before the count, the first session behind it.
    const COUNT: usize = 11;
    let mut unknown_flag = rich_state();
    unknown_flag[COUNT + 1] |= 1 << 5;
    assert_eq!(error_of(&unknown_flag), StateError::Damaged);
    let mut no_session = rich_state();
    no_session[COUNT] = 0;
    no_session.truncate(COUNT + 1);
    assert_eq!(error_of(&no_session), StateError::Damaged);
}

#[test]
fn another_spelling_of_the_same_state_is_damage() {
    // One session of `u` at time 0: flags, id, start, last, expiry, event count, log name.
    let session = |flags: u8, count: &[u8], rest: &[u8]| {
        let head = [&b"S\x01\0\x01"[..], &[flags], &[0; 8], b"\0\0\0"].concat();
        [&head[..], count, b"\x03CIN", rest].concat()
    };
    let core = core_with("");
    assert!(on_timer(&core, &session(0, b"\x01", b""), "u", -1).is_ok());
    assert_eq!(error_of(&session(0, b"\x81\0", b"")), StateError::Damaged, "a longer varint");
    assert_eq!(error_of(&session(1 << 4, b"\x01", b"\0")), StateError::Damaged, "no counts");
}

#[test]
fn bytes_behind_the_end_are_damage() {
    assert_eq!(error_of(&[rich_state(), vec![0]].concat()), StateError::Damaged);
}

#[test]
fn unreadable_state_fails_an_event_too() {
    let core = core_with("");
    let record = record("CIN", AT_MS);
    let crate::Decoded::Event { found, .. } = crate::decode(&core, &record) else {
        panic!("a dead letter")
    };
    let mut frame = Vec::new();
    let refused = core.on_event(b"SX", &found, record.as_bytes(), &Arrival::default(), &mut frame);
    assert_eq!(refused, Err(CoreError::State(StateError::Newer { found: b'X' })));
}

#[test]
fn counts_at_their_limit_stay_there() {
    // One session of `u` at time 0 with the greatest counts that state can hold.
    let greatest = [&[0xff; 9][..], &[1]].concat();
    let head = b"S\x01\0\x01\x10\0\0\0\0\0\0\0\0\0\0\0";
    let counts = b"\x03CIN\x01\x03CIN";
    let state = [&head[..], &greatest, counts, &greatest].concat();
    let core = core_with("close_records=true\nmin_event_time_ms=0");
    let step = on_event(&core, &state, record("CIN", 0));
    let step = on_timer(&core, &step.state, "u", i64::MAX).unwrap();
    let closing = String::from_utf8(step.closings[0].1.clone()).unwrap();
    let expected = r#""event_count":18446744073709551615,"log_names":{"CIN":18446744073709551615}"#;
    assert!(closing.contains(expected), "{closing}");
}
