//! The output: the record's own bytes, six members, nothing else.

use wire::Arrival;

use crate::{core_with, decode, on_event, output_of, Decoded, AT_MS};

/// The members added to an event of `u` at [`AT_MS`] that starts a session by a check-in.
const ADDED: &str = concat!(
    r#","ts_str":"2024-12-14T11:40:00.000+0900","session_id":"u_1734144000000","#,
    r#""session_start_ts":1734144000000,"session_last_ts":1734144000000,"#,
    r#""session_expire_at":1734154800000,"seq_in_session":1}"#,
);
const EVENT: &str = r#""uid":"u","log_name":"CIN","ts":1734144000000"#;

/// What stands before the added members in the output of a check-in of `u`.
fn kept(record: &str) -> String {
    let output = output_of(&core_with(""), record);
    match output.strip_suffix(ADDED) {
        Some(kept) => kept.to_owned(),
        None => panic!("{record} became {output}"),
    }
}

/// The `ts_str` of an event time where *min-event-time* is off.
fn ts_str(at_ms: i64) -> String {
    let record = format!(r#"{{"uid":"u","log_name":"CIN","ts":{at_ms}}}"#);
    let output = output_of(&core_with("min_event_time_ms=0"), record);
    let output: serde_json::Value = serde_json::from_str(&output).unwrap();
    output["ts_str"].as_str().unwrap().to_owned()
}

#[test]
fn the_records_own_bytes_stay_as_they_are() {
    for rest in [
        r#","a":1.0,"b":1E5,"a":-0,"c":"\u00e9\/\ud800""#,
        r#" , "nested" : { "session_id" : "x" , "ts_str" : [ 1 , 2 ] }"#,
        "\t,\r\n\"a\"\n:\ttrue\r",
        r#","Session_id":1,"session_id ":2,"":3"#,
        r#","가":"나다","😀":null"#,
    ] {
        assert_eq!(kept(&format!("{{{EVENT}{rest}}}")), format!("{{{EVENT}{rest}"));
    }
}

#[test]
fn white_space_around_the_record_is_dropped() {
    let record = format!(" \t\r\n{{ {EVENT} \n}}\r\n\t ");
    assert_eq!(kept(&record), format!("{{ {EVENT} \n"));
}

#[test]
fn members_of_the_outputs_names_are_removed_wherever_they_stand() {
    for (record, expected) in [
        // first, from the brace to the next name
        (format!(r#"{{"session_id":"x",{EVENT}}}"#), format!("{{{EVENT}")),
        (format!(r#"{{ "session_id" : "x" , {EVENT}}}"#), format!("{{{EVENT}")),
        (format!("{{\n\"session_id\":\"x\"\n,\n{EVENT}\n}}"), format!("{{{EVENT}\n")),
        // several in front
        (format!(r#"{{"ts_str":"x","session_id":[1,{{}}],{EVENT}}}"#), format!("{{{EVENT}")),
        (format!(r#"{{ "ts_str":1 , "session_id":2 , {EVENT}}}"#), format!("{{{EVENT}")),
        // in the middle
        (format!(r#"{{"a":1,"session_id":"x",{EVENT}}}"#), format!(r#"{{"a":1,{EVENT}"#)),
        (format!(r#"{{"a":1 , "session_id":"x" , {EVENT} }}"#), format!(r#"{{"a":1, {EVENT} "#)),
        // adjacent
        (
            format!(r#"{{"a":1 , "session_id":"x" , "ts_str":"y" , {EVENT}}}"#),
            format!(r#"{{"a":1, {EVENT}"#),
        ),
        // apart
        (
            format!(r#"{{"a":1,"session_id":"x" ,"b":2 , "ts_str":"y",{EVENT}}}"#),
            format!(r#"{{"a":1,"b":2,{EVENT}"#),
        ),
        // in front and in the middle
        (
            format!(r#"{{"ts_str":1,"a":1,"session_id":"x",{EVENT}}}"#),
            format!(r#"{{"a":1,{EVENT}"#),
        ),
        // last
        (format!(r#"{{{EVENT},"session_id":"x"}}"#), format!("{{{EVENT}")),
        (format!("{{{EVENT} , \"session_id\" : \"x\" \n}}"), format!("{{{EVENT}")),
        (format!(r#"{{{EVENT},"seq_in_session":1,"ts_str":null}}"#), format!("{{{EVENT}")),
        // the same name more than once
        (
            format!(r#"{{"session_id":1,"session_id":2,{EVENT},"session_id":3}}"#),
            format!("{{{EVENT}"),
        ),
        // escaped names
        (format!(r#"{{{EVENT},"session\u005fid":"x"}}"#), format!("{{{EVENT}")),
        (format!(r#"{{"\u0074s_str":"x",{EVENT}}}"#), format!("{{{EVENT}")),
        // brackets and quotes inside of what goes
        (format!(r#"{{{EVENT},"ts_str":"}},\"{{ ","a":1}}"#), format!(r#"{{{EVENT},"a":1"#)),
    ] {
        assert_eq!(kept(&record), expected, "{record}");
    }
}

#[test]
fn each_of_the_six_names_is_removed() {
    for name in [
        "ts_str",
        "session_id",
        "session_start_ts",
        "session_last_ts",
        "session_expire_at",
        "seq_in_session",
    ] {
        assert_eq!(kept(&format!(r#"{{{EVENT},"{name}":1}}"#)), format!("{{{EVENT}"), "{name}");
    }
}

#[test]
fn the_output_fed_back_in_gives_the_same_output() {
    let core = core_with("");
    let output = output_of(&core, format!(r#"{{{EVENT},"a":1}}"#));
    assert_eq!(output_of(&core, &output), output);
}

#[test]
fn ts_str_is_local_time_with_an_offset_of_hours_and_minutes() {
    assert_eq!(ts_str(1_734_144_000_000), "2024-12-14T11:40:00.000+0900");
    assert_eq!(ts_str(1_734_102_000_000), "2024-12-14T00:00:00.000+0900", "midnight");
    assert_eq!(ts_str(1_734_101_999_999), "2024-12-13T23:59:59.999+0900", "just before");
    assert_eq!(ts_str(1_709_132_400_007), "2024-02-29T00:00:00.007+0900", "a leap day");
    assert_eq!(ts_str(253_402_207_200_000), "9999-12-31T07:00:00.000+0900");
    assert_eq!(ts_str(0), "1970-01-01T09:00:00.000+0900");
    assert_eq!(ts_str(-1), "1970-01-01T08:59:59.999+0900");
    // Summer time of 1988, and local mean time of 8 h 27 min 52 s before 1908.
    assert_eq!(ts_str(583_934_400_000), "1988-07-03T22:00:00.000+1000");
    assert_eq!(ts_str(-2_051_222_400_000), "1905-01-01T08:27:52.000+0827");
    assert_eq!(ts_str(-62_135_510_400_000), "0001-01-02T08:27:52.000+0827", "the earliest");
}

#[test]
fn ids_are_escaped_in_the_value_and_bare_in_the_kafka_key() {
    let core = core_with("");
    let record = format!(
        r#"{{"uid":"\u0022\\\/\b\f\n\r\t\u0001\u001f\u007f\u20ac","log_name":"CIN","ts":{AT_MS}}}"#
    );
    let (key, value) = on_event(&core, &[], &record).output.unwrap();
    let bare = "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}€_1734144000000";
    assert_eq!(String::from_utf8(key).unwrap(), bare);
    let value = String::from_utf8(value).unwrap();
    let escaped = "\"session_id\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}€_1734144000000\",";
    assert!(value.contains(escaped), "{value}");
}

#[test]
fn a_numeric_key_gives_the_same_sessions_as_its_text() {
    let core = core_with("");
    let record = |key: &str| format!(r#"{{"uid":{key},"log_name":"CIN","ts":{AT_MS}}}"#);
    let first = on_event(&core, &[], record("7"));
    let second = on_event(&core, &first.state, record("\"7\""));
    assert_eq!(first.output.unwrap().0, b"7_1734144000000");
    assert!(String::from_utf8(second.output.unwrap().1).unwrap().ends_with(r#":2}"#));
}

#[test]
fn the_output_never_exceeds_what_too_large_reckons_with() {
    // The longest there is: control characters in the key, long times, a session cut in two.
    let key = r"\u0001".repeat(1024);
    let record = format!(r#"{{"uid":"{key}","log_name":"CIN","ts":-62135510400000}}"#);
    let limit = record.len() + 2 * (key.len() + 2) + 320;
    let core = core_with(&format!("min_event_time_ms=0\nmax_record_size={limit}"));
    let (key, value) = on_event(&core, &[], &record).output.unwrap();
    assert!(key.len() + value.len() <= limit, "{} + {} > {limit}", key.len(), value.len());
}

#[test]
fn what_decode_found_is_refused_with_any_other_record() {
    let core = core_with("");
    let record = format!(r#"{{{EVENT},"session_id":"x","a":1}}"#);
    let Decoded::Event { found, .. } = decode(&core, &record) else { panic!("a dead letter") };
    let at_once = Arrival::default();
    let mut frame = Vec::new();
    assert!(core.on_event(&[], &found, record.as_bytes(), &at_once, &mut frame).is_ok());
    assert!(core.on_event(&[], &found, b"{}", &at_once, &mut frame).is_err());
    for end in 0..found.len() {
        let cut = core.on_event(&[], &found[..end], record.as_bytes(), &at_once, &mut frame);
        assert!(cut.is_err(), "cut after {end} bytes");
    }
    let longer = [&found[..], &[0]].concat();
    assert!(core.on_event(&[], &longer, record.as_bytes(), &at_once, &mut frame).is_err());
}
