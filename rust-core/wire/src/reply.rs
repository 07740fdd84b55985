//! The frames that Java reads, little endian.
//!
//! ```text
//! decode    0 u8 frame version    1 u8 flags    2 u8 kind: 0 event, 1 dead letter, 2 dead letter since
//!                                             the core failed                       3 u8 0
//!           4 u32 length of the first part      8 u32 length of the second part     12 u32 0
//!          16 i64 event time (event)           24 first part, second part
//!              event: the key, what decode found      dead letter: the reason, the detail
//!
//! step      0 u8 frame version    1 u8 flags    2 u8 0    3 u8 state: 0 keep, 1 put, 2 clear
//!           4 u32 length of the state           8 i64 timer to delete   16 i64 timer to register
//!          24 u32 number of emissions          28 u32 events labelled before their turn
//!          32 state
//!              then each emission: u8 kind, u8 what came of it, u16 0, u32 key length,
//!                u32 value length, key, value
//!              kinds: 0 output, 1 close record, 2 dead letter (key: the reason, value: the detail)
//!                     3, 4 what the next emission is of, where that is not the event of the call:
//!                     3 an event that waited (key: where it came from; value, before a dead letter:
//!                       its record), 4 the sessions of the key (value: their state)
//!                     5 a session that closed without a close record
//!              what came of it, for those who count: of 0 its event 0 rode along, 1 started a
//!                session, 2 continued one, 3 continued one out of order; 1 and 5 closed by
//!                0 timeout, 1 max_duration, 2 evicted, 3 internal_error; of all others 0
//! ```
//! A timer of `i64::MIN` is none. `DecodeReply.java` and `StepReply.java` mirror the offsets; golden
//! files that both sides read pin them.

use session::{ClosedBy, EventTime, Outcome, TimerChange};

use crate::waiting::Arrival;

/// The version of both frames.
pub const FRAME_VERSION: u8 = 1;
/// Where the flags stand.
pub const FLAGS_OFFSET: usize = 1;
/// Flag: log lines wait to be taken.
pub const FLAG_LOG_WAITS: u8 = 1;

const EVENT: u8 = 0;
const DEAD_LETTER: u8 = 1;
const DEAD_LETTER_OF_FAILURE: u8 = 2;
const NO_TIMER: i64 = i64::MIN;

const DECODE_HEADER_LENGTH: usize = 24;
const STEP_HEADER_LENGTH: usize = 32;
const EMISSION_COUNT_OFFSET: usize = 24;

const OUTPUT: u8 = 0;
const CLOSE_RECORD: u8 = 1;
const FAILED: u8 = 2;
const OF_WAITED: u8 = 3;
const OF_SESSIONS: u8 = 4;
const CLOSED: u8 = 5;

const EMISSION_HEADER_LENGTH: usize = 12;
const LOST: u8 = 3;

/// What becomes of the key's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// It stays as it was.
    Keep,
    /// The frame's state takes its place.
    Put,
    /// It goes.
    Clear,
}

/// What an emission is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmissionKind {
    /// A log-after record.
    Output,
    /// A close record.
    CloseRecord,
    /// The core failed on its subject.
    DeadLetter,
}

/// What an emission is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'f> {
    /// The event of the call; of a close record, the key.
    Given,
    /// An event that waited.
    Waited {
        /// How it came in; its watermark is none.
        arrival: Arrival<'f>,
        /// Its record, where the emission is a dead letter.
        record: &'f [u8],
    },
    /// The sessions of the key, as state.
    Sessions(&'f [u8]),
}

/// Lengths in a frame are `u32`; records are bounded far below.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// Writes the frame of an event.
pub(crate) fn put_event(
    frame: &mut Vec<u8>,
    key: &[u8],
    at: EventTime,
    put_found: impl FnOnce(&mut Vec<u8>),
) {
    put_decoded(frame, EVENT, at.0, key, put_found);
}

/// Writes the frame of a dead letter.
pub(crate) fn put_dead_letter(frame: &mut Vec<u8>, reason: &str, detail: &str) {
    put_refused(frame, DEAD_LETTER, reason, detail);
}

/// Writes the frame of a dead letter that is one since the core failed.
pub(crate) fn put_failure(frame: &mut Vec<u8>, reason: &str, detail: &str) {
    put_refused(frame, DEAD_LETTER_OF_FAILURE, reason, detail);
}

fn put_refused(frame: &mut Vec<u8>, kind: u8, reason: &str, detail: &str) {
    put_decoded(frame, kind, 0, reason.as_bytes(), |out| {
        out.extend_from_slice(detail.as_bytes());
    });
}

fn put_decoded(
    frame: &mut Vec<u8>,
    kind: u8,
    at_ms: i64,
    first: &[u8],
    put_second: impl FnOnce(&mut Vec<u8>),
) {
    frame.clear();
    frame.extend_from_slice(&[FRAME_VERSION, 0, kind, 0]);
    frame.extend_from_slice(&length(first.len()));
    frame.extend_from_slice(&[0; 8]);
    frame.extend_from_slice(&at_ms.to_le_bytes());
    frame.extend_from_slice(first);
    let second = frame.len();
    put_second(frame);
    let second_length = length(frame.len() - second);
    overwrite(frame, 8, second_length);
}

/// The head of a step frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepHead {
    pub(crate) change: StateChange,
    pub(crate) timer: TimerChange,
    /// Events that were labelled before their turn, for too many waited.
    pub(crate) labelled_early: u32,
}

/// Writes the head of a step frame and the state; the emissions follow.
pub(crate) fn put_step(
    frame: &mut Vec<u8>,
    head: StepHead,
    put_state: impl FnOnce(&mut Vec<u8>),
) -> Emissions<'_> {
    let change = match head.change {
        StateChange::Keep => 0,
        StateChange::Put => 1,
        StateChange::Clear => 2,
    };
    let timer_ms = |at: Option<EventTime>| at.map_or(NO_TIMER, |at| at.0).to_le_bytes();
    frame.clear();
    frame.extend_from_slice(&[FRAME_VERSION, 0, 0, change]);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&timer_ms(head.timer.delete));
    frame.extend_from_slice(&timer_ms(head.timer.register));
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&head.labelled_early.to_le_bytes());
    put_state(frame);
    let state_length = length(frame.len() - STEP_HEADER_LENGTH);
    overwrite(frame, 4, state_length);
    Emissions { bytes: frame, count: 0 }
}

/// Appends emissions to bytes: those of a step frame, or bytes that become part of one.
pub(crate) struct Emissions<'b> {
    bytes: &'b mut Vec<u8>,
    count: u32,
}

impl<'b> Emissions<'b> {
    /// Collects emissions apart from a frame, whose head is not known before the last of them.
    pub(crate) fn apart(bytes: &'b mut Vec<u8>) -> Emissions<'b> {
        Emissions { bytes, count: 0 }
    }

    /// Appends what was collected apart.
    pub(crate) fn append(&mut self, apart: &Emissions<'_>) {
        self.bytes.extend_from_slice(apart.bytes);
        self.count += apart.count;
    }

    /// Ends a frame: its head says how many emissions there are.
    pub(crate) fn end(self) {
        overwrite(self.bytes, EMISSION_COUNT_OFFSET, self.count.to_le_bytes());
    }

    /// How many bytes they are.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Where the next one will stand.
    pub(crate) fn mark(&self) -> (usize, u32) {
        (self.bytes.len(), self.count)
    }

    /// Takes back all that was written since a mark.
    pub(crate) fn back_to(&mut self, (size, count): (usize, u32)) {
        self.bytes.truncate(size);
        self.count = count;
    }

    /// Says that the next emission is of an event that waited.
    pub(crate) fn of_waited(&mut self, came_from: &[u8], record: &[u8]) {
        self.put(
            OF_WAITED,
            0,
            |out| out.extend_from_slice(came_from),
            |out| out.extend_from_slice(record),
        );
    }

    /// Says that the next emission is of the key's sessions.
    pub(crate) fn of_sessions(&mut self, put_state: impl FnOnce(&mut Vec<u8>)) {
        self.put(OF_SESSIONS, 0, |_| {}, put_state);
    }

    /// Appends the output of an event, of which the outcome tells what became.
    pub(crate) fn output(
        &mut self,
        outcome: Outcome,
        put_key: impl FnOnce(&mut Vec<u8>),
        put_value: impl FnOnce(&mut Vec<u8>),
    ) {
        let outcome = match outcome {
            Outcome::RodeAlong => 0,
            Outcome::Started => 1,
            Outcome::Continued => 2,
            Outcome::ContinuedOutOfOrder => 3,
        };
        self.put(OUTPUT, outcome, put_key, put_value);
    }

    /// Appends the close record of a session.
    pub(crate) fn close_record(
        &mut self,
        closed_by: ClosedBy,
        put_key: impl FnOnce(&mut Vec<u8>),
        put_value: impl FnOnce(&mut Vec<u8>),
    ) {
        self.put(CLOSE_RECORD, closed_by_number(closed_by), put_key, put_value);
    }

    /// Tells of a session that closed where nobody asks for close records.
    pub(crate) fn closed(&mut self, closed_by: ClosedBy) {
        self.put(CLOSED, closed_by_number(closed_by), |_| {}, |_| {});
    }

    /// Tells of a session that is gone since the core failed to close it.
    pub(crate) fn lost(&mut self) {
        self.put(CLOSED, LOST, |_| {}, |_| {});
    }

    /// Appends that the core failed: why, and in a sentence.
    pub(crate) fn dead_letter(&mut self, reason: &str, detail: &str) {
        self.put(
            FAILED,
            0,
            |out| out.extend_from_slice(reason.as_bytes()),
            |out| out.extend_from_slice(detail.as_bytes()),
        );
    }

    fn put(
        &mut self,
        kind: u8,
        came_of_it: u8,
        put_key: impl FnOnce(&mut Vec<u8>),
        put_value: impl FnOnce(&mut Vec<u8>),
    ) {
        let head = self.bytes.len();
        self.bytes.extend_from_slice(&[kind, came_of_it, 0, 0]);
        self.bytes.extend_from_slice(&[0; 8]);
        let key = self.bytes.len();
        put_key(self.bytes);
        let value = self.bytes.len();
        put_value(self.bytes);
        let end = self.bytes.len();
        overwrite(self.bytes, head + 4, length(value - key));
        overwrite(self.bytes, head + 8, length(end - value));
        self.count += 1;
    }
}

fn closed_by_number(closed_by: ClosedBy) -> u8 {
    match closed_by {
        ClosedBy::Timeout => 0,
        ClosedBy::MaxDuration => 1,
        ClosedBy::Evicted => 2,
    }
}

fn overwrite(frame: &mut [u8], offset: usize, bytes: [u8; 4]) {
    if let Some(place) = frame.get_mut(offset..offset + 4) {
        place.copy_from_slice(&bytes);
    }
}

/// A decode frame as Java sees it, for tests and for callers in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeReply<'f> {
    /// The record is an event.
    Event {
        /// Who it belongs to.
        key: &'f str,
        /// Its event time in milliseconds.
        event_time_ms: i64,
        /// What decode found, for the step.
        found: &'f [u8],
    },
    /// The record is a dead letter.
    DeadLetter {
        /// Why.
        reason: &'f str,
        /// Why, in a sentence.
        detail: &'f str,
    },
}

impl<'f> DecodeReply<'f> {
    /// Reads a frame; `None` where the bytes are none.
    #[must_use]
    pub fn read(frame: &'f [u8]) -> Option<DecodeReply<'f>> {
        let (first, rest) =
            frame.get(DECODE_HEADER_LENGTH..)?.split_at_checked(u32_at(frame, 4)?)?;
        let second = rest.get(..u32_at(frame, 8)?)?;
        let first = std::str::from_utf8(first).ok()?;
        match *frame.get(2)? {
            EVENT => Some(DecodeReply::Event {
                key: first,
                event_time_ms: i64_at(frame, 16)?,
                found: second,
            }),
            DEAD_LETTER | DEAD_LETTER_OF_FAILURE => Some(DecodeReply::DeadLetter {
                reason: first,
                detail: std::str::from_utf8(second).ok()?,
            }),
            _ => None,
        }
    }
}

/// A step frame as Java sees it, for tests and for callers in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReply<'f> {
    /// What becomes of the state.
    pub state_change: StateChange,
    /// The new state, where it is put.
    pub state: &'f [u8],
    /// The timer to delete, in milliseconds of event time.
    pub delete_timer_ms: Option<i64>,
    /// The timer to register, in milliseconds of event time.
    pub register_timer_ms: Option<i64>,
    /// Events that were labelled before their turn, for too many waited.
    pub labelled_early: usize,
    /// What is to be written.
    pub emissions: Vec<Emission<'f>>,
}

/// A record to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emission<'f> {
    /// What it is.
    pub kind: EmissionKind,
    /// What it is of.
    pub subject: Subject<'f>,
    /// Its Kafka key; of a dead letter the reason.
    pub key: &'f [u8],
    /// Its value; of a dead letter the detail.
    pub value: &'f [u8],
}

impl<'f> StepReply<'f> {
    /// Reads a frame; `None` where the bytes are none.
    #[must_use]
    pub fn read(frame: &'f [u8]) -> Option<StepReply<'f>> {
        let timer = |offset| i64_at(frame, offset).map(|ms| (ms != NO_TIMER).then_some(ms));
        let (state, mut rest) =
            frame.get(STEP_HEADER_LENGTH..)?.split_at_checked(u32_at(frame, 4)?)?;
        let mut emissions = Vec::new();
        let mut subject = Subject::Given;
        for _ in 0..u32_at(frame, EMISSION_COUNT_OFFSET)? {
            let kind = *rest.first()?;
            let (key_length, value_length) = (u32_at(rest, 4)?, u32_at(rest, 8)?);
            let (key, after_key) =
                rest.get(EMISSION_HEADER_LENGTH..)?.split_at_checked(key_length)?;
            let (value, after_value) = after_key.split_at_checked(value_length)?;
            rest = after_value;
            let kind = match kind {
                OUTPUT => EmissionKind::Output,
                CLOSE_RECORD => EmissionKind::CloseRecord,
                FAILED => EmissionKind::DeadLetter,
                OF_WAITED => {
                    let arrival = Arrival::read(key, i64::MIN)?;
                    subject = Subject::Waited { arrival, record: value };
                    continue;
                }
                OF_SESSIONS => {
                    subject = Subject::Sessions(value);
                    continue;
                }
                CLOSED => continue,
                _ => return None,
            };
            emissions.push(Emission { kind, subject, key, value });
            subject = Subject::Given;
        }
        Some(StepReply {
            state_change: match *frame.get(3)? {
                0 => StateChange::Keep,
                1 => StateChange::Put,
                2 => StateChange::Clear,
                _ => return None,
            },
            state,
            delete_timer_ms: timer(8)?,
            register_timer_ms: timer(16)?,
            labelled_early: u32_at(frame, 28)?,
            emissions,
        })
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let chunk = bytes.get(offset..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*chunk)).ok()
}

fn i64_at(bytes: &[u8], offset: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(offset..)?.first_chunk::<8>()?))
}
