//! Every byte format of the sessionizer, and the core that joins them.
//!
//! ```text
//! log-before bytes ─ log_before::decode ─┬─ event: found, key, event time ─┐
//!                                        └─ dead letter                    │
//! state bytes ─ state::decode ─ session::KeySessions::on_event ────────────┘
//!      ├─ state::encode ─ new state bytes
//!      ├─ log_after::write ─ log-after bytes
//!      └─ close_record::write ─ close records           all of it in one frame: reply
//! ```
//!
//! Bytes in, values out: no input or output of its own, no clock, no thread.

#![forbid(unsafe_code)]

mod close_record;
mod core;
mod dead_letter;
mod failing;
mod found;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod json;
mod json_tree;
mod key_fields;
mod log_after;
mod log_before;
mod options;
mod plain;
mod reply;
mod rules_file;
mod state;
mod step;
mod varint;
mod waiting;

pub use crate::core::{CoreError, SessionCore};
pub use dead_letter::Reason;
pub use options::{CoreOptions, LogFilter, OptionsError, Order};
pub use reply::{DecodeReply, Emission, EmissionKind, StateChange, StepReply, Subject};
pub use reply::{FLAGS_OFFSET, FLAG_LOG_WAITS, FRAME_VERSION};
pub use rules_file::{KeySource, RulesFile, RulesFileError};
pub use state::StateError;
pub use step::Guard;
pub use waiting::{Arrival, MAX_WAITING_BYTES_PER_KEY, MAX_WAITING_PER_KEY};
