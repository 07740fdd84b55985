//! The C ABI: its header, and a driver in C that plays every scenario through it.
//!
//! `scripts/test-native` plays them on another machine and under watch: `SESSION_CORE_LIBRARY_DIR`
//! names the folder of another library, `SESSION_CORE_CC` the C compiler for it with its flags,
//! `SESSION_CORE_RUNNER` the command that runs the driver.

#![cfg(feature = "c-abi")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects without a detour"
)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use scenario::play::{play_all, Engine};
use session_core::handle::{call, status};
use wire::{Arrival, DecodeReply};

const ROOM: u32 = 1 << 20;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_committed_header_is_what_cbindgen_writes() {
    let config = cbindgen::Config::from_file(here("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(here("src/handle.rs"))
        .with_src(here("src/c_abi.rs"))
        .generate()
        .unwrap();
    let mut written = Vec::new();
    bindings.write(&mut written);
    let written = String::from_utf8(written).unwrap();
    let committed = here("include/session_core.h");
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(committed, written).unwrap();
        return;
    }
    assert_eq!(std::fs::read_to_string(committed).unwrap(), written);
}

/// The words of an environment variable; none where it is not set.
fn words_of(variable: &str) -> Vec<String> {
    let text = std::env::var(variable).unwrap_or_default();
    text.split_whitespace().map(String::from).collect()
}

/// The folder of the library: cargo has built one beside this test.
fn library() -> PathBuf {
    std::env::var_os("SESSION_CORE_LIBRARY_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| std::env::current_exe().unwrap().parent().unwrap().to_owned())
}

/// The driver, compiled once against the library.
fn driver() -> &'static Path {
    static DRIVER: OnceLock<PathBuf> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let library = library();
        let driver = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver");
        let compiler = words_of("SESSION_CORE_CC");
        let compiled = Command::new(compiler.first().map_or("cc", String::as_str))
            .args(compiler.iter().skip(1))
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
            .arg(&driver)
            .arg(here("tests/driver.c"))
            .arg("-I")
            .arg(here("include"))
            .arg("-L")
            .arg(&library)
            .arg("-lsession_core")
            .arg(format!("-Wl,-rpath,{}", library.display()))
            .status()
            .expect("a C compiler");
        assert!(compiled.success(), "the driver does not compile");
        driver
    })
}

/// A driver that runs, with a core of its own.
struct Driver {
    process: Child,
    calls: Option<ChildStdin>,
    answers: ChildStdout,
}

/// What a call gave: its result and what it left in the reply buffer.
struct Answer {
    result: i32,
    reply: Vec<u8>,
}

impl Driver {
    fn open(options: &str, reply_size: u32) -> Driver {
        let mut command = words_of("SESSION_CORE_RUNNER");
        command.push(driver().to_str().unwrap().to_owned());
        let mut process = Command::new(&command[0])
            .args(&command[1..])
            // It goes before the library's place in the driver, and cargo's may name an older one.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the driver starts");
        let mut calls = process.stdin.take().unwrap();
        calls.write_all(&reply_size.to_le_bytes()).unwrap();
        calls.write_all(&u32::try_from(options.len()).unwrap().to_le_bytes()).unwrap();
        calls.write_all(options.as_bytes()).unwrap();
        let answers = process.stdout.take().unwrap();
        Driver { process, calls: Some(calls), answers }
    }

    /// Makes a call; a part that is `None` has the length -1.
    fn call(&mut self, call: i32, times: [i64; 2], parts: [Option<&[u8]>; 4]) -> Answer {
        let mut message = call.to_le_bytes().to_vec();
        message.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        for part in parts {
            let length = part.map_or(-1, |part| i32::try_from(part.len()).unwrap());
            message.extend(length.to_le_bytes());
        }
        message.extend(parts.iter().flatten().copied().flatten());
        let calls = self.calls.as_mut().unwrap();
        calls.write_all(&message).unwrap();
        calls.flush().unwrap();

        let mut head = [0; 8];
        self.answers.read_exact(&mut head).unwrap();
        let result = i32::from_le_bytes(*head.first_chunk().unwrap());
        let length = u32::from_le_bytes(*head.last_chunk().unwrap());
        let mut reply = vec![0; usize::try_from(length).unwrap()];
        self.answers.read_exact(&mut reply).unwrap();
        Answer { result, reply }
    }

    fn frame(&mut self, call: i32, times: [i64; 2], parts: [&[u8]; 4]) -> Vec<u8> {
        let answer = self.call(call, times, parts.map(Some));
        let said = String::from_utf8_lossy(&answer.reply);
        assert!(answer.result >= 0, "result {}: {said}", answer.result);
        answer.reply
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The end of its input ends the driver; it must not have crashed while it closed the core.
        self.calls = None;
        let ended = self.process.wait().unwrap();
        assert!(std::thread::panicking() || ended.success(), "the driver ended with {ended}");
    }
}

impl Engine for Driver {
    fn decode(&mut self, value: &[u8], record_time_ms: i64, now_ms: i64) -> Vec<u8> {
        self.frame(call::DECODE, [record_time_ms, now_ms], [value, b"", b"", b""])
    }

    fn on_event(
        &mut self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
    ) -> Vec<u8> {
        let mut came_from = Vec::new();
        arrival.write(&mut came_from);
        let times = [arrival.watermark_ms, 0];
        self.frame(call::ON_EVENT, times, [state, found, record, &came_from])
    }

    fn on_timer(&mut self, state: &[u8], key: &str, timer_ms: i64, watermark_ms: i64) -> Vec<u8> {
        let times = [timer_ms, watermark_ms];
        self.frame(call::ON_TIMER, times, [state, key.as_bytes(), b"", b""])
    }
}

#[test]
fn every_scenario_holds_behind_the_c_abi() {
    play_all(|options| Driver::open(options, ROOM));
}

#[test]
fn a_value_that_is_absent_is_null_value() {
    let mut driver = Driver::open("", ROOM);
    let answer = driver.call(call::DECODE, [-1, 0], [None, Some(b""), Some(b""), Some(b"")]);
    match DecodeReply::read(&answer.reply) {
        Some(DecodeReply::DeadLetter { reason, .. }) => assert_eq!(reason, "null_value"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_that_does_not_fit_says_how_long_it_is() {
    let record = br#"{"uid":"u1","log_name":"CIN"}"#;
    let whole = Driver::open("", ROOM).decode(record, -1, 0);
    let length = u32::try_from(whole.len()).unwrap();
    let parts = [Some(&record[..]), Some(b""), Some(b""), Some(b"")];
    let short = Driver::open("", length - 1).call(call::DECODE, [-1, 0], parts);
    assert_eq!((short.result, short.reply), (status::REPLY_TOO_SMALL, length.to_le_bytes().into()));
    assert_eq!(Driver::open("", length).decode(record, -1, 0), whole);
}

#[test]
fn an_impossible_call_fails_with_a_sentence_and_the_next_one_works() {
    let mut driver = Driver::open("", ROOM);
    for (call, parts, word) in [
        (call::ON_TIMER, [&b"SX"[..], b"u1", b"", b""], "newer release"),
        (call::ON_TIMER, [b"", b"\xff", b"", b""], "its own decode did not make"),
        (call::ON_EVENT, [b"", b"", b"{}", b""], "its own decode did not make"),
        (99, [b"", b"", b"", b""], "no call 99"),
    ] {
        let answer = driver.call(call, [0, 0], parts.map(Some));
        assert_eq!(answer.result, status::FAILED);
        let (length, sentence) = answer.reply.split_first_chunk().unwrap();
        assert_eq!(usize::try_from(u32::from_le_bytes(*length)).unwrap(), sentence.len());
        let sentence = std::str::from_utf8(sentence).unwrap();
        assert!(sentence.contains(word), "{sentence}");
    }
    let timer = driver.on_timer(b"", "u1", 0, 0);
    assert!(wire::StepReply::read(&timer).is_some());
}

#[test]
fn options_that_are_refused_open_no_core() {
    let mut driver = Driver::open("no_such_option=1", ROOM);
    let answer = driver.call(call::DECODE, [-1, 0], [Some(b"{}"), Some(b""), Some(b""), Some(b"")]);
    assert_eq!(answer.result, status::NO_HANDLE);
}

#[cfg(feature = "failing")]
mod failing {
    use wire::{EmissionKind, StateChange, StepReply, Subject};

    use super::*;

    const NOON_MS: i64 = 1_734_145_200_000;

    fn record(key: &str, log_name: &str, at_ms: i64) -> Vec<u8> {
        format!(r#"{{"uid":"{key}","log_name":"{log_name}","ts":{at_ms}}}"#).into_bytes()
    }

    /// An event that comes before the first watermark.
    fn event(driver: &mut Driver, state: &[u8], record: &[u8], offset: i64) -> Vec<u8> {
        let decoded = driver.decode(record, -1, i64::MAX);
        let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&decoded) else {
            panic!("no event");
        };
        let arrival = Arrival { offset, carried: b"carried", ..Arrival::default() };
        driver.on_event(state, found, record, &arrival)
    }

    fn state_of(frame: &[u8]) -> Vec<u8> {
        StepReply::read(frame).unwrap().state.to_vec()
    }

    /// What each emission is of, by its kind.
    fn emitted<'f>(reply: &'f StepReply<'f>) -> Vec<(EmissionKind, Subject<'f>)> {
        for emission in &reply.emissions {
            if emission.kind == EmissionKind::DeadLetter {
                assert_eq!(emission.key, b"internal_error");
                assert!(String::from_utf8_lossy(emission.value).contains("asked to fail"));
            }
        }
        reply.emissions.iter().map(|emission| (emission.kind, emission.subject)).collect()
    }

    #[test]
    fn a_record_that_fails_in_decode_is_a_dead_letter_and_the_next_call_works() {
        let mut driver = Driver::open("log_filter=off", ROOM);
        let decoded = driver.decode(b"panic-in-decode", -1, i64::MAX);
        match DecodeReply::read(&decoded) {
            Some(DecodeReply::DeadLetter { reason, .. }) => assert_eq!(reason, "internal_error"),
            other => panic!("{other:?}"),
        }
        assert!(DecodeReply::read(&driver.decode(b"{}", -1, 0)).is_some());
    }

    #[test]
    fn an_event_that_fails_leaves_its_state_and_a_closing_that_fails_gives_it_away() {
        let mut driver = Driver::open("log_filter=off", ROOM);
        let key = "panic-in-timer";
        let state = state_of(&event(&mut driver, b"", &record(key, "CLICK", NOON_MS), 0));
        let frame = event(&mut driver, &state, &record(key, "panic-in-event", NOON_MS), 1);
        let failed = StepReply::read(&frame).unwrap();
        assert_eq!(failed.state_change, StateChange::Keep);
        assert_eq!((failed.delete_timer_ms, failed.register_timer_ms), (None, None));
        assert_eq!(emitted(&failed), [(EmissionKind::DeadLetter, Subject::Given)]);

        let frame = driver.on_timer(&state, key, i64::MAX, i64::MAX);
        let failed = StepReply::read(&frame).unwrap();
        assert_eq!(failed.state_change, StateChange::Clear);
        assert_eq!((failed.delete_timer_ms, failed.register_timer_ms), (None, None));
        assert_eq!(emitted(&failed), [(EmissionKind::DeadLetter, Subject::Sessions(&state))]);
    }

    #[test]
    fn a_waiting_event_that_fails_is_a_dead_letter_and_its_neighbours_get_their_labels() {
        let mut driver = Driver::open("log_filter=off\norder=event-time", ROOM);
        let poison = record("u1", "panic-in-event", NOON_MS + 1);
        let records =
            [record("u1", "CLICK", NOON_MS + 2), poison.clone(), record("u1", "CIN", NOON_MS)];
        let mut state = Vec::new();
        for (offset, record) in (0..).zip(&records) {
            let frame = event(&mut driver, &state, record, offset);
            assert_eq!(emitted(&StepReply::read(&frame).unwrap()), []);
            state = state_of(&frame);
        }
        let frame = driver.on_timer(&state, "u1", NOON_MS, NOON_MS + 10);
        let reply = StepReply::read(&frame).unwrap();
        let waited = |offset| Arrival { offset, carried: b"carried", ..Arrival::default() };
        let of = |offset, record| Subject::Waited { arrival: waited(offset), record };
        let expected = [
            (EmissionKind::Output, of(2, b"")),
            (EmissionKind::DeadLetter, of(1, &poison)),
            (EmissionKind::Output, of(0, b"")),
        ];
        assert_eq!(emitted(&reply), expected);
        let last = String::from_utf8_lossy(reply.emissions[2].value);
        assert!(last.ends_with(r#""seq_in_session":2}"#), "{last}");
        // What failed waits no longer: the next timer is that of the session.
        assert_eq!(reply.register_timer_ms, Some(NOON_MS + 2 + 190 * 60_000));
    }

    #[test]
    fn a_closing_that_fails_among_waiting_events_takes_none_of_them_along() {
        let options = "log_filter=off\norder=event-time\nallowed_lateness_ms=0";
        let mut driver = Driver::open(options, ROOM);
        let (key, half_an_hour) = ("panic-in-timer", 30 * 60_000);
        let mut state = Vec::new();
        for (offset, at_ms) in [(0, NOON_MS), (1, NOON_MS + half_an_hour + 1)] {
            let record = record(key, "CLICK", at_ms);
            state = state_of(&event(&mut driver, &state, &record, offset));
        }
        let until = NOON_MS + half_an_hour + 1;
        let frame = driver.on_timer(&state, key, NOON_MS, until);
        let reply = StepReply::read(&frame).unwrap();
        let kinds: Vec<_> = emitted(&reply).into_iter().map(|(kind, _)| kind).collect();
        let expected = [EmissionKind::Output, EmissionKind::DeadLetter, EmissionKind::Output];
        assert_eq!(kinds, expected);
        assert!(
            matches!(reply.emissions[1].subject, Subject::Sessions(state) if !state.is_empty())
        );
        assert_eq!(reply.state_change, StateChange::Put);
        assert_eq!(reply.register_timer_ms, Some(until + half_an_hour));
    }
}
