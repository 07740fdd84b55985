//! Close records, byte by byte.

use crate::{core_with, on_event, on_timer, AT_MS};

const MINUTE_MS: i64 = 60_000;

fn record(key: &str, log_name: &str, at_ms: i64) -> String {
    serde_json::json!({"uid": key, "log_name": log_name, "ts": at_ms}).to_string()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_close_record_is_compact_and_in_order() {
    let core = core_with("close_records=true\nallowed_lateness_ms=0");
    let key = "a\"\\\u{1}\n가";
    let mut state = Vec::new();
    for (log_name, at_ms) in
        [("CIN", AT_MS), ("CL\"ICK\t", AT_MS + 5), ("CIN", AT_MS + 7), ("COUT", AT_MS + 10)]
    {
        state = on_event(&core, &state, record(key, log_name, at_ms)).state;
    }
    let expires = AT_MS + 10 + 30 * MINUTE_MS;
    assert!(on_timer(&core, &state, key, expires - 1).unwrap().closings.is_empty());
    let step = on_timer(&core, &state, key, expires).unwrap();
    assert_eq!(step.state, b"", "no session, no state");
    let [(id, value)] = step.closings.as_slice() else { panic!("{:?}", step.closings) };
    assert_eq!(text(id), format!("{key}_{AT_MS}"));
    let expected = format!(
        concat!(
            r#"{{"session_id":"a\"\\\u0001\n가_{at}","uid":"a\"\\\u0001\n가","#,
            r#""session_start_ts":{at},"session_last_ts":{last},"session_expire_at":{expires},"#,
            r#""duration_ms":10,"event_count":4,"#,
            r#""log_names":{{"CIN":2,"CL\"ICK\t":1,"COUT":1}},"checked_in":true,"#,
            r#""last_log_name":"COUT","closed_by":"timeout"}}"#,
        ),
        at = AT_MS,
        last = AT_MS + 10,
        expires = expires,
    );
    assert_eq!(text(value), expected);
}

#[test]
fn beyond_16_log_names_the_rest_is_counted_under_a_star() {
    let core = core_with("close_records=true");
    let mut state = Vec::new();
    let names = (0..20).map(|n| format!("N{n}")).chain(["N3".to_owned(), "N18".to_owned()]);
    for (n, name) in names.enumerate() {
        let at_ms = AT_MS + i64::try_from(n).unwrap();
        state = on_event(&core, &state, record("u", &name, at_ms)).state;
    }
    let step = on_timer(&core, &state, "u", i64::MAX).unwrap();
    let value = text(&step.closings[0].1);
    let counted: Vec<_> =
        (0..16).map(|n| format!("\"N{n}\":{}", if n == 3 { 2 } else { 1 })).collect();
    let expected = format!(r#""event_count":22,"log_names":{{{},"*":5}},"#, counted.join(","));
    assert!(value.contains(&expected), "{value}");
}

#[test]
fn a_log_name_that_is_a_star_is_one_name_in_the_record() {
    let core = core_with("close_records=true");
    let mut state = Vec::new();
    for (n, name) in
        ["*".to_owned()].into_iter().chain((0..17).map(|n| format!("N{n}"))).enumerate()
    {
        let at_ms = AT_MS + i64::try_from(n).unwrap();
        state = on_event(&core, &state, record("u", &name, at_ms)).state;
    }
    let step = on_timer(&core, &state, "u", i64::MAX).unwrap();
    assert_eq!(text(&step.closings[0].1).matches(r#""*":"#).count(), 1);
}

#[test]
fn a_ninth_session_closes_the_earliest_with_the_event_that_starts_it() {
    let core = core_with("close_records=true\nallowed_lateness_ms=86400000");
    let apart = 31 * MINUTE_MS;
    let mut state = Vec::new();
    for n in 0..8 {
        let step = on_event(&core, &state, record("u", "CLICK", AT_MS + n * apart));
        assert_eq!(step.closings, []);
        state = step.state;
    }
    let step = on_event(&core, &state, record("u", "CLICK", AT_MS + 8 * apart));
    assert_eq!(step.closings.len(), 1);
    assert_eq!(text(&step.closings[0].0), format!("u_{AT_MS}"));
    assert!(text(&step.closings[0].1).ends_with(r#""closed_by":"evicted"}"#));
    // The new one itself, where it is the earliest. It still has its output.
    let step = on_event(&core, &state, record("u", "CLICK", AT_MS - apart));
    assert_eq!(text(&step.closings[0].0), format!("u_{}", AT_MS - apart));
    assert!(step.output.is_some());
}

#[test]
fn a_ninth_that_was_overdue_closes_by_timeout() {
    let core = core_with("close_records=true\nallowed_lateness_ms=0");
    let mut state = Vec::new();
    for n in 0..8 {
        state = on_event(&core, &state, record("u", "CLICK", AT_MS + n * 31 * MINUTE_MS)).state;
    }
    let step = on_event(&core, &state, record("u", "CLICK", AT_MS + 8 * 31 * MINUTE_MS));
    assert!(text(&step.closings[0].1).ends_with(r#""closed_by":"timeout"}"#));
}

#[test]
fn closings_of_one_timer_come_by_expiry() {
    let core = core_with("close_records=true");
    let mut state = Vec::new();
    for n in [2, 0, 1] {
        state = on_event(&core, &state, record("u", "CLICK", AT_MS + n * 60 * MINUTE_MS)).state;
    }
    let step = on_timer(&core, &state, "u", i64::MAX).unwrap();
    let ids: Vec<_> = step.closings.iter().map(|(id, _)| text(id).to_owned()).collect();
    let expected: Vec<_> = (0..3).map(|n| format!("u_{}", AT_MS + n * 60 * MINUTE_MS)).collect();
    assert_eq!(ids, expected);
}

#[test]
fn without_a_session_topic_nothing_is_counted_and_no_close_record_written() {
    let core = core_with("");
    let counting = core_with("close_records=true");
    let state = on_event(&core, &[], record("u", "CIN", AT_MS)).state;
    assert!(on_timer(&core, &state, "u", i64::MAX).unwrap().closings.is_empty());
    // Counting starts where the topic is configured later.
    let state = on_event(&counting, &state, record("u", "CLICK", AT_MS + 1)).state;
    let step = on_timer(&counting, &state, "u", i64::MAX).unwrap();
    assert!(text(&step.closings[0].1).contains(r#""event_count":2,"log_names":{"CLICK":1},"#));
}
