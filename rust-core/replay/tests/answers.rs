//! What `explain`, `what-if` and `diff` say, and what `run` says of its options.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what it expects without a detour"
)]

mod common;

use common::{fail, log, program, run, Folder, START_MS};
use serde_json::json;

const MINUTE_MS: i64 = 60_000;

/// A log of one user's events, and some of others.
fn events(folder: &Folder, events: &[(&str, &str, i64)]) -> String {
    let lines: Vec<_> = events
        .iter()
        .map(|(uid, log_name, minute)| {
            let ts = START_MS + minute * MINUTE_MS;
            json!({"uid": uid, "log_name": log_name, "ts": ts}).to_string()
        })
        .collect();
    folder.write("in.jsonl", lines.join("\n"))
}

fn said(words: &[&str]) -> String {
    String::from_utf8(run(words).stdout).unwrap()
}

#[test]
fn explain_tells_why_sessions_start_and_end() {
    let folder = Folder::new();
    let input = events(
        &folder,
        &[
            ("u1", "CLICK", 0),
            ("u2", "CLICK", 5),
            ("u1", "CLICK", 20),
            ("u1", "CLICK", 10),
            ("u1", "CLICK", 51),
            ("u2", "CLICK", 600),
        ],
    );
    let story = said(&["explain", "--key", "u1", &input]);
    let row = |word: &str| story.lines().filter(|line| line.contains(word)).count();
    assert_eq!(row("first event"), 1, "{story}");
    assert_eq!(row("out of order"), 1, "{story}");
    let flat = story.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("4 events, 2 sessions"), "{story}");
    let said = fail(2, ["explain", "--key", "nobody", &input]);
    assert!(said.contains("no event has the key nobody"), "{said}");
}

#[test]
fn what_if_counts_the_sessions_that_run_makes() {
    let folder = Folder::new();
    let input = folder.write("in.jsonl", log(20_000, 200));
    let [csv, gaps, page] = ["a.csv", "gaps.csv", "a.html"].map(|name| folder.text(name));
    let text = said(&[
        "what-if",
        &input,
        "--timeout",
        "10m,1h",
        "--csv",
        &csv,
        "--gaps-csv",
        &gaps,
        "--html",
        &page,
    ]);
    assert!(text.contains("in force") && text.contains("10m") && text.contains("1h"), "{text}");

    let rules = folder.write("10m.json", r#"{"default":{"timeout":"10m"}}"#);
    let closed = folder.text("closed.jsonl");
    run(["run", &input, "--rules", &rules, "--close-records", &closed]);
    let table = String::from_utf8(folder.read("a.csv")).unwrap();
    let sessions: usize = table
        .lines()
        .find_map(|line| line.strip_prefix("10m,"))
        .and_then(|rest| rest.split(',').next())
        .and_then(|count| count.parse().ok())
        .unwrap();
    assert_eq!(sessions, folder.lines("closed.jsonl").len());

    // As rules files, the same rules give the same row.
    let again = folder.text("b.csv");
    let in_force = folder.write("now.json", "{}");
    said(&["what-if", &input, "--rules", &in_force, "--rules", &rules, "--csv", &again]);
    let by_file = String::from_utf8(folder.read("b.csv")).unwrap();
    let row = |table: &str, name: &str| {
        table.lines().find(|line| line.starts_with(name)).map(|line| line[name.len()..].to_owned())
    };
    assert_eq!(row(&by_file, "10m,"), row(&table, "10m,"));

    let gaps = String::from_utf8(folder.read("gaps.csv")).unwrap();
    assert!(gaps.trim().ends_with(",1.000000"), "{gaps}");
    let page = String::from_utf8(folder.read("a.html")).unwrap();
    assert!(!page.contains("http:") && !page.contains("https:"), "an address outside itself");
    assert_eq!(page.matches("<svg").count(), 3);
}

#[test]
fn diff_finds_what_other_rules_change() {
    let folder = Folder::new();
    let input = events(
        &folder,
        &[("same", "CLICK", 0), ("other", "CLICK", 0), ("other", "CLICK", 40), ("same", "CIN", 50)],
    );
    let [left, right] = ["left.jsonl.zst", "right.jsonl.gz"].map(|name| folder.text(name));
    run(["run", &input, "--output", &left]);
    assert!(said(&["diff", &left, &left]).contains("the same values"));
    let rules = folder.write("rules.json", r#"{"log_names":{"COUT":{"timeout":"31m"}}}"#);
    run(["run", &input, "--output", &right, "--rules", &rules]);
    assert!(said(&["diff", &left, &right]).contains("the same values"));

    let rules = folder.write("rules.json", r#"{"default":{"timeout":"45m"}}"#);
    run(["run", &input, "--output", &right, "--rules", &rules, "--overwrite"]);
    let csv = folder.text("diff.csv");
    let output = program().args(["diff", &left, &right, "--csv", &csv]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let table = String::from_utf8(folder.read("diff.csv")).unwrap();
    let second = START_MS + 40 * MINUTE_MS;
    assert!(table.contains(&format!("other,other_{second},left only")), "{table}");
    assert!(table.contains(&format!("other,other_{START_MS},other values")), "{table}");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let said = fail(
        2,
        ["run", "-", "--output", "x", "--close-records", "x", "--memory", "1kb", "--keep-open"],
    );
    for mistake in ["--close-records: x is the --output already", "--memory:", "--keep-open:"] {
        assert!(said.contains(mistake), "{said}");
    }
    let said =
        fail(2, ["run", "-", "--output", "x", "--max-future", "soon", "--out-of-orderness", "5"]);
    assert!(said.contains("--max-future: 'soon' is not"), "{said}");
    assert!(said.contains("--out-of-orderness: '5' is not"), "{said}");
}

#[test]
fn a_line_that_is_no_record_is_told_with_its_place() {
    let folder = Folder::new();
    let input = folder.write("cut.capture", "{\"topic\":\"t\",\"part");
    let said = fail(2, ["run", &input, "--format", "capture", "--output", &folder.text("out")]);
    assert!(said.contains("cut.capture, line 1: no record in the capture format"), "{said}");
    let said = fail(2, ["run", &folder.text("nothing.jsonl"), "--output", &folder.text("out")]);
    assert!(said.contains("cannot read") && said.contains("nothing.jsonl"), "{said}");
}

#[test]
fn help_is_no_wider_than_a_terminal() {
    for command in ["run", "explain", "what-if", "diff"] {
        for line in said(&[command, "--help"]).lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn the_documentation_shows_what_the_program_says() {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{project}/docs/replay.md")).unwrap();
    let day = format!("{project}/examples/day.jsonl");
    for (words, lines) in [
        (vec!["explain", "--key", "u21", &day], usize::MAX),
        (vec!["what-if", &day, "--timeout", "30m,45m"], 6),
    ] {
        let said = String::from_utf8(run(words).stdout).unwrap();
        let said: Vec<_> = said.lines().take(lines).map(str::trim_end).collect();
        let said = said.join("\n");
        assert!(page.contains(&said), "docs/replay.md says otherwise:\n{said}");
    }
}

#[test]
fn long_sessions_count_with_their_whole_length() {
    let folder = Folder::new();
    let mut all = vec![("u1", "CIN", 0)];
    all.extend((1..=3000).map(|number| ("u1", "CLICK", number)));
    let told = said(&["what-if", &events(&folder, &all), "--timeout", "1h"]);
    let row = told.lines().find(|line| line.contains(" 1h ")).unwrap();
    assert_eq!(row.matches("3,001").count(), 2, "events: {row}");
    assert_eq!(row.matches("2d 2h").count(), 2, "durations: {row}");
}
