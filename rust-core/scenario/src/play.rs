//! Plays scenarios on a core, through the same bytes that cross into it from Java.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "only tests call this; they say what they expect without a detour"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};
use wire::{DecodeReply, EmissionKind, StateChange, StepReply};

use crate::{Action, Becomes, Closed, Label, Scenario};

/// A core, however it is reached. Each function returns the frame of its call.
pub trait Engine {
    /// Decides what a record is.
    fn decode(&mut self, value: &[u8], record_time_ms: i64, now_ms: i64) -> Vec<u8>;
    /// Gives an event its session.
    fn on_event(&mut self, state: &[u8], found: &[u8], record: &[u8]) -> Vec<u8>;
    /// Closes what is due.
    fn on_timer(&mut self, state: &[u8], key: &str, timer_ms: i64) -> Vec<u8>;
}

/// Plays every scenario file of the project, each on an engine of its own that `open` makes from
/// the core's options.
///
/// # Panics
///
/// Where a core does not do what a scenario says.
pub fn play_all<E: Engine>(mut open: impl FnMut(&str) -> E) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let scenarios = crate::read_folder(&folder).expect("scenario files");
    assert!(scenarios.len() >= 11, "only {} scenario files found", scenarios.len());
    for scenario in &scenarios {
        let options = format!(
            "allowed_lateness_ms={}\nclose_records=true\nrules={}",
            scenario.lateness_ms,
            scenario.rules.as_deref().unwrap_or_default()
        );
        Player { scenario, engine: open(&options), keys: BTreeMap::new() }.play();
    }
}

/// What Flink does for the core: state and one timer for each key, and a watermark.
struct Player<'s, E> {
    scenario: &'s Scenario,
    engine: E,
    keys: BTreeMap<String, Key>,
}

#[derive(Clone, Default)]
struct Key {
    state: Vec<u8>,
    timers: Vec<i64>,
}

impl<E: Engine> Player<'_, E> {
    fn play(mut self) {
        for step in &self.scenario.steps {
            let place = format!("{}:{}", self.scenario.name, step.line);
            match &step.action {
                Action::Event { at_ms, key, log_name, label, closed } => {
                    let record = json!({"uid": key, "log_name": log_name, "ts": at_ms}).to_string();
                    let (output, closings) = self.event(record.as_bytes());
                    assert_eq!(label_of(&output, key), *label, "{place}");
                    assert_eq!(closings, *closed, "{place}");
                }
                Action::Watermark { at_ms, closed } => {
                    assert_eq!(self.watermark(*at_ms), *closed, "{place}");
                }
                Action::Due { key, at_ms } => self.check_due(key, *at_ms, &place),
                Action::Record { value, record_time_ms, becomes } => {
                    self.check_record(value, *record_time_ms, becomes, &place);
                }
            }
        }
        // What the scenario leaves open closes in the end, and nothing stays behind.
        self.watermark(i64::MAX);
        for (key, held) in &self.keys {
            assert!(held.state.is_empty(), "{}: state of {key} is left", self.scenario.name);
            assert!(held.timers.is_empty(), "{}: timers of {key} are left", self.scenario.name);
        }
    }

    fn now_ms(&self) -> i64 {
        self.scenario.now_ms.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            i64::try_from(now.as_millis()).unwrap()
        })
    }

    fn event(&mut self, record: &[u8]) -> (Vec<u8>, Vec<Closed>) {
        let now_ms = self.now_ms();
        let frame = self.engine.decode(record, -1, now_ms);
        let (key, found) = match DecodeReply::read(&frame).unwrap() {
            DecodeReply::Event { key, found, .. } => (key.to_owned(), found.to_vec()),
            DecodeReply::DeadLetter { reason, detail } => panic!("dead letter {reason}: {detail}"),
        };
        let held = self.keys.entry(key.clone()).or_default();
        let frame = self.engine.on_event(&held.state, &found, record);
        held.apply(&StepReply::read(&frame).unwrap())
    }

    /// Fires the timers that are due, earliest first, as Flink does.
    fn watermark(&mut self, at_ms: i64) -> Vec<Closed> {
        let mut closings = Vec::new();
        while let Some((timer_ms, key)) = self
            .keys
            .iter()
            .filter_map(|(key, held)| Some((*held.timers.iter().min()?, key.clone())))
            // Ids of one instant are ordered as text, where `_` follows the key.
            .min_by_key(|(timer_ms, key)| (*timer_ms, format!("{key}_")))
            .filter(|(timer_ms, _)| *timer_ms <= at_ms)
        {
            let held = self.keys.get_mut(&key).unwrap();
            held.timers.retain(|timer| *timer != timer_ms);
            let frame = self.engine.on_timer(&held.state, &key, timer_ms);
            let (output, closed) = held.apply(&StepReply::read(&frame).unwrap());
            assert!(output.is_empty(), "a timer gave an output");
            closings.extend(closed);
        }
        closings
    }

    fn check_due(&mut self, key: &str, due_ms: Option<i64>, place: &str) {
        let timers = self.keys.get(key).map(|held| held.timers.as_slice()).unwrap_or_default();
        match due_ms {
            Some(due_ms) => {
                assert_eq!(timers.len(), 1, "{place}: timers {timers:?}");
                assert!(timers[0] <= due_ms, "{place}: the timer is late: {timers:?}");
                // A watermark just before closes nothing of the key, one just then does.
                assert_eq!(self.closings_at(key, due_ms - 1), 0, "{place}: closes too early");
                assert_ne!(self.closings_at(key, due_ms), 0, "{place}: closes too late");
            }
            None => assert!(timers.is_empty(), "{place}: timers {timers:?}"),
        }
    }

    /// How many sessions of a key a watermark would close.
    fn closings_at(&mut self, key: &str, at_ms: i64) -> usize {
        let alone = BTreeMap::from([(key.to_owned(), self.keys[key].clone())]);
        let keys = std::mem::replace(&mut self.keys, alone);
        let closings = self.watermark(at_ms).len();
        self.keys = keys;
        closings
    }

    fn check_record(
        &mut self,
        value: &str,
        record_time_ms: Option<i64>,
        becomes: &Becomes,
        place: &str,
    ) {
        let now_ms = self.now_ms();
        let frame = self.engine.decode(value.as_bytes(), record_time_ms.unwrap_or(-1), now_ms);
        let found = match DecodeReply::read(&frame).unwrap() {
            DecodeReply::DeadLetter { reason, .. } => {
                assert_eq!(Becomes::Dead(reason.to_owned()), *becomes, "{place}");
                return;
            }
            DecodeReply::Event { found, .. } => found.to_vec(),
        };
        match becomes {
            Becomes::Dead(reason) => panic!("{place}: an event, not {reason}"),
            Becomes::Event => {}
            Becomes::Out(expected) => {
                let frame = self.engine.on_event(&[], &found, value.as_bytes());
                let (output, _) = Key::default().apply(&StepReply::read(&frame).unwrap());
                assert_eq!(String::from_utf8(output).unwrap(), *expected, "{place}");
            }
        }
    }
}

impl Key {
    /// Applies a reply as the shim does, and returns the output and the closings.
    fn apply(&mut self, reply: &StepReply<'_>) -> (Vec<u8>, Vec<Closed>) {
        match reply.state_change {
            StateChange::Keep => {}
            StateChange::Put => self.state = reply.state.to_vec(),
            StateChange::Clear => self.state.clear(),
        }
        if let Some(deleted) = reply.delete_timer_ms {
            assert!(self.timers.contains(&deleted), "deletes a timer that is not registered");
            self.timers.retain(|timer| *timer != deleted);
        }
        self.timers.extend(reply.register_timer_ms);
        assert!(self.timers.len() <= 1, "more than one timer: {:?}", self.timers);
        assert_eq!(self.timers.is_empty(), self.state.is_empty(), "a timer for each live key");
        let mut output = Vec::new();
        let mut closings = Vec::new();
        for emission in &reply.emissions {
            match emission.kind {
                EmissionKind::Output => output = emission.value.to_vec(),
                EmissionKind::CloseRecord => closings.push(closing_of(emission.value)),
                EmissionKind::DeadLetter => panic!("the core failed"),
            }
        }
        (output, closings)
    }
}

fn label_of(output: &[u8], key: &str) -> Option<Label> {
    let output: Value = serde_json::from_slice(output).unwrap();
    let id = output["session_id"].as_str()?;
    Some(Label {
        id_ms: id_time(id, key),
        seq: output["seq_in_session"].as_u64().unwrap(),
        start_ms: output["session_start_ts"].as_i64().unwrap(),
        last_ms: output["session_last_ts"].as_i64().unwrap(),
        expires_ms: output["session_expire_at"].as_i64().unwrap(),
    })
}

fn closing_of(record: &[u8]) -> Closed {
    let record: Value = serde_json::from_slice(record).unwrap();
    let key = record["uid"].as_str().unwrap().to_owned();
    Closed {
        id_ms: id_time(record["session_id"].as_str().unwrap(), &key),
        key,
        count: record["event_count"].as_u64().unwrap(),
        last_ms: record["session_last_ts"].as_i64().unwrap(),
        by: record["closed_by"].as_str().unwrap().to_owned(),
    }
}

fn id_time(id: &str, key: &str) -> i64 {
    id.strip_prefix(key).and_then(|rest| rest.strip_prefix('_')).unwrap().parse().unwrap()
}
