//! A run that is killed and started again writes what an undisturbed one does, byte for byte; a
//! state folder that cannot be used is one clear error, and nothing is overwritten.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects without a detour"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{fail, files, log, program, run, Chance, Folder};

/// Enough that a run is still at work when it is killed.
const RECORDS: u64 = 120_000;
/// So many for each time that it is killed.
const RECORDS_A_KILL: u64 = 24_000;

/// What the runs of a test have in common: small commits, and little memory.
fn arguments(folder: &Folder, outputs: &str, ending: &str) -> Vec<String> {
    let out = |name: &str| folder.text(&format!("{outputs}/{name}.{ending}"));
    let words = ["run", "--commit-every", "7000", "--memory", "64mb", "--state"];
    let mut arguments: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    arguments.push(folder.text(&format!("{outputs}.state")));
    for (option, name) in
        [("--output", "out"), ("--close-records", "closed"), ("--dead-letters", "dead")]
    {
        arguments.extend([option.to_owned(), out(name)]);
    }
    arguments
}

fn undisturbed(folder: &Folder, ending: &str, more: &[String]) -> Vec<(String, Vec<u8>)> {
    fs::create_dir(folder.path("whole")).unwrap();
    run(arguments(folder, "whole", ending).iter().chain(more));
    files(&folder.path("whole"))
}

/// Kills the run so often, and lets it end at last. One kill in four comes at any time after the
/// start, also while the state is read; the others when the output has grown by some random part
/// of `size`, its whole length.
fn disturbed(folder: &Folder, ending: &str, more: &[String], kills: usize, size: u64, seed: u64) {
    fs::create_dir(folder.path("killed")).unwrap();
    let arguments = arguments(folder, "killed", ending);
    let output = folder.path("killed").join(format!("out.{ending}"));
    let length = || fs::metadata(&output).map_or(0, |file| file.len());
    let mut chance = Chance(seed);
    for kill in 0..kills {
        let mut child =
            program().args(arguments.iter().chain(more)).stderr(Stdio::null()).spawn().unwrap();
        if kill % 4 == 3 {
            std::thread::sleep(Duration::from_millis(chance.below(60)));
        } else {
            let enough = length() + chance.below(size / (2 * kills as u64) + 1);
            while length() <= enough && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(child.try_wait().unwrap().is_none(), "the run ended before kill {}", kill + 1);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    run(arguments.iter().chain(more));
}

/// KILLS says how often a run is killed.
fn kills() -> usize {
    std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

fn check_kills(ending: &str, more: &[&str]) {
    let folder = Folder::new();
    let kills = kills();
    let bytes = log(RECORDS_A_KILL * kills as u64, 3000);
    let half = bytes.len() / 2 + bytes[bytes.len() / 2..].iter().position(|b| *b == b'\n').unwrap();
    let first = folder.write("first.jsonl", &bytes[..=half]);
    let second = folder.write("second.jsonl", &bytes[half + 1..]);
    let more: Vec<String> =
        [first, second].into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect();
    let whole = undisturbed(&folder, ending, &more);
    let size = fs::metadata(folder.path("whole").join(format!("out.{ending}"))).unwrap().len();
    disturbed(&folder, ending, &more, kills, size, 7);
    let resumed = files(&folder.path("killed"));
    for ((name, expected), (_, found)) in whole.iter().zip(&resumed) {
        assert!(!expected.is_empty(), "{name} is empty");
        assert!(expected == found, "{name} differs after {kills} kills");
    }
    assert_eq!(whole.len(), resumed.len());
}

#[test]
fn a_killed_run_goes_on_plain() {
    check_kills("jsonl", &[]);
}

#[test]
fn a_killed_run_goes_on_zstd_in_event_time_order() {
    check_kills("zst", &["--order", "event-time", "--output-format", "capture"]);
}

#[test]
fn a_killed_run_goes_on_gzip() {
    check_kills("gz", &[]);
}

#[test]
fn a_finished_run_is_not_run_again() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(1000, 50));
    let more = [input];
    let whole = undisturbed(&folder, "jsonl", &more);
    let output = run(arguments(&folder, "whole", "jsonl").iter().chain(&more));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has ended already"));
    assert_eq!(files(&folder.path("whole")), whole);
}

#[test]
fn state_and_memory_make_no_difference() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(30_000, 500));
    let more = [input.clone()];
    let whole = undisturbed(&folder, "jsonl", &more);
    fs::create_dir(folder.path("memory")).unwrap();
    let out = |name: &str| folder.text(&format!("memory/{name}.jsonl"));
    run(["run", &input, "--output", &out("out"), "--close-records", &out("closed")]
        .into_iter()
        .chain(["--dead-letters", &out("dead")]));
    assert_eq!(files(&folder.path("memory")), whole);
}

#[test]
fn sessions_left_open_go_on_in_the_next_run() {
    let folder = Folder::new();
    let bytes = log(20_000, 300);
    let half = bytes.len() / 2 + bytes[bytes.len() / 2..].iter().position(|b| *b == b'\n').unwrap();
    let [all, first, second] =
        [("all", &bytes[..]), ("first", &bytes[..=half]), ("second", &bytes[half + 1..])]
            .map(|(name, bytes)| folder.write(&format!("{name}.jsonl"), bytes));
    let (one, two, whole) = (folder.text("1.out"), folder.text("2.out"), folder.text("all.out"));
    let state = folder.text("state");
    run(["run", &all, "--output", &whole]);
    run(["run", &first, "--output", &one, "--state", &state, "--keep-open"]);
    run(["run", &second, "--output", &two, "--state", &state]);
    let both = [folder.read("1.out"), folder.read("2.out")].concat();
    assert!(both == folder.read("all.out"), "two runs differ from one");
    let said = fail(2, ["run", &first, "--output", &folder.text("3.out"), "--state", &state]);
    assert!(said.contains("has ended and closed its sessions"), "{said}");
}

/// A state folder of a run that was stopped on the way, and the words to go on with it.
fn stopped(folder: &Folder) -> Vec<String> {
    let input = folder.write("in.jsonl", log(RECORDS, 3000));
    fs::create_dir(folder.path("out")).unwrap();
    let mut words = arguments(folder, "out", "jsonl");
    words.push(input);
    let mut child = program().args(&words).stderr(Stdio::null()).spawn().unwrap();
    // Once something is committed, RocksDB has a log of it.
    let output = folder.path("out/out.jsonl");
    while fs::metadata(&output).map_or(0, |file| file.len()) < 4_000_000 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended too soon");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    words
}

/// The run must refuse to go on, with these words, and leave everything as it is.
fn refused(folder: &Folder, words: &[String], expected: &str) {
    let before = (files(&folder.path("out")), files(&folder.path("out.state/state")).len());
    let said = fail(2, words);
    assert!(said.contains(expected), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("session-replay:")).count(), 1, "{said}");
    assert!(before.0 == files(&folder.path("out")), "an output was changed");
}

#[test]
fn a_damaged_state_folder_is_one_clear_error() {
    let folder = Folder::new();
    let words = stopped(&folder);
    let state = folder.path("out.state/state");
    let current = fs::read(state.join("CURRENT")).unwrap();
    fs::write(state.join("CURRENT"), "MANIFEST-999999\n").unwrap();
    refused(&folder, &words, "is damaged");
    fs::remove_file(state.join("CURRENT")).unwrap();
    refused(&folder, &words, "is damaged");
    fs::write(state.join("CURRENT"), current).unwrap();

    each_table_damaged(&folder, &words);
}

/// A table with a byte turned over is found before anything is done; or it holds only what newer
/// commits have replaced, and makes no difference.
fn each_table_damaged(folder: &Folder, words: &[String]) {
    let state = folder.path("out.state/state");
    begin_again_and_stop(words, &state);
    let before = files(&state);
    let outputs = files(&folder.path("out"));
    let whole = folder.text("whole.jsonl");
    run(["run", &folder.text("in.jsonl"), "--output", &whole]);
    let mut found = 0;
    for (name, bytes) in before.iter().filter(|(name, _)| name.ends_with(".sst")) {
        let mut damaged = bytes.clone();
        damaged[20] ^= 0x40;
        fs::write(state.join(name), damaged).unwrap();
        let ended = program().args(words).output().unwrap();
        if ended.status.success() {
            assert!(folder.read("out/out.jsonl") == folder.read("whole.jsonl"), "they differ");
        } else {
            let said = String::from_utf8(ended.stderr).unwrap();
            assert!(said.contains("is damaged"), "{said}");
            assert!(outputs == files(&folder.path("out")), "an output was changed");
            found += 1;
        }
        put_back(&state, &before);
        put_back(&folder.path("out"), &outputs);
    }
    assert!(found > 0, "no table that counts was damaged");
}

/// RocksDB writes what its log held into tables when it is opened.
fn begin_again_and_stop(words: &[String], state: &Path) {
    let log = state.join("LOG");
    fs::remove_file(&log).unwrap();
    let opened = || fs::read_to_string(&log).unwrap_or_default().contains("DB pointer");
    let mut child = program().args(words).stderr(Stdio::null()).spawn().unwrap();
    while !opened() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended too soon");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn put_back(folder: &Path, held: &[(String, Vec<u8>)]) {
    for (name, _) in files(folder) {
        fs::remove_file(folder.join(name)).unwrap();
    }
    for (name, bytes) in held {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn a_damaged_end_of_the_commit_log_costs_the_last_commits_and_no_record() {
    let folder = Folder::new();
    let words = stopped(&folder);
    let state = folder.path("out.state/state");
    let (name, mut bytes) =
        files(&state).into_iter().find(|(name, _)| name.ends_with(".log")).unwrap();
    let end = bytes.len() - bytes.len() / 4;
    bytes[end] ^= 0x40;
    fs::write(state.join(name), bytes).unwrap();
    run(&words);
    let whole = folder.text("whole.jsonl");
    run(["run", &folder.text("in.jsonl"), "--output", &whole]);
    assert!(folder.read("out/out.jsonl") == folder.read("whole.jsonl"), "the outputs differ");
}

#[test]
fn other_options_and_other_files_are_refused() {
    let folder = Folder::new();
    let words = stopped(&folder);
    let with = |more: &[&str]| -> Vec<String> {
        words.iter().cloned().chain(more.iter().map(|word| (*word).to_owned())).collect()
    };
    refused(&folder, &with(&["--allowed-lateness", "5m"]), "--allowed-lateness was 10m, now 5m");
    let rules = folder.write("rules.json", r#"{"default":{"timeout":"20m"}}"#);
    refused(&folder, &with(&["--rules", &rules]), "--rules was {");
    refused(&folder, &with(&["--keep-open"]), "--keep-open has changed");
    let other = folder.write("other.jsonl", log(10, 2));
    refused(&folder, &with(&[&other]), "the files were");
    let input = folder.path("in.jsonl");
    let mut bytes = fs::read(&input).unwrap();
    bytes[3] = b'U';
    fs::write(&input, bytes).unwrap();
    refused(&folder, &words, "is no longer the file");
}

#[test]
fn a_folder_that_is_no_state_folder_is_left_alone() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(10, 2));
    fs::create_dir(folder.path("mine")).unwrap();
    folder.write("mine/notes.txt", "mine");
    let words = ["run", &input, "--output", &folder.text("out"), "--state", &folder.text("mine")];
    let said = fail(2, words);
    assert!(said.contains("is not empty, and no state folder"), "{said}");
    assert_eq!(files(&folder.path("mine")), [("notes.txt".to_owned(), b"mine".to_vec())]);
}

#[test]
fn an_output_that_is_there_is_not_overwritten() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(10, 2));
    let output = folder.write("out.jsonl", "mine");
    let said = fail(2, ["run", &input, "--output", &output]);
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(folder.read("out.jsonl"), b"mine");
    run(["run", &input, "--output", &output, "--overwrite"]);
    assert_ne!(folder.read("out.jsonl"), b"mine");
}

#[test]
fn standard_input_cannot_be_resumed_and_says_so() {
    let folder = Folder::new();
    let words = ["run", "-", "--output", &folder.text("out"), "--state", &folder.text("state")];
    let said = fail(2, words);
    assert!(said.contains("standard input cannot be read again"), "{said}");
}

/// A disk of 4 MB, as root; it goes with the value.
struct SmallDisk<'p>(&'p Path);

impl SmallDisk<'_> {
    fn mount(path: &Path) -> Option<SmallDisk<'_>> {
        fs::create_dir(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(path)
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(SmallDisk(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_is_one_clear_error_and_the_run_goes_on_where_there_is_room() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(RECORDS, 3000));
    let path = folder.path("full");
    let Some(disk) = SmallDisk::mount(&path) else {
        eprintln!("SKIPPED: a small disk needs root and mount");
        return;
    };
    let words = |folder_of_output: &str| -> Vec<String> {
        ["run", "--commit-every", "5000", "--memory", "64mb", &input, "--output"]
            .iter()
            .map(|word| (*word).to_owned())
            .chain([format!("{folder_of_output}/out.jsonl")])
            .collect()
    };
    // In memory: the output alone fills the disk.
    let said = fail(2, words(&folder.text("full")));
    assert!(said.contains("the disk is full"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(!folder.path("full/out.jsonl").exists(), "half an output has its full name");
    fs::remove_file(folder.path("full/out.jsonl.partial")).unwrap();

    // With state: what is committed stands, and the run goes on when there is room.
    let state = ["--state".to_owned(), folder.text("state")];
    let resumable: Vec<_> = words(&folder.text("full")).into_iter().chain(state).collect();
    let said = fail(2, &resumable);
    assert!(said.contains("the disk is full"), "{said}");
    let more_room = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&path).status();
    assert!(more_room.unwrap().success());
    run(&resumable);
    run(["run", &input, "--output", &folder.text("whole.jsonl")]);
    assert!(folder.read("full/out.jsonl") == folder.read("whole.jsonl"), "the outputs differ");
    drop(disk);
}
