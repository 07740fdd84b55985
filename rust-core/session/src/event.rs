//! Events and event time.

/// An instant in event time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Arithmetic saturates, so that no instant and no duration, however far out, can overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

impl EventTime {
    /// The latest instant.
    pub const MAX: EventTime = EventTime(i64::MAX);

    /// The instant `ms` milliseconds later.
    #[must_use]
    pub fn plus(self, ms: i64) -> EventTime {
        EventTime(self.0.saturating_add(ms))
    }

    /// The last instant before this one.
    #[must_use]
    pub fn just_before(self) -> EventTime {
        EventTime(self.0.saturating_sub(1))
    }

    /// Milliseconds from `earlier` to this instant.
    #[must_use]
    pub fn since(self, earlier: EventTime) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Something that happened: a record that decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// When it happened.
    pub at: EventTime,
    /// What happened: `CIN`, `COUT`, `CLICK`, ...; case-sensitive.
    pub log_name: &'a str,
}
