//! Sections 2 and 6 of the contract: what a record is, and the bytes of its output.

use jiff::Timestamp;

use crate::json::{self, Kind, Member, Value};
use crate::setup::{Setup, YEAR_2000};

const ADDED: [&str; 6] = [
    "ts_str",
    "session_id",
    "session_start_ts",
    "session_last_ts",
    "session_expire_at",
    "seq_in_session",
];
const LATEST_MS: i128 = 253_402_207_200_000;

/// An event, and its record's object.
#[derive(Debug)]
pub struct Event {
    pub key: String,
    pub log_name: String,
    pub at_ms: i64,
    object: Value,
}

/// Whether a text is JSON; asks serde_json too, where it knows the answer.
fn read_json(record: &str) -> Option<Value> {
    let ours = json::read(record);
    match serde_json::from_str::<serde_json::Value>(record) {
        Ok(_) => assert!(ours.is_some(), "serde_json takes it"),
        Err(error) => {
            let error = error.to_string();
            // What RFC 8259 allows and a tree of Rust's own types cannot hold.
            let limits = ["surrogate", "end of hex escape", "out of range", "recursion limit"];
            assert!(ours.is_none() || limits.iter().any(|limit| error.contains(limit)), "{error}");
        }
    }
    ours
}

/// What a record is: an event, or the reason of its dead letter.
pub fn judge(
    record: &[u8],
    record_time_ms: i64,
    now_ms: i64,
    setup: &Setup,
) -> Result<Event, &'static str> {
    if record.len() > setup.max_record_size {
        return Err("too_large");
    }
    let text = std::str::from_utf8(record).map_err(|_| "invalid_json")?;
    let object = read_json(text).filter(|value| value.depth <= 128).ok_or("invalid_json")?;
    let Kind::Object(members) = &object.kind else { return Err("not_an_object") };
    let key = key(members, text, setup)?;
    let log_name = match last(members, "log_name").map(|value| &value.kind) {
        Some(Kind::Text(units)) => Some(json::text(units).ok_or("invalid_json")?),
        _ => None,
    };
    if key
        .as_ref()
        .is_some_and(|key| record.len() + 2 * string(key).len() + 320 > setup.max_record_size)
    {
        return Err("too_large");
    }
    let key = key.ok_or("missing_key")?;
    let log_name =
        log_name.filter(|name| !name.is_empty() && name.len() <= 256).ok_or("missing_log_name")?;
    let at_ms = match last(members, "ts") {
        None | Some(Value { kind: Kind::Null, .. }) => return Err("missing_ts"),
        Some(value) => exact(value, text).ok_or("invalid_ts")?,
    };
    if at_ms < i128::from(setup.min_event_time_ms) || at_ms > LATEST_MS {
        return Err("invalid_ts");
    }
    let own_time_ms = if record_time_ms < YEAR_2000 { now_ms } else { record_time_ms.min(now_ms) };
    if at_ms - i128::from(own_time_ms) > i128::from(setup.max_future_ms) {
        return Err("future_ts");
    }
    let at_ms = i64::try_from(at_ms).expect("in range");
    Ok(Event { key, log_name, at_ms, object })
}

/// The value of a name that counts: the last.
fn last<'v>(members: &'v [Member], name: &str) -> Option<&'v Value> {
    members
        .iter()
        .rev()
        .find(|member| member.name.iter().copied().eq(name.encode_utf16()))
        .map(|member| &member.value)
}

/// The first usable key of the chain.
fn key(members: &[Member], text: &str, setup: &Setup) -> Result<Option<String>, &'static str> {
    for (field, when) in setup.key {
        let holds = |(field, expected): &(&str, &str)| match last(members, field) {
            Some(Value { kind: Kind::Text(units), .. }) => {
                json::text(units).is_some_and(|found| found.eq_ignore_ascii_case(expected))
            }
            _ => false,
        };
        if !when.iter().all(holds) {
            continue;
        }
        let found = match last(members, field) {
            Some(Value { kind: Kind::Text(units), .. }) => {
                json::text(units).ok_or("invalid_json")?
            }
            Some(value @ Value { kind: Kind::Number, .. }) => {
                let spelling = &text[value.start..value.end];
                if spelling.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
                    continue;
                }
                spelling.to_owned()
            }
            _ => continue,
        };
        if !found.is_empty() && found.len() <= 1024 {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The exact integer that a `ts` stands for.
fn exact(value: &Value, text: &str) -> Option<i128> {
    match &value.kind {
        Kind::Text(units) => {
            let digits = json::text(units)?;
            let usable = !digits.is_empty()
                && digits.len() <= 20
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            usable.then(|| digits.parse().ok()).flatten()
        }
        Kind::Number => {
            let spelling = &text[value.start..value.end];
            if spelling.len() > 40 {
                return None;
            }
            exact_number(spelling)
        }
        _ => None,
    }
}

/// Moves the decimal point one place at a time, on the digits as they are written.
fn exact_number(spelling: &str) -> Option<i128> {
    let (mantissa, exponent) = spelling.split_once(['e', 'E']).unwrap_or((spelling, "0"));
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.iter().all(|digit| *digit == b'0') {
        return Some(0);
    }
    // Not zero: an exponent of more than a few digits leads far out of range, or to a fraction.
    let exponent: i128 = exponent.parse().ok()?;
    let mut places = exponent - i128::try_from(fraction.len()).ok()?;
    while places < 0 {
        (digits.pop()? == b'0').then_some(())?;
        places += 1;
    }
    while places > 0 {
        digits.push(b'0');
        places -= 1;
        (digits.len() <= 100).then_some(())?;
    }
    let text = String::from_utf8(digits).ok()?;
    let value: i128 = text.trim_start_matches('0').parse().ok()?;
    Some(if negative { -value } else { value })
}

/// A JSON string: only `"`, `\` and control characters escaped, short forms first.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// The Kafka key and the value of the output of an event that is the first of its key.
pub fn output_of_first(record: &[u8], event: &Event, setup: &Setup) -> (Vec<u8>, Vec<u8>) {
    let Kind::Object(members) = &event.object.kind else { unreachable!("an event is an object") };
    let mut out = kept(record, &event.object, members);
    let at_ms = event.at_ms;
    out.extend_from_slice(format!(",\"ts_str\":\"{}\"", ts_str(at_ms, setup)).as_bytes());
    let id = format!("{}_{at_ms}", event.key);
    let (kafka_key, label) = match (setup.alone_ms)(&event.log_name) {
        Some(timeout_ms) => {
            let expires_ms = at_ms + timeout_ms.min(setup.max_duration_ms);
            let label = format!(
                ",\"session_id\":{},\"session_start_ts\":{at_ms},\"session_last_ts\":{at_ms},\
                 \"session_expire_at\":{expires_ms},\"seq_in_session\":1}}",
                string(&id)
            );
            (id, label)
        }
        None => (
            event.key.clone(),
            ",\"session_id\":null,\"session_start_ts\":null,\"session_last_ts\":null,\
             \"session_expire_at\":null,\"seq_in_session\":0}"
                .to_owned(),
        ),
    };
    out.extend_from_slice(label.as_bytes());
    (kafka_key.into_bytes(), out)
}

/// The record's bytes from the opening brace up to the closing one, without what is removed: each
/// removed member strikes out its own part, and what is left stays.
fn kept(record: &[u8], object: &Value, members: &[Member]) -> Vec<u8> {
    let mut struck = vec![false; record.len()];
    let goes = |member: &Member| {
        ADDED.iter().any(|added| member.name.iter().copied().eq(added.encode_utf16()))
    };
    let mut left = 0;
    for (index, member) in members.iter().enumerate() {
        if !goes(member) {
            left += 1;
            continue;
        }
        let (from, to) = if left == 0 {
            let next = members.get(index + 1).map_or(object.end - 1, |next| next.start);
            (object.start + 1, next)
        } else {
            let mut to = member.value.end;
            while matches!(record[to], b' ' | b'\t' | b'\n' | b'\r') {
                to += 1;
            }
            (members[index - 1].value.end, to)
        };
        struck[from..to].fill(true);
    }
    (object.start..object.end - 1).filter(|at| !struck[*at]).map(|at| record[at]).collect()
}

fn ts_str(at_ms: i64, setup: &Setup) -> String {
    let instant = Timestamp::from_millisecond(at_ms).expect("an instant");
    let local = instant.to_zoned(setup.time_zone.clone());
    // The offset has seconds in `%z` where there are some; the contract has hours and minutes.
    let offset = local.strftime("%z").to_string();
    format!("{}{}", local.strftime("%Y-%m-%dT%H:%M:%S%.3f"), &offset[..5])
}
