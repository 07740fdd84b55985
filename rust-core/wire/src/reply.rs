//! The frames that Java reads, little endian.
//!
//! ```text
//! decode    0 u8 frame version    1 u8 flags    2 u8 kind: 0 event, 1 dead letter    3 u8 0
//!           4 u32 length of the first part      8 u32 length of the second part     12 u32 0
//!          16 i64 event time (event)           24 first part, second part
//!              event: the key, what decode found      dead letter: the reason, the detail
//!
//! step      0 u8 frame version    1 u8 flags    2 u8 0    3 u8 state: 0 keep, 1 put, 2 clear
//!           4 u32 length of the state           8 i64 timer to delete   16 i64 timer to register
//!          24 u32 number of emissions          28 u32 0                 32 state
//!              then each emission: u32 kind, u32 key length, u32 value length, key, value
//!              kinds: 0 output, 1 close record, 2 dead letter (key: the reason, value: the detail)
//! ```
//! A timer of `i64::MIN` is none. `DecodeReply.java` and `StepReply.java` mirror the offsets; golden
//! files that both sides read pin them.

use session::{EventTime, TimerChange};

/// The version of both frames.
pub const FRAME_VERSION: u8 = 1;
/// Where the flags stand.
pub const FLAGS_OFFSET: usize = 1;
/// Flag: log lines wait to be taken.
pub const FLAG_LOG_WAITS: u8 = 1;

const EVENT: u8 = 0;
const DEAD_LETTER: u8 = 1;
const NO_TIMER: i64 = i64::MIN;

const DECODE_HEADER_LENGTH: usize = 24;
const STEP_HEADER_LENGTH: usize = 32;
const EMISSION_COUNT_OFFSET: usize = 24;

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
    /// The core failed on this input; the shim has its bytes.
    DeadLetter,
}

/// Lengths in a frame are `u32`; records are bounded far below.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// Writes the frame of an event.
pub(crate) fn put_event(frame: &mut Vec<u8>, key: &str, at: EventTime, found: &[u8]) {
    put_decoded(frame, EVENT, at.0, key.as_bytes(), found);
}

/// Writes the frame of a dead letter.
pub(crate) fn put_dead_letter(frame: &mut Vec<u8>, reason: &str, detail: &str) {
    put_decoded(frame, DEAD_LETTER, 0, reason.as_bytes(), detail.as_bytes());
}

fn put_decoded(frame: &mut Vec<u8>, kind: u8, at_ms: i64, first: &[u8], second: &[u8]) {
    frame.clear();
    frame.extend_from_slice(&[FRAME_VERSION, 0, kind, 0]);
    frame.extend_from_slice(&length(first.len()));
    frame.extend_from_slice(&length(second.len()));
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&at_ms.to_le_bytes());
    frame.extend_from_slice(first);
    frame.extend_from_slice(second);
}

/// Writes a step frame: the head and the state at once, then emission by emission.
pub(crate) struct StepFrame<'f> {
    frame: &'f mut Vec<u8>,
    emissions: u32,
}

impl<'f> StepFrame<'f> {
    pub(crate) fn new(
        frame: &'f mut Vec<u8>,
        change: StateChange,
        timer: TimerChange,
        put_state: impl FnOnce(&mut Vec<u8>),
    ) -> StepFrame<'f> {
        let change = match change {
            StateChange::Keep => 0,
            StateChange::Put => 1,
            StateChange::Clear => 2,
        };
        let timer_ms = |at: Option<EventTime>| at.map_or(NO_TIMER, |at| at.0).to_le_bytes();
        frame.clear();
        frame.extend_from_slice(&[FRAME_VERSION, 0, 0, change]);
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&timer_ms(timer.delete));
        frame.extend_from_slice(&timer_ms(timer.register));
        frame.extend_from_slice(&[0; 8]);
        put_state(frame);
        let state_length = length(frame.len() - STEP_HEADER_LENGTH);
        overwrite(frame, 4, state_length);
        StepFrame { frame, emissions: 0 }
    }

    /// Appends an emission of what the two functions write.
    pub(crate) fn emit(
        &mut self,
        kind: EmissionKind,
        put_key: impl FnOnce(&mut Vec<u8>),
        put_value: impl FnOnce(&mut Vec<u8>),
    ) {
        let kind: u32 = match kind {
            EmissionKind::Output => 0,
            EmissionKind::CloseRecord => 1,
            EmissionKind::DeadLetter => 2,
        };
        let head = self.frame.len();
        self.frame.extend_from_slice(&kind.to_le_bytes());
        self.frame.extend_from_slice(&[0; 8]);
        let key = self.frame.len();
        put_key(self.frame);
        let value = self.frame.len();
        put_value(self.frame);
        let end = self.frame.len();
        overwrite(self.frame, head + 4, length(value - key));
        overwrite(self.frame, head + 8, length(end - value));
        self.emissions += 1;
        overwrite(self.frame, EMISSION_COUNT_OFFSET, self.emissions.to_le_bytes());
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
            DEAD_LETTER => Some(DecodeReply::DeadLetter {
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
    /// What is to be written.
    pub emissions: Vec<Emission<'f>>,
}

/// A record to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emission<'f> {
    /// What it is.
    pub kind: EmissionKind,
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
        for _ in 0..u32_at(frame, EMISSION_COUNT_OFFSET)? {
            let kind = match u32_at(rest, 0)? {
                0 => EmissionKind::Output,
                1 => EmissionKind::CloseRecord,
                2 => EmissionKind::DeadLetter,
                _ => return None,
            };
            let (key_length, value_length) = (u32_at(rest, 4)?, u32_at(rest, 8)?);
            let (key, after_key) = rest.get(12..)?.split_at_checked(key_length)?;
            let (value, after_value) = after_key.split_at_checked(value_length)?;
            emissions.push(Emission { kind, key, value });
            rest = after_value;
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
