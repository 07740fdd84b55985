//! A model of sections 3 to 5 and 7 of the contract that keeps every event of every session.

use std::collections::BTreeMap;

use session::{
    CheckIn, ClosedBy, ClosedSession, EventTime, Label, Policy, Rules, Timeouts, Treatment,
};

/// The rules of a case, in words of the model.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// A row for some log names; the others are judged by the default.
    pub(crate) rows: BTreeMap<&'static str, Treatment>,
    pub(crate) default: Timeouts,
    pub(crate) max_duration_ms: Option<i64>,
    pub(crate) lateness_ms: i64,
}

impl Setup {
    pub(crate) fn policy(&self) -> Policy {
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
            let known = log_names.iter().any(|(known, _)| known == log_name);
            let name = if known || log_names.len() < 16 { log_name } else { "*" };
            match log_names.iter_mut().find(|(counted, _)| counted == name) {
                Some((_, count)) => *count += 1,
                None => log_names.push((name.to_owned(), 1)),
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
pub(crate) struct Closing {
    pub(crate) label: Label,
    pub(crate) checked_in: bool,
    pub(crate) last_log_name: String,
    pub(crate) log_names: Vec<(String, u64)>,
    pub(crate) by: ClosedBy,
}

impl Closing {
    pub(crate) fn of(closed: &ClosedSession<'_>) -> Closing {
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
pub(crate) struct Model {
    sessions: Vec<Told>,
}

impl Model {
    pub(crate) fn on_event(
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

    pub(crate) fn on_watermark(&mut self, at: i64, setup: &Setup) -> Vec<Closing> {
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

    pub(crate) fn due(&self, setup: &Setup) -> Option<i64> {
        self.sessions.iter().map(|session| session.expires_at + setup.lateness_ms).min()
    }
}
