//! How often one place of the source may log: a record a line would fill the disk of a busy job.

use std::time::{Duration, Instant};

/// So many lines a place may log in one period.
const MOST_LINES: u64 = 5;
const PERIOD: Duration = Duration::from_secs(10);

/// What each place has logged. There are as many places as log calls in the source: a handful.
#[derive(Debug, Default)]
pub(crate) struct LogQuota {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    file: String,
    line: u32,
    period_began: Instant,
    lines: u64,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is kept, and tells how many before it were not.
    Keep { left_out: u64 },
    /// The place has said enough for this period.
    LeaveOut,
}

impl LogQuota {
    /// Whether a line of the place, a file and its line, may be kept now.
    pub(crate) fn ask(&mut self, (file, line): (&str, u32), now: Instant) -> Verdict {
        let known = self.places.iter_mut().find(|each| each.line == line && each.file == file);
        let Some(place) = known else {
            self.places.push(Place { file: file.to_owned(), line, period_began: now, lines: 1 });
            return Verdict::Keep { left_out: 0 };
        };
        let left_out = if now.duration_since(place.period_began) >= PERIOD {
            place.period_began = now;
            std::mem::take(&mut place.lines).saturating_sub(MOST_LINES)
        } else {
            0
        };
        place.lines += 1;
        if place.lines > MOST_LINES {
            Verdict::LeaveOut
        } else {
            Verdict::Keep { left_out }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Verdict = Verdict::Keep { left_out: 0 };

    #[test]
    fn a_place_says_a_few_lines_a_period_and_then_how_many_it_did_not() {
        let mut quota = LogQuota::default();
        let start = Instant::now();
        let late = start + PERIOD - Duration::from_millis(1);
        let mut verdicts: Vec<_> = (0..7).map(|_| quota.ask(("a.rs", 1), start)).collect();
        verdicts.push(quota.ask(("a.rs", 1), late));
        assert_eq!(verdicts.iter().filter(|each| **each == KEEP).count(), 5);
        assert_eq!(verdicts.iter().filter(|each| **each == Verdict::LeaveOut).count(), 3);

        let next = start + PERIOD;
        assert_eq!(quota.ask(("a.rs", 1), next), Verdict::Keep { left_out: 3 });
        assert_eq!(quota.ask(("a.rs", 1), next), KEEP);
    }

    #[test]
    fn places_do_not_count_for_each_other() {
        let mut quota = LogQuota::default();
        let now = Instant::now();
        for _ in 0..6 {
            quota.ask(("a.rs", 1), now);
        }
        assert_eq!(quota.ask(("a.rs", 2), now), KEEP);
        assert_eq!(quota.ask(("b.rs", 1), now), KEEP);
        assert_eq!(quota.ask(("a.rs", 1), now), Verdict::LeaveOut);
    }
}
