//! The rules file: JSON that says what differs from the built-in rules.
//!
//! ```json
//! {
//!   "key": ["uid"],
//!   "log_names": {
//!     "CIN":  {"timeout": "180m", "check_in": "set"},
//!     "COUT": {"timeout": "30m"}
//!   },
//!   "default": {"timeout": "30m", "timeout_checked_in": "180m"},
//!   "time_zone": "Asia/Seoul"
//! }
//! ```

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use session::{CheckIn, Rules, SessionRow, Timeouts, Treatment};

use crate::json_tree::{self, member};
use crate::log_after::MEMBERS;
use crate::log_before::LONGEST_LOG_NAME;

const SHORTEST_MS: i64 = 1_000;
const LONGEST_MS: i64 = 365 * 24 * 3_600_000;

/// Units of a duration, the longest first.
const UNITS: [(&str, i64); 5] =
    [("d", 24 * 3_600_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The rules in force: the built-in ones, changed by a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulesFile {
    /// Where the key stands: the first usable field is taken.
    pub key: Vec<KeySource>,
    #[serde(serialize_with = "with_those_taken_away")]
    log_names: BTreeMap<String, Row>,
    default: BothTimeouts,
    time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration: Option<DurationMs>,
}

/// A field that may hold the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// The field's name.
    pub field: String,
    /// Only where these string fields hold these texts, without regard to ASCII case.
    pub when: BTreeMap<String, String>,
}

impl Serialize for KeySource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.when.is_empty() {
            return serializer.serialize_str(&self.field);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("field", &self.field)?;
        map.serialize_entry("when", &self.when)?;
        map.end()
    }
}

/// The rows, and `null` for each built-in one that was taken away: else a file of what is printed
/// would bring it back.
fn with_those_taken_away<S: Serializer>(
    rows: &BTreeMap<String, Row>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let taken_away = RulesFile::default().log_names.into_keys().map(|name| (name, None));
    let mut all: BTreeMap<_, _> = taken_away.collect();
    all.extend(rows.iter().map(|(name, row)| (name.clone(), Some(row))));
    serializer.collect_map(all)
}

/// A row as it is written; what it leaves out has a default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<DurationMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_checked_in: Option<DurationMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_in: Option<CheckInWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    RideAlong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum CheckInWord {
    Set,
    Clear,
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct BothTimeouts {
    timeout: DurationMs,
    timeout_checked_in: DurationMs,
}

impl BothTimeouts {
    fn in_ms(&self) -> Timeouts {
        Timeouts { unchecked_ms: self.timeout.0, checked_in_ms: self.timeout_checked_in.0 }
    }

    fn check(&self, path: &str, mistakes: &mut Mistakes) {
        let BothTimeouts { timeout, timeout_checked_in } = self;
        if timeout_checked_in < timeout {
            mistakes.add(
                &member(path, "timeout_checked_in"),
                format_args!(
                    "{timeout_checked_in} is shorter than timeout, {timeout}: \
                     a check-in must not shorten a session"
                ),
            );
        }
    }
}

/// A duration in milliseconds, written with the largest unit that leaves no rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DurationMs(i64);

impl fmt::Display for DurationMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Minutes are the rule's own words: hours and days only where they are longer than that.
        let (unit, unit_ms) = UNITS
            .into_iter()
            .skip(if self.0 >= 2 * LONGEST_IN_MINUTES_MS { 0 } else { 2 })
            .find(|(_, unit_ms)| self.0 % unit_ms == 0)
            .unwrap_or(("ms", 1));
        write!(f, "{}{unit}", self.0 / unit_ms)
    }
}

impl Serialize for DurationMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const LONGEST_IN_MINUTES_MS: i64 = 24 * 3_600_000;

/// Every mistake of a rules file, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesFileError {
    /// One sentence each.
    pub mistakes: Vec<String>,
}

impl fmt::Display for RulesFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes.join("\n"))
    }
}

impl std::error::Error for RulesFileError {}

impl Default for RulesFile {
    fn default() -> RulesFile {
        let minutes = |minutes: i64| DurationMs(minutes * 60_000);
        let check_in =
            Row { timeout: Some(minutes(180)), check_in: Some(CheckInWord::Set), ..Row::default() };
        let check_out = Row { timeout: Some(minutes(30)), ..Row::default() };
        RulesFile {
            key: vec![KeySource { field: "uid".to_owned(), when: BTreeMap::new() }],
            log_names: [("CIN".to_owned(), check_in), ("COUT".to_owned(), check_out)].into(),
            default: BothTimeouts { timeout: minutes(30), timeout_checked_in: minutes(180) },
            time_zone: "Asia/Seoul".to_owned(),
            max_duration: None,
        }
    }
}

impl RulesFile {
    /// Reads a rules file; an empty text is none.
    ///
    /// # Errors
    ///
    /// Every mistake in it, each with its place.
    pub fn parse(text: &str) -> Result<RulesFile, RulesFileError> {
        let mut rules = RulesFile::default();
        if text.trim().is_empty() {
            return Ok(rules);
        }
        let mut mistakes = Mistakes(Vec::new());
        match json_tree::read(text) {
            Ok((Value::Object(file), twice)) => {
                for path in twice {
                    mistakes.add(&path, "stands there twice");
                }
                rules.change(&file, &mut mistakes);
            }
            Ok(_) => mistakes.add("rules", "not an object"),
            Err(error) => mistakes.add("rules", format!("not JSON: {error}")),
        }
        if mistakes.0.is_empty() {
            Ok(rules)
        } else {
            Err(RulesFileError { mistakes: mistakes.0 })
        }
    }

    /// The rule table.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let rows = self.log_names.iter().map(|(name, row)| (name.clone(), self.treatment(row)));
        Rules::new(rows, self.default.in_ms(), self.max_duration.map(|duration| duration.0))
    }

    /// The time zone of `ts_str`.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        // It was looked up when the file was read, and the built-in one is always there.
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// The rules in force, as a rules file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn treatment(&self, row: &Row) -> Treatment {
        if row.role.is_some() {
            return Treatment::RideAlong;
        }
        Treatment::Session(SessionRow {
            timeouts: self.timeouts(row).in_ms(),
            check_in: match row.check_in.unwrap_or(CheckInWord::Keep) {
                CheckInWord::Set => CheckIn::Set,
                CheckInWord::Clear => CheckIn::Clear,
                CheckInWord::Keep => CheckIn::Keep,
            },
        })
    }

    /// A row's two timeouts: its own, else the default row's.
    fn timeouts(&self, row: &Row) -> BothTimeouts {
        let same_or_default = row.timeout.unwrap_or(self.default.timeout_checked_in);
        BothTimeouts {
            timeout: row.timeout.unwrap_or(self.default.timeout),
            timeout_checked_in: row.timeout_checked_in.unwrap_or(same_or_default),
        }
    }

    fn change(&mut self, file: &Map<String, Value>, mistakes: &mut Mistakes) {
        for (name, value) in file {
            match name.as_str() {
                "key" => self.change_key(value, mistakes),
                "log_names" => self.change_log_names(value, mistakes),
                "default" => self.change_default(value, mistakes),
                "time_zone" => match value.as_str().filter(|zone| known_zone(zone)) {
                    Some(zone) => zone.clone_into(&mut self.time_zone),
                    None => mistakes.add(name, no_known_zone(value)),
                },
                "max_duration" if value.is_null() => self.max_duration = None,
                "max_duration" => self.max_duration = mistakes.duration(name, value),
                _ => mistakes.unknown(
                    &member("", name),
                    "key, log_names, default, time_zone and max_duration are known",
                ),
            }
        }
        self.check_timeouts(mistakes);
    }

    fn change_key(&mut self, value: &Value, mistakes: &mut Mistakes) {
        let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if entries.is_empty() {
            mistakes.add("key", "not a list of fields with at least one in it");
            return;
        }
        let mut key: Vec<KeySource> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("key[{index}]");
            let Some(source) = key_source(&path, entry, mistakes) else { continue };
            let covers =
                |before: &KeySource| before.when.is_empty() && before.field == source.field;
            if !source.field.is_empty() && key.iter().any(covers) {
                mistakes.add(&path, "never looked at: the field stands before it already");
            }
            key.push(source);
        }
        self.key = key;
    }

    fn change_log_names(&mut self, value: &Value, mistakes: &mut Mistakes) {
        let Some(rows) = value.as_object() else {
            mistakes.add("log_names", "not an object of log names");
            return;
        };
        for (log_name, row) in rows {
            let path = member("log_names", log_name);
            if log_name.is_empty() || log_name.len() > LONGEST_LOG_NAME {
                mistakes.add(&path, "no event can have that log name (1 to 256 bytes)");
            }
            match row {
                Value::Null => {
                    self.log_names.remove(log_name);
                }
                Value::Object(row) => {
                    let built_in = self.log_names.get(log_name).copied().unwrap_or_default();
                    let changed = changed_row(&path, built_in, row, mistakes);
                    self.log_names.insert(log_name.clone(), changed);
                }
                _ => mistakes.add(&path, "not an object, nor null to take it away"),
            }
        }
    }

    fn change_default(&mut self, value: &Value, mistakes: &mut Mistakes) {
        let Some(row) = value.as_object() else {
            mistakes.add("default", "not an object");
            return;
        };
        for (name, value) in row {
            let path = member("default", name);
            let place = match name.as_str() {
                "timeout" => &mut self.default.timeout,
                "timeout_checked_in" => &mut self.default.timeout_checked_in,
                _ => {
                    mistakes.unknown(&path, "timeout and timeout_checked_in are known");
                    continue;
                }
            };
            if let Some(duration) = mistakes.duration(&path, value) {
                *place = duration;
            }
        }
    }

    /// A shorter timeout once checked in would let an out-of-order check-in shorten a session.
    fn check_timeouts(&self, mistakes: &mut Mistakes) {
        // What is wrong already is not compared: it is not what the user meant.
        let default_known = !mistakes.any_in("default");
        if default_known {
            self.default.check("default", mistakes);
        }
        for (log_name, row) in self.log_names.iter().filter(|(_, row)| row.role.is_none()) {
            let path = member("log_names", log_name);
            let own = row.timeout.is_some() && row.timeout_checked_in.is_some();
            if (own || default_known) && !mistakes.any_in(&path) {
                self.timeouts(row).check(&path, mistakes);
            }
        }
    }
}

/// Whether the zone is in the data. `Etc/Unknown` is no zone but the word for one that is not known.
fn known_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok_and(|zone| !zone.is_unknown())
}

/// Why a value is no time zone. An offset is a frequent guess, so that one is told what to name.
fn no_known_zone(value: &Value) -> String {
    let offset = value.as_str().is_some_and(|text| {
        let number = text.trim_start_matches("UTC").trim_start_matches("GMT");
        let digits = number.strip_prefix(['+', '-']).unwrap_or_default();
        digits.starts_with(|first: char| first.is_ascii_digit())
    });
    if offset {
        format!(
            "{value} is an offset; name a time zone, as Asia/Kathmandu, or as Etc/GMT-9, which is \
             always nine hours ahead of UTC"
        )
    } else {
        format!("{value} is no known time zone, as Asia/Seoul or UTC are")
    }
}

fn key_source(path: &str, entry: &Value, mistakes: &mut Mistakes) -> Option<KeySource> {
    match entry {
        Value::String(field) => {
            mistakes.check_field(path, field);
            Some(KeySource { field: field.clone(), when: BTreeMap::new() })
        }
        Value::Object(entry) => {
            let mut source = KeySource { field: String::new(), when: BTreeMap::new() };
            for (name, value) in entry {
                let path = member(path, name);
                match (name.as_str(), value) {
                    ("field", Value::String(field)) => {
                        mistakes.check_field(&path, field);
                        field.clone_into(&mut source.field);
                    }
                    ("when", Value::Object(when)) => {
                        source.when = conditions(&path, when, mistakes);
                    }
                    ("field", _) => mistakes.add(&path, "not a field's name"),
                    ("when", _) => mistakes.add(&path, "not an object of fields and texts"),
                    _ => mistakes.unknown(&path, "field and when are known"),
                }
            }
            if !entry.contains_key("field") {
                mistakes.add(path, "no field");
            }
            Some(source)
        }
        _ => {
            mistakes.add(path, "not a field's name, nor an object with field and when");
            None
        }
    }
}

fn conditions(
    path: &str,
    when: &Map<String, Value>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, String> {
    let mut conditions = BTreeMap::new();
    for (field, text) in when {
        let path = member(path, field);
        mistakes.check_field(&path, field);
        match text.as_str() {
            Some(text) => {
                conditions.insert(field.clone(), text.to_owned());
            }
            None => mistakes.add(&path, "not a text"),
        }
    }
    conditions
}

fn changed_row(
    path: &str,
    built_in: Row,
    row: &Map<String, Value>,
    mistakes: &mut Mistakes,
) -> Row {
    let mut changed = if row.contains_key("role") { Row::default() } else { built_in };
    for (name, value) in row {
        let path = member(path, name);
        match (name.as_str(), value.as_str()) {
            ("timeout", _) => changed.timeout = mistakes.duration(&path, value),
            ("timeout_checked_in", _) => {
                changed.timeout_checked_in = mistakes.duration(&path, value);
            }
            ("check_in", Some("set")) => changed.check_in = Some(CheckInWord::Set),
            ("check_in", Some("clear")) => changed.check_in = Some(CheckInWord::Clear),
            ("check_in", Some("keep")) => changed.check_in = Some(CheckInWord::Keep),
            ("check_in", _) => {
                mistakes.add(&path, format!("{value} is none of \"set\", \"clear\", \"keep\""));
            }
            ("role", Some("ride_along")) => changed.role = Some(Role::RideAlong),
            ("role", _) => mistakes.add(&path, format!("{value} is not \"ride_along\"")),
            _ => {
                mistakes.unknown(&path, "timeout, timeout_checked_in, check_in and role are known")
            }
        }
    }
    if row.contains_key("role") {
        for beside in ["timeout", "timeout_checked_in", "check_in"] {
            if row.contains_key(beside) {
                mistakes.add(
                    &format!("{path}.{beside}"),
                    "stands beside a role, but an event that rides along changes nothing",
                );
            }
        }
    }
    changed
}

/// Mistakes as they are found.
struct Mistakes(Vec<String>);

impl Mistakes {
    fn add(&mut self, path: &str, what: impl fmt::Display) {
        self.0.push(format!("{path}: {what}"));
    }

    /// Whether there is one at the path or below it.
    fn any_in(&self, path: &str) -> bool {
        self.0
            .iter()
            .filter_map(|mistake| mistake.strip_prefix(path))
            .any(|rest| rest.starts_with(':') || rest.starts_with('.') || rest.starts_with('['))
    }

    fn unknown(&mut self, path: &str, known: &str) {
        self.add(path, format_args!("unknown name; {known}"));
    }

    fn check_field(&mut self, path: &str, field: &str) {
        if field.is_empty() {
            self.add(path, "an empty name");
        } else if MEMBERS.contains(&field) {
            self.add(path, format_args!("{field} is a field of the output, which replaces it"));
        }
    }

    fn duration(&mut self, path: &str, value: &Value) -> Option<DurationMs> {
        let Some(text) = value.as_str() else {
            self.add(path, format_args!("{value} is not a text with a number and a unit"));
            return None;
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if unit.is_empty() && !number.is_empty() {
            self.add(path, format_args!("{value} has no unit (ms, s, m, h, d)"));
            return None;
        }
        let known = UNITS.into_iter().find(|(name, _)| *name == unit && !number.is_empty());
        let Some((_, unit_ms)) = known else {
            self.add(
                path,
                format_args!("{value} is not a whole number with a unit (ms, s, m, h, d)"),
            );
            return None;
        };
        let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_ms));
        match ms.filter(|ms| (SHORTEST_MS..=LONGEST_MS).contains(ms)) {
            Some(ms) => Some(DurationMs(ms)),
            None => {
                self.add(path, format_args!("{value} is not from 1s to 365d"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        RulesFile::parse(text).unwrap_err().mistakes
    }

    #[test]
    fn no_file_gives_the_users_rule() {
        assert_eq!(RulesFile::parse("").unwrap().rules(), Rules::default());
        assert_eq!(RulesFile::parse("{}").unwrap(), RulesFile::default());
    }

    #[test]
    fn what_is_printed_is_a_file_that_gives_the_same_rules() {
        let file = r#"{"key":["uid",{"field":"ip","when":{"access_type":"PC"}}],
            "log_names":{"CIN":{"timeout":"1500ms"},"COUT":null,"PUSH":{"role":"ride_along"}},
            "default":{"timeout":"40d","timeout_checked_in":"50d"},"max_duration":"36h"}"#;
        let rules = RulesFile::parse(file).unwrap();
        // COUT too, which the file takes away: else the built-in row would come back.
        assert_eq!(RulesFile::parse(&rules.to_json()), Ok(rules.clone()));
        assert!(rules.to_json().contains("\"1500ms\""), "{}", rules.to_json());
    }

    #[test]
    fn a_file_changes_field_by_field() {
        let rules = RulesFile::parse(r#"{"log_names":{"COUT":{"check_in":"clear"}}}"#).unwrap();
        let expected =
            SessionRow { timeouts: Timeouts::always(1_800_000), check_in: CheckIn::Clear };
        assert_eq!(rules.rules().treatment("COUT"), Treatment::Session(expected));
        assert_ne!(rules.rules().treatment("CIN"), rules.rules().treatment("CLICK"));
    }

    #[test]
    fn a_log_name_taken_away_follows_the_default_row() {
        let rules = RulesFile::parse(r#"{"log_names":{"COUT":null}}"#).unwrap().rules();
        assert_eq!(rules.treatment("COUT"), rules.treatment("CLICK"));
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        let found = mistakes(
            r#"{"keys":[],"key":["session_id",{"when":{"a":1}}],"time_zone":"Asia/Soul",
                "log_names":{"CIN":{"timeout":"180"},"COUT":{"timeout":"1ms","check_in":"off"},
                "PUSH":{"role":"ride_along","timeout":"1h"},"X":{"timeout":"2m","timeout_checked_in":"1m"}},
                "default":{"timeout":30},"max_duration":"400d"}"#,
        );
        for expected in [
            "keys: unknown name",
            "key[0]: session_id is a field of the output",
            "key[1].when.a: not a text",
            "key[1]: no field",
            "time_zone: \"Asia/Soul\" is no known time zone",
            "log_names.CIN.timeout: \"180\" has no unit",
            "log_names.COUT.timeout: \"1ms\" is not from 1s to 365d",
            "log_names.COUT.check_in: \"off\" is none of",
            "log_names.PUSH.timeout: stands beside a role",
            "log_names.X.timeout_checked_in: 1m is shorter than timeout, 2m",
            "default.timeout: 30 is not a text",
            "max_duration: \"400d\" is not from 1s to 365d",
        ] {
            assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:#?}");
        }
        assert_eq!(found.len(), 12, "{found:#?}");
    }

    #[test]
    fn an_offset_in_place_of_a_time_zone_is_told_what_to_name() {
        for offset in ["+05:45", "-0330", "UTC+9", "GMT-3"] {
            let file = format!(r#"{{"time_zone":"{offset}"}}"#);
            let expected = format!("time_zone: \"{offset}\" is an offset; name a time zone");
            assert!(mistakes(&file)[0].starts_with(&expected), "{:?}", mistakes(&file));
        }
        for other in [r#""+x""#, r#""Asia/Soul""#, r#""""#, "9", "null"] {
            let found = mistakes(&format!(r#"{{"time_zone":{other}}}"#));
            let expected = format!("time_zone: {other} is no known time zone");
            assert!(found[0].starts_with(&expected), "{found:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_object_is_one_mistake() {
        assert_eq!(mistakes("[]"), ["rules: not an object"]);
        assert_eq!(mistakes("{").len(), 1);
    }
}
