//! Behaviour as text: the one parser of the scenario files.
//!
//! The format is described in `rust-core/scenarios/README.md`. The program of this crate prints the
//! parsed files as JSON, for the runners that are not written in Rust (the Java harness, the
//! end-to-end test); [`play`] is the runner for the core, however it is reached.

#![forbid(unsafe_code)]

pub mod play;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

/// 2024-12-14T00:00:00 in Asia/Seoul, in milliseconds: the zero of every `TIME`.
pub const ZERO_MS: i64 = 1_734_102_000_000;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// The rules file that it begins with, where the scenario has one.
    pub rules: Option<String>,
    /// The allowed lateness in milliseconds.
    pub lateness_ms: i64,
    /// The longest record in bytes, where the scenario sets one.
    pub max_record_size: Option<usize>,
    /// `arrival` or `event-time`.
    pub order: String,
    /// The wall clock in milliseconds, where the scenario sets one.
    pub now_ms: Option<i64>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The line's number in its file, from 1.
    pub line: usize,
    /// What happens and what must come of it.
    #[serde(flatten)]
    pub action: Action,
}

/// What happens, and what must come of it. All times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Action {
    /// An event arrives.
    Event {
        /// Event time.
        at_ms: i64,
        /// Whose event it is.
        key: String,
        /// Its log name.
        log_name: String,
        /// Members of its record that stand beside the key, the log name and the time, or in place
        /// of them.
        with: Map<String, Value>,
        /// Its label; none for an event that rides along without a session.
        label: Option<Label>,
        /// What it closes.
        closed: Vec<Closed>,
    },
    /// The job is stopped with a savepoint, and goes on with other rules.
    Rules {
        /// The text of the rules file.
        rules: String,
    },
    /// The watermark moves.
    Watermark {
        /// To here.
        at_ms: i64,
        /// What that closes, by expiry, then id.
        closed: Vec<Closed>,
    },
    /// When the key's one timer must have fired at the latest.
    Due {
        /// Whose timer.
        key: String,
        /// The instant; none for no timer.
        at_ms: Option<i64>,
    },
    /// A record arrives, the first of its user.
    Record {
        /// Its value.
        value: String,
        /// Its Kafka timestamp, where it has one.
        record_time_ms: Option<i64>,
        /// What it is.
        becomes: Becomes,
    },
}

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "text", rename_all = "snake_case")]
pub enum Becomes {
    /// An event.
    Event,
    /// A dead letter of this reason.
    Dead(String),
    /// An event with exactly this output.
    Out(String),
}

/// A label. All times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The event time in the session's id.
    pub id_ms: i64,
    /// Position in the session.
    pub seq: u64,
    /// The session's start.
    pub start_ms: i64,
    /// The session's newest event.
    pub last_ms: i64,
    /// The session's expiry.
    pub expires_ms: i64,
}

/// A session that closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// Whose session.
    pub key: String,
    /// The event time in its id, in milliseconds.
    pub id_ms: i64,
    /// How many events joined.
    pub count: u64,
    /// Its newest event, in milliseconds.
    pub last_ms: i64,
    /// Why it closes.
    pub by: String,
}

/// A line that is no scenario's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for ParseError {}

/// Reads every scenario file of a folder, by name.
///
/// # Errors
///
/// A folder or file that cannot be read, or the first line that is not understood.
pub fn read_folder(folder: &Path) -> Result<Vec<Scenario>, Box<dyn std::error::Error>> {
    let mut files = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "txt"));
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        scenarios.push(parse(&name, &std::fs::read_to_string(&file)?)?);
    }
    Ok(scenarios)
}

/// Reads the text of one scenario file.
///
/// # Errors
///
/// The first line that is not understood.
pub fn parse(name: &str, text: &str) -> Result<Scenario, ParseError> {
    let mut scenario = Scenario {
        name: name.to_owned(),
        rules: None,
        lateness_ms: 10 * 60_000,
        max_record_size: None,
        order: "arrival".to_owned(),
        now_ms: None,
        steps: Vec::new(),
    };
    for (index, raw) in text.lines().enumerate() {
        let at_line = |what: String| ParseError { file: name.to_owned(), line: index + 1, what };
        let line = if raw.starts_with("record ") { raw } else { without_comment(raw) };
        if line.is_empty() {
            continue;
        }
        if let Some(action) = scenario.read_line(line).map_err(at_line)? {
            scenario.steps.push(Step { line: index + 1, action });
        }
    }
    Ok(scenario)
}

fn without_comment(line: &str) -> &str {
    let code = if line.starts_with('#') {
        ""
    } else {
        line.split_once("  #").map_or(line, |(code, _)| code)
    };
    code.trim()
}

impl Scenario {
    fn read_line(&mut self, line: &str) -> Result<Option<Action>, String> {
        if let Some(rules) = line.strip_prefix("rules ") {
            let rules = rules.trim().to_owned();
            if !self.steps.is_empty() {
                return Ok(Some(Action::Rules { rules }));
            }
            self.rules = Some(rules);
        } else if let Some(size) = line.strip_prefix("max-record-size ") {
            let size = size.trim().parse().map_err(|error| format!("max-record-size: {error}"))?;
            self.max_record_size = Some(size);
        } else if let Some(lateness) = line.strip_prefix("lateness ") {
            self.lateness_ms = duration(lateness.trim())?;
        } else if let Some(order) = line.strip_prefix("order ") {
            order.trim().clone_into(&mut self.order);
        } else if let Some(now) = line.strip_prefix("now ") {
            self.now_ms = Some(time(now.trim())?);
        } else if let Some(record) = line.strip_prefix("record ") {
            return read_record(record).map(Some);
        } else {
            let (left, outcome) =
                line.split_once("->").ok_or_else(|| format!("no \"->\" in \"{line}\""))?;
            return read_step(left.trim(), outcome.trim()).map(Some);
        }
        Ok(None)
    }
}

fn read_record(line: &str) -> Result<Action, String> {
    let (mut record, outcome) = line.rsplit_once(" -> ").ok_or("a record without an outcome")?;
    let becomes = match outcome.split_once(' ') {
        None if outcome == "event" => Becomes::Event,
        Some(("dead", reason)) => Becomes::Dead(reason.to_owned()),
        Some(("out", output)) => Becomes::Out(output.to_owned()),
        _ => return Err(format!("a record becomes event, dead REASON or out RAW: {outcome}")),
    };
    let mut record_time_ms = None;
    if let Some((value, at)) = record.rsplit_once(" @ ") {
        if let Ok(at_ms) = time(at.trim()) {
            record = value;
            record_time_ms = Some(at_ms);
        }
    }
    Ok(Action::Record { value: record.to_owned(), record_time_ms, becomes })
}

fn read_step(left: &str, outcome: &str) -> Result<Action, String> {
    if let Some(at) = left.strip_prefix("watermark ") {
        return Ok(Action::Watermark { at_ms: time(at)?, closed: read_closed(outcome)? });
    }
    if let Some(key) = left.strip_prefix("due ") {
        let at_ms = if outcome == "none" { None } else { Some(time(outcome)?) };
        return Ok(Action::Due { key: key.trim().to_owned(), at_ms });
    }
    let (at, who) =
        left.split_once(" event ").ok_or_else(|| format!("not understood: \"{left}\""))?;
    let (who, with) = who.split_once(" with ").unwrap_or((who, "{}"));
    let (key, log_name) =
        who.trim().split_once(' ').ok_or_else(|| format!("no log name in \"{who}\""))?;
    let with = serde_json::from_str(with.trim()).map_err(|error| format!("with: {error}"))?;
    let (label, closed) = match outcome.split_once(';') {
        Some((label, closed)) => (label.trim(), read_closed(closed.trim())?),
        None => (outcome, Vec::new()),
    };
    Ok(Action::Event {
        at_ms: time(at)?,
        key: key.to_owned(),
        log_name: log_name.trim().to_owned(),
        with,
        label: read_label(label)?,
        closed,
    })
}

fn read_label(text: &str) -> Result<Option<Label>, String> {
    if matches!(text, "none" | "null") || text.starts_with("none ") || text.starts_with("null ") {
        return Ok(None);
    }
    let (id, fields) = leading_time(text)?;
    let fields = Fields::read(fields);
    Ok(Some(Label {
        id_ms: id,
        seq: fields.number("seq")?,
        start_ms: time(fields.text("start")?)?,
        last_ms: time(fields.text("last")?)?,
        expires_ms: time(fields.text("expires")?)?,
    }))
}

/// Reads `closed KEY@ID_TIME count=N last=T by=REASON[; closed ...]`, or `nothing`.
fn read_closed(text: &str) -> Result<Vec<Closed>, String> {
    if text == "nothing" {
        return Ok(Vec::new());
    }
    text.split(';')
        .map(|one| {
            let one = one.trim();
            let rest = one
                .strip_prefix("closed ")
                .ok_or_else(|| format!("not \"closed KEY@TIME ...\": \"{one}\""))?;
            let (key, rest) = rest.split_once('@').ok_or("a closing without \"@\"")?;
            let (id_ms, fields) = leading_time(rest)?;
            let fields = Fields::read(fields);
            Ok(Closed {
                key: key.to_owned(),
                id_ms,
                count: fields.number("count")?,
                last_ms: time(fields.text("last")?)?,
                by: fields.text("by")?.to_owned(),
            })
        })
        .collect()
}

/// `name=value` pairs; a time with a day in front holds a space.
struct Fields<'t>(Vec<(&'t str, String)>);

impl<'t> Fields<'t> {
    fn read(text: &'t str) -> Fields<'t> {
        let mut fields: Vec<(&str, String)> = Vec::new();
        for word in text.split_whitespace() {
            match (word.split_once('='), fields.last_mut()) {
                (Some((name, value)), _) => fields.push((name, value.to_owned())),
                (None, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(word);
                }
                (None, None) => {}
            }
        }
        Fields(fields)
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        self.0
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| format!("no {name}=..."))
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.text(name)?.parse().map_err(|error| format!("{name}: {error}"))
    }
}

/// A time at the front of a text, and the rest.
fn leading_time(text: &str) -> Result<(i64, &str), String> {
    let words = if text.starts_with(['+', '-']) { 2 } else { 1 };
    let end = text.match_indices(' ').nth(words - 1).map_or(text.len(), |(position, _)| position);
    let (front, rest) = text.split_at(end);
    Ok((time(front)?, rest))
}

/// Reads `[+Nd |-Nd ]HH:MM:SS[.mmm]`, counted from [`ZERO_MS`].
fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("not a time, [+Nd |-Nd ]HH:MM:SS[.mmm]: \"{text}\"");
    let text = text.trim();
    let (days, clock) = if text.starts_with(['+', '-']) {
        text.split_once("d ").ok_or_else(wrong)?
    } else {
        ("0", text)
    };
    let (seconds, millis) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts = seconds
        .split(':')
        .map(|part| part.parse::<i64>().map_err(|_| wrong()))
        .collect::<Result<Vec<_>, _>>()?;
    let [hours, minutes, seconds] = parts.as_slice() else { return Err(wrong()) };
    let days: i64 = days.parse().map_err(|_| wrong())?;
    let millis: i64 = format!("{millis:0<3}").parse().map_err(|_| wrong())?;
    Ok(ZERO_MS + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

fn duration(text: &str) -> Result<i64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == "0" => 0,
        _ => return Err(format!("not a duration: \"{text}\"")),
    };
    number.parse::<i64>().map(|number| number * unit_ms).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_from_midnight_in_seoul_and_may_have_days_and_milliseconds() {
        assert_eq!(time("11:40:00"), Ok(1_734_144_000_000));
        assert_eq!(time("00:00:00.5"), Ok(ZERO_MS + 500));
        assert_eq!(time("+1d 00:00:00.001"), Ok(ZERO_MS + 86_400_001));
        assert_eq!(time("-1d 23:59:59.999"), Ok(ZERO_MS - 1));
        assert!(time("11:40").is_err());
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let error = parse("some", "# fine\nwatermark soon -> nothing").unwrap_err();
        assert!(error.to_string().starts_with("some:2: not a time"), "{error}");
    }

    #[test]
    fn rules_behind_the_first_step_are_a_step() {
        let text = "rules {\"a\":1}\n00:00:01 event u1 CIN with {\"b\": [2]} -> none\nrules {}";
        let scenario = parse("rules", text).unwrap();
        assert_eq!(scenario.rules.as_deref(), Some("{\"a\":1}"));
        let [event, rules] = scenario.steps.as_slice() else { panic!("{:?}", scenario.steps) };
        assert!(matches!(&event.action, Action::Event { with, .. } if with["b"][0] == 2));
        assert_eq!(rules.action, Action::Rules { rules: "{}".to_owned() });
    }

    #[test]
    fn fields_take_times_of_other_days() {
        let text = "00:00:01 event u1 CIN -> 00:00:01 seq=1 start=00:00:01 last=+1d 00:00:01 \
                    expires=+2d 03:00:01; closed u1@+1d 00:00:00 count=2 last=00:00:00 by=evicted";
        let scenario = parse("days", text).unwrap();
        let Action::Event { label: Some(label), closed, .. } = &scenario.steps[0].action else {
            panic!("no label");
        };
        assert_eq!(label.last_ms, ZERO_MS + 86_401_000);
        assert_eq!(closed[0].id_ms, ZERO_MS + 86_400_000);
    }
}
