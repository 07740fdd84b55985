//! Random events, rules and watermarks, against a model that keeps every event of every session.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects without a detour"
)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use session::{
    CheckIn, ClosedBy, ClosedSession, Event, EventTime, KeySessions, Label, Outcome, Policy, Rules,
    SessionRow, Timeouts, Treatment,
};

const LOG_NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];

/// The rules of a case, in words of the model.
#[derive(Clone, Debug)]
struct Setup {
    /// A row for some log names; the others are judged by the default.
    rows: BTreeMap<&'static str, Treatment>,
    default: Timeouts,
    max_duration_ms: Option<i64>,
    lateness_ms: i64,
}

impl Setup {
    fn policy(&self) -> Policy {
        let rows = self.rows.iter().map(|(name, treatment)| ((*name).to_owned(), *treatment));
        Policy {
            rules: Rules::new(rows, self.default, self.max_duration_ms),
            allowed_lateness_ms: self.lateness_ms,
            count_log_names: true,
        }
    }

    fn rides_along(&self, log_name: &str) -> bool {
        self.rows.get(log_name) == Some(&Treatment::RideAlong)
    }

    fn check_in(&self, log_name: &str) -> CheckIn {
        match self.rows.get(log_name) {
            Some(Treatment::Session(row)) => row.check_in,
            _ => CheckIn::Keep,
        }
    }

    fn timeout(&self, log_name: &str, checked_in: bool) -> i64 {
        let timeouts = match self.rows.get(log_name) {
            Some(Treatment::Session(row)) => row.timeouts,
            _ => self.default,
        };
        if checked_in {
            timeouts.checked_in_ms
        } else {
            timeouts.unchecked_ms
        }
    }
}

/// A session of the model: its events in order of arrival, and what its last event settled.
#[derive(Clone, Debug)]
struct Told {
    events: Vec<(i64, &'static str)>,
    expires_at: i64,
    cut_by_max_duration: bool,
}

impl Told {
    fn start(&self) -> i64 {
        self.events.iter().map(|(at, _)| *at).min().unwrap()
    }

    fn last(&self) -> i64 {
        self.events.iter().map(|(at, _)| *at).max().unwrap()
    }

    fn id_at(&self) -> i64 {
        self.events[0].0
    }

    /// Where the newest event stands: of several at one instant, the one that came last.
    fn newest(&self) -> usize {
        self.events.iter().rposition(|(at, _)| *at == self.last()).unwrap()
    }

    /// The state that the newest set or clear among some events leaves.
    fn checked_in_after(setup: &Setup, events: &[(i64, &'static str)]) -> bool {
        events
            .iter()
            .filter(|(_, log_name)| setup.check_in(log_name) != CheckIn::Keep)
            // Of several at one instant, `max_by_key` gives the one that came last.
            .max_by_key(|(at, _)| *at)
            .is_some_and(|(_, log_name)| setup.check_in(log_name) == CheckIn::Set)
    }

    /// Whether the newest event counts as checked in: it sets, it found the session so, or an older
    /// set came after it that no newer set or clear forestalled.
    fn newest_judged_checked_in(&self, setup: &Setup) -> bool {
        let newest = self.newest();
        let set_later = (newest + 1..self.events.len()).any(|index| {
            let (at, log_name) = self.events[index];
            setup.check_in(log_name) == CheckIn::Set
                && !self.events[..index].iter().any(|(other_at, other)| {
                    *other_at > at && setup.check_in(other) != CheckIn::Keep
                })
        });
        setup.check_in(self.events[newest].1) == CheckIn::Set
            || Told::checked_in_after(setup, &self.events[..newest])
            || set_later
    }

    fn settle(&mut self, setup: &Setup, next_start: Option<i64>) {
        let log_name = self.events[self.newest()].1;
        let by_timeout =
            self.last() + setup.timeout(log_name, self.newest_judged_checked_in(setup));
        let bound = next_start.map_or(by_timeout, |start| by_timeout.min(start - 1));
        let limit = setup.max_duration_ms.map(|max| self.start() + max);
        self.cut_by_max_duration = limit.is_some_and(|limit| limit < bound);
        self.expires_at = limit.map_or(bound, |limit| limit.min(bound));
    }

    fn label(&self, seq: u64) -> Label {
        Label {
            id_at: EventTime(self.id_at()),
            start: EventTime(self.start()),
            last: EventTime(self.last()),
            expires_at: EventTime(self.expires_at),
            seq,
        }
    }

    fn count(&self) -> u64 {
        u64::try_from(self.events.len()).unwrap()
    }

    fn closing(&self, setup: &Setup, evicted_beside: Option<i64>) -> Closing {
        let overdue =
            evicted_beside.is_none_or(|newest| self.expires_at + setup.lateness_ms < newest);
        let by = match (self.cut_by_max_duration, overdue) {
            (true, _) => ClosedBy::MaxDuration,
            (false, true) => ClosedBy::Timeout,
            (false, false) => ClosedBy::Evicted,
        };
        let mut log_names: Vec<(String, u64)> = Vec::new();
        for (_, log_name) in &self.events {
            match log_names.iter_mut().find(|(known, _)| known == log_name) {
                Some((_, count)) => *count += 1,
                None => log_names.push(((*log_name).to_owned(), 1)),
            }
        }
        Closing {
            label: self.label(self.count()),
            checked_in: Told::checked_in_after(setup, &self.events),
            last_log_name: self.events[self.newest()].1.to_owned(),
            log_names,
            by,
        }
    }
}

/// All that a close record says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Closing {
    label: Label,
    checked_in: bool,
    last_log_name: String,
    log_names: Vec<(String, u64)>,
    by: ClosedBy,
}

impl Closing {
    fn of(closed: &ClosedSession<'_>) -> Closing {
        let session = &closed.session;
        Closing {
            label: Label {
                id_at: session.id_at,
                start: session.start,
                last: session.last,
                expires_at: session.expires_at,
                seq: session.event_count,
            },
            checked_in: session.checked_in,
            last_log_name: session.last_log_name.to_owned(),
            log_names: session
                .log_name_counts
                .0
                .iter()
                .map(|(name, count)| (name.clone().into_owned(), *count))
                .collect(),
            by: closed.closed_by,
        }
    }
}

/// The live sessions of the model's key, in no order.
#[derive(Clone, Debug, Default)]
struct Model {
    sessions: Vec<Told>,
}

impl Model {
    fn on_event(
        &mut self,
        at: i64,
        log_name: &'static str,
        setup: &Setup,
    ) -> (Option<Label>, Option<Closing>) {
        let before = (0..self.sessions.len())
            .filter(|index| self.sessions[*index].start() <= at)
            .max_by_key(|index| self.sessions[*index].start());
        let covering = before.filter(|index| at <= self.sessions[*index].expires_at);
        if setup.rides_along(log_name) {
            return (covering.map(|index| self.sessions[index].label(0)), None);
        }
        let after = (0..self.sessions.len())
            .filter(|index| self.sessions[*index].start() > at)
            .min_by_key(|index| self.sessions[*index].start());
        let alone = setup.timeout(log_name, setup.check_in(log_name) == CheckIn::Set);
        let reached = after.filter(|index| {
            let next = &self.sessions[*index];
            at + alone >= next.start()
                && setup.max_duration_ms.is_none_or(|max| next.last() - at <= max)
        });
        let index = covering.or(reached).unwrap_or_else(|| {
            let started = Told { events: Vec::new(), expires_at: at, cut_by_max_duration: false };
            self.sessions.push(started);
            self.sessions.len() - 1
        });
        self.sessions[index].events.push((at, log_name));
        let start = self.sessions[index].start();
        let next_start = self.sessions.iter().map(Told::start).filter(|next| *next > start).min();
        self.sessions[index].settle(setup, next_start);
        let label = self.sessions[index].label(self.sessions[index].count());
        (Some(label), self.evict(setup))
    }

    fn evict(&mut self, setup: &Setup) -> Option<Closing> {
        if self.sessions.len() <= 8 {
            return None;
        }
        let newest = self.sessions.iter().map(Told::last).max();
        let earliest = (0..self.sessions.len()).min_by_key(|index| self.sessions[*index].start());
        Some(self.sessions.remove(earliest.unwrap()).closing(setup, newest))
    }

    fn on_watermark(&mut self, at: i64, setup: &Setup) -> Vec<Closing> {
        let mut due: Vec<Told> = Vec::new();
        self.sessions.retain(|session| {
            let open = session.expires_at + setup.lateness_ms > at;
            if !open {
                due.push(session.clone());
            }
            open
        });
        due.sort_by_key(|session| session.expires_at);
        due.iter().map(|session| session.closing(setup, None)).collect()
    }

    fn due(&self, setup: &Setup) -> Option<i64> {
        self.sessions.iter().map(|session| session.expires_at + setup.lateness_ms).min()
    }
}

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

fn timeouts() -> impl Strategy<Value = Timeouts> {
    (1..20i64, 0..20i64).prop_map(|(unchecked_ms, more)| Timeouts {
        unchecked_ms,
        checked_in_ms: unchecked_ms + more,
    })
}

fn treatment() -> impl Strategy<Value = Treatment> {
    let check_in = prop_oneof![Just(CheckIn::Set), Just(CheckIn::Clear), Just(CheckIn::Keep)];
    prop_oneof![
        6 => (timeouts(), check_in).prop_map(|(timeouts, check_in)| {
            Treatment::Session(SessionRow { timeouts, check_in })
        }),
        1 => Just(Treatment::RideAlong),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    (
        proptest::collection::btree_map(
            proptest::sample::select(&LOG_NAMES[..]),
            treatment(),
            0..5,
        ),
        timeouts(),
        option::weighted(0.3, 1..60i64),
        0..120i64,
    )
        .prop_map(|(rows, default, max_duration_ms, lateness_ms)| Setup {
            rows,
            default,
            max_duration_ms,
            lateness_ms,
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
    fn instants_and_durations_at_their_limits_do_not_panic(
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
