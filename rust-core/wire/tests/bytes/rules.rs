//! Rules files: what is wrong with bad ones, and what good ones do to the output.

use crate::{core_with, output_of, AT_MS};
use wire::CoreOptions;

/// What a user may write by mistake, and every line that it is told.
const BAD: &[(&str, &[&str])] = &[
    // No JSON, or no object.
    ("{", &["rules: not JSON: EOF while parsing an object at line 1 column 1"]),
    ("{}}", &["rules: not JSON: trailing characters at line 1 column 3"]),
    ("[]", &["rules: not an object"]),
    ("null", &["rules: not an object"]),
    ("\"rules.json\"", &["rules: not an object"]),
    (
        "{\"time_zone\": \"UTC\",}",
        &["rules: not JSON: trailing comma at line 1 column 21"],
    ),
    (
        "{\n  // by default\n}",
        &["rules: not JSON: key must be a string at line 2 column 3"],
    ),
    (
        "{'key': ['uid']}",
        &["rules: not JSON: key must be a string at line 1 column 2"],
    ),
    ("\u{feff}{}", &["rules: not JSON: expected value at line 1 column 1"]),
    // Names.
    (
        r#"{"Key": ["uid"]}"#,
        &["Key: unknown name; key, log_names, default, time_zone and max_duration are known"],
    ),
    (
        r#"{"a\nb": 1}"#,
        &["[\"a\\nb\"]: unknown name; key, log_names, default, time_zone and max_duration are known"],
    ),
    (r#"{"time_zone": "UTC", "time_zone": "UTC"}"#, &["time_zone: stands there twice"]),
    (
        r#"{"log_names": {"CIN": {"timeout": "1h", "timeout": "2h"}, "CIN": {}}}"#,
        &["log_names.CIN.timeout: stands there twice", "log_names.CIN: stands there twice"],
    ),
    (
        r#"{"default": {"check_in": "set"}}"#,
        &["default.check_in: unknown name; timeout and timeout_checked_in are known"],
    ),
    (
        r#"{"log_names": {"CIN": {"time_out": "1h"}}}"#,
        &["log_names.CIN.time_out: unknown name; timeout, timeout_checked_in, check_in and role are known"],
    ),
    // Key.
    (r#"{"key": "uid"}"#, &["key: not a list of fields with at least one in it"]),
    (r#"{"key": []}"#, &["key: not a list of fields with at least one in it"]),
    (r#"{"key": null}"#, &["key: not a list of fields with at least one in it"]),
    (r#"{"key": [""]}"#, &["key[0]: an empty name"]),
    (
        r#"{"key": [1]}"#,
        &["key[0]: not a field's name, nor an object with field and when"],
    ),
    (
        r#"{"key": ["uid", "session_id"]}"#,
        &["key[1]: session_id is a field of the output, which replaces it"],
    ),
    (
        r#"{"key": ["uid", {"field": "ip", "when": {"ts_str": "x"}}]}"#,
        &["key[1].when.ts_str: ts_str is a field of the output, which replaces it"],
    ),
    (
        r#"{"key": ["uid", "ip", "uid"]}"#,
        &["key[2]: never looked at: the field stands before it already"],
    ),
    (r#"{"key": [{"when": {"a": "b"}}]}"#, &["key[0]: no field"]),
    (r#"{"key": [{"field": 1}]}"#, &["key[0].field: not a field's name"]),
    (
        r#"{"key": [{"field": "ip", "if": {}}]}"#,
        &["key[0].if: unknown name; field and when are known"],
    ),
    (
        r#"{"key": [{"field": "ip", "when": "PC"}]}"#,
        &["key[0].when: not an object of fields and texts"],
    ),
    (
        r#"{"key": [{"field": "ip", "when": {"n": 1}}]}"#,
        &["key[0].when.n: not a text"],
    ),
    // Log names.
    (r#"{"log_names": []}"#, &["log_names: not an object of log names"]),
    (
        r#"{"log_names": {"CIN": "1h"}}"#,
        &["log_names.CIN: not an object, nor null to take it away"],
    ),
    (
        r#"{"log_names": {"": {}}}"#,
        &["log_names[\"\"]: no event can have that log name (1 to 256 bytes)"],
    ),
    (
        r#"{"log_names": {"X": {"check_in": true}}}"#,
        &["log_names.X.check_in: true is none of \"set\", \"clear\", \"keep\""],
    ),
    (
        r#"{"log_names": {"X": {"check_in": "SET"}}}"#,
        &["log_names.X.check_in: \"SET\" is none of \"set\", \"clear\", \"keep\""],
    ),
    (
        r#"{"log_names": {"X": {"role": "ride-along"}}}"#,
        &["log_names.X.role: \"ride-along\" is not \"ride_along\""],
    ),
    (
        r#"{"log_names": {"X": {"role": "ride_along", "check_in": "keep"}}}"#,
        &["log_names.X.check_in: stands beside a role, but an event that rides along changes nothing"],
    ),
    // Durations.
    (
        r#"{"log_names": {"CIN": {"timeout": "180"}}}"#,
        &["log_names.CIN.timeout: \"180\" has no unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": 30}}"#,
        &["default.timeout: 30 is not a text with a number and a unit"],
    ),
    (
        r#"{"default": {"timeout": null}}"#,
        &["default.timeout: null is not a text with a number and a unit"],
    ),
    (
        r#"{"default": {"timeout": ""}}"#,
        &["default.timeout: \"\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "m"}}"#,
        &["default.timeout: \"m\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "1.5h"}}"#,
        &["default.timeout: \"1.5h\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "-30m"}}"#,
        &["default.timeout: \"-30m\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "30 m"}}"#,
        &["default.timeout: \"30 m\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "30M"}}"#,
        &["default.timeout: \"30M\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "30m\n"}}"#,
        &["default.timeout: \"30m\\n\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "٣m"}}"#,
        &["default.timeout: \"٣m\" is not a whole number with a unit (ms, s, m, h, d)"],
    ),
    (r#"{"default": {"timeout": "999ms"}}"#, &["default.timeout: \"999ms\" is not from 1s to 365d"]),
    (r#"{"max_duration": "366d"}"#, &["max_duration: \"366d\" is not from 1s to 365d"]),
    (
        r#"{"max_duration": "99999999999999999999d"}"#,
        &["max_duration: \"99999999999999999999d\" is not from 1s to 365d"],
    ),
    (r#"{"max_duration": "0s"}"#, &["max_duration: \"0s\" is not from 1s to 365d"]),
    // Timeouts that contradict each other; of what is wrong itself nothing more is said.
    (
        r#"{"default": {"timeout": "4h"}}"#,
        &["default.timeout_checked_in: 180m is shorter than timeout, 240m: a check-in must not shorten a session"],
    ),
    (
        r#"{"log_names": {"X": {"timeout_checked_in": "10m"}}}"#,
        &["log_names.X.timeout_checked_in: 10m is shorter than timeout, 30m: a check-in must not shorten a session"],
    ),
    (
        r#"{"log_names": {"X": {"timeout": "1", "timeout_checked_in": "10m"}}}"#,
        &["log_names.X.timeout: \"1\" has no unit (ms, s, m, h, d)"],
    ),
    (
        r#"{"default": {"timeout": "1"}, "log_names": {"X": {"timeout_checked_in": "10m"}}}"#,
        &["default.timeout: \"1\" has no unit (ms, s, m, h, d)"],
    ),
    // Time zones.
    (
        r#"{"time_zone": "Asia/Soul"}"#,
        &["time_zone: \"Asia/Soul\" is no known time zone, as Asia/Seoul or UTC are"],
    ),
    (
        r#"{"time_zone": "+05:45"}"#,
        &["time_zone: \"+05:45\" is an offset; name a time zone, as Asia/Kathmandu, or as Etc/GMT-9, \
           which is always nine hours ahead of UTC"],
    ),
    (
        r#"{"time_zone": "Etc/Unknown"}"#,
        &["time_zone: \"Etc/Unknown\" is no known time zone, as Asia/Seoul or UTC are"],
    ),
    (
        r#"{"time_zone": ""}"#,
        &["time_zone: \"\" is no known time zone, as Asia/Seoul or UTC are"],
    ),
    (
        r#"{"time_zone": 9}"#,
        &["time_zone: 9 is no known time zone, as Asia/Seoul or UTC are"],
    ),
    // Many at once: in alphabetical order, as the tree is.
    (
        r#"{"max_duration": "1", "time_zone": "X", "key": [], "default": {"timeout": 1},
            "log_names": {"B": 1, "A": {"role": "x", "timeout": "1h"}}, "x": {}}"#,
        &[
            "default.timeout: 1 is not a text with a number and a unit",
            "key: not a list of fields with at least one in it",
            "log_names.A.role: \"x\" is not \"ride_along\"",
            "log_names.A.timeout: stands beside a role, but an event that rides along changes nothing",
            "log_names.B: not an object, nor null to take it away",
            "max_duration: \"1\" has no unit (ms, s, m, h, d)",
            "time_zone: \"X\" is no known time zone, as Asia/Seoul or UTC are",
            "x: unknown name; key, log_names, default, time_zone and max_duration are known",
        ],
    ),
];

#[test]
fn every_mistake_of_a_bad_file_is_told_with_its_place_and_nothing_else() {
    for (file, expected) in BAD {
        let told = CoreOptions::parse(&format!("\nrules={file}")).unwrap_err().to_string();
        assert_eq!(told.lines().collect::<Vec<_>>(), *expected, "{file}");
    }
}

#[test]
fn the_time_of_the_output_is_that_of_the_zone() {
    let cases = [
        ("UTC", AT_MS, "2024-12-14T02:40:00.000+0000"),
        ("Asia/Kathmandu", AT_MS, "2024-12-14T08:25:00.000+0545"),
        ("asia/seoul", AT_MS, "2024-12-14T11:40:00.000+0900"),
        // The last millisecond before summer time and its first, and back again.
        ("America/New_York", 1_710_053_999_999, "2024-03-10T01:59:59.999-0500"),
        ("America/New_York", 1_710_054_000_000, "2024-03-10T03:00:00.000-0400"),
        ("America/New_York", 1_730_613_599_999, "2024-11-03T01:59:59.999-0400"),
        ("America/New_York", 1_730_613_600_000, "2024-11-03T01:00:00.000-0500"),
        // Half an hour of summer time; and a rule of the data, beyond the years it lists.
        ("Australia/Lord_Howe", 1_704_067_200_000, "2024-01-01T11:00:00.000+1100"),
        ("Australia/Lord_Howe", 1_719_792_000_000, "2024-07-01T10:30:00.000+1030"),
        ("Europe/Berlin", 4_089_052_800_000, "2099-07-30T02:00:00.000+0200"),
        ("America/St_Johns", AT_MS, "2024-12-13T23:10:00.000-0330"),
    ];
    for (zone, at_ms, expected) in cases {
        let core = core_with(&format!(
            "max_future_ms=9000000000000\n\nrules={{\"time_zone\":\"{zone}\"}}"
        ));
        let record = format!(r#"{{"uid":"u1","log_name":"CLICK","ts":{at_ms}}}"#);
        let output = output_of(&core, record);
        assert!(output.contains(&format!(r#""ts_str":"{expected}""#)), "{zone} {at_ms}: {output}");
    }
}

#[test]
fn the_example_is_a_rules_file_and_the_readme_shows_it() {
    let example = include_str!("../../../../examples/rules.json");
    assert!(CoreOptions::parse(&format!("\nrules={example}")).is_ok());
    assert!(include_str!("../../../../README.md").contains(example));
}
