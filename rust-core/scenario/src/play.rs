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
use wire::{Arrival, DecodeReply, EmissionKind, StateChange, StepReply, Subject};

use crate::{Action, Becomes, Closed, Label, Scenario};

/// A core, however it is reached. Each function returns the frame of its call.
pub trait Engine {
    /// Decides what a record is.
    fn decode(&mut self, value: &[u8], record_time_ms: i64, now_ms: i64) -> Vec<u8>;
    /// Gives an event its session, or lets it wait.
    fn on_event(
        &mut self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
    ) -> Vec<u8>;
    /// Labels and closes what is due.
    fn on_timer(&mut self, state: &[u8], key: &str, timer_ms: i64, watermark_ms: i64) -> Vec<u8>;
}

/// The scenario files of the project.
///
/// # Panics
///
/// Where one cannot be read, or nearly all of them are gone.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let scenarios = crate::read_folder(&folder).expect("scenario files");
    assert!(scenarios.len() >= 60, "only {} scenario files found", scenarios.len());
    scenarios
}

/// Plays every scenario file of the project, each on engines of its own that `open` makes from the
/// core's options.
///
/// # Panics
///
/// Where a core does not do what a scenario says.
pub fn play_all<E: Engine>(open: impl Fn(&str) -> E) {
    for scenario in &scenarios() {
        Player {
            scenario,
            open: &open,
            engine: open(&options(scenario, scenario.rules.as_deref())),
            keys: BTreeMap::new(),
            watermark_ms: i64::MIN,
            expected: Vec::new(),
        }
        .play();
    }
}

/// The core's options for a scenario; `rules` stands last there.
fn options(scenario: &Scenario, rules: Option<&str>) -> String {
    let mut options = format!(
        "allowed_lateness_ms={}\nclose_records=true\norder={}\n",
        scenario.lateness_ms, scenario.order
    );
    if let Some(size) = scenario.max_record_size {
        options.push_str(&format!("max_record_size={size}\n"));
    }
    options + "rules=" + rules.unwrap_or_default()
}

/// What Flink does for the core: state and one timer for each key, and a watermark.
struct Player<'s, E, O> {
    scenario: &'s Scenario,
    open: &'s O,
    engine: E,
    keys: BTreeMap<String, Key>,
    watermark_ms: i64,
    /// The event lines so far; the offset of an event's record is its place here.
    expected: Vec<Expected<'s>>,
}

#[derive(Clone, Default)]
struct Key {
    state: Vec<u8>,
    timers: Vec<i64>,
}

/// What an event line tells.
struct Expected<'s> {
    place: String,
    key: &'s str,
    at_ms: i64,
    label: Option<&'s Label>,
    /// Whether its output has come.
    came: bool,
}

/// What one step of a key gives, or all steps of a line.
#[derive(Default)]
struct Given {
    outputs: Vec<Output>,
    closings: Vec<Closing>,
}

struct Output {
    /// The offset of its record, where the event waited.
    waited: Option<i64>,
    value: Vec<u8>,
}

struct Closing {
    expires_ms: i64,
    id: String,
    told: Closed,
}

impl Given {
    /// The closings as a line tells them: by expiry, then id. Those of a key come so by themselves.
    fn closed(mut self) -> Vec<Closed> {
        let order = |one: &Closing, other: &Closing| {
            (one.expires_ms, &one.id).cmp(&(other.expires_ms, &other.id))
        };
        for (index, one) in self.closings.iter().enumerate() {
            for next in &self.closings[index + 1..] {
                let in_order = one.told.key != next.told.key || order(one, next).is_le();
                assert!(in_order, "{} closes before {}", one.id, next.id);
            }
        }
        self.closings.sort_by(order);
        self.closings.into_iter().map(|closing| closing.told).collect()
    }
}

/// What the shim carries for the record of an offset.
fn carried(offset: i64) -> String {
    format!("carried for {offset}")
}

impl<E: Engine, O: Fn(&str) -> E> Player<'_, E, O> {
    fn play(mut self) {
        for step in &self.scenario.steps {
            let place = format!("{}:{}", self.scenario.name, step.line);
            match &step.action {
                Action::Event { at_ms, key, log_name, with, label, closed } => {
                    let mut record = json!({"uid": key, "log_name": log_name, "ts": at_ms});
                    for (name, value) in with {
                        record[name] = value.clone();
                    }
                    let (at_ms, label) = (*at_ms, label.as_ref());
                    let expected =
                        Expected { place: place.clone(), key, at_ms, label, came: false };
                    self.expected.push(expected);
                    let given = self.event(record.to_string().as_bytes(), key);
                    self.check_labels(&given.outputs);
                    assert_eq!(given.closed(), *closed, "{place}");
                }
                // A savepoint and a restore: what a core keeps is in the keys.
                Action::Rules { rules } => {
                    self.engine = (self.open)(&options(self.scenario, Some(rules)));
                }
                Action::Watermark { at_ms, closed } => {
                    self.watermark_ms = self.watermark_ms.max(*at_ms);
                    let given = self.fire_timers(self.watermark_ms);
                    self.check_labels(&given.outputs);
                    assert_eq!(given.closed(), *closed, "{place}");
                }
                Action::Due { key, at_ms } => self.check_due(key, *at_ms, &place),
                Action::Record { value, record_time_ms, becomes } => {
                    self.check_record(value, *record_time_ms, becomes, &place);
                }
            }
            self.check_nothing_waits_too_long();
        }
        // What the scenario leaves open closes in the end, and nothing stays behind.
        self.watermark_ms = i64::MAX;
        let given = self.fire_timers(self.watermark_ms);
        self.check_labels(&given.outputs);
        self.check_nothing_waits_too_long();
        for (key, held) in &self.keys {
            assert!(held.state.is_empty(), "{}: state of {key} is left", self.scenario.name);
            assert!(held.timers.is_empty(), "{}: timers of {key} are left", self.scenario.name);
        }
    }

    /// Each output is its line's, and those of a key come by event time where they waited.
    fn check_labels(&mut self, outputs: &[Output]) {
        let mut released: BTreeMap<&str, i64> = BTreeMap::new();
        for output in outputs {
            let offset = output.waited.map_or(self.expected.len() - 1, |at| at.try_into().unwrap());
            let expected = &mut self.expected[offset];
            let place = &expected.place;
            assert!(!expected.came, "{place}: a second output");
            expected.came = true;
            let value = serde_json::from_slice(&output.value).unwrap();
            assert_eq!(label_of(&value, expected.key).as_ref(), expected.label, "{place}");
            if output.waited.is_some() {
                let before = released.insert(expected.key, expected.at_ms);
                assert!(before.is_none_or(|at_ms| at_ms <= expected.at_ms), "{place}: not in turn");
            }
        }
    }

    /// In arrival order nothing waits, else what happened after the watermark does.
    fn check_nothing_waits_too_long(&self) {
        let in_turn = self.scenario.order == "event-time";
        for expected in &self.expected {
            let waits = in_turn && expected.at_ms > self.watermark_ms;
            assert!(waits || expected.came, "{}: no output came", expected.place);
        }
    }

    fn now_ms(&self) -> i64 {
        self.scenario.now_ms.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            i64::try_from(now.as_millis()).unwrap()
        })
    }

    fn event(&mut self, record: &[u8], expected_key: &str) -> Given {
        let now_ms = self.now_ms();
        let frame = self.engine.decode(record, -1, now_ms);
        let (key, found) = match DecodeReply::read(&frame).unwrap() {
            DecodeReply::Event { key, found, .. } => (key.to_owned(), found.to_vec()),
            DecodeReply::DeadLetter { reason, detail } => panic!("dead letter {reason}: {detail}"),
        };
        assert_eq!(key, expected_key, "{}", self.scenario.name);
        let offset = i64::try_from(self.expected.len()).unwrap() - 1;
        let (carried, watermark_ms) = (carried(offset), self.watermark_ms);
        let arrival = Arrival { partition: 3, offset, carried: carried.as_bytes(), watermark_ms };
        let held = self.keys.entry(key).or_default();
        let frame = self.engine.on_event(&held.state, &found, record, &arrival);
        held.apply(&StepReply::read(&frame).unwrap())
    }

    /// Fires the timers that are due at a watermark, earliest first, as Flink does.
    fn fire_timers(&mut self, watermark_ms: i64) -> Given {
        let mut given = Given::default();
        while let Some((timer_ms, key)) = self
            .keys
            .iter()
            .filter_map(|(key, held)| Some((*held.timers.iter().min()?, key.clone())))
            // Ids of one instant are ordered as text, where `_` follows the key.
            .min_by_key(|(timer_ms, key)| (*timer_ms, format!("{key}_")))
            .filter(|(timer_ms, _)| *timer_ms <= watermark_ms)
        {
            let held = self.keys.get_mut(&key).unwrap();
            held.timers.retain(|timer| *timer != timer_ms);
            let frame = self.engine.on_timer(&held.state, &key, timer_ms, watermark_ms);
            let step = held.apply(&StepReply::read(&frame).unwrap());
            assert!(step.outputs.iter().all(|output| output.waited.is_some()), "invents an output");
            given.outputs.extend(step.outputs);
            given.closings.extend(step.closings);
        }
        given
    }

    fn check_due(&mut self, key: &str, due_ms: Option<i64>, place: &str) {
        let timers = self.keys.get(key).map(|held| held.timers.as_slice()).unwrap_or_default();
        match due_ms {
            Some(due_ms) => {
                assert_eq!(timers.len(), 1, "{place}: timers {timers:?}");
                assert!(timers[0] <= due_ms, "{place}: the timer is late: {timers:?}");
                // A watermark just before does nothing to the key, one just then does.
                assert_eq!(self.done_at(key, due_ms - 1), 0, "{place}: due earlier");
                assert_ne!(self.done_at(key, due_ms), 0, "{place}: due later");
            }
            None => assert!(timers.is_empty(), "{place}: timers {timers:?}"),
        }
    }

    /// How many events of a key a watermark would label, and sessions close.
    fn done_at(&mut self, key: &str, at_ms: i64) -> usize {
        let alone = BTreeMap::from([(key.to_owned(), self.keys[key].clone())]);
        let keys = std::mem::replace(&mut self.keys, alone);
        let given = self.fire_timers(at_ms);
        self.keys = keys;
        given.outputs.len() + given.closings.len()
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
                // Late, so that it does not wait.
                let late = Arrival { watermark_ms: i64::MAX, ..Arrival::default() };
                let frame = self.engine.on_event(&[], &found, value.as_bytes(), &late);
                let given = Key::default().apply(&StepReply::read(&frame).unwrap());
                let [output] = given.outputs.as_slice() else { panic!("{place}: one output") };
                assert_eq!(std::str::from_utf8(&output.value).unwrap(), *expected, "{place}");
            }
        }
    }
}

impl Key {
    /// Applies a reply as the shim does, and returns what it gives.
    fn apply(&mut self, reply: &StepReply<'_>) -> Given {
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
        let mut given = Given::default();
        for emission in &reply.emissions {
            let waited = match emission.subject {
                Subject::Waited { arrival, .. } => {
                    assert_eq!(arrival.carried, carried(arrival.offset).as_bytes());
                    Some(arrival.offset)
                }
                _ => None,
            };
            match emission.kind {
                EmissionKind::Output => {
                    given.outputs.push(Output { waited, value: emission.value.to_vec() });
                }
                EmissionKind::CloseRecord => given.closings.push(closing_of(emission.value)),
                EmissionKind::DeadLetter => panic!("the core failed"),
            }
        }
        given
    }
}

/// The label in an output; none where it has no session.
///
/// # Panics
///
/// Where a member of the label is missing.
#[must_use]
pub fn label_of(output: &Value, key: &str) -> Option<Label> {
    let id = output["session_id"].as_str()?;
    Some(Label {
        id_ms: id_time(id, key),
        seq: output["seq_in_session"].as_u64().unwrap(),
        start_ms: output["session_start_ts"].as_i64().unwrap(),
        last_ms: output["session_last_ts"].as_i64().unwrap(),
        expires_ms: output["session_expire_at"].as_i64().unwrap(),
    })
}

fn closing_of(record: &[u8]) -> Closing {
    let record: Value = serde_json::from_slice(record).unwrap();
    Closing {
        expires_ms: record["session_expire_at"].as_i64().unwrap(),
        id: record["session_id"].as_str().unwrap().to_owned(),
        told: closed_of(&record),
    }
}

/// What a close record tells.
///
/// # Panics
///
/// Where a member of it is missing.
#[must_use]
pub fn closed_of(record: &Value) -> Closed {
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
