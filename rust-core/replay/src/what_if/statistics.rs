//! What is counted of sessions, and of the gaps between events.

use hdrhistogram::Histogram;

/// Sessions under one set of rules.
pub(super) struct SessionStatistics {
    pub(super) sessions: u64,
    pub(super) single_event_sessions: u64,
    pub(super) events: u64,
    pub(super) events_per_session: Histogram<u64>,
    /// From first to last event, in seconds.
    pub(super) duration_s: Histogram<u64>,
}

/// Three digits are kept of each value.
fn histogram() -> Histogram<u64> {
    // The arguments are constants within its bounds; `new` grows by itself.
    #[expect(clippy::expect_used, reason = "1 to 5 digits are taken")]
    Histogram::new(3).expect("three digits")
}

/// `saturating_record` would not let the histogram grow: above its first range it takes whatever
/// fits for the value.
fn record(histogram: &mut Histogram<u64>, value: u64) {
    // What it cannot grow to is beyond every count and every time.
    let _ = histogram.record(value);
}

impl Default for SessionStatistics {
    fn default() -> SessionStatistics {
        SessionStatistics {
            sessions: 0,
            single_event_sessions: 0,
            events: 0,
            events_per_session: histogram(),
            duration_s: histogram(),
        }
    }
}

impl SessionStatistics {
    pub(super) fn count(&mut self, events: u64, duration_ms: i64) {
        self.sessions += 1;
        self.events += events;
        self.single_event_sessions += u64::from(events == 1);
        record(&mut self.events_per_session, events);
        record(&mut self.duration_s, duration_ms.max(0).cast_unsigned() / 1000);
    }

    /// Share of the sessions that have one event, 0 to 1.
    pub(super) fn single_share(&self) -> f64 {
        share(self.single_event_sessions, self.sessions)
    }
}

/// Gaps between an event and its user's newest one before it.
#[derive(Default)]
pub(super) struct GapStatistics {
    pub(super) gaps: u64,
    /// Events older than their user's newest one: no gap is counted.
    pub(super) out_of_order: u64,
    /// Gaps up to each of `LIMITS_MS`, and at the end those beyond.
    counts: [u64; LIMITS_MS.len() + 1],
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The upper ends of the classes, inclusive.
pub(super) const LIMITS_MS: [i64; 27] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    45 * MINUTE,
    HOUR,
    90 * MINUTE,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    30 * DAY,
];

/// One class of gaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GapClass {
    /// None for what is beyond all limits.
    pub(super) up_to_ms: Option<i64>,
    pub(super) gaps: u64,
    /// Share of all gaps up to here, 0 to 1.
    pub(super) up_to_share: f64,
}

impl GapStatistics {
    pub(super) fn count(&mut self, gap_ms: i64) {
        if gap_ms < 0 {
            self.out_of_order += 1;
            return;
        }
        self.gaps += 1;
        let class = LIMITS_MS.partition_point(|limit_ms| *limit_ms < gap_ms);
        if let Some(count) = self.counts.get_mut(class) {
            *count += 1;
        }
    }

    /// The classes in order.
    pub(super) fn classes(&self) -> Vec<GapClass> {
        let limits = LIMITS_MS.iter().copied().map(Some).chain([None]);
        let mut so_far = 0;
        limits
            .zip(self.counts)
            .map(|(up_to_ms, gaps)| {
                so_far += gaps;
                GapClass { up_to_ms, gaps, up_to_share: share(so_far, self.gaps) }
            })
            .collect()
    }
}

/// A part of a whole, 0 to 1; of nothing it is 0.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_of_exactly_a_limit_belongs_to_it() {
        let mut gaps = GapStatistics::default();
        for gap_ms in [0, SECOND, SECOND + 1, 30 * DAY, 30 * DAY + 1, -1] {
            gaps.count(gap_ms);
        }
        let classes = gaps.classes();
        assert_eq!((gaps.gaps, gaps.out_of_order), (5, 1));
        assert_eq!((classes[0].gaps, classes[1].gaps), (2, 1));
        assert_eq!((classes[26].gaps, classes[27].gaps), (1, 1));
        assert_eq!(classes[27].up_to_share, 1.0);
        assert_eq!(classes.iter().map(|class| class.gaps).sum::<u64>(), 5);
    }
}
