//! What the tests share: the program, and logs to run it on.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// 2024-12-14T11:40:00 in Seoul.
pub(crate) const START_MS: i64 = 1_734_144_000_000;

/// The program under test.
pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_session-replay"))
}

/// Runs the program; it must succeed.
pub(crate) fn run<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    let output = program().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs the program; it must fail with this exit code. Returns what it says.
pub(crate) fn fail<I: AsRef<std::ffi::OsStr>>(
    code: i32,
    arguments: impl IntoIterator<Item = I>,
) -> String {
    let output = program().args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// A folder for one test.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        String::from_utf8(self.read(name)).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A log of many users, a little out of order, with sessions that go on and end, and bad records.
pub(crate) fn log(records: u64, users: u64) -> Vec<u8> {
    let mut chance = Chance(1);
    let mut log = Vec::new();
    let mut at_ms = START_MS;
    for _ in 0..records {
        at_ms += i64::try_from(chance.below(2 * 1_800_000 / users + 1)).unwrap();
        let ts = at_ms - i64::try_from(chance.below(4000)).unwrap();
        let (user, name) = (chance.below(users), ["CLICK", "VISIT", "CIN", "COUT"]);
        let name = name[usize::try_from(chance.below(4)).unwrap()];
        let line = match chance.below(100) {
            0 => format!("{{\"uid\":\"user-{user}\",\"log_name\":\"{name}\""),
            _ => format!(
                "{{\"uid\":\"user-{user}\",\"access_type\":\"pc\",\"log_name\":\"{name}\",\"ts\":{ts}}}"
            ),
        };
        log.extend_from_slice(line.as_bytes());
        log.push(b'\n');
    }
    log
}

/// The files of a folder, by name, with their bytes.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    found.sort();
    found
}
