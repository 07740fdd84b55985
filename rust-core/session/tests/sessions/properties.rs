//! Random events, rules and watermarks, against a model that keeps every event of every session.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use session::{
    CheckIn, ClosedBy, Event, EventTime, KeySessions, Label, Outcome, Policy, SessionRow, Timeouts,
    Treatment,
};

use crate::model::{Closing, Model, Setup};

const LOG_NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];

/// The sessions under test with the timers that Flink would hold for the key.
#[derive(Default)]
struct Subject<'a> {
    sessions: KeySessions<'a>,
    timers: Vec<i64>,
}

impl<'a> Subject<'a> {
    fn arrange_timer(&mut self, policy: &Policy) {
        let change = self.sessions.arrange_timer(policy);
        if let Some(deleted) = change.delete {
            assert!(self.timers.contains(&deleted.0), "deletes a timer that is not registered");
            self.timers.retain(|timer| *timer != deleted.0);
        }
        self.timers.extend(change.register.map(|at| at.0));
    }

    fn on_watermark(&mut self, at: i64, policy: &Policy) -> Vec<Closing> {
        let mut closings = Vec::new();
        while let Some(timer) = self.timers.iter().copied().min().filter(|timer| *timer <= at) {
            self.timers.retain(|other| *other != timer);
            let closed = self.sessions.on_timer(EventTime(timer), policy);
            closings.extend(closed.iter().map(Closing::of));
            self.arrange_timer(policy);
            // Else it would fire for ever.
            assert!(self.timers.iter().all(|next| *next > timer), "the next timer is no later");
        }
        closings
    }

    fn check(&self, due: Option<i64>) {
        match due {
            Some(due) => {
                assert_eq!(self.timers.len(), 1, "one timer for a key with sessions");
                assert!(self.timers[0] <= due, "timer {} is later than {due}", self.timers[0]);
            }
            None => assert!(self.timers.is_empty(), "a timer without a session"),
        }
        for session in &self.sessions.sessions {
            assert!(session.start <= session.last && session.last <= session.expires_at);
            assert!(session.start <= session.id_at && session.id_at <= session.last);
        }
        for pair in self.sessions.sessions.windows(2) {
            assert!(pair[0].expires_at < pair[1].start, "sessions overlap: {pair:?}");
        }
    }
}

#[derive(Clone, Debug)]
enum Action {
    Event(i64, &'static str),
    Watermark(i64),
}

fn timeouts(longest_ms: i64) -> impl Strategy<Value = Timeouts> {
    (1..=longest_ms, 0..=longest_ms).prop_map(|(unchecked_ms, more)| Timeouts {
        unchecked_ms,
        checked_in_ms: unchecked_ms + more,
    })
}

fn check_in() -> impl Strategy<Value = CheckIn> {
    prop_oneof![Just(CheckIn::Set), Just(CheckIn::Clear), Just(CheckIn::Keep)]
}

fn treatment(timeouts: impl Strategy<Value = Timeouts>) -> impl Strategy<Value = Treatment> {
    prop_oneof![
        6 => (timeouts, check_in()).prop_map(|(timeouts, check_in)| {
            Treatment::Session(SessionRow { timeouts, check_in })
        }),
        1 => Just(Treatment::RideAlong),
    ]
}

fn rows(
    timeouts: impl Strategy<Value = Timeouts>,
) -> impl Strategy<Value = BTreeMap<&'static str, Treatment>> {
    proptest::collection::btree_map(
        proptest::sample::select(&LOG_NAMES[..]),
        treatment(timeouts),
        0..5,
    )
}

fn setup() -> impl Strategy<Value = Setup> {
    (rows(timeouts(20)), timeouts(20), option::weighted(0.3, 1..60i64), 0..120i64).prop_map(
        |(rows, default, max_duration_ms, lateness_ms)| Setup {
            rows,
            default,
            max_duration_ms,
            lateness_ms,
        },
    )
}

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;
/// The event times that records can have, where *min-event-time* is off.
const EARLIEST_MS: i64 = -62_135_510_400_000;
const LATEST_MS: i64 = 253_402_207_200_000;

/// The shortest and the longest duration of a rules file, and those between.
fn duration_of_a_file() -> impl Strategy<Value = i64> {
    let (shortest, longest) = (SECOND_MS, 365 * DAY_MS);
    prop_oneof![Just(shortest), Just(shortest + 1), Just(longest), shortest..=longest]
}

fn setup_at_the_limits() -> impl Strategy<Value = Setup> {
    let timeouts = || {
        (duration_of_a_file(), duration_of_a_file()).prop_map(|(one, other)| Timeouts {
            unchecked_ms: one.min(other),
            checked_in_ms: one.max(other),
        })
    };
    let lateness = prop_oneof![Just(0), Just(i64::MAX / 2), 0..400 * DAY_MS];
    (rows(timeouts()), timeouts(), option::weighted(0.3, duration_of_a_file()), lateness).prop_map(
        |(rows, default, max_duration_ms, lateness_ms)| Setup {
            rows,
            default,
            max_duration_ms,
            lateness_ms,
        },
    )
}

/// Events at both ends of the time that records can have, a timeout apart or a little more or less.
fn actions_at_the_limits() -> impl Strategy<Value = Vec<Action>> {
    let offset = prop_oneof![
        Just(0),
        0..3i64,
        0..3 * SECOND_MS,
        0..800 * DAY_MS,
        (0..3i64, -2..3i64).prop_map(|(times, off)| (times * 365 * DAY_MS + off).max(0)),
    ];
    let at = (any::<bool>(), offset).prop_map(|(late, offset)| {
        if late {
            LATEST_MS - offset
        } else {
            EARLIEST_MS + offset
        }
    });
    let action =
        (0..9u8, at, proptest::sample::select(&LOG_NAMES[..])).prop_map(|(kind, at, log_name)| {
            match kind {
                0 => Action::Watermark(at),
                _ => Action::Event(at, log_name),
            }
        });
    vec(action, 1..60)
}

/// Events as a partition gives them, out of order by `bound_ms` at most, each followed by the
/// watermark that Flink makes of that bound.
fn arrivals(bound_ms: i64) -> impl Strategy<Value = Vec<Action>> {
    let event = (0..12i64, 0..=bound_ms, proptest::sample::select(&LOG_NAMES[..]));
    vec(event, 1..80).prop_map(move |events| {
        let mut now = 0;
        let mut arriving: Vec<(i64, i64, &'static str)> = Vec::new();
        for (gap, delay, log_name) in events {
            now += gap;
            arriving.push((now + delay, now, log_name));
        }
        arriving.sort_by_key(|(arrives, ..)| *arrives);
        let mut newest = i64::MIN;
        let mut actions = Vec::new();
        for (_, at, log_name) in arriving {
            newest = newest.max(at);
            actions.push(Action::Event(at, log_name));
            actions.push(Action::Watermark(newest - bound_ms - 1));
        }
        actions
    })
}

/// Events over `span_ms`, now and then a watermark.
fn actions(span_ms: i64) -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        8 => (0..span_ms, proptest::sample::select(&LOG_NAMES[..]))
            .prop_map(|(at, log_name)| Action::Event(at, log_name)),
        1 => (0..span_ms).prop_map(Action::Watermark),
    ];
    vec(action, 1..80)
}

/// Plays a case on both, and returns how often each kind of thing happened.
fn play(setup: &Setup, actions: &[Action]) -> BTreeMap<&'static str, u32> {
    let policy = setup.policy();
    let mut subject = Subject::default();
    let mut model = Model::default();
    let mut watermark = i64::MIN;
    let mut happened = BTreeMap::new();
    let mut note = |what: &'static str| *happened.entry(what).or_insert(0) += 1;
    for action in actions {
        match *action {
            Action::Event(at, log_name) => {
                let before = subject.sessions.clone();
                let event = Event { at: EventTime(at), log_name };
                let step = subject.sessions.on_event(&event, &policy);
                let closed = step.closed.as_ref().map(Closing::of);
                if step.outcome == Outcome::RodeAlong {
                    assert_eq!(subject.sessions, before, "what rides along changes nothing");
                } else {
                    subject.arrange_timer(&policy);
                }
                let (label, closing) = model.on_event(at, log_name, setup);
                assert_eq!((step.label, &closed), (label, &closing), "{action:?}");
                if setup.max_duration_ms.is_none() {
                    check_nothing_moved_back(&before, step.outcome, step.label);
                }
                note(match step.outcome {
                    Outcome::Started => "started",
                    Outcome::Continued => "continued",
                    Outcome::ContinuedOutOfOrder => "out of order",
                    Outcome::RodeAlong => "rode along",
                });
                if let Some(closing) = closing {
                    note(if closing.by == ClosedBy::Evicted { "evicted" } else { "made room" });
                }
                if at <= watermark {
                    note("late");
                }
                if label.is_some_and(|label| label.start < label.id_at) {
                    note("joined from the front");
                }
            }
            Action::Watermark(at) => {
                watermark = watermark.max(at);
                let closings = subject.on_watermark(watermark, &policy);
                let expected = model.on_watermark(watermark, setup);
                assert_eq!(closings, expected, "{action:?}");
                for closing in closings {
                    note(closing.by.as_str());
                }
            }
        }
        subject.check(model.due(setup));
    }
    let rest = subject.on_watermark(i64::MAX, &policy);
    assert_eq!(rest, model.on_watermark(i64::MAX, setup), "at the end");
    assert!(subject.timers.is_empty() && subject.sessions.sessions.is_empty());
    happened
}

fn check_nothing_moved_back(before: &KeySessions<'_>, outcome: Outcome, label: Option<Label>) {
    let Some(label) = label.filter(|_| outcome == Outcome::ContinuedOutOfOrder) else { return };
    let old = before.sessions.iter().find(|session| session.id_at == label.id_at).unwrap();
    assert_eq!(label.last, old.last);
    assert!(label.expires_at >= old.expires_at, "the expiry moved back: {old:?} to {label:?}");
}

/// The label of each event, and whether a ninth session closed another.
fn labels(setup: &Setup, actions: &[Action], with_watermarks: bool) -> (Vec<Option<Label>>, bool) {
    let policy = setup.policy();
    let mut subject = Subject::default();
    let mut labels = Vec::new();
    let mut made_room = false;
    for action in actions {
        match *action {
            Action::Event(at, log_name) => {
                let event = Event { at: EventTime(at), log_name };
                let step = subject.sessions.on_event(&event, &policy);
                made_room |= step.closed.is_some();
                if step.outcome != Outcome::RodeAlong {
                    subject.arrange_timer(&policy);
                }
                labels.push(step.label);
            }
            Action::Watermark(at) if with_watermarks => {
                subject.on_watermark(at, &policy);
            }
            Action::Watermark(_) => {}
        }
    }
    (labels, made_room)
}

/// Start, newest event, expiry and number of events of each session that a sessionizer with all
/// events at hand, in order of time, would make; without *max-duration*.
fn offline(setup: &Setup, events: &[(i64, &'static str)]) -> Vec<(i64, i64, i64, u64)> {
    let mut sessions: Vec<(i64, i64, i64, u64)> = Vec::new();
    let mut checked_in = false;
    for (at, log_name) in events {
        if setup.rows.get(log_name) == Some(&Treatment::RideAlong) {
            continue;
        }
        let (timeouts, check_in) = match setup.rows.get(log_name) {
            Some(Treatment::Session(row)) => (row.timeouts, row.check_in),
            _ => (setup.default, CheckIn::Keep),
        };
        if sessions.last().is_none_or(|(_, _, expires_at, _)| at > expires_at) {
            sessions.push((*at, *at, *at, 0));
            checked_in = false;
        }
        checked_in |= check_in == CheckIn::Set;
        let timeout = if checked_in { timeouts.checked_in_ms } else { timeouts.unchecked_ms };
        checked_in &= check_in != CheckIn::Clear;
        let session = sessions.last_mut().unwrap();
        (session.1, session.2, session.3) = (*at, at + timeout, session.3 + 1);
    }
    sessions
}

proptest! {
    #[test]
    fn crowded_sessions_agree_with_the_model(setup in setup(), actions in actions(120)) {
        play(&setup, &actions);
    }

    #[test]
    fn scattered_sessions_agree_with_the_model(setup in setup(), actions in actions(1500)) {
        play(&setup, &actions);
    }

    #[test]
    fn arrivals_of_a_bounded_disorder_agree_with_the_model(
        setup in setup(),
        actions in (0..60i64).prop_flat_map(arrivals),
    ) {
        play(&setup, &actions);
    }

    #[test]
    fn instants_and_durations_at_their_limits_agree_with_the_model(
        setup in setup_at_the_limits(),
        actions in actions_at_the_limits(),
    ) {
        play(&setup, &actions);
    }

    /// What closes before an event that is not late could not have taken it anyway.
    #[test]
    fn watermarks_change_no_label_while_nothing_is_late(
        setup in setup(),
        actions in (0..60i64).prop_flat_map(arrivals),
    ) {
        let (without, made_room) = labels(&setup, &actions, false);
        if !made_room {
            prop_assert_eq!(labels(&setup, &actions, true).0, without);
        }
    }

    #[test]
    fn events_in_order_of_time_make_the_sessions_of_an_offline_pass(
        setup in setup(),
        actions in arrivals(0),
    ) {
        let setup = Setup { max_duration_ms: None, ..setup };
        let policy = setup.policy();
        let mut subject = Subject::default();
        let mut closings = Vec::new();
        let mut events = Vec::new();
        for action in actions {
            match action {
                Action::Event(at, log_name) => {
                    events.push((at, log_name));
                    let event = Event { at: EventTime(at), log_name };
                    let step = subject.sessions.on_event(&event, &policy);
                    closings.extend(step.closed.as_ref().map(Closing::of));
                    if step.outcome != Outcome::RodeAlong {
                        subject.arrange_timer(&policy);
                    }
                }
                Action::Watermark(at) => closings.extend(subject.on_watermark(at, &policy)),
            }
        }
        closings.extend(subject.on_watermark(i64::MAX, &policy));
        let found: Vec<_> = closings
            .iter()
            .map(|Closing { label, .. }| {
                prop_assert_eq!(label.id_at, label.start);
                Ok((label.start.0, label.last.0, label.expires_at.0, label.seq))
            })
            .collect::<Result<_, TestCaseError>>()?;
        prop_assert_eq!(found, offline(&setup, &events));
    }

    #[test]
    fn instants_and_durations_of_any_size_do_not_panic(
        times in vec(limit_time(), 1..30),
        durations in vec(limit_duration(), 4),
        max_duration_ms in option::of(limit_duration()),
        lateness_ms in limit_duration(),
    ) {
        let row = |ms, check_in| {
            Treatment::Session(SessionRow { timeouts: Timeouts::always(ms), check_in })
        };
        let setup = Setup {
            rows: [
                ("A", row(durations[0], CheckIn::Set)),
                ("B", row(durations[1], CheckIn::Clear)),
                ("C", row(durations[2], CheckIn::Keep)),
            ].into(),
            default: Timeouts::always(durations[3]),
            max_duration_ms,
            lateness_ms,
        };
        let policy = setup.policy();
        let mut subject = Subject::default();
        for (index, at) in times.into_iter().enumerate() {
            let event = Event { at: EventTime(at), log_name: LOG_NAMES[index % LOG_NAMES.len()] };
            let step = subject.sessions.on_event(&event, &policy);
            prop_assert!(step.label.is_some(), "every event has its session");
            subject.arrange_timer(&policy);
            if index % 7 == 6 {
                subject.on_watermark(at, &policy);
            }
        }
        subject.on_watermark(i64::MAX, &policy);
        prop_assert!(subject.sessions.sessions.is_empty());
    }
}

fn limit_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        proptest::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]),
        any::<i64>(),
    ]
}

fn limit_duration() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), Just(i64::MAX), 0..i64::MAX]
}

/// The cases above mean little if what they are about never happens in them.
#[test]
fn the_random_cases_reach_everything_that_can_happen() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};

    // A fixed seed: the same cases every time.
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let cases = (setup(), prop_oneof![actions(120), actions(1500)]);
    let mut happened: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..256 {
        let (setup, actions) = cases.new_tree(&mut runner).unwrap().current();
        for (what, times) in play(&setup, &actions) {
            *happened.entry(what).or_default() += times;
        }
    }
    for what in [
        "started",
        "continued",
        "out of order",
        "rode along",
        "joined from the front",
        "late",
        "evicted",
        "made room",
        "timeout",
        "max_duration",
    ] {
        assert!(happened.get(what).is_some_and(|times| *times >= 20), "{what}: {happened:?}");
    }
}
