//! One session, and how an event is judged.

use std::borrow::Cow;

use crate::event::{Event, EventTime};
use crate::rules::{CheckIn, Policy, SessionRow};

/// Log names counted one by one in a session; the rest goes under `*`.
pub const MAX_COUNTED_LOG_NAMES: usize = 16;

/// What is remembered of a session that is open.
///
/// Invariants: `start <= last`, `start <= id_at`, `checked_in_changed_at <= last`, and sessions of
/// a key never overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session<'a> {
    /// The event time in the session's id; it never changes.
    pub id_at: EventTime,
    /// The earliest event.
    pub start: EventTime,
    /// The newest event.
    pub last: EventTime,
    /// The last instant that still belongs to the session, **inclusive**.
    pub expires_at: EventTime,
    /// How many events joined.
    pub event_count: u64,
    /// Whether events to come find the session checked in.
    pub checked_in: bool,
    /// When the newest set or clear of *checked in* happened.
    pub checked_in_changed_at: Option<EventTime>,
    /// The log name of the newest event.
    pub last_log_name: &'a str,
    /// Whether the newest event was judged as checked in.
    pub last_judged_checked_in: bool,
    /// Whether `expires_at` is where it is because of *max-duration*.
    pub cut_by_max_duration: bool,
    /// Events by log name; empty where nobody asks for them.
    pub log_name_counts: LogNameCounts<'a>,
}

impl<'a> Session<'a> {
    /// The session that an event starts, not yet bounded by its neighbour.
    pub(crate) fn started_by(event: &Event<'a>, row: &SessionRow) -> Session<'a> {
        let mut session = Session {
            id_at: event.at,
            start: event.at,
            last: event.at,
            expires_at: event.at,
            event_count: 1,
            checked_in: false,
            checked_in_changed_at: None,
            last_log_name: event.log_name,
            last_judged_checked_in: false,
            cut_by_max_duration: false,
            log_name_counts: LogNameCounts::default(),
        };
        session.judge_in_order(event, row.check_in);
        session
    }

    /// Takes an event in. One at the instant of the newest is in order.
    pub(crate) fn join(&mut self, event: &Event<'a>, row: &SessionRow) {
        self.event_count = self.event_count.saturating_add(1);
        self.start = self.start.min(event.at);
        if event.at >= self.last {
            self.last = event.at;
            self.last_log_name = event.log_name;
            self.judge_in_order(event, row.check_in);
        } else {
            self.judge_out_of_order(event, row.check_in);
        }
    }

    fn judge_in_order(&mut self, event: &Event<'_>, check_in: CheckIn) {
        if check_in == CheckIn::Set {
            self.checked_in = true;
            self.checked_in_changed_at = Some(event.at);
        }
        self.last_judged_checked_in = self.checked_in;
        if check_in == CheckIn::Clear {
            self.checked_in = false;
            self.checked_in_changed_at = Some(event.at);
        }
    }

    /// A set or clear counts where no newer one is known. A set also reaches the newest event,
    /// which happened after it; a clear is only for events still to come.
    fn judge_out_of_order(&mut self, event: &Event<'_>, check_in: CheckIn) {
        if check_in == CheckIn::Keep
            || self.checked_in_changed_at.is_some_and(|changed_at| changed_at > event.at)
        {
            return;
        }
        self.checked_in = check_in == CheckIn::Set;
        self.checked_in_changed_at = Some(event.at);
        if check_in == CheckIn::Set {
            self.last_judged_checked_in = true;
        }
    }

    /// Sets `expires_at` from the row of the newest event, as it was judged, and from what bounds
    /// it.
    pub(crate) fn settle_expiry(
        &mut self,
        row: &SessionRow,
        max_duration_ms: Option<i64>,
        next_start: Option<EventTime>,
    ) {
        let by_timeout = self.last.plus(row.timeouts.of(self.last_judged_checked_in));
        let bound = next_start.map_or(by_timeout, |next| by_timeout.min(next.just_before()));
        let by_duration = max_duration_ms.map_or(EventTime::MAX, |max| self.start.plus(max));
        self.cut_by_max_duration = by_duration < bound;
        self.expires_at = bound.min(by_duration);
    }

    /// When the session closes: event time has to get this far.
    #[must_use]
    pub fn closes_at(&self, policy: &Policy) -> EventTime {
        self.expires_at.plus(policy.allowed_lateness_ms)
    }

    /// Why the session closes, where it closes because event time got there.
    pub(crate) fn closed_by_time(&self) -> ClosedBy {
        if self.cut_by_max_duration {
            ClosedBy::MaxDuration
        } else {
            ClosedBy::Timeout
        }
    }

    /// Why the session closes, where it had to make room; `newest` is the newest event time known
    /// of the key.
    pub(crate) fn closed_by_room(&self, policy: &Policy, newest: EventTime) -> ClosedBy {
        if !self.cut_by_max_duration && self.closes_at(policy) >= newest {
            ClosedBy::Evicted
        } else {
            self.closed_by_time()
        }
    }
}

/// Events of a session by log name, in order of first arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogNameCounts<'a>(pub Vec<(Cow<'a, str>, u64)>);

impl<'a> LogNameCounts<'a> {
    const REST: &'static str = "*";

    /// Counts one more event.
    pub(crate) fn count(&mut self, log_name: &'a str) {
        let known = self.0.iter().any(|(name, _)| name == log_name);
        let name =
            if known || self.0.len() < MAX_COUNTED_LOG_NAMES { log_name } else { Self::REST };
        match self.0.iter_mut().find(|(counted, _)| counted == name) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((Cow::Borrowed(name), 1)),
        }
    }
}

/// Why a session closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// Event time passed its expiry.
    Timeout,
    /// Event time passed its expiry, which *max-duration* had drawn nearer.
    MaxDuration,
    /// A ninth session of the key took its place.
    Evicted,
}

impl ClosedBy {
    /// The word in a close record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ClosedBy::Timeout => "timeout",
            ClosedBy::MaxDuration => "max_duration",
            ClosedBy::Evicted => "evicted",
        }
    }
}

/// A session that has closed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedSession<'a> {
    /// The session as it was.
    pub session: Session<'a>,
    /// Why it closed.
    pub closed_by: ClosedBy,
}
