//! Every scenario file of the project, as files through the program.
//!
//! The bound of disorder is larger than a scenario, so its events move the watermark nowhere;
//! events of another key move it to the millisecond, as the end-to-end test does on a cluster.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects without a detour"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use common::{run, Folder};
use scenario::play::{closed_of, label_of};
use scenario::{Action, Becomes, Closed, Label, Scenario};
use serde_json::{json, Value};

// Longer than any scenario: `back-after-weeks` goes on for 24 days.
const DISORDER_MS: i64 = 40 * 86_400_000;
/// Whose events move the watermark.
const DRIVER: &str = "driver of the watermark";

#[test]
fn every_scenario_passes_through_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let scenarios = scenario::read_folder(&folder).unwrap();
    assert!(scenarios.len() >= 20, "only {} scenario files found", scenarios.len());
    let mut played = 0;
    for scenario in &scenarios {
        if let Some(reason) = why_not(scenario) {
            eprintln!("{} SKIPPED: {reason}", scenario.name);
            continue;
        }
        play(scenario);
        play_records(scenario);
        played += 1;
    }
    assert!(played + 3 >= scenarios.len(), "only {played} of {} were played", scenarios.len());
}

/// Why the program cannot play a scenario; none where it can.
fn why_not(scenario: &Scenario) -> Option<&'static str> {
    let changes_rules = |step: &scenario::Step| matches!(step.action, Action::Rules { .. });
    if scenario.now_ms.is_some() {
        Some("the program's clock cannot be set")
    } else if scenario.steps.iter().any(changes_rules) {
        Some("each run reads its files from the beginning, by one rules file")
    } else {
        None
    }
}

/// The options of a scenario.
fn options(folder: &Folder, scenario: &Scenario) -> Vec<String> {
    let mut options = vec![
        "--allowed-lateness".to_owned(),
        format!("{}ms", scenario.lateness_ms),
        "--order".to_owned(),
        scenario.order.clone(),
    ];
    if let Some(rules) = &scenario.rules {
        options.extend(["--rules".to_owned(), folder.write("rules.json", rules)]);
    }
    if let Some(size) = scenario.max_record_size {
        options.extend(["--max-record-size".to_owned(), format!("{size}b")]);
    }
    options
}

/// The events and watermarks of a scenario, as one file.
fn play(scenario: &Scenario) {
    let folder = Folder::new();
    let mut input = String::new();
    let mut labels: BTreeMap<usize, (&str, &Option<Label>)> = BTreeMap::new();
    let mut expected: BTreeMap<&str, Vec<&Closed>> = BTreeMap::new();
    let mut lines = 0;
    for step in &scenario.steps {
        let (line, closed) = match &step.action {
            Action::Event { at_ms, key, log_name, with, label, closed } => {
                labels.insert(lines, (key, label));
                let mut record = json!({"uid": key, "log_name": log_name, "ts": at_ms});
                for (name, value) in with {
                    record[name] = value.clone();
                }
                (record, closed)
            }
            Action::Watermark { at_ms, closed } => {
                let ts = at_ms + DISORDER_MS + 1;
                (json!({"uid": DRIVER, "log_name": "CLICK", "ts": ts}), closed)
            }
            Action::Due { .. } | Action::Record { .. } | Action::Rules { .. } => continue,
        };
        writeln!(input, "{line}").unwrap();
        lines += 1;
        for each in closed {
            expected.entry(each.key.as_str()).or_default().push(each);
        }
        // Up to here, exactly these have closed.
        check_closed(&folder, scenario, &input, &expected);
    }
    if lines == 0 {
        return;
    }
    let outputs = outputs(&folder, scenario, &input);
    for (line, (key, label)) in labels {
        assert_eq!(label_of(&outputs[&line], key), *label, "{}: {line}", scenario.name);
    }
}

/// What has closed when the file ends, sessions left open.
fn check_closed(
    folder: &Folder,
    scenario: &Scenario,
    input: &str,
    expected: &BTreeMap<&str, Vec<&Closed>>,
) {
    let run_folder = Folder::new();
    let file = folder.write("events.jsonl", input);
    let words = ["run", &file, "--keep-open", "--memory", "64mb", "--out-of-orderness"];
    let state = ["--state".to_owned(), run_folder.text("state")];
    let closed_file = ["--close-records".to_owned(), run_folder.text("closed.jsonl")];
    run(words
        .iter()
        .map(|word| (*word).to_owned())
        .chain([format!("{DISORDER_MS}ms")])
        .chain(state)
        .chain(closed_file)
        .chain(options(folder, scenario)));
    let mut found: BTreeMap<String, Vec<Closed>> = BTreeMap::new();
    for line in run_folder.lines("closed.jsonl") {
        let record: Value = serde_json::from_str(&line).unwrap();
        let closed = closed_of(&record);
        if closed.key != DRIVER {
            found.entry(closed.key.clone()).or_default().push(closed);
        }
    }
    let found: BTreeMap<&str, Vec<&Closed>> =
        found.iter().map(|(key, closed)| (key.as_str(), closed.iter().collect())).collect();
    assert_eq!(&found, expected, "{}, after {}", scenario.name, input.lines().last().unwrap());
}

/// The value of each output by its input's line.
fn outputs(folder: &Folder, scenario: &Scenario, input: &str) -> BTreeMap<usize, Value> {
    let file = folder.write("events.jsonl", input);
    let output = folder.text("out.capture");
    let words = ["run", &file, "--output-format", "capture", "--output", &output];
    run(words
        .iter()
        .map(|word| (*word).to_owned())
        .chain(["--out-of-orderness".to_owned(), format!("{DISORDER_MS}ms")])
        .chain(options(folder, scenario)));
    folder
        .lines("out.capture")
        .iter()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let origin = record["headers"][0][1].as_str().unwrap();
            let line = origin.strip_prefix("events.jsonl/0/").unwrap().parse().unwrap();
            (line, serde_json::from_str(record["value"].as_str().unwrap()).unwrap())
        })
        .collect()
}

/// The records of a scenario: each stands alone, as the first event of its user.
fn play_records(scenario: &Scenario) {
    for step in &scenario.steps {
        let Action::Record { value, record_time_ms, becomes } = &step.action else { continue };
        let folder = Folder::new();
        let record = json!({"topic": "log-before", "partition": 0, "offset": 0, "key": null,
            "timestamp": record_time_ms, "headers": [], "value": value});
        let file = folder.write("record.capture", record.to_string());
        let (out, dead) = (folder.text("out.jsonl"), folder.text("dead.jsonl"));
        let words = ["run", &file, "--format", "capture", "--output-format", "json-lines"];
        run(words
            .iter()
            .map(|word| (*word).to_owned())
            .chain(["--output".to_owned(), out, "--dead-letters".to_owned(), dead])
            .chain(options(&folder, scenario)));
        let place = format!("{}:{}", scenario.name, step.line);
        let outputs = folder.lines("out.jsonl");
        let reasons: Vec<_> = folder
            .lines("dead.jsonl")
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].clone())
            .collect();
        match becomes {
            Becomes::Event => assert_eq!((outputs.len(), reasons.len()), (1, 0), "{place}"),
            Becomes::Out(text) => {
                assert_eq!((outputs, reasons), (vec![text.clone()], vec![]), "{place}");
            }
            Becomes::Dead(reason) => {
                assert_eq!((outputs, reasons), (vec![], vec![json!(reason)]), "{place}");
            }
        }
    }
}
