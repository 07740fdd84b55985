//! The model plays the scenario files too: so the files, the core and the model agree.

use std::collections::BTreeMap;

use scenario::play::scenarios;
use scenario::{Action, Closed, Label, Scenario};
use wire::RulesFile;

use crate::model::{Closing, Model, Setup};

/// The rules of a file, for the log names that a scenario has.
fn setup(scenario: &Scenario, rules: Option<&str>) -> Setup {
    let rules = RulesFile::parse(rules.unwrap_or_default()).unwrap().rules();
    let mut rows = BTreeMap::new();
    for step in &scenario.steps {
        if let Action::Event { log_name, .. } = &step.action {
            rows.insert(known(log_name), rules.treatment(log_name));
        }
    }
    let session::Treatment::Session(default) = rules.treatment("no such name") else {
        panic!("the default row makes sessions")
    };
    Setup {
        rows,
        default: default.timeouts,
        max_duration_ms: rules.max_duration_ms,
        lateness_ms: scenario.lateness_ms,
    }
}

/// The model's names live as long as the test.
fn known(log_name: &str) -> &'static str {
    Box::leak(log_name.to_owned().into_boxed_str())
}

fn label_of(label: session::Label) -> Label {
    Label {
        id_ms: label.id_at.0,
        seq: label.seq,
        start_ms: label.start.0,
        last_ms: label.last.0,
        expires_ms: label.expires_at.0,
    }
}

fn closed_of(key: &str, closing: &Closing) -> Closed {
    Closed {
        key: key.to_owned(),
        id_ms: closing.label.id_at.0,
        count: closing.label.seq,
        last_ms: closing.label.last.0,
        by: closing.by.as_str().to_owned(),
    }
}

/// What a watermark closes, of all keys: by expiry, then id.
fn closed_at(at_ms: i64, keys: &mut BTreeMap<&str, Model>, setup: &Setup) -> Vec<Closed> {
    let mut closed = Vec::new();
    for (key, model) in keys {
        for closing in model.on_watermark(at_ms, setup) {
            let id = format!("{key}_{}", closing.label.id_at.0);
            closed.push((closing.label.expires_at, id, closed_of(key, &closing)));
        }
    }
    closed.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    closed.into_iter().map(|(_, _, closed)| closed).collect()
}

#[test]
fn the_model_plays_every_scenario() {
    let mut events = 0;
    // The model labels in the order of arrival; wire's tests hold ordered mode against a sort.
    for scenario in scenarios().iter().filter(|scenario| scenario.order == "arrival") {
        let mut setup = setup(scenario, scenario.rules.as_deref());
        let mut keys: BTreeMap<&str, Model> = BTreeMap::new();
        for step in &scenario.steps {
            let place = format!("{}:{}", scenario.name, step.line);
            match &step.action {
                Action::Event { at_ms, key, log_name, label, closed, .. } => {
                    events += 1;
                    let model = keys.entry(key).or_default();
                    let (told, closing) = model.on_event(*at_ms, known(log_name), &setup);
                    assert_eq!(told.map(label_of), *label, "{place}");
                    let closing = closing.iter().map(|closing| closed_of(key, closing));
                    assert_eq!(closing.collect::<Vec<_>>(), *closed, "{place}");
                }
                Action::Watermark { at_ms, closed } => {
                    assert_eq!(closed_at(*at_ms, &mut keys, &setup), *closed, "{place}");
                }
                Action::Due { key, at_ms } => {
                    let due = keys.get(key.as_str()).and_then(|model| model.due(&setup));
                    assert_eq!(due, *at_ms, "{place}");
                }
                Action::Rules { rules } => setup = self::setup(scenario, Some(rules)),
                // What a record is, is not the model's affair.
                Action::Record { .. } => {}
            }
        }
    }
    assert!(events > 400, "only {events} events");
}
