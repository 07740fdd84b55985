//! One step of a key under way: events get their labels, sessions close, and what is to be written
//! collects.
//!
//! It runs in parts, an event or a closing each. Where a step has panicked it is run once more with
//! each part under a guard: the part that fails leaves no trace but its dead letter, and the others
//! do what they would have done.

use session::{ClosedSession, Event, EventStep, EventTime, KeySessions, Outcome};

use crate::core::CoreError;
use crate::dead_letter::Reason;
use crate::failing::fail_on_purpose;
use crate::found::Found;
use crate::log_after::SessionId;
use crate::options::CoreOptions;
use crate::reply::Emissions;
use crate::state::{self, KeyState, StateError};
use crate::waiting::{Waiting, WaitingEvent};
use crate::{close_record, log_after};

/// Runs a part of a step and keeps a panic in: an error is what the panic said.
pub type Guard<'g> = dyn FnMut(&mut dyn FnMut()) -> Result<(), String> + 'g;

/// A step of a key. The sessions change as it goes on, the emissions follow from it.
pub(crate) struct Step<'s, 'g, 'a> {
    options: &'s CoreOptions,
    guard: Option<&'g mut Guard<'g>>,
    key: &'a [u8],
    pub(crate) sessions: KeySessions<'a>,
    /// Whether the sessions have changed.
    pub(crate) changed: bool,
    pub(crate) emissions: Emissions<'s>,
}

impl<'s, 'g, 'a> Step<'s, 'g, 'a> {
    /// A step that begins; without a guard a panic ends it.
    pub(crate) fn new(
        options: &'s CoreOptions,
        guard: Option<&'g mut Guard<'g>>,
        key: &'a [u8],
        sessions: KeySessions<'a>,
        emissions: Emissions<'s>,
    ) -> Step<'s, 'g, 'a> {
        Step { options, guard, key, sessions, changed: false, emissions }
    }

    /// Labels what is due at an instant or was before, in the order of its turns; what closes
    /// before an event, closes before it. Returns whether that was all: it ends where the emissions
    /// reach a size, and puts the rest back.
    pub(crate) fn release(
        &mut self,
        waiting: &mut Waiting<'a>,
        until: EventTime,
        most_bytes: usize,
    ) -> Result<bool, CoreError> {
        if waiting.first_at().is_none_or(|first_at| first_at > until) {
            return Ok(true);
        }
        let due = waiting.take_due(until).ok_or(StateError::Damaged)?;
        let mut left = due.as_slice();
        while let Some((event, behind)) = left.split_first() {
            if self.emissions.size() >= most_bytes {
                waiting.put_back(left);
                return Ok(false);
            }
            // An expiry is inclusive: at one instant events come before closings.
            self.close(event.at.just_before());
            self.label_waiting(event)?;
            left = behind;
        }
        Ok(true)
    }

    /// Labels the oldest where more events wait than may, and returns how many that were.
    pub(crate) fn make_room(&mut self, waiting: &mut Waiting<'a>) -> Result<u32, CoreError> {
        let mut labelled = 0;
        if waiting.overflows() {
            for event in waiting.take_overflow().ok_or(StateError::Damaged)? {
                self.label_waiting(&event)?;
                labelled += 1;
            }
        }
        Ok(labelled)
    }

    fn label_waiting(&mut self, event: &WaitingEvent<'a>) -> Result<(), CoreError> {
        let found = Found::decode(event.found).ok_or(StateError::Damaged)?;
        self.label(&found, event.record, Some(event.came_from))
            .map_err(|_| CoreError::State(StateError::Damaged))
    }

    /// Gives an event its session. `came_from` tells one that waited.
    pub(crate) fn label(
        &mut self,
        found: &Found<'a>,
        record: &[u8],
        came_from: Option<&[u8]>,
    ) -> Result<(), CoreError> {
        let mut written = None;
        let done = self.part(|step| {
            let joined = join(&mut step.sessions, found, record, step.options);
            let Some(labelled) = joined else { return };
            step.changed |= labelled.outcome != Outcome::RodeAlong;
            if let Some(came_from) = came_from {
                step.emissions.of_waited(came_from, &[]);
            }
            written = emit_labelled(&mut step.emissions, found, record, &labelled, step.options);
        });
        match done {
            Ok(()) => written.ok_or(CoreError::NotFromDecode),
            Err(said) => {
                if let Some(came_from) = came_from {
                    self.emissions.of_waited(came_from, record);
                }
                emit_failure(&mut self.emissions, &said);
                Ok(())
            }
        }
    }

    /// Closes what is due at an instant or was before. Where that fails, the sessions go to the
    /// dead letters.
    pub(crate) fn close(&mut self, until: EventTime) {
        let done = self.part(|step| {
            let closed = step.sessions.close_due(until, &step.options.policy);
            if !closed.is_empty() {
                step.changed = true;
                fail_on_purpose(step.key, "timer");
                emit_close_records(&mut step.emissions, step.key, &closed, step.options);
            }
        });
        if let Err(said) = done {
            let sessions = std::mem::take(&mut self.sessions);
            self.sessions.timer_at = sessions.timer_at;
            self.changed = true;
            for _ in &sessions.sessions {
                self.emissions.lost();
            }
            let failed = KeyState { sessions, waiting: Waiting::default() };
            self.emissions.of_sessions(|out| state::encode(out, &failed));
            emit_failure(&mut self.emissions, &said);
        }
    }

    /// Runs a part; where it is guarded and fails, all is as it was before.
    fn part(&mut self, part: impl FnOnce(&mut Self)) -> Result<(), String> {
        let Some(guard) = self.guard.take() else {
            part(self);
            return Ok(());
        };
        let before = (self.sessions.clone(), self.changed, self.emissions.mark());
        let mut part = Some(part);
        let done = guard(&mut || {
            if let Some(part) = part.take() {
                part(self);
            }
        });
        self.guard = Some(guard);
        if done.is_err() {
            (self.sessions, self.changed) = (before.0, before.1);
            self.emissions.back_to(before.2);
        }
        done
    }
}

/// Gives an event its session. `None` where `found` is not what decode found.
pub(crate) fn join<'a>(
    sessions: &mut KeySessions<'a>,
    found: &Found<'a>,
    record: &[u8],
    options: &CoreOptions,
) -> Option<EventStep<'a>> {
    fail_on_purpose(record, "event");
    let event = Event { at: found.at, log_name: std::str::from_utf8(found.log_name).ok()? };
    Some(sessions.on_event(&event, &options.policy))
}

/// Writes the output of an event, and what it closed. `None` where `found` is not of the record.
pub(crate) fn emit_labelled(
    emissions: &mut Emissions<'_>,
    found: &Found<'_>,
    record: &[u8],
    step: &EventStep<'_>,
    options: &CoreOptions,
) -> Option<()> {
    let mut digits = itoa::Buffer::new();
    let labelled = step.label.as_ref().map(|label| {
        let id = SessionId::new(found.key, label.id_at, &mut digits);
        (id, label)
    });
    let mut written = None;
    emissions.output(
        step.outcome,
        |out| match labelled {
            Some((id, _)) => id.put(out),
            None => out.extend_from_slice(found.key),
        },
        |out| written = log_after::put(out, record, found, labelled, &options.time_zone),
    );
    emit_close_records(emissions, found.key, step.closed.as_slice(), options);
    written
}

fn emit_close_records(
    emissions: &mut Emissions<'_>,
    key: &[u8],
    closed: &[ClosedSession<'_>],
    options: &CoreOptions,
) {
    for closed in closed {
        if !options.close_records() {
            emissions.closed(closed.closed_by);
            continue;
        }
        let mut digits = itoa::Buffer::new();
        let id = SessionId::new(key, closed.session.id_at, &mut digits);
        emissions.close_record(
            closed.closed_by,
            |out| id.put(out),
            |out| close_record::put(out, id, closed),
        );
    }
}

/// Writes that the core failed.
pub(crate) fn emit_failure(emissions: &mut Emissions<'_>, detail: &str) {
    emissions.dead_letter(Reason::InternalError.as_str(), detail);
}
