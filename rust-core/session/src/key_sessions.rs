//! The sessions of one key, and the one step from an event or a timer to the next state.

use crate::event::{Event, EventTime};
use crate::rules::{Policy, SessionRow, Treatment};
use crate::session::{ClosedSession, Session};

/// Sessions remembered of one key; a ninth closes the earliest.
pub const MAX_SESSIONS_PER_KEY: usize = 8;

/// The live sessions of one key, and its timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySessions<'a> {
    /// Ordered by start, never overlapping; nearly always one.
    pub sessions: Vec<Session<'a>>,
    /// The key's one registered timer.
    pub timer_at: Option<EventTime>,
}

/// What an event is told about its session, as it stands after the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The event time in the session's id.
    pub id_at: EventTime,
    /// The session's earliest event.
    pub start: EventTime,
    /// The session's newest event.
    pub last: EventTime,
    /// The last instant that still belongs to the session.
    pub expires_at: EventTime,
    /// 1, 2, 3, ... in order of arrival; 0 for an event that rides along.
    pub seq: u64,
}

impl Label {
    fn of(session: &Session<'_>) -> Label {
        Label {
            id_at: session.id_at,
            start: session.start,
            last: session.last,
            expires_at: session.expires_at,
            seq: session.event_count,
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It started a session.
    Started,
    /// It joined one, in order.
    Continued,
    /// It joined one whose newest event is newer.
    ContinuedOutOfOrder,
    /// It took a session's label, or none, and changed nothing.
    RodeAlong,
}

/// The result of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStep<'a> {
    /// What became of the event.
    pub outcome: Outcome,
    /// The event's label; none where it rides along and no session is there.
    pub label: Option<Label>,
    /// The session that a ninth one closed; it may be the new one itself.
    pub closed: Option<ClosedSession<'a>>,
}

/// What is to be done about the key's timer. Deleting comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerChange {
    /// The timer to delete.
    pub delete: Option<EventTime>,
    /// The timer to register.
    pub register: Option<EventTime>,
}

impl<'a> KeySessions<'a> {
    /// Gives an event its session.
    pub fn on_event(&mut self, event: &Event<'a>, policy: &Policy) -> EventStep<'a> {
        match policy.rules.treatment(event.log_name) {
            Treatment::RideAlong => EventStep {
                outcome: Outcome::RodeAlong,
                label: self
                    .covering(event.at)
                    .map(|(_, session)| Label { seq: 0, ..Label::of(session) }),
                closed: None,
            },
            Treatment::Session(row) => self.join_or_start(event, &row, policy),
        }
    }

    fn join_or_start(
        &mut self,
        event: &Event<'a>,
        row: &SessionRow,
        policy: &Policy,
    ) -> EventStep<'a> {
        // The first session that starts after the event stands here; the one before it, if any,
        // is the last that starts at or before it.
        let next = self.sessions.partition_point(|session| session.start <= event.at);
        let joined = match self.covering(event.at) {
            Some((index, _)) => Some(index),
            None => self.reached_from_the_front(event, row, policy, next).then_some(next),
        };
        let (index, outcome) = match joined.and_then(|at| self.sessions.get_mut(at).zip(Some(at))) {
            Some((session, index)) => {
                let in_order = event.at >= session.last;
                session.join(event, row);
                let outcome =
                    if in_order { Outcome::Continued } else { Outcome::ContinuedOutOfOrder };
                (index, outcome)
            }
            None => {
                self.sessions.insert(next, Session::started_by(event, row));
                (next, Outcome::Started)
            }
        };
        let next_start = self.sessions.get(index + 1).map(|session| session.start);
        let label = self.sessions.get_mut(index).map(|session| {
            // The newest event sets the expiry, and that is nearly always this one.
            let newest_row = match outcome {
                Outcome::ContinuedOutOfOrder => policy.rules.session_row(session.last_log_name),
                _ => *row,
            };
            session.settle_expiry(&newest_row, policy.rules.max_duration_ms, next_start);
            if policy.count_log_names {
                session.log_name_counts.count(event.log_name);
            }
            Label::of(session)
        });
        EventStep { outcome, label, closed: self.make_room(policy) }
    }

    /// The session that an instant belongs to: the last that starts at or before it, if it has not
    /// expired by then. The one place where an event time is compared with an expiry.
    fn covering(&self, at: EventTime) -> Option<(usize, &Session<'a>)> {
        let index = self.sessions.partition_point(|session| session.start <= at).checked_sub(1)?;
        let session = self.sessions.get(index)?;
        (at <= session.expires_at).then_some((index, session))
    }

    /// Whether the event alone would live long enough to meet the session that starts after it.
    fn reached_from_the_front(
        &self,
        event: &Event<'_>,
        row: &SessionRow,
        policy: &Policy,
        next: usize,
    ) -> bool {
        let Some(session) = self.sessions.get(next) else { return false };
        let alone = Session::started_by(event, row);
        let timeout_ms = row.timeouts.of(alone.last_judged_checked_in);
        event.at.plus(timeout_ms) >= session.start
            && policy.rules.max_duration_ms.is_none_or(|max| session.last.since(event.at) <= max)
    }

    fn make_room(&mut self, policy: &Policy) -> Option<ClosedSession<'a>> {
        if self.sessions.len() <= MAX_SESSIONS_PER_KEY {
            return None;
        }
        let newest = self.sessions.iter().map(|session| session.last).max()?;
        let session = self.sessions.remove(0);
        let closed_by = session.closed_by_room(policy, newest);
        Some(ClosedSession { session, closed_by })
    }

    /// Closes what is due when the timer of `at` fires, in order of expiry.
    pub fn on_timer(&mut self, at: EventTime, policy: &Policy) -> Vec<ClosedSession<'a>> {
        self.timer_fired(at);
        self.close_due(at, policy)
    }

    /// Takes note that the timer of `at` has fired: it is no longer registered.
    pub fn timer_fired(&mut self, at: EventTime) {
        if self.timer_at.is_some_and(|timer_at| timer_at <= at) {
            self.timer_at = None;
        }
    }

    /// Closes what is due at an instant or was before, in order of expiry.
    pub fn close_due(&mut self, at: EventTime, policy: &Policy) -> Vec<ClosedSession<'a>> {
        if self.due(policy).is_none_or(|due| due > at) {
            return Vec::new();
        }
        let (mut due, open) = std::mem::take(&mut self.sessions)
            .into_iter()
            .partition::<Vec<_>, _>(|session| session.closes_at(policy) <= at);
        self.sessions = open;
        due.sort_by_key(|session| session.expires_at);
        due.into_iter()
            .map(|session| ClosedSession { closed_by: session.closed_by_time(), session })
            .collect()
    }

    /// When the earliest session closes; by then the key's timer must have fired.
    #[must_use]
    pub fn due(&self, policy: &Policy) -> Option<EventTime> {
        self.sessions.iter().map(|session| session.closes_at(policy)).min()
    }

    /// Sees to it that one timer is registered at or before the earliest closing, and none where
    /// there is nothing to close.
    pub fn arrange_timer(&mut self, policy: &Policy) -> TimerChange {
        let due = self.due(policy);
        self.arrange_timer_for(due)
    }

    /// Sees to it that one timer is registered at or before an instant, and none where nothing is
    /// due. The instant is never later than the earliest closing.
    ///
    /// A timer that is early stays: it is cheaper to let it fire once and register the next than
    /// to move it with every event.
    pub fn arrange_timer_for(&mut self, due: Option<EventTime>) -> TimerChange {
        let early_enough = match (self.timer_at, due) {
            (Some(timer_at), Some(due)) => timer_at <= due,
            (timer_at, due) => timer_at == due,
        };
        if early_enough {
            return TimerChange::default();
        }
        let delete = std::mem::replace(&mut self.timer_at, due);
        TimerChange { delete, register: due }
    }
}
