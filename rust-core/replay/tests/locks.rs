//! The program has a workspace of its own, and yet the same core as the job.

#![allow(clippy::unwrap_used, reason = "a test says what it expects without a detour")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Versions = BTreeMap<String, BTreeSet<String>>;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The versions of each package in a lock file.
fn locked(file: &str) -> Versions {
    let mut versions = Versions::new();
    for package in read(file).split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_matches('"').to_owned()
        };
        versions.entry(field("name = ")).or_default().insert(field("version = "));
    }
    versions
}

#[test]
fn what_the_job_is_locked_to_the_program_is_locked_to() {
    let (job, program) = (locked("../../Cargo.lock"), locked("Cargo.lock"));
    let mut compared = 0;
    for (name, versions) in &job {
        if let Some(own) = program.get(name) {
            assert!(versions.is_subset(own), "{name}: the job has {versions:?}, this {own:?}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} packages in common");
}

#[test]
fn both_have_one_version() {
    let version = |text: &str| {
        text.lines().find_map(|line| line.strip_prefix("version = ")).map(str::to_owned)
    };
    assert_eq!(version(&read("Cargo.toml")), version(&read("../../Cargo.toml")));
}
