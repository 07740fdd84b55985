//! The core: decode, step and encode joined, bytes in and a frame out.

use std::fmt;

use session::{ClosedSession, Event, EventTime, KeySessions, Outcome, TimerChange};

use crate::dead_letter::Reason;
use crate::found::Found;
use crate::options::CoreOptions;
use crate::reply::{self, EmissionKind, StateChange, StepFrame};
use crate::state::{self, StateError};
use crate::{close_record, log_after, log_before};

/// The sessionizer as functions of bytes. It keeps nothing between calls but its options.
#[derive(Clone, Debug)]
pub struct SessionCore {
    options: CoreOptions,
}

/// Why a step is impossible. It fails the task; a record never causes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The state bytes cannot be read.
    State(StateError),
    /// The bytes that decode found are not its own, or not of this record, or the key is not text.
    NotFromDecode,
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoreError::State(error) => error.fmt(f),
            CoreError::NotFromDecode => {
                write!(f, "the core was given bytes that its own decode did not make: a bug")
            }
        }
    }
}

impl std::error::Error for CoreError {}

impl From<StateError> for CoreError {
    fn from(error: StateError) -> CoreError {
        CoreError::State(error)
    }
}

impl SessionCore {
    /// A core with these options.
    #[must_use]
    pub fn new(options: CoreOptions) -> SessionCore {
        tracing::info!(
            allowed_lateness_ms = options.policy.allowed_lateness_ms,
            max_record_size = options.max_record_size,
            close_records = options.close_records(),
            "session core opened"
        );
        SessionCore { options }
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &CoreOptions {
        &self.options
    }

    /// Decides what a record is, into a decode frame. `record_time_ms` is the Kafka timestamp
    /// (negative for none), `now_ms` the wall clock.
    pub fn decode(
        &self,
        value: Option<&[u8]>,
        record_time_ms: i64,
        now_ms: i64,
        frame: &mut Vec<u8>,
    ) {
        match log_before::decode(value, record_time_ms, now_ms, &self.options) {
            Ok(decoded) => {
                let found = decoded.found();
                let mut block = Vec::with_capacity(found.key.len() + found.log_name.len() + 32);
                found.encode(&mut block);
                reply::put_event(frame, found.key, found.at, &block);
            }
            Err(dead) => reply::put_dead_letter(frame, dead.reason.as_str(), &dead.detail),
        }
    }

    /// Gives an event its session, into a step frame. `state` is the key's state (empty for none),
    /// `found` what `decode` found in the record.
    ///
    /// # Errors
    ///
    /// State that cannot be read, or a `found` that is not of this record.
    pub fn on_event(
        &self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        frame: &mut Vec<u8>,
    ) -> Result<(), CoreError> {
        let policy = &self.options.policy;
        let mut key_sessions = state::decode(state)?;
        let found = Found::decode(found).ok_or(CoreError::NotFromDecode)?;
        let event = Event { at: found.at, log_name: found.log_name };

        let step = key_sessions.on_event(&event, policy);
        let (change, timer) = match step.outcome {
            Outcome::RodeAlong => (StateChange::Keep, TimerChange::default()),
            _ => (StateChange::Put, key_sessions.arrange_timer(policy)),
        };
        let mut frame = self.frame(frame, change, timer, &key_sessions);

        let label = step.label.as_ref();
        let mut written = None;
        frame.emit(
            EmissionKind::Output,
            |out| match label {
                Some(label) => log_after::put_session_id(out, found.key, label.id_at),
                None => out.extend_from_slice(found.key.as_bytes()),
            },
            |out| {
                written = log_after::put(out, record, &found, label, &self.options.time_zone);
            },
        );
        self.emit_close_records(&mut frame, found.key, step.closed.as_slice());
        written.ok_or(CoreError::NotFromDecode)
    }

    /// Closes what is due when the key's timer of `timer_ms` fires, into a step frame.
    ///
    /// # Errors
    ///
    /// State that cannot be read, or a key that is not UTF-8.
    pub fn on_timer(
        &self,
        state: &[u8],
        key: &[u8],
        timer_ms: i64,
        frame: &mut Vec<u8>,
    ) -> Result<(), CoreError> {
        let policy = &self.options.policy;
        let mut key_sessions = state::decode(state)?;
        let key = std::str::from_utf8(key).map_err(|_| CoreError::NotFromDecode)?;

        let closed = key_sessions.on_timer(EventTime(timer_ms), policy);
        let timer = key_sessions.arrange_timer(policy);
        let change =
            if key_sessions.sessions.is_empty() { StateChange::Clear } else { StateChange::Put };
        let mut frame = self.frame(frame, change, timer, &key_sessions);
        self.emit_close_records(&mut frame, key, &closed);
        Ok(())
    }

    fn frame<'f>(
        &self,
        frame: &'f mut Vec<u8>,
        change: StateChange,
        timer: TimerChange,
        key_sessions: &KeySessions<'_>,
    ) -> StepFrame<'f> {
        StepFrame::new(frame, change, timer, |out| {
            if change == StateChange::Put {
                state::encode(out, key_sessions);
            }
        })
    }

    fn emit_close_records(
        &self,
        frame: &mut StepFrame<'_>,
        key: &str,
        closed: &[ClosedSession<'_>],
    ) {
        if !self.options.close_records() {
            return;
        }
        for closed in closed {
            frame.emit(
                EmissionKind::CloseRecord,
                |out| log_after::put_session_id(out, key, closed.session.id_at),
                |out| close_record::put(out, key, closed),
            );
        }
    }

    /// The decode frame of a record that the core failed on.
    pub fn failed_decode(detail: &str, frame: &mut Vec<u8>) {
        reply::put_dead_letter(frame, Reason::InternalError.as_str(), detail);
    }

    /// The step frame of an event that the core failed on: its state stays as it was.
    pub fn failed_event(detail: &str, frame: &mut Vec<u8>) {
        failed_step(StateChange::Keep, detail, frame);
    }

    /// The step frame of a timer that the core failed on: the key's state goes to the dead letters.
    pub fn failed_timer(detail: &str, frame: &mut Vec<u8>) {
        failed_step(StateChange::Clear, detail, frame);
    }
}

fn failed_step(change: StateChange, detail: &str, frame: &mut Vec<u8>) {
    StepFrame::new(frame, change, TimerChange::default(), |_| {}).emit(
        EmissionKind::DeadLetter,
        |out| out.extend_from_slice(Reason::InternalError.as_str().as_bytes()),
        |out| out.extend_from_slice(detail.as_bytes()),
    );
}
