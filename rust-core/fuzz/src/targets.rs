//! The targets: functions of bytes that panic where the core breaks the contract.

use std::sync::LazyLock;

use wire::fuzzing::{found_again, state_again};
use wire::{
    Arrival, CoreError, CoreOptions, DecodeReply, EmissionKind, RulesFile, SessionCore,
    StateChange, StepReply,
};

use crate::contract::{judge, output_of_first, Event};
use crate::json;
use crate::setup::{setup, Setup, AT_MS, MINUTE_MS};

/// An event that does not wait in any order: it is late.
const LATE: Arrival = Arrival { partition: 0, offset: 0, carried: &[], watermark_ms: i64::MAX };

/// A record becomes exactly what the contract says. Two bytes choose the options and the clocks,
/// the rest is the record.
pub fn decode(data: &[u8]) {
    let [options, clocks, record @ ..] = data else { return };
    let setup = setup(*options);
    let record_times = [
        -1,
        0,
        946_684_799_999,
        946_684_800_000,
        AT_MS - 10 * MINUTE_MS,
        AT_MS,
        i64::MAX,
        i64::MIN,
    ];
    let walls = [AT_MS - 10 * MINUTE_MS - 1, AT_MS - 1, AT_MS, i64::MAX];
    let record_time_ms = record_times[usize::from(clocks & 7)];
    let now_ms = walls[usize::from(clocks >> 3 & 3)];
    check_record(setup, record, record_time_ms, now_ms);
}

/// A record that is made from the bytes, of the parts that matter to the writer, becomes what the
/// contract says, and so does its output when it is fed back in.
pub fn output(data: &[u8]) {
    let [options, parts @ ..] = data else { return };
    let setup = setup(*options);
    let record = made_of(&mut parts.iter().copied());
    if let Some(output) = check_record(setup, &record, -1, i64::MAX) {
        // Longer by the six members, it may be too large now; else it is the same event.
        if let Some(again) = check_record(setup, &output, -1, i64::MAX) {
            let third = check_record(setup, &again, -1, i64::MAX).expect("the same event");
            assert_eq!(text(&again), text(&third), "what was fed back in changes no more");
        }
    }
}

/// Holds what the core says of a record against the contract; returns the output of an event.
fn check_record(setup: &Setup, record: &[u8], record_time_ms: i64, now_ms: i64) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    setup.core.decode(Some(record), record_time_ms, now_ms, &mut frame);
    let expected = judge(record, record_time_ms, now_ms, setup);
    let found = match DecodeReply::read(&frame).expect("a decode frame") {
        DecodeReply::DeadLetter { reason, detail } => {
            assert_eq!(Some(reason), expected.err(), "{detail}");
            assert!(!detail.is_empty());
            return None;
        }
        DecodeReply::Event { key, event_time_ms, found } => {
            let event = expected.as_ref().expect("no event by the contract");
            assert_eq!((key, event_time_ms), (event.key.as_str(), event.at_ms));
            found.to_vec()
        }
    };
    assert_eq!(found_again(&found).as_deref(), Some(&found[..]), "what decode found");
    let event = expected.expect("an event");
    setup.core.on_event(&[], &found, record, &LATE, &mut frame).expect("a step");
    let step = StepReply::read(&frame).expect("a step frame");
    let [output] = step.emissions.as_slice() else { panic!("not one emission: {step:?}") };
    let (kafka_key, value) = output_of_first(record, &event, setup);
    assert_eq!(output.kind, EmissionKind::Output);
    assert_eq!((text(output.key), text(output.value)), (text(&kafka_key), text(&value)));
    if setup.ordered {
        check_wait(setup, record, &found, &event, &value);
    }
    assert!(value.len() <= record.len() + 2 * value_length(&event.key) + 320, "longer than told");
    assert!(json::read(std::str::from_utf8(output.value).expect("UTF-8")).is_some());
    Some(value)
}

/// An event that has to wait gives the same output when its turn comes.
fn check_wait(setup: &Setup, record: &[u8], found: &[u8], event: &Event, output: &[u8]) {
    let mut frame = Vec::new();
    let arrival = Arrival { partition: 7, offset: 8, carried: b"9", watermark_ms: i64::MIN };
    setup.core.on_event(&[], found, record, &arrival, &mut frame).expect("a step");
    let step = StepReply::read(&frame).expect("a step frame");
    assert_eq!((step.state_change, step.emissions.len()), (StateChange::Put, 0));
    assert_eq!(step.register_timer_ms, Some(event.at_ms));
    let state = step.state.to_vec();
    assert_eq!(state_again(&state).as_ref(), Ok(&state));
    let (key, at_ms) = (event.key.as_bytes(), event.at_ms);
    setup.core.on_timer(&state, key, at_ms, at_ms, &mut frame).expect("a step");
    let step = StepReply::read(&frame).expect("a step frame");
    let [emission] = step.emissions.as_slice() else { panic!("not one emission: {step:?}") };
    assert_eq!((emission.kind, text(emission.value)), (EmissionKind::Output, text(output)));
}

fn value_length(key: &str) -> usize {
    crate::contract::string(key).len()
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A record, its parts chosen by the bytes; once they have run out, the shortest.
fn made_of(choices: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    const SPACES: [&str; 8] = ["", "", "", "", " ", "\n", "\t\r", "  "];
    const NAMES: [&str; 24] = [
        "uid",
        "log_name",
        "ts",
        "ip",
        "access_type",
        "uuid",
        "ts_str",
        "session_id",
        "session_start_ts",
        "session_last_ts",
        "session_expire_at",
        "seq_in_session",
        "a",
        "",
        "\\u0075id",
        "session\\u005fid",
        "t\\u0073_str",
        "\\ud800",
        "사용자",
        "session_id ",
        "Ts_str",
        "l\\u006fg_name",
        "\\\"",
        "\\u0000",
    ];
    const VALUES: [&str; 32] = [
        "\"u1\"",
        "\"CIN\"",
        "1734144000000",
        "\"PC\"",
        "\"pc\"",
        "\"PUSH\"",
        "\"COUT\"",
        "\"OUT\"",
        "null",
        "true",
        "false",
        "\"\"",
        "7",
        "-0",
        "1.734144e12",
        "\"01734144000000\"",
        "1e400",
        "123456789012345678901234567890",
        "1.0",
        "{}",
        "[]",
        "{\"session_id\":\"x\"}",
        "[1 , {\"a\" : [ ] }]",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"\\\"},{\\\\\"",
        "\"\\u0001\\n\\/\"",
        "\"가\"",
        "\"클릭\"",
        "1709132400007",
        "\"u\\u0000\\t\\\"\\\\\"",
        "-1",
    ];
    let mut pick = |from: &[&'static str]| {
        choices.next().map_or("", |choice| from[usize::from(choice) % from.len()])
    };
    let mut members: Vec<String> = Vec::new();
    // One of two records has the three fields in front, so that it may become an event.
    if pick(&["no", "yes"]) == "yes" {
        let (key, name) = (pick(&VALUES[..1]), pick(&VALUES[..8]));
        let key = if key.is_empty() { "7" } else { key };
        let name = if name.is_empty() { "\"CIN\"" } else { name };
        members.push(format!("\"uid\":{key}"));
        members.push(format!("\"log_name\":{name}"));
        members.push("\"ts\":1734144000000".to_owned());
    }
    let before = pick(&SPACES);
    let behind = pick(&SPACES);
    loop {
        let place = pick(&["0", "1", "2", "3", "4", "5", "6", "7"]);
        if place.is_empty() {
            break;
        }
        let name = pick(&NAMES);
        let [a, b, c, d] = [pick(&SPACES), pick(&SPACES), pick(&SPACES), pick(&SPACES)];
        let value = Some(pick(&VALUES)).filter(|value| !value.is_empty()).unwrap_or("0");
        let place = place.parse::<usize>().unwrap_or(0).min(members.len());
        members.insert(place, format!("{a}\"{name}\"{b}:{c}{value}{d}"));
    }
    format!("{before}{{{}}}{behind}", members.join(",")).into_bytes()
}

/// State that decodes encodes to the same bytes; with any state a step is a reply or an error, and
/// what it leaves decodes. The first bytes are the options, the log name and the time of an event,
/// and the timer.
pub fn state(data: &[u8]) {
    let Some((head, state)) = data.split_first_chunk::<18>() else { return };
    let [options, log_name, times @ ..] = head;
    let setup = setup(*options);
    let time = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let (event_ms, timer_ms) = (time(&times[..8]), time(&times[8..]));
    let decoded = state_again(state);
    if let Ok(again) = &decoded {
        assert_eq!(again, state, "state that decodes encodes to the same bytes");
    }
    let mut frame = Vec::new();
    let stepped = setup.core.on_timer(state, b"u", timer_ms, i64::MIN, &mut frame);
    check_step(state, &decoded, stepped, &frame);

    let log_name = ["CIN", "COUT", "PUSH", "CLICK"][usize::from(log_name % 4)];
    // The greatest and the least time that an event can have, and those between.
    let at_ms = event_ms.rem_euclid(253_402_207_200_001);
    let record = format!(r#"{{"uid":"u","log_name":"{log_name}","ts":{at_ms}}}"#);
    setup.core.decode(Some(record.as_bytes()), -1, i64::MAX, &mut frame);
    let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&frame) else { return };
    let found = found.to_vec();
    // Waiting, where the setup lets it, or late.
    for watermark_ms in [i64::MIN, i64::MAX] {
        let arrival = Arrival { watermark_ms, ..LATE };
        let stepped = setup.core.on_event(state, &found, record.as_bytes(), &arrival, &mut frame);
        check_step(state, &decoded, stepped, &frame);
    }
}

fn check_step(
    state: &[u8],
    decoded: &Result<Vec<u8>, wire::StateError>,
    stepped: Result<(), CoreError>,
    frame: &[u8],
) {
    // What waits is looked into when its turn comes, and its records are not read again.
    let events_wait = state.get(2).is_some_and(|flags| flags & 2 != 0);
    match (decoded, stepped) {
        (Err(refused), Err(CoreError::State(error))) => assert_eq!(*refused, error),
        (Ok(_), Ok(())) => {
            let step = StepReply::read(frame).expect("a step frame");
            if step.state_change == StateChange::Put {
                let again = state_again(step.state).expect("the state that a step leaves");
                assert_eq!(again, step.state);
            }
            for emission in step.emissions.iter().filter(|_| !events_wait) {
                let value = std::str::from_utf8(emission.value).expect("UTF-8");
                assert!(json::read(value).is_some(), "no JSON: {value}");
            }
        }
        (Ok(_), Err(_)) if events_wait => {}
        (decoded, stepped) => panic!("state {decoded:?}, step {stepped:?}"),
    }
}

/// A rules file is refused with places, or read; what is printed of it reads as the same rules.
pub fn rules(data: &[u8]) {
    let Ok(file) = std::str::from_utf8(data) else { return };
    let opened = CoreOptions::parse(&format!("close_records=true\nrules={file}"));
    let rules = match RulesFile::parse(file) {
        Ok(rules) => rules,
        Err(error) => {
            assert!(!error.mistakes.is_empty());
            assert!(error.mistakes.iter().all(|mistake| mistake.contains(": ")), "{error}");
            assert_eq!(opened.expect_err("bad rules open no core").to_string(), error.to_string());
            return;
        }
    };
    if !file.trim().is_empty() {
        assert!(json::read(file).is_some(), "taken, but no JSON");
    }
    let printed = rules.to_json();
    assert_eq!(RulesFile::parse(&printed).as_ref(), Ok(&rules), "{printed}");
    let core = SessionCore::new(opened.expect("good rules"));
    let record = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS}}}"#);
    let mut frame = Vec::new();
    core.decode(Some(record.as_bytes()), -1, i64::MAX, &mut frame);
    let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&frame) else { return };
    let found = found.to_vec();
    core.on_event(&[], &found, record.as_bytes(), &LATE, &mut frame).expect("a step");
    let step = StepReply::read(&frame).expect("a step frame");
    let output: serde_json::Value =
        serde_json::from_slice(step.emissions[0].value).expect("an output");
    if let Some(expires_ms) = output["session_expire_at"].as_i64() {
        assert!((1_000..=365 * 24 * 60 * MINUTE_MS).contains(&(expires_ms - AT_MS)), "{output}");
    }
}

/// Any bytes as a frame, as what decode found, and as options give a value, none or an error.
pub fn replies(data: &[u8]) {
    static CORE: LazyLock<SessionCore> = LazyLock::new(|| SessionCore::new(CoreOptions::default()));
    if let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(data) {
        assert!(found.len() < data.len());
    }
    if let Some(step) = StepReply::read(data) {
        let read: usize = step.emissions.iter().map(|each| each.key.len() + each.value.len()).sum();
        assert!(read + step.state.len() < data.len());
    }
    if let Some(again) = found_again(data) {
        assert_eq!(again, data, "what decodes encodes to the same bytes");
    }
    let record = br#" {"uid":"u","session_id":1,"log_name":"CIN","ts":1734144000000} "#;
    let _ = CORE.on_event(&[], data, record, &LATE, &mut Vec::new());
    if let Ok(options) = std::str::from_utf8(data) {
        let _ = CoreOptions::parse(options);
    }
}
