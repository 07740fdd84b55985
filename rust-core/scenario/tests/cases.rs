//! The table of cases names every scenario file, and no other.

#![allow(clippy::expect_used, reason = "a test says what it expects without a detour")]

use std::collections::BTreeSet;
use std::path::Path;

use scenario::play::scenarios;

#[test]
fn the_table_of_cases_names_every_scenario_and_no_other() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/CASES.md");
    let table = std::fs::read_to_string(table).expect("the table of cases");
    let rows: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_suffix(".txt |")?.rsplit_once(' '))
        .map(|(_, file)| file.to_owned())
        .collect();
    let named: BTreeSet<_> = rows.iter().cloned().collect();
    let files: BTreeSet<_> = scenarios().into_iter().map(|scenario| scenario.name).collect();
    assert_eq!(named, files);
}
