//! Event time: a watermark per partition, and the smallest of them.
//!
//! A partition's watermark is the newest event time less the bound of disorder less one
//! millisecond, and moves with every event; dead letters do not touch it. The whole is the smallest
//! of those partitions that count. A partition counts from its first event on, or where it is told
//! how many there are, from the beginning, as in the job. It no longer does once its file has ended
//! (JSON lines, where a file is a partition), or while it is idle (capture): idle is a partition
//! whose newest event came *idle timeout* before the newest record time of all partitions, which
//! stands for the clock. So nothing here depends on how fast the run is.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::input::{Batch, Decoded, Record, Source};

/// Event time where nothing is known.
const NEVER: i64 = i64::MIN;

/// The watermark of the whole and what it is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watermarks {
    watermark_ms: i64,
    /// Where it stood when all timers up to it had last fired.
    fired_ms: i64,
    /// The first record time and the newest.
    began_ms: i64,
    clock_ms: i64,
    partitions: Vec<Partition>,
    #[serde(skip)]
    indexes: HashMap<(String, i32), usize>,
    /// The partition asked for last: nearly always the next one too.
    #[serde(skip)]
    latest: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Partition {
    topic: String,
    number: i32,
    watermark_ms: i64,
    /// When its newest event came, by the records' own times.
    alive_ms: i64,
    ended: bool,
}

/// What the watermark is bounded by, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) out_of_orderness_ms: i64,
    /// 0: never idle.
    pub(crate) idle_timeout_ms: i64,
    /// How many there are, those that have not begun among them; 0: not told.
    pub(crate) partitions: usize,
}

impl Default for Watermarks {
    fn default() -> Watermarks {
        Watermarks {
            watermark_ms: NEVER,
            fired_ms: NEVER,
            began_ms: NEVER,
            clock_ms: NEVER,
            partitions: Vec::new(),
            indexes: HashMap::new(),
            latest: 0,
        }
    }
}

impl Watermarks {
    pub(crate) fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// The watermark where it has moved since timers last fired. A timer that is registered behind
    /// a watermark fires with the next one.
    pub(crate) fn to_fire(&self) -> Option<i64> {
        (self.watermark_ms > self.fired_ms).then_some(self.watermark_ms)
    }

    /// All timers up to the watermark have fired.
    pub(crate) fn fired(&mut self) {
        self.fired_ms = self.watermark_ms;
    }

    /// Everything has come: the watermark goes to its end.
    pub(crate) fn finish(&mut self) {
        self.watermark_ms = i64::MAX;
    }

    /// Takes note of an event; negative record times are none.
    fn on_event(&mut self, topic: &[u8], number: i32, at_ms: i64, record_ms: i64, bounds: Bounds) {
        if record_ms >= 0 {
            self.clock_ms = self.clock_ms.max(record_ms);
            if self.began_ms == NEVER {
                self.began_ms = record_ms;
            }
        }
        let clock_ms = self.clock_ms;
        let index = self.index(topic, number);
        if let Some(partition) = self.partitions.get_mut(index) {
            let moved_ms = at_ms.saturating_sub(bounds.out_of_orderness_ms).saturating_sub(1);
            partition.watermark_ms = partition.watermark_ms.max(moved_ms);
            partition.alive_ms = clock_ms;
            partition.ended = false;
        }
        self.settle(bounds);
    }

    /// Takes note of an event's record.
    pub(crate) fn on_source(&mut self, batch: &Batch, source: &Source, at_ms: i64, bounds: Bounds) {
        let topic = batch.get(&source.topic);
        self.on_event(topic, source.partition, at_ms, source.timestamp_ms, bounds);
    }

    /// Takes note of what is no event: only a file's end matters.
    pub(crate) fn on_other(&mut self, batch: &Batch, record: &Record, bounds: Bounds) {
        if let Decoded::EndOfFile { partition: Some((topic, number)) } = &record.decoded {
            self.on_end(batch.get(topic), *number, bounds);
        }
    }

    /// A partition's file has ended: it holds nothing back any more.
    fn on_end(&mut self, topic: &[u8], number: i32, bounds: Bounds) {
        let index = self.index(topic, number);
        if let Some(partition) = self.partitions.get_mut(index) {
            partition.ended = true;
        }
        self.settle(bounds);
    }

    fn settle(&mut self, bounds: Bounds) {
        let clock_ms = self.clock_ms;
        let idle_since = |alive_ms: i64| {
            bounds.idle_timeout_ms > 0 && clock_ms.saturating_sub(alive_ms) > bounds.idle_timeout_ms
        };
        if self.partitions.len() < bounds.partitions && !idle_since(self.began_ms) {
            return;
        }
        let smallest = self
            .partitions
            .iter()
            .filter(|partition| !partition.ended && !idle_since(partition.alive_ms))
            .map(|partition| partition.watermark_ms)
            .min();
        self.watermark_ms = self.watermark_ms.max(smallest.unwrap_or(NEVER));
    }

    fn index(&mut self, topic: &[u8], number: i32) -> usize {
        let is_it = |partition: &Partition| {
            partition.number == number && partition.topic.as_bytes() == topic
        };
        if self.partitions.get(self.latest).is_some_and(is_it) {
            return self.latest;
        }
        if self.indexes.len() != self.partitions.len() {
            let known = self.partitions.iter().enumerate();
            self.indexes =
                known.map(|(at, each)| ((each.topic.clone(), each.number), at)).collect();
        }
        let name = (String::from_utf8_lossy(topic).into_owned(), number);
        self.latest = *self.indexes.entry(name).or_insert_with_key(|(topic, number)| {
            self.partitions.push(Partition {
                topic: topic.clone(),
                number: *number,
                watermark_ms: NEVER,
                alive_ms: NEVER,
                ended: false,
            });
            self.partitions.len() - 1
        });
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { out_of_orderness_ms: 5, idle_timeout_ms: 60, partitions: 0 };

    fn after(events: &[(i32, i64, i64)]) -> i64 {
        let mut watermarks = Watermarks::default();
        for (partition, at_ms, record_ms) in events {
            watermarks.on_event(b"t", *partition, *at_ms, *record_ms, BOUNDS);
        }
        watermarks.watermark_ms()
    }

    #[test]
    fn it_is_the_smallest_of_the_partitions_that_have_begun_and_never_moves_back() {
        assert_eq!(after(&[(0, 1000, -1)]), 994);
        assert_eq!(after(&[(0, 1000, -1), (0, 900, -1)]), 994);
        // The second partition begins behind, and holds back from then on.
        assert_eq!(after(&[(0, 1000, -1), (1, 500, -1), (0, 2000, -1)]), 994);
        assert_eq!(after(&[(0, 1000, -1), (1, 1500, -1), (0, 2000, -1)]), 1494);
    }

    #[test]
    fn a_partition_is_idle_by_the_records_own_times() {
        let events = [(0, 1000, 10), (1, 1100, 10), (1, 1200, 70), (1, 1300, 71)];
        assert_eq!(after(&events[..3]), 994, "60 ms are not more than 60 ms");
        assert_eq!(after(&events), 1294);
        assert_eq!(after(&[&events[..], &[(0, 1010, 72), (1, 1400, 72)]].concat()), 1294);
    }

    #[test]
    fn partitions_that_have_not_begun_hold_back_until_they_are_idle() {
        let bounds = Bounds { partitions: 2, ..BOUNDS };
        let mut watermarks = Watermarks::default();
        watermarks.on_event(b"t", 0, 1000, 10, bounds);
        watermarks.on_event(b"t", 0, 2000, 70, bounds);
        assert_eq!(watermarks.watermark_ms(), NEVER, "60 ms are not more than 60 ms");
        let mut begun = watermarks.clone();
        begun.on_event(b"t", 1, 500, 71, bounds);
        assert_eq!(begun.watermark_ms(), 494);
        watermarks.on_event(b"t", 0, 2000, 71, bounds);
        assert_eq!(watermarks.watermark_ms(), 1994);

        // Never idle.
        let bounds = Bounds { idle_timeout_ms: 0, ..bounds };
        let mut watermarks = Watermarks::default();
        watermarks.on_event(b"t", 0, 1000, 10, bounds);
        watermarks.on_event(b"t", 0, 1000, 1_000_000, bounds);
        assert_eq!(watermarks.watermark_ms(), NEVER);
    }

    #[test]
    fn a_file_that_has_ended_holds_nothing_back() {
        let mut watermarks = Watermarks::default();
        watermarks.on_event(b"a", 0, 1000, -1, BOUNDS);
        watermarks.on_event(b"b", 1, 3000, -1, BOUNDS);
        assert_eq!(watermarks.watermark_ms(), 994);
        watermarks.on_end(b"a", 0, BOUNDS);
        assert_eq!(watermarks.watermark_ms(), 2994);
        watermarks.on_end(b"b", 1, BOUNDS);
        assert_eq!(watermarks.watermark_ms(), 2994, "nobody counts: it stays");
    }

    #[test]
    fn it_goes_on_from_what_was_written_down() {
        let mut watermarks = Watermarks::default();
        watermarks.on_event(b"t", 0, 1000, 7, BOUNDS);
        let text = serde_json::to_string(&watermarks).unwrap();
        let mut read: Watermarks = serde_json::from_str(&text).unwrap();
        read.on_event(b"t", 0, 1100, 8, BOUNDS);
        assert_eq!(read.watermark_ms(), 1094);
        assert_eq!(read.partitions.len(), 1);
    }
}
