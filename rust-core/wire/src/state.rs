//! Keyed state: a key's sessions, and its events that wait, as versioned bytes. Savepoints outlive
//! code.
//!
//! ```text
//! magic   u8      0x53, 'S'
//! version u8      1
//! flags   u8      1: a timer is registered, 2: events wait
//! timer   i64 LE  where flagged: its event time
//! count   u8      sessions, ordered by start: 1 to 8, or none where events wait; each:
//!     flags        u8      1 checked in, 2 newest event judged as checked in, 4 expiry cut by
//!                          max-duration, 8 a set or clear is known, 16 log names are counted
//!     id_at        i64 LE  event time in the session's id
//!     to start     varint  id_at - start
//!     to last      varint  last - start
//!     to expiry    signed  expires_at - last
//!     from change  varint  where flagged: last - newest set or clear
//!     event count  varint
//!     log name     varint length, UTF-8: of the newest event
//!     counts       where flagged: varint number of names; each: varint length, UTF-8, varint count
//! waiting         where flagged, to the end: u32 LE number of events, i64 LE event time of the
//!                 first of them, and the events as [`crate::waiting`] has them
//! ```
//! All times are milliseconds; `varint` and `signed` are base-128, see [`crate::varint`]. An empty
//! value stands for no state. A decoder for each version ever released stays for ever.

use std::borrow::Cow;
use std::fmt;

use session::{EventTime, KeySessions, LogNameCounts, Session, MAX_SESSIONS_PER_KEY};

use crate::varint::{self, Reader};
use crate::waiting::Waiting;

const MAGIC: u8 = b'S';
/// Version 1: sessions, the timer, and events that wait.
const VERSION_1: u8 = 1;
const NEWEST_VERSION: u8 = VERSION_1;

const TIMER_REGISTERED: u8 = 1;
const EVENTS_WAIT: u8 = 1 << 1;

const CHECKED_IN: u8 = 1;
const LAST_JUDGED_CHECKED_IN: u8 = 1 << 1;
const CUT_BY_MAX_DURATION: u8 = 1 << 2;
const CHECK_IN_CHANGE_KNOWN: u8 = 1 << 3;
const LOG_NAMES_COUNTED: u8 = 1 << 4;
const KNOWN_FLAGS: u8 = CHECKED_IN
    | LAST_JUDGED_CHECKED_IN
    | CUT_BY_MAX_DURATION
    | CHECK_IN_CHANGE_KNOWN
    | LOG_NAMES_COUNTED;

/// Why state bytes cannot be read. It fails the task: state is never guessed or reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The bytes do not start as state does.
    NotState,
    /// A newer release wrote them.
    Newer {
        /// The version found.
        found: u8,
    },
    /// They start as state does, but do not hold together.
    Damaged,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::NotState => write!(f, "the keyed state was not written by this job"),
            StateError::Newer { found } => write!(
                f,
                "the keyed state was written by a newer release (state version {found}, this one \
                 knows up to {NEWEST_VERSION}): run that release or a later one"
            ),
            StateError::Damaged => write!(
                f,
                "the keyed state is damaged (state version {NEWEST_VERSION}): restore an older \
                 checkpoint or savepoint"
            ),
        }
    }
}

impl std::error::Error for StateError {}

/// What is kept of a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyState<'a> {
    pub(crate) sessions: KeySessions<'a>,
    /// Events that wait for their turn.
    pub(crate) waiting: Waiting<'a>,
}

impl KeyState<'_> {
    /// Whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.sessions.is_empty() && self.waiting.is_empty()
    }
}

/// Appends the state of a key that is not empty.
pub(crate) fn encode(out: &mut Vec<u8>, state: &KeyState<'_>) {
    let KeyState { sessions, waiting } = state;
    out.extend_from_slice(&[
        MAGIC,
        VERSION_1,
        flag(sessions.timer_at.is_some(), TIMER_REGISTERED)
            | flag(!waiting.is_empty(), EVENTS_WAIT),
    ]);
    if let Some(timer_at) = sessions.timer_at {
        out.extend_from_slice(&timer_at.0.to_le_bytes());
    }
    varint::put(out, sessions.sessions.len() as u64);
    for session in &sessions.sessions {
        encode_session(out, session);
    }
    if let Some(first_at) = waiting.first_at() {
        // Bounded far below.
        out.extend_from_slice(&u32::try_from(waiting.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&first_at.0.to_le_bytes());
        waiting.put(out);
    }
}

fn flag(holds: bool, flag: u8) -> u8 {
    if holds {
        flag
    } else {
        0
    }
}

fn encode_session(out: &mut Vec<u8>, session: &Session<'_>) {
    let counts = &session.log_name_counts.0;
    out.push(
        flag(session.checked_in, CHECKED_IN)
            | flag(session.last_judged_checked_in, LAST_JUDGED_CHECKED_IN)
            | flag(session.cut_by_max_duration, CUT_BY_MAX_DURATION)
            | flag(session.checked_in_changed_at.is_some(), CHECK_IN_CHANGE_KNOWN)
            | flag(!counts.is_empty(), LOG_NAMES_COUNTED),
    );
    out.extend_from_slice(&session.id_at.0.to_le_bytes());
    // The differences are not negative by the session's invariants; wrapping keeps every value.
    varint::put(out, session.id_at.0.wrapping_sub(session.start.0).cast_unsigned());
    varint::put(out, session.last.0.wrapping_sub(session.start.0).cast_unsigned());
    varint::put_signed(out, session.expires_at.0.wrapping_sub(session.last.0));
    if let Some(changed_at) = session.checked_in_changed_at {
        varint::put(out, session.last.0.wrapping_sub(changed_at.0).cast_unsigned());
    }
    varint::put(out, session.event_count);
    varint::put_bytes(out, session.last_log_name.as_bytes());
    if !counts.is_empty() {
        varint::put(out, counts.len() as u64);
        for (log_name, count) in counts {
            varint::put_bytes(out, log_name.as_bytes());
            varint::put(out, *count);
        }
    }
}

/// Reads the state of a key; empty bytes are no state.
///
/// Events that wait are not looked into: [`Waiting::take_due`] does, where some are due.
pub(crate) fn decode(bytes: &[u8]) -> Result<KeyState<'_>, StateError> {
    let Some((magic, rest)) = bytes.split_first() else {
        return Ok(KeyState::default());
    };
    match (*magic, rest.split_first()) {
        (MAGIC, Some((&VERSION_1, body))) => decode_version_1(body).ok_or(StateError::Damaged),
        (MAGIC, Some((&found, _))) if found > NEWEST_VERSION => Err(StateError::Newer { found }),
        _ => Err(StateError::NotState),
    }
}

fn decode_version_1(body: &[u8]) -> Option<KeyState<'_>> {
    let mut reader = Reader::new(body);
    let flags = reader.byte()?;
    if flags & !(TIMER_REGISTERED | EVENTS_WAIT) != 0 {
        return None;
    }
    let timer_at = match flags & TIMER_REGISTERED {
        0 => None,
        _ => Some(EventTime(reader.i64_le()?)),
    };
    let events_wait = flags & EVENTS_WAIT != 0;
    let count = reader.length()?;
    if count > MAX_SESSIONS_PER_KEY || (count == 0 && !events_wait) {
        return None;
    }
    let mut sessions = Vec::with_capacity(count + 1);
    for _ in 0..count {
        sessions.push(decode_session(&mut reader)?);
    }
    let waiting = if events_wait { decode_waiting(&mut reader)? } else { Waiting::default() };
    let ordered = sessions.is_sorted_by_key(|session| session.start);
    (reader.at_end() && ordered)
        .then_some(KeyState { sessions: KeySessions { sessions, timer_at }, waiting })
}

fn decode_waiting<'a>(reader: &mut Reader<'a>) -> Option<Waiting<'a>> {
    let count = usize::try_from(reader.u32_le()?).ok().filter(|count| *count > 0)?;
    let first_at = EventTime(reader.i64_le()?);
    let bytes = reader.all();
    (!bytes.is_empty()).then(|| Waiting::of_state(count, first_at, bytes))
}

fn decode_session<'a>(reader: &mut Reader<'a>) -> Option<Session<'a>> {
    let flags = reader.byte()?;
    if flags & !KNOWN_FLAGS != 0 {
        return None;
    }
    let flagged = |flag: u8| flags & flag != 0;
    let id_at = reader.i64_le()?;
    let start = id_at.wrapping_sub(reader.varint()?.cast_signed());
    let last = start.wrapping_add(reader.varint()?.cast_signed());
    let expires_at = last.wrapping_add(reader.signed()?);
    let checked_in_changed_at = if flagged(CHECK_IN_CHANGE_KNOWN) {
        Some(EventTime(last.wrapping_sub(reader.varint()?.cast_signed())))
    } else {
        None
    };
    let event_count = reader.varint()?;
    let last_log_name = reader.text()?;
    let mut log_name_counts = LogNameCounts::default();
    if flagged(LOG_NAMES_COUNTED) {
        for _ in 0..reader.length()? {
            log_name_counts.0.push((Cow::Borrowed(reader.text()?), reader.varint()?));
        }
        // Names without a count are not flagged: each state has one spelling.
        if log_name_counts.0.is_empty() {
            return None;
        }
    }
    Some(Session {
        id_at: EventTime(id_at),
        start: EventTime(start),
        last: EventTime(last),
        expires_at: EventTime(expires_at),
        event_count,
        checked_in: flagged(CHECKED_IN),
        checked_in_changed_at,
        last_log_name,
        last_judged_checked_in: flagged(LAST_JUDGED_CHECKED_IN),
        cut_by_max_duration: flagged(CUT_BY_MAX_DURATION),
        log_name_counts,
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use session::MAX_COUNTED_LOG_NAMES;

    use super::*;
    use crate::waiting::{self, Arrival};

    /// A session's fields, as differences from its start; the shape of [`Session`].
    fn session() -> impl Strategy<Value = Session<'static>> {
        let times =
            (any::<i64>(), 0..i64::MAX, 0..i64::MAX, any::<i64>(), option::of(any::<i64>()));
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let counts = vec((".{1,8}", any::<u64>()), 0..=MAX_COUNTED_LOG_NAMES + 1);
        (times, flags, any::<u64>(), ".{0,40}", counts).prop_map(
            |((start, to_id, to_last, expires_at, changed_at), flags, count, name, counts)| {
                let start = EventTime(start);
                Session {
                    id_at: start.plus(to_id),
                    start,
                    last: start.plus(to_last),
                    expires_at: EventTime(expires_at),
                    event_count: count,
                    checked_in: flags.0,
                    checked_in_changed_at: changed_at.map(EventTime),
                    last_log_name: name.leak(),
                    last_judged_checked_in: flags.1,
                    cut_by_max_duration: flags.2,
                    log_name_counts: LogNameCounts(
                        counts.into_iter().map(|(name, count)| (name.into(), count)).collect(),
                    ),
                }
            },
        )
    }

    /// The bytes of an event that waits, and its time.
    fn waiting_event() -> impl Strategy<Value = (EventTime, Vec<u8>)> {
        let bytes = || vec(any::<u8>(), 0..20);
        (any::<i64>(), any::<i32>(), any::<i64>(), bytes(), bytes(), bytes()).prop_map(
            |(at, partition, offset, carried, found, record)| {
                let mut entry = Vec::new();
                let arrival = Arrival { partition, offset, carried: &carried, watermark_ms: 0 };
                waiting::put(&mut entry, EventTime(at), &arrival, &found, &record);
                (EventTime(at), entry)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            mut sessions in vec(session(), 0..=MAX_SESSIONS_PER_KEY),
            timer_at in option::of(any::<i64>()),
            events in vec(waiting_event(), 0..5),
        ) {
            sessions.sort_by_key(|session| session.start);
            let sessions = KeySessions { sessions, timer_at: timer_at.map(EventTime) };
            let mut state = KeyState { sessions, waiting: Waiting::default() };
            for (at, entry) in &events {
                state.waiting.push(*at, entry);
            }
            prop_assume!(!state.is_empty());
            let mut bytes = Vec::new();
            encode(&mut bytes, &state);
            let decoded = decode(&bytes);
            prop_assert!(decoded.is_ok(), "{decoded:?}");
            let mut decoded = decoded.unwrap_or_default();
            prop_assert_eq!(&decoded.sessions, &state.sessions);
            let mut again = Vec::new();
            encode(&mut again, &decoded);
            prop_assert_eq!(again, &*bytes);
            let turns = decoded.waiting.take_due(EventTime::MAX).map(|turns| turns.len());
            prop_assert_eq!(turns, Some(events.len()), "all that waits is there");
        }
    }

    #[test]
    fn a_key_has_eight_sessions_at_most() {
        let session = Session {
            id_at: EventTime(0),
            start: EventTime(0),
            last: EventTime(0),
            expires_at: EventTime(0),
            event_count: 1,
            checked_in: false,
            checked_in_changed_at: None,
            last_log_name: "CIN",
            last_judged_checked_in: false,
            cut_by_max_duration: false,
            log_name_counts: LogNameCounts::default(),
        };
        for count in 0..12 {
            let sessions = vec![session.clone(); count];
            let mut bytes = Vec::new();
            let sessions = KeySessions { sessions, timer_at: None };
            encode(&mut bytes, &KeyState { sessions, waiting: Waiting::default() });
            let holds = (1..=8).contains(&count);
            assert_eq!(decode(&bytes).is_ok(), holds, "{count} sessions");
        }
    }
}
