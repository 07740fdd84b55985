//! Records that cannot become an event.

use std::borrow::Cow;

/// Why a record is a dead letter. Where several hold, the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The Kafka record has no value.
    NullValue,
    /// The record, or its output at its longest, is longer than *max-record-size*.
    TooLarge,
    /// Not JSON by RFC 8259, not UTF-8, or nested too deep.
    InvalidJson,
    /// JSON, but not an object.
    NotAnObject,
    /// No usable key.
    MissingKey,
    /// No usable log name.
    MissingLogName,
    /// No event time.
    MissingTs,
    /// An event time that is none, or is out of range.
    InvalidTs,
    /// An event time too far after the record's own time.
    FutureTs,
    /// The core failed on this record: a bug.
    InternalError,
}

impl Reason {
    /// Every reason, in the order in which they count.
    pub const ALL: [Reason; 10] = [
        Reason::NullValue,
        Reason::TooLarge,
        Reason::InvalidJson,
        Reason::NotAnObject,
        Reason::MissingKey,
        Reason::MissingLogName,
        Reason::MissingTs,
        Reason::InvalidTs,
        Reason::FutureTs,
        Reason::InternalError,
    ];

    /// The word in the dead letter's header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::NullValue => "null_value",
            Reason::TooLarge => "too_large",
            Reason::InvalidJson => "invalid_json",
            Reason::NotAnObject => "not_an_object",
            Reason::MissingKey => "missing_key",
            Reason::MissingLogName => "missing_log_name",
            Reason::MissingTs => "missing_ts",
            Reason::InvalidTs => "invalid_ts",
            Reason::FutureTs => "future_ts",
            Reason::InternalError => "internal_error",
        }
    }
}

/// A record that cannot become an event. The detail holds no value of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) reason: Reason,
    pub(crate) detail: Cow<'static, str>,
}

impl DeadLetter {
    pub(crate) fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> DeadLetter {
        DeadLetter { reason, detail: detail.into() }
    }
}
