//! What a session is.
//!
//! A *session* is a key's run of events in which every gap stays within the *inactivity timeout*
//! (Flink calls that limit the session gap). The timeout is the event's own affair:
//!
//! | log name | inactivity timeout | checked in |
//! |---|---|---|
//! | `CIN` | 180 min | set |
//! | `COUT` | 30 min | kept as it is |
//! | any other | 180 min if checked in, else 30 min | kept |
//!
//! This crate knows no bytes, no JSON, no clock, no thread and no log: time comes in as an
//! argument, and what a step wants (new state, a timer, closed sessions) goes out as data.
//!
//! ```
//! use session::{Event, EventTime, KeySessions, Policy};
//!
//! let policy = Policy::default();
//! let mut sessions = KeySessions::default();
//! let check_in = Event { at: EventTime(1_734_144_000_000), log_name: "CIN" };
//! let step = sessions.on_event(&check_in, &policy);
//! let label = step.label.unwrap();
//! assert_eq!(label.seq, 1);
//! assert_eq!(label.expires_at, EventTime(1_734_144_000_000 + 180 * 60_000));
//! ```

#![forbid(unsafe_code)]

mod event;
mod key_sessions;
mod rules;
mod session;

pub use event::{Event, EventTime};
pub use key_sessions::{EventStep, KeySessions, Label, Outcome, TimerChange, MAX_SESSIONS_PER_KEY};
pub use rules::{CheckIn, Policy, Rules, SessionRow, Timeouts, Treatment};
pub use session::{ClosedBy, ClosedSession, LogNameCounts, Session, MAX_COUNTED_LOG_NAMES};
