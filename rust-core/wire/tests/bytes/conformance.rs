//! RFC 8259, section by section: what it allows passes through an event untouched, what it forbids
//! makes a dead letter.

use crate::{core_with, decode, on_event, AT_MS};

/// Values that the RFC allows.
const ALLOWED: &[&str] = &[
    // 3: the literal names
    "null",
    "true",
    "false",
    // 4: objects; names need not be unique, nor anything but strings
    "{}",
    "{ }",
    r#"{"":0}"#,
    r#"{"a":1,"a":2,"\u0061":3}"#,
    r#"{"a":{"b":{"c":[]}}}"#,
    "{\"\u{10ffff}\":1,\"\\ud800\":2,\"\\\\\":3}",
    // 5: arrays of anything
    "[]",
    "[\n]",
    "[[],[[]],{}]",
    r#"[1,"a",null,true,{"b":[]}]"#,
    // 6: numbers of any size and precision
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "9007199254740993",
    "18446744073709551616",
    "-123456789012345678901234567890123456789012345678901234567890",
    "0.0",
    "-0.0",
    "1.5",
    "0.10000000000000000000000000000000000000000000000001",
    "3.141592653589793238462643383279502884197169399375105820974944",
    "1e1",
    "1E1",
    "1e+1",
    "1E-1",
    "0e0",
    "0E+0",
    "-0e-0",
    "1.0e0000000000000000000000000000000001",
    "1e400",
    "-1.5E+99999999999999999999",
    "1e-99999999999999999999",
    // 7: strings
    r#""""#,
    r#"" ""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0000\u001f\u007f\uffff""#,
    r#""\uabcd\uABCD\uaBcD""#,
    r#""\ud83d\ude00\uD83D\uDE00""#,
    r#""\ud800""#,
    r#""\udc00""#,
    r#""\udc00\ud800""#,
    r#""\ud800\ud800\udc00""#,
    r#""\ud83dx\ude00""#,
    "\"\u{7f}\u{80}\u{a0}\u{2028}\u{2029}\"",
    "\"가나다 é 😀 \u{10ffff} \u{fffe} \u{fdd0}\"",
    "\"\u{feff}\"",
    "\"/*no comment*/ // # '\"",
];

/// What the RFC forbids where a value stands.
const FORBIDDEN: &[&str] = &[
    // 2: white space is space, tab, line feed and carriage return; there are no comments
    "\u{b}1",
    "\u{c}1",
    "\u{0}1",
    "\u{85}1",
    "\u{a0}1",
    "\u{2028}1",
    "\u{feff}1",
    "/**/1",
    "1//\n",
    "#\n1",
    // 3
    "",
    "nul",
    "nulll",
    "Null",
    "NULL",
    "tru",
    "True",
    "falsee",
    "none",
    "undefined",
    "NaN",
    "-NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "truefalse",
    "@",
    // 4
    "{",
    "}",
    "{]",
    "{,}",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{:1}"#,
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a":1,,"b":2}"#,
    r#"{"a":1 "b":2}"#,
    r#"{"a" 1}"#,
    r#"{"a"=1}"#,
    r#"{"a"::1}"#,
    r#"{"a":1;"b":2}"#,
    r#"{"a":1]"#,
    r#"{a:1}"#,
    r#"{'a':1}"#,
    r#"{1:1}"#,
    r#"{null:1}"#,
    r#"{["a"]:1}"#,
    // 5
    "[",
    "]",
    "[}",
    "[,]",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1;2]",
    "[1:2]",
    "[1}",
    "(1)",
    "[1,2",
    // 6
    "01",
    "-01",
    "00",
    "-",
    "+",
    "+1",
    "--1",
    "-+1",
    "- 1",
    ".5",
    "-.5",
    "1.",
    "1.e1",
    "1..2",
    "1.2.3",
    "1e",
    "1E+",
    "1e-",
    "1e+-1",
    "1e1.5",
    "e1",
    "0x1f",
    "0b1",
    "0o7",
    "1f",
    "1L",
    "1_000",
    "1 000",
    "1,000",
    "１",
    "٣",
    "½",
    "∞",
    // 7
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "`a`",
    "“a”",
    r#""a"b"#,
    r#""a" "b""#,
    r#""\""#,
    r#""\a""#,
    r#""\v""#,
    r#""\e""#,
    r#""\0""#,
    r#""\'""#,
    r#""\x41""#,
    r#""\u""#,
    r#""\u1""#,
    r#""\u12""#,
    r#""\u123""#,
    r#""\u12g4""#,
    r#""\u 123""#,
    r#""\u+123""#,
    r#""\U0041""#,
    r#""\u{41}""#,
    r#""\ud800\u""#,
    r#""\ud800\udc0""#,
    r#""\ ""#,
    "\"\\\n\"",
];

/// Every class of bytes that are no UTF-8 (8.1).
const NO_UTF_8: &[(&str, &[u8])] = &[
    ("a continuation byte alone", b"\x80"),
    ("the last continuation byte alone", b"\xbf"),
    ("two bytes cut short", b"\xc3"),
    ("three bytes cut short", b"\xe2\x82"),
    ("four bytes cut short", b"\xf0\x9f\x98"),
    ("a lead byte before ASCII", b"\xc3A"),
    ("one continuation byte too many", b"\xc3\xa9\xa9"),
    ("two bytes for ASCII", b"\xc0\x80"),
    ("two bytes for ASCII, the longest", b"\xc1\xbf"),
    ("three bytes where two are enough", b"\xe0\x9f\xbf"),
    ("four bytes where three are enough", b"\xf0\x8f\xbf\xbf"),
    ("the first surrogate", b"\xed\xa0\x80"),
    ("the last surrogate", b"\xed\xbf\xbf"),
    ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("past U+10FFFF", b"\xf4\x90\x80\x80"),
    ("a lead byte past U+10FFFF", b"\xf5\x80\x80\x80"),
    ("five bytes", b"\xf8\x88\x80\x80\x80"),
    ("six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("a byte that UTF-8 never has", b"\xfe"),
    ("the other byte that UTF-8 never has", b"\xff"),
    ("Latin-1", b"\xe9t\xe9"),
];

/// A record of an event with a value in it, between white space of every kind.
fn with_value(value: &[u8]) -> Vec<u8> {
    let front = format!("{{\"uid\":\"u\",\"log_name\":\"CIN\",\"ts\":{AT_MS}, \"x\"\t:\r\n");
    [front.as_bytes(), value, b"\n}"].concat()
}

fn becomes(record: impl AsRef<[u8]>) -> String {
    decode(&core_with(""), record).reason().to_owned()
}

fn assert_passes(record: &[u8]) {
    let shown = String::from_utf8_lossy(record);
    assert_eq!(becomes(record), "event", "{shown}");
    let (_, output) = on_event(&core_with(""), &[], record).output.unwrap();
    let (_, whole) = record.split_last().unwrap();
    assert!(output.starts_with(whole), "{shown} became {}", String::from_utf8_lossy(&output));
    let added = String::from_utf8(output[whole.len()..].to_vec()).unwrap();
    assert!(added.starts_with(",\"ts_str\":\"2024-12-14T11:40:00.000+0900\""), "{added}");
}

#[test]
fn what_the_rfc_allows_passes_through_an_event() {
    for value in ALLOWED {
        for place in [
            value.to_string(),
            format!("[{value}]"),
            format!("[ {value} , {value}\t]"),
            format!("{{\"y\":{value}}}"),
        ] {
            assert_passes(&with_value(place.as_bytes()));
        }
        if value.starts_with('"') {
            assert_passes(&with_value(format!("{{{value}:1}}").as_bytes()));
            assert_passes(&with_value(format!("1,{value} : 2").as_bytes()));
        }
    }
}

#[test]
fn what_the_rfc_forbids_is_a_dead_letter() {
    for value in FORBIDDEN {
        for place in [value.to_string(), format!("[0,{value}"), format!("{{\"y\":{value}")] {
            let record = with_value(place.as_bytes());
            assert_eq!(becomes(&record), "invalid_json", "{}", String::from_utf8_lossy(&record));
        }
        // Alone, as the whole record; there it may be what only closes or separates.
        assert_eq!(becomes(value), "invalid_json", "{value:?} as a record");
    }
}

#[test]
fn what_the_rfc_allows_is_no_object_as_a_whole_record() {
    for value in ALLOWED.iter().filter(|value| !value.starts_with('{')) {
        assert_eq!(becomes(value), "not_an_object", "{value}");
        assert_eq!(becomes(format!(" \t\r\n{value} \t\r\n")), "not_an_object", "{value}");
    }
}

#[test]
fn control_characters_are_escaped_or_the_record_is_a_dead_letter() {
    for control in 0..0x20u8 {
        let raw = [b"\"a", &[control][..], b"b\""].concat();
        assert_eq!(becomes(with_value(&raw)), "invalid_json", "{control:#x} in a value");
        let name = [b"1,", &raw[..], b":2"].concat();
        assert_eq!(becomes(with_value(&name)), "invalid_json", "{control:#x} in a name");
        let nested = [b"{", &raw[..], b":2}"].concat();
        assert_eq!(becomes(with_value(&nested)), "invalid_json", "{control:#x} in a nested name");
        assert_passes(&with_value(format!("\"a\\u{control:04x}b\"").as_bytes()));
        let between = with_value(&[&[control][..], b"1"].concat());
        match control {
            b'\t' | b'\n' | b'\r' => assert_passes(&between),
            _ => assert_eq!(becomes(between), "invalid_json", "{control:#x} as white space"),
        }
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_a_dead_letter_wherever_they_stand() {
    for (class, bytes) in NO_UTF_8 {
        for (place, value) in [
            ("a value", [b"\"", *bytes, b"\""].concat()),
            ("a name", [b"1,\"", *bytes, b"\":2"].concat()),
            ("a nested name", [b"{\"", *bytes, b"\":2}"].concat()),
            ("white space", [*bytes, b"1"].concat()),
            ("what is removed", [b"1,\"session_id\":\"", *bytes, b"\""].concat()),
        ] {
            assert_eq!(becomes(with_value(&value)), "invalid_json", "{class} in {place}");
        }
        assert_eq!(becomes([&with_value(b"1"), *bytes].concat()), "invalid_json", "{class} behind");
        assert_eq!(becomes([*bytes, &with_value(b"1")].concat()), "invalid_json", "{class} before");
    }
}

#[test]
fn other_encodings_and_byte_order_marks_are_a_dead_letter() {
    let record = String::from_utf8(with_value(b"1")).unwrap();
    let utf_16 =
        |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { record.encode_utf16().flat_map(bytes).collect() };
    let utf_32: Vec<u8> = record.chars().flat_map(|each| u32::from(each).to_be_bytes()).collect();
    for (encoding, bytes) in [
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", record.as_bytes()].concat()),
        ("UTF-8 with a mark behind", [record.as_bytes(), b"\xef\xbb\xbf"].concat()),
        ("UTF-16, little endian", utf_16(u16::to_le_bytes)),
        ("UTF-16, big endian", utf_16(u16::to_be_bytes)),
        ("UTF-16 with a mark", [b"\xff\xfe", &utf_16(u16::to_le_bytes)[..]].concat()),
        ("UTF-32", utf_32),
    ] {
        assert_eq!(becomes(bytes), "invalid_json", "{encoding}");
    }
}

#[test]
fn white_space_may_stand_between_all_parts() {
    let parts =
        ["{", "\"uid\"", ":", "\"u\"", ",", "\"log_name\"", ":", "\"CIN\"", ",", "\"ts\"", ":"];
    for space in ["", " ", "\t", "\n", "\r", " \r\n\t "] {
        let record = format!("{}{space}{AT_MS}{space}}}", parts.join(space));
        assert_passes(record.as_bytes());
        assert_eq!(becomes(format!("{space}{record}{space}")), "event", "{space:?} around");
    }
}

#[test]
fn nesting_of_any_kind_ends_at_128_levels() {
    // The record's own object is the first.
    let mixed = |levels: usize| -> String {
        let open: String = (0..levels).map(|n| if n % 2 == 0 { "[" } else { "{\"a\":" }).collect();
        let close: String = (0..levels).rev().map(|n| ["]", "}"][n % 2]).collect();
        // The innermost is an array where the number is odd.
        format!("{open}{}{close}", if levels.is_multiple_of(2) { "0" } else { "" })
    };
    for levels in [1, 2, 64, 126, 127] {
        assert_passes(&with_value(mixed(levels).as_bytes()));
    }
    for levels in [128, 129, 256, 10_000] {
        assert_eq!(becomes(with_value(mixed(levels).as_bytes())), "invalid_json", "{levels}");
    }
}

#[test]
fn every_record_that_is_cut_short_or_goes_on_is_a_dead_letter() {
    let record = with_value(r#"{"a":[1.5e+1,"\ud83d\ude00",true]}"#.as_bytes());
    for end in 0..record.len() {
        assert_eq!(becomes(&record[..end]), "invalid_json", "cut after {end} bytes");
    }
    for behind in ["x", ",", "}", "]", "{}", "null", "\"", ":", "\0", "\u{1e}", "\u{feff}", "//"] {
        let longer = [&record, behind.as_bytes()].concat();
        assert_eq!(becomes(longer), "invalid_json", "{behind:?} behind");
    }
}
