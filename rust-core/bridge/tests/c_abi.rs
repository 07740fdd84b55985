//! The C ABI: its header, and a driver in C that plays every scenario through it.

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
use wire::DecodeReply;

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

/// The driver, compiled once against the library that cargo built beside this test.
fn driver() -> &'static Path {
    static DRIVER: OnceLock<PathBuf> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let library = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let driver = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver");
        let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
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
        let mut process = Command::new(driver())
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
    fn call(&mut self, call: i32, times: [i64; 2], parts: [Option<&[u8]>; 3]) -> Answer {
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

    fn frame(&mut self, call: i32, times: [i64; 2], parts: [&[u8]; 3]) -> Vec<u8> {
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
        self.frame(call::DECODE, [record_time_ms, now_ms], [value, b"", b""])
    }

    fn on_event(&mut self, state: &[u8], found: &[u8], record: &[u8]) -> Vec<u8> {
        self.frame(call::ON_EVENT, [0, 0], [state, found, record])
    }

    fn on_timer(&mut self, state: &[u8], key: &str, timer_ms: i64) -> Vec<u8> {
        self.frame(call::ON_TIMER, [timer_ms, 0], [state, key.as_bytes(), b""])
    }
}

#[test]
fn every_scenario_holds_behind_the_c_abi() {
    play_all(|options| Driver::open(options, ROOM));
}

#[test]
fn a_value_that_is_absent_is_null_value() {
    let mut driver = Driver::open("", ROOM);
    let answer = driver.call(call::DECODE, [-1, 0], [None, Some(b""), Some(b"")]);
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
    let parts = [Some(&record[..]), Some(b""), Some(b"")];
    let short = Driver::open("", length - 1).call(call::DECODE, [-1, 0], parts);
    assert_eq!((short.result, short.reply), (status::REPLY_TOO_SMALL, length.to_le_bytes().into()));
    assert_eq!(Driver::open("", length).decode(record, -1, 0), whole);
}

#[test]
fn an_impossible_call_fails_with_a_sentence_and_the_next_one_works() {
    let mut driver = Driver::open("", ROOM);
    for (call, parts, word) in [
        (call::ON_TIMER, [&b"SX"[..], b"u1", b""], "newer release"),
        (call::ON_TIMER, [b"", b"\xff", b""], "its own decode did not make"),
        (call::ON_EVENT, [b"", b"", b"{}"], "its own decode did not make"),
        (99, [b"", b"", b""], "no call 99"),
    ] {
        let answer = driver.call(call, [0, 0], parts.map(Some));
        assert_eq!(answer.result, status::FAILED);
        let (length, sentence) = answer.reply.split_first_chunk().unwrap();
        assert_eq!(usize::try_from(u32::from_le_bytes(*length)).unwrap(), sentence.len());
        let sentence = std::str::from_utf8(sentence).unwrap();
        assert!(sentence.contains(word), "{sentence}");
    }
    let timer = driver.on_timer(b"", "u1", 0);
    assert!(wire::StepReply::read(&timer).is_some());
}

#[test]
fn options_that_are_refused_open_no_core() {
    let mut driver = Driver::open("no_such_option=1", ROOM);
    let answer = driver.call(call::DECODE, [-1, 0], [Some(b"{}"), Some(b""), Some(b"")]);
    assert_eq!(answer.result, status::NO_HANDLE);
}

/// The one emission of a step frame in which the core failed.
#[cfg(feature = "failing")]
fn internal_error(frame: &[u8]) -> wire::StateChange {
    let reply = wire::StepReply::read(frame).unwrap();
    let [dead] = reply.emissions.as_slice() else { panic!("{reply:?}") };
    assert_eq!((dead.kind, dead.key), (wire::EmissionKind::DeadLetter, &b"internal_error"[..]));
    assert!(String::from_utf8_lossy(dead.value).contains("asked to fail"));
    assert_eq!((reply.delete_timer_ms, reply.register_timer_ms), (None, None));
    reply.state_change
}

#[cfg(feature = "failing")]
#[test]
fn a_panic_makes_the_record_a_dead_letter_and_the_next_call_works() {
    let mut driver = Driver::open("log_filter=off", ROOM);
    let decoded = driver.decode(b"panic-in-decode", -1, i64::MAX);
    match DecodeReply::read(&decoded) {
        Some(DecodeReply::DeadLetter { reason, .. }) => assert_eq!(reason, "internal_error"),
        other => panic!("{other:?}"),
    }
    let record = br#"{"uid":"panic-in-timer","log_name":"panic-in-event","ts":1734144000000}"#;
    let decoded = driver.decode(record, -1, i64::MAX);
    let Some(DecodeReply::Event { found, .. }) = DecodeReply::read(&decoded) else {
        panic!("no event");
    };
    // An event that fails leaves its state; a timer that fails gives the state away.
    assert_eq!(internal_error(&driver.on_event(b"", found, record)), wire::StateChange::Keep);
    assert_eq!(
        internal_error(&driver.on_timer(b"", "panic-in-timer", 0)),
        wire::StateChange::Clear
    );
    assert!(DecodeReply::read(&driver.decode(b"{}", -1, 0)).is_some());
}
