//! The core: decode, step and encode joined, bytes in and a frame out.

use std::fmt;

use session::{EventTime, Outcome, TimerChange};

use crate::dead_letter::Reason;
use crate::failing::fail_on_purpose;
use crate::found::Found;
use crate::key_fields::KeyFields;
use crate::log_before;
use crate::options::{CoreOptions, Order};
use crate::reply::{self, Emissions, StateChange, StepHead};
use crate::state::{self, KeyState, StateError};
use crate::step::{self, Guard, Step};
use crate::waiting::{self, Arrival};

/// Where emissions of this size have come together, a timer goes on in another frame.
const MOST_EMISSION_BYTES: usize = 4 << 20;

/// The sessionizer as functions of bytes. It keeps nothing between calls but its options.
#[derive(Clone, Debug)]
pub struct SessionCore {
    options: CoreOptions,
    key_fields: KeyFields,
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
            ordered = options.order == Order::EventTime,
            "session core opened"
        );
        let key_fields = KeyFields::new(&options.rules_file.key);
        SessionCore { options, key_fields }
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
        fail_on_purpose(value.unwrap_or_default(), "decode");
        match log_before::decode(value, record_time_ms, now_ms, &self.options, &self.key_fields) {
            Ok(decoded) => {
                let found = decoded.found();
                reply::put_event(frame, found.key, found.at, |out| found.encode(out));
            }
            Err(dead) => reply::put_dead_letter(frame, dead.reason.as_str(), &dead.detail),
        }
    }

    /// Gives an event its session, or lets it wait for its turn, into a step frame. `state` is the
    /// key's state (empty for none), `found` what `decode` found in the record. In arrival order
    /// nothing looks at the arrival.
    ///
    /// # Errors
    ///
    /// State that cannot be read, or a `found` that is not of this record.
    pub fn on_event(
        &self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
        frame: &mut Vec<u8>,
    ) -> Result<(), CoreError> {
        match self.options.order {
            Order::Arrival => self.label_at_once(state, found, record, frame),
            Order::EventTime => self.event_step(state, found, record, arrival, frame, None),
        }
    }

    /// What `on_event` does, for an event on which it has panicked: each part is run under the
    /// guard, and what fails becomes a dead letter.
    ///
    /// # Errors
    ///
    /// As `on_event`.
    pub fn on_event_guarded(
        &self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
        frame: &mut Vec<u8>,
        guard: &mut Guard<'_>,
    ) -> Result<(), CoreError> {
        self.event_step(state, found, record, arrival, frame, Some(guard))
    }

    /// Labels what waits and closes what is due when the key's timer of `timer_ms` fires, into a
    /// step frame. `watermark_ms` is where the watermark stands: what is due by then is done at
    /// once, in the order in which the timers would do it.
    ///
    /// # Errors
    ///
    /// State that cannot be read, or a key that is not UTF-8.
    pub fn on_timer(
        &self,
        state: &[u8],
        key: &[u8],
        timer_ms: i64,
        watermark_ms: i64,
        frame: &mut Vec<u8>,
    ) -> Result<(), CoreError> {
        self.timer_step(state, key, timer_ms, watermark_ms, frame, None)
    }

    /// What `on_timer` does, for a timer on which it has panicked: each part is run under the
    /// guard, and what fails becomes a dead letter.
    ///
    /// # Errors
    ///
    /// As `on_timer`.
    pub fn on_timer_guarded(
        &self,
        state: &[u8],
        key: &[u8],
        timer_ms: i64,
        watermark_ms: i64,
        frame: &mut Vec<u8>,
        guard: &mut Guard<'_>,
    ) -> Result<(), CoreError> {
        self.timer_step(state, key, timer_ms, watermark_ms, frame, Some(guard))
    }

    /// The step of an event in arrival order: one label, nothing collected apart.
    fn label_at_once(
        &self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        frame: &mut Vec<u8>,
    ) -> Result<(), CoreError> {
        let mut key_state = state::decode(state)?;
        let found = Found::decode(found).ok_or(CoreError::NotFromDecode)?;
        let labelled = step::join(&mut key_state.sessions, &found, record, &self.options)
            .ok_or(CoreError::NotFromDecode)?;
        let changed = labelled.outcome != Outcome::RodeAlong;
        let mut emissions = self.put_step(frame, &mut key_state, changed, 0);
        let written = step::emit_labelled(&mut emissions, &found, record, &labelled, &self.options);
        emissions.end();
        written.ok_or(CoreError::NotFromDecode)
    }

    /// The step of an event in any order.
    fn event_step<'g>(
        &self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
        frame: &mut Vec<u8>,
        guard: Option<&'g mut Guard<'g>>,
    ) -> Result<(), CoreError> {
        let KeyState { sessions, mut waiting } = state::decode(state)?;
        let found_bytes = found;
        let found = Found::decode(found).ok_or(CoreError::NotFromDecode)?;
        let watermark = EventTime(arrival.watermark_ms);
        let in_turn = self.options.order == Order::EventTime;
        let waits = in_turn && found.at > watermark;

        let (mut apart, mut entry, mut labelled_early) = (Vec::new(), Vec::new(), 0);
        let emissions = Emissions::apart(&mut apart);
        let mut step = Step::new(&self.options, guard, found.key, sessions, emissions);
        if waits {
            waiting::put(&mut entry, found.at, arrival, found_bytes, record);
            waiting.push(found.at, &entry);
            labelled_early = step.make_room(&mut waiting)?;
        } else {
            if in_turn {
                // Nothing, where the timers up to the watermark have fired.
                step.release(&mut waiting, watermark, usize::MAX)?;
            }
            step.label(&found, record, None)?;
        }
        let changed = waits || step.changed;
        let mut key_state = KeyState { sessions: step.sessions, waiting };
        let mut emissions = self.put_step(frame, &mut key_state, changed, labelled_early);
        emissions.append(&step.emissions);
        emissions.end();
        Ok(())
    }

    fn timer_step<'g>(
        &self,
        state: &[u8],
        key: &[u8],
        timer_ms: i64,
        watermark_ms: i64,
        frame: &mut Vec<u8>,
        guard: Option<&'g mut Guard<'g>>,
    ) -> Result<(), CoreError> {
        let KeyState { sessions, mut waiting } = state::decode(state)?;
        let key = std::str::from_utf8(key).map_err(|_| CoreError::NotFromDecode)?.as_bytes();
        let until = EventTime(timer_ms.max(watermark_ms));

        let mut apart = Vec::new();
        let emissions = Emissions::apart(&mut apart);
        let mut step = Step::new(&self.options, guard, key, sessions, emissions);
        if step.release(&mut waiting, until, MOST_EMISSION_BYTES)? {
            step.close(until);
        }
        step.sessions.timer_fired(EventTime(timer_ms));
        let mut key_state = KeyState { sessions: step.sessions, waiting };
        let mut emissions = self.put_step(frame, &mut key_state, true, 0);
        emissions.append(&step.emissions);
        emissions.end();
        Ok(())
    }

    /// Arranges the timer where the state has changed, and writes the head of the frame.
    fn put_step<'f>(
        &self,
        frame: &'f mut Vec<u8>,
        key_state: &mut KeyState<'_>,
        changed: bool,
        labelled_early: u32,
    ) -> Emissions<'f> {
        let (mut change, mut timer) = (StateChange::Keep, TimerChange::default());
        if changed {
            let closing_at = key_state.sessions.due(&self.options.policy);
            let due = closing_at.into_iter().chain(key_state.waiting.first_at()).min();
            timer = key_state.sessions.arrange_timer_for(due);
            change = if key_state.is_empty() { StateChange::Clear } else { StateChange::Put };
        }
        let head = StepHead { change, timer, labelled_early };
        reply::put_step(frame, head, |out| {
            if change == StateChange::Put {
                state::encode(out, key_state);
            }
        })
    }

    /// The decode frame of a record that the core failed on.
    pub fn failed_decode(detail: &str, frame: &mut Vec<u8>) {
        reply::put_failure(frame, Reason::InternalError.as_str(), detail);
    }

    /// The step frame of an event that the core failed on: its state stays as it was.
    pub fn failed_event(detail: &str, frame: &mut Vec<u8>) {
        let mut emissions = failed_step(StateChange::Keep, frame);
        step::emit_failure(&mut emissions, detail);
        emissions.end();
    }

    /// The step frame of a timer that the core failed on: the key's state goes to the dead letters.
    pub fn failed_timer(state: &[u8], detail: &str, frame: &mut Vec<u8>) {
        let mut emissions = failed_step(StateChange::Clear, frame);
        emissions.of_sessions(|out| out.extend_from_slice(state));
        step::emit_failure(&mut emissions, detail);
        emissions.end();
    }
}

fn failed_step(change: StateChange, frame: &mut Vec<u8>) -> Emissions<'_> {
    let head = StepHead { change, timer: TimerChange::default(), labelled_early: 0 };
    reply::put_step(frame, head, |_| {})
}
