//! Which records are events, and which dead letters of which reason.

use crate::{core_with, decode, decode_at, Decoded, AT_MS};

const MIN_EVENT_TIME_MS: i64 = 946_684_800_000;
const LATEST_EVENT_TIME_MS: i64 = 253_402_207_200_000;

/// What a record with default options becomes: `event` or its reason.
fn becomes(record: impl AsRef<[u8]>) -> String {
    decode(&core_with(""), record).reason().to_owned()
}

fn key_of(record: &str) -> String {
    match decode(&core_with(""), record) {
        Decoded::Event { key, .. } => key,
        dead => panic!("{record}: {dead:?}"),
    }
}

/// The event time that a spelling of `ts` gives where *min-event-time* is off, or the reason.
fn ts(spelling: &str) -> Result<i64, String> {
    let record = format!(r#"{{"uid":"u","log_name":"CIN","ts":{spelling}}}"#);
    match decode(&core_with("min_event_time_ms=0"), record) {
        Decoded::Event { at_ms, .. } => Ok(at_ms),
        Decoded::Dead { reason, .. } => Err(reason),
    }
}

fn nested_object(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

fn nested_array(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn a_record_without_value_is_null_value() {
    assert_eq!(decode_at(&core_with(""), None, -1, AT_MS).reason(), "null_value");
}

#[test]
fn what_is_no_object_has_a_reason_of_its_own() {
    for value in ["[]", "1", "\"text\"", "true", "null", " [ {} ] ", r#""\ud800""#] {
        assert_eq!(becomes(value), "not_an_object", "{value}");
    }
}

#[test]
fn what_is_no_json_is_invalid_json() {
    for value in [
        "",
        " ",
        "{",
        "{} {}",
        "{}x",
        r#"{"a":1,}"#,
        r#"{'a':1}"#,
        r#"{"a":01}"#,
        r#"{"a":+1}"#,
        r#"{"a":.5}"#,
        r#"{"a":NaN}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        "[1",
        "nul",
        "\u{feff}{}",
        "\u{a0}{}",
    ] {
        assert_eq!(becomes(value), "invalid_json", "{value:?}");
    }
}

#[test]
fn an_unescaped_control_character_is_invalid_json_in_names_and_values_alike() {
    for control in ["\n", "\t", "\0", "\u{1f}"] {
        let in_value = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"a":"b{control}"}}"#);
        assert_eq!(becomes(in_value), "invalid_json", "value {control:?}");
        let in_name = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"a{control}":1}}"#);
        assert_eq!(becomes(in_name), "invalid_json", "name {control:?}");
        let beside_an_escape =
            format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"\u0061{control}":1}}"#);
        assert_eq!(becomes(beside_an_escape), "invalid_json", "escaped name {control:?}");
    }
    let escaped = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"a\n\u0000":"\t"}}"#);
    assert_eq!(becomes(escaped), "event");
}

#[test]
fn a_byte_order_mark_is_invalid_json() {
    let record = format!("\u{feff}{{\"uid\":\"u\",\"log_name\":\"CIN\",\"ts\":{AT_MS}}}");
    assert_eq!(becomes(record), "invalid_json");
}

#[test]
fn invalid_utf_8_anywhere_is_invalid_json() {
    let record = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"a":"?"}}"#);
    // A lone continuation byte, an overlong slash, a surrogate, and past U+10FFFF.
    for wrong in [&b"\x80"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        let mark = record.find('?').unwrap();
        let mut value = record.as_bytes().to_vec();
        value.splice(mark..=mark, wrong.iter().copied());
        assert_eq!(becomes(&value), "invalid_json", "{wrong:?}");
    }
    assert_eq!(becomes(b"[\"\xff\"]"), "invalid_json", "comes before not_an_object");
    assert_eq!(becomes(b"{\"uid\":null,\"a\":\"\xff\"}"), "invalid_json");
}

#[test]
fn nesting_ends_at_128_levels() {
    let inside = |value: &str| {
        becomes(format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"a":{value}}}"#))
    };
    // The record's own object is level 1.
    assert_eq!(inside(&nested_object(127)), "event");
    assert_eq!(inside(&nested_object(128)), "invalid_json");
    assert_eq!(inside(&nested_array(127)), "event");
    assert_eq!(inside(&nested_array(128)), "invalid_json");
    assert_eq!(becomes(nested_array(128)), "not_an_object");
    assert_eq!(becomes(nested_array(129)), "invalid_json");
    assert_eq!(inside(&format!("{:?}", "[{".repeat(200))), "event", "brackets in a string");
    assert_eq!(inside(&format!(r#""\"{}""#, "[".repeat(200))), "event", "behind an escaped quote");
    assert_eq!(inside(&nested_array(100_000)), "invalid_json", "far deeper than any stack");
}

#[test]
fn the_first_reason_that_applies_counts() {
    // Each record below has the fault named and every later one.
    let core = core_with("max_record_size=400");
    let long = "x".repeat(400);
    let reason =
        |value: &str| decode_at(&core, Some(value.as_bytes()), -1, AT_MS).reason().to_owned();
    let late_ts = AT_MS + 11 * 60_000;
    assert_eq!(reason(&format!(r#"{{"uid":"","a":"{long}"#)), "too_large");
    assert_eq!(reason(r#"[{"uid":"", "ts":"x""#), "invalid_json");
    assert_eq!(reason(r#"[{"uid":"", "ts":"x"}]"#), "not_an_object");
    assert_eq!(reason(r#"{"log_name":"","ts":"x"}"#), "missing_key");
    assert_eq!(reason(r#"{"uid":"u","log_name":1,"ts":"x"}"#), "missing_log_name");
    assert_eq!(reason(r#"{"uid":"u","log_name":"CIN","ts":null}"#), "missing_ts");
    assert_eq!(reason(r#"{"uid":"u","log_name":"CIN"}"#), "missing_ts");
    assert_eq!(reason(r#"{"uid":"u","log_name":"CIN","ts":253402207200001}"#), "invalid_ts");
    assert_eq!(reason(&format!(r#"{{"uid":"u","log_name":"CIN","ts":{late_ts}}}"#)), "future_ts");
    // An unpaired surrogate in one that counts is a fault of the text, before all that is missing.
    assert_eq!(reason(r#"{"log_name":"\ud800"}"#), "invalid_json");
    assert_eq!(reason(r#"{"uid":"\ud800"}"#), "invalid_json");
    // And the output's length comes before a missing log name.
    let key = "k".repeat(60);
    assert_eq!(reason(&format!(r#"{{"uid":"{key}"}}"#)), "too_large");
}

#[test]
fn the_key_is_a_string_or_a_whole_number_as_it_stands() {
    let with_key = |key: &str| format!(r#"{{"uid":{key},"log_name":"CIN","ts":{AT_MS}}}"#);
    assert_eq!(key_of(&with_key("\"u1\"")), "u1");
    assert_eq!(key_of(&with_key("42")), "42");
    assert_eq!(key_of(&with_key("-0")), "-0");
    assert_eq!(
        key_of(&with_key("123456789012345678901234567890")),
        "123456789012345678901234567890"
    );
    assert_eq!(key_of(&with_key(r#""\uac00\n\ud83d\ude00""#)), "가\n😀");
    for unusable in ["\"\"", "null", "true", "1.0", "1e3", "1E3", "[]", "{}", "[\"u\"]"] {
        assert_eq!(becomes(with_key(unusable)), "missing_key", "{unusable}");
    }
    assert_eq!(becomes(format!(r#"{{"UID":"u","log_name":"CIN","ts":{AT_MS}}}"#)), "missing_key");
}

#[test]
fn the_log_name_is_a_string() {
    let with_name = |name: &str| format!(r#"{{"uid":"u","log_name":{name},"ts":{AT_MS}}}"#);
    for unusable in ["\"\"", "null", "1", "false", "{}", "[\"CIN\"]"] {
        assert_eq!(becomes(with_name(unusable)), "missing_log_name", "{unusable}");
    }
    assert_eq!(becomes(with_name("\" \"")), "event");
}

#[test]
fn a_key_has_at_most_1024_bytes_and_a_log_name_256() {
    let record =
        |key: &str, name: &str| format!(r#"{{"uid":{key},"log_name":"{name}","ts":{AT_MS}}}"#);
    let key = |text: String| becomes(record(&format!("\"{text}\""), "CIN"));
    assert_eq!(key("k".repeat(1024)), "event");
    assert_eq!(key("k".repeat(1025)), "missing_key");
    assert_eq!(key("가".repeat(341)), "event", "1023 bytes");
    assert_eq!(key("가".repeat(342)), "missing_key", "1026 bytes");
    assert_eq!(key(r"\u0041".repeat(1024)), "event", "escapes count as what they stand for");
    assert_eq!(becomes(record(&"1".repeat(1024), "CIN")), "event");
    assert_eq!(becomes(record(&"1".repeat(1025), "CIN")), "missing_key");
    let name = |text: String| becomes(record("\"u\"", &text));
    assert_eq!(name("n".repeat(256)), "event");
    assert_eq!(name("n".repeat(257)), "missing_log_name");
    assert_eq!(name("é".repeat(128)), "event");
    assert_eq!(name("é".repeat(129)), "missing_log_name");
    assert_eq!(name(r"\u0041".repeat(256)), "event");
}

#[test]
fn every_exact_spelling_of_an_event_time_is_taken() {
    for spelling in [
        "1734144000000",
        "1.734144e12",
        "1.734144E+12",
        "1734144000000.0",
        "1734144000000.000e0",
        "17341440000000e-1",
        "0.001734144e15",
        "1734144e000006",
        "\"1734144000000\"",
        "\"00000001734144000000\"",
        r#""\u0031734144000000""#,
    ] {
        assert_eq!(ts(spelling), Ok(AT_MS), "{spelling}");
    }
    for zero in
        ["0", "-0", "-0.0", "0e999999999999", "0E-999999999999", "\"0\"", "0e99999999999999999999"]
    {
        assert_eq!(ts(zero), Ok(0), "{zero}");
    }
    assert_eq!(ts("-1"), Ok(-1));
    assert_eq!(ts("-1.5e1"), Ok(-15));
}

#[test]
fn what_is_no_whole_number_is_invalid_ts() {
    for spelling in [
        "1734144000000.5",
        "1e-1",
        "1e400",
        "-1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "9223372036854775808",
        "\"\"",
        "\" 1734144000000\"",
        "\"+1734144000000\"",
        "\"-1\"",
        "\"1734144000000.0\"",
        "\"1.734144e12\"",
        "\"１７３４１４４００００００\"",
        "\"99999999999999999999\"",
        r#""1734144000000\ud800""#,
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(ts(spelling), Err("invalid_ts".to_owned()), "{spelling}");
    }
    assert_eq!(ts("null"), Err("missing_ts".to_owned()));
}

#[test]
fn an_event_time_has_at_most_40_characters_as_a_number_and_20_digits_as_a_string() {
    let number = |length: usize| format!("1734144000000.{}", "0".repeat(length - 14));
    assert_eq!(number(40).len(), 40);
    assert_eq!(ts(&number(40)), Ok(AT_MS));
    assert_eq!(ts(&number(41)), Err("invalid_ts".to_owned()));
    let string = |length: usize| format!("\"{AT_MS:0>length$}\"");
    assert_eq!(ts(&string(20)), Ok(AT_MS));
    assert_eq!(ts(&string(21)), Err("invalid_ts".to_owned()));
    // Digits are counted after unescaping.
    assert_eq!(ts(&format!("\"{}1734144000000\"", r"\u0030".repeat(7))), Ok(AT_MS));
    assert_eq!(
        ts(&format!("\"{}1734144000000\"", r"\u0030".repeat(8))),
        Err("invalid_ts".to_owned())
    );
}

#[test]
fn an_event_time_has_bounds() {
    let at = |ms: i64| becomes(format!(r#"{{"uid":"u","log_name":"CIN","ts":{ms}}}"#));
    assert_eq!(at(MIN_EVENT_TIME_MS - 1), "invalid_ts");
    assert_eq!(at(MIN_EVENT_TIME_MS), "event");
    assert_eq!(at(LATEST_EVENT_TIME_MS), "event");
    assert_eq!(at(LATEST_EVENT_TIME_MS + 1), "invalid_ts");
    assert_eq!(at(AT_MS / 1000), "invalid_ts", "seconds");
    let moved = core_with(&format!("min_event_time_ms={AT_MS}"));
    let at = |ms: i64| {
        decode(&moved, format!(r#"{{"uid":"u","log_name":"CIN","ts":{ms}}}"#)).reason().to_owned()
    };
    assert_eq!(at(AT_MS - 1), "invalid_ts");
    assert_eq!(at(AT_MS), "event");
}

#[test]
fn the_last_of_a_name_counts_whatever_it_holds() {
    let rest = format!(r#""log_name":"CIN","ts":{AT_MS}"#);
    assert_eq!(key_of(&format!(r#"{{"uid":"old","uid":"new",{rest}}}"#)), "new");
    assert_eq!(key_of(&format!(r#"{{"uid":null,"uid":"new",{rest}}}"#)), "new");
    assert_eq!(key_of(&format!(r#"{{"uid":"\ud800","uid":"new",{rest}}}"#)), "new");
    assert_eq!(becomes(format!(r#"{{"uid":"old","uid":null,{rest}}}"#)), "missing_key");
    assert_eq!(becomes(format!(r#"{{"uid":"old","uid":[],{rest}}}"#)), "missing_key");
    assert_eq!(
        becomes(format!(r#"{{"uid":"u","log_name":"CIN","log_name":null,"ts":{AT_MS}}}"#)),
        "missing_log_name"
    );
    assert_eq!(
        becomes(format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS},"ts":null}}"#)),
        "missing_ts"
    );
    assert_eq!(
        becomes(format!(r#"{{"uid":"u","log_name":"CIN","ts":"x","ts":{AT_MS}}}"#)),
        "event"
    );
}

#[test]
fn names_are_compared_after_unescaping() {
    let record = format!(r#"{{"\u0075id":"u","log\u005Fname":"CIN","t\u0073":{AT_MS}}}"#);
    assert_eq!(key_of(&record), "u");
    let both = format!(r#"{{"uid":"old","\u0075id":"new","log_name":"CIN","ts":{AT_MS}}}"#);
    assert_eq!(key_of(&both), "new");
    let nested = format!(r#"{{"a":{{"uid":"u"}},"log_name":"CIN","ts":{AT_MS}}}"#);
    assert_eq!(becomes(nested), "missing_key");
}

#[test]
fn an_unpaired_surrogate_matters_only_where_its_text_counts() {
    let record = |key: &str, name: &str, rest: &str| {
        becomes(format!(r#"{{"uid":"{key}","log_name":"{name}","ts":{AT_MS}{rest}}}"#))
    };
    for lone in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\u0041", r"\udc00\ud800", r"\uD83Dx"] {
        assert_eq!(record(lone, "CIN", ""), "invalid_json", "key {lone}");
        assert_eq!(record("u", lone, ""), "invalid_json", "log name {lone}");
        assert_eq!(record("u", "CIN", &format!(r#","a":"{lone}""#)), "event", "value {lone}");
        assert_eq!(record("u", "CIN", &format!(r#","{lone}":1"#)), "event", "name {lone}");
    }
    assert_eq!(record(r"\ud83d\ude00", "CIN", ""), "event", "a pair");
}

#[test]
fn too_large_counts_the_value_and_the_longest_output() {
    let record = |key: &str| format!(r#"{{"uid":{key},"log_name":"CIN","ts":{AT_MS}}}"#);
    let reason = |limit: usize, record: &str| {
        decode(&core_with(&format!("max_record_size={limit}")), record).reason().to_owned()
    };
    // A key as JSON has its quotes and its escapes; `\u0001` stays six bytes, `\u0041` is one.
    for (key, json_length) in
        [("\"user\"", 6), ("1234", 6), (r#""\u0001\"é""#, 12), (r#""\u0041""#, 3)]
    {
        let record = record(key);
        let longest = record.len() + 2 * json_length + 320;
        assert_eq!(reason(longest, &record), "event", "{key}");
        assert_eq!(reason(longest - 1, &record), "too_large", "{key}");
    }
    // Where there is no key, the value alone decides.
    let keyless = r#"{"a":1}"#;
    assert_eq!(reason(keyless.len(), keyless), "missing_key");
    assert_eq!(reason(keyless.len() - 1, keyless), "too_large");
}

#[test]
fn a_future_event_time_is_measured_from_the_smaller_clock() {
    let core = core_with("max_future_ms=1000");
    let reason = |record_ms: i64, now_ms: i64| {
        let record = format!(r#"{{"uid":"u","log_name":"CIN","ts":{AT_MS}}}"#);
        decode_at(&core, Some(record.as_bytes()), record_ms, now_ms).reason().to_owned()
    };
    assert_eq!(reason(AT_MS - 1000, AT_MS), "event", "exactly max-future is not more");
    assert_eq!(reason(AT_MS - 1001, AT_MS), "future_ts");
    assert_eq!(reason(AT_MS + 5000, AT_MS - 1000), "event", "the wall clock is the smaller");
    assert_eq!(reason(AT_MS + 5000, AT_MS - 1001), "future_ts");
    for no_time in [-1, 0, MIN_EVENT_TIME_MS - 1, i64::MIN] {
        assert_eq!(reason(no_time, AT_MS - 1000), "event", "record time {no_time}");
        assert_eq!(reason(no_time, AT_MS - 1001), "future_ts", "record time {no_time}");
    }
    assert_eq!(reason(MIN_EVENT_TIME_MS, AT_MS), "future_ts", "2000 is a time");
}

#[test]
fn the_detail_of_a_dead_letter_holds_no_value_of_the_record() {
    for record in [
        r#"{"uid":"secret" oops}"#,
        r#"{"uid":["secret"]}"#,
        r#"{"uid":"secret","log_name":1}"#,
        r#"{"uid":"secret","log_name":"secret","ts":"secret"}"#,
        r#""secret""#,
    ] {
        match decode(&core_with(""), record) {
            Decoded::Dead { detail, .. } => {
                assert!(!detail.is_empty(), "{record}");
                assert!(!detail.contains("secret"), "{record}: {detail}");
            }
            event @ Decoded::Event { .. } => panic!("{record}: {event:?}"),
        }
    }
}
