//! Events that wait for their turn (ordered mode), as they lie in a key's state.
//!
//! ```text
//! each:  event time  i64 LE
//!        came from   varint length, then: partition i32 LE, offset i64 LE, what the caller carries
//!        found       varint length, what decode found in the record
//!        record      varint length, the record
//! ```
//! They lie one behind the other as they came, and are read and sorted only when some of them are
//! due: one more costs a copy.

use session::EventTime;

use crate::varint::{self, Reader};

/// Events of a key that may wait; one more and the oldest does not wait any longer.
pub const MAX_WAITING_PER_KEY: usize = 100_000;
/// Bytes of a key's events that may wait. The state is copied with every event and crosses in
/// buffers of its size, so it may not grow as far as so many large records would let it.
pub const MAX_WAITING_BYTES_PER_KEY: usize = 32 << 20;

/// How an event came in: what ordered mode asks beside the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// What the caller needs to write the output of an event that waited; it comes back with it.
    pub carried: &'a [u8],
    /// The watermark when it came, in milliseconds: an event at or before it is late. All timers
    /// up to it have fired.
    pub watermark_ms: i64,
}

impl Default for Arrival<'_> {
    /// Of no known place, before the first watermark.
    fn default() -> Self {
        Arrival { partition: 0, offset: 0, carried: &[], watermark_ms: i64::MIN }
    }
}

impl<'a> Arrival<'a> {
    /// Reads partition, offset and what is carried, as they cross; `None` where the bytes are too
    /// few.
    #[must_use]
    pub fn read(bytes: &'a [u8], watermark_ms: i64) -> Option<Arrival<'a>> {
        let (partition, rest) = bytes.split_first_chunk()?;
        let (offset, carried) = rest.split_first_chunk()?;
        Some(Arrival {
            partition: i32::from_le_bytes(*partition),
            offset: i64::from_le_bytes(*offset),
            carried,
            watermark_ms,
        })
    }

    /// Appends what [`Arrival::read`] reads.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.partition.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(self.carried);
    }
}

/// An event that waits. Its turn comes by event time, then by the bytes of its record, then by the
/// place it was read from: nothing that depends on when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaitingEvent<'a> {
    pub(crate) at: EventTime,
    pub(crate) record: &'a [u8],
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Where it came from, as it crosses.
    pub(crate) came_from: &'a [u8],
    pub(crate) found: &'a [u8],
    /// All of its bytes.
    entry: &'a [u8],
}

impl<'a> WaitingEvent<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<WaitingEvent<'a>> {
        let from = reader.rest();
        let at = EventTime(reader.i64_le()?);
        let came_from = reader.bytes()?;
        let arrival = Arrival::read(came_from, 0)?;
        let found = reader.bytes()?;
        let record = reader.bytes()?;
        let entry = from.get(..from.len() - reader.rest().len())?;
        let Arrival { partition, offset, .. } = arrival;
        Some(WaitingEvent { at, record, partition, offset, came_from, found, entry })
    }
}

/// Appends an event that is to wait.
pub(crate) fn put(
    out: &mut Vec<u8>,
    at: EventTime,
    arrival: &Arrival<'_>,
    found: &[u8],
    record: &[u8],
) {
    out.extend_from_slice(&at.0.to_le_bytes());
    varint::put(out, (size_of::<i32>() + size_of::<i64>() + arrival.carried.len()) as u64);
    arrival.write(out);
    varint::put_bytes(out, found);
    varint::put_bytes(out, record);
}

/// The events of a key that wait, in no order. Their bytes are not looked into until they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting<'a> {
    count: usize,
    first_at: Option<EventTime>,
    size: usize,
    /// Runs of whole events.
    runs: Vec<&'a [u8]>,
}

impl<'a> Waiting<'a> {
    /// What a state holds: so many events, the first of them then, and their bytes.
    pub(crate) fn of_state(count: usize, first_at: EventTime, bytes: &'a [u8]) -> Waiting<'a> {
        Waiting { count, first_at: Some(first_at), size: bytes.len(), runs: vec![bytes] }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The event time of the first.
    pub(crate) fn first_at(&self) -> Option<EventTime> {
        self.first_at
    }

    /// Whether more wait than may.
    pub(crate) fn overflows(&self) -> bool {
        self.count > MAX_WAITING_PER_KEY || self.size > MAX_WAITING_BYTES_PER_KEY
    }

    /// Adds the bytes of one event.
    pub(crate) fn push(&mut self, at: EventTime, entry: &'a [u8]) {
        self.count += 1;
        self.first_at = self.first_at.into_iter().chain([at]).min();
        self.keep(entry);
    }

    fn keep(&mut self, run: &'a [u8]) {
        if !run.is_empty() {
            self.size += run.len();
            self.runs.push(run);
        }
    }

    /// Takes out what is due at an instant or was before, in the order of its turns. `None` where
    /// the bytes are damaged.
    pub(crate) fn take_due(&mut self, until: EventTime) -> Option<Vec<WaitingEvent<'a>>> {
        let mut due = Vec::new();
        let mut rest = Waiting::default();
        for run in &self.runs {
            let mut reader = Reader::new(run);
            let mut kept = *run;
            while !reader.at_end() {
                let before = reader.rest();
                let event = WaitingEvent::read(&mut reader)?;
                if event.at <= until {
                    due.push(event);
                    rest.keep(kept.get(..kept.len() - before.len())?);
                    kept = reader.rest();
                } else {
                    rest.count += 1;
                    rest.first_at = rest.first_at.into_iter().chain([event.at]).min();
                }
            }
            rest.keep(kept);
        }
        let first_at = due.iter().map(|event| event.at).chain(rest.first_at).min();
        if due.len() + rest.count != self.count || first_at != self.first_at {
            return None;
        }
        *self = rest;
        // Mostly sorted already where some of them were put back before.
        due.sort();
        Some(due)
    }

    /// Takes out the oldest where more wait than may. `None` where the bytes are damaged.
    pub(crate) fn take_overflow(&mut self) -> Option<Vec<WaitingEvent<'a>>> {
        let mut size = self.size;
        let mut events = self.take_due(EventTime::MAX)?;
        let mut oldest = events.len().saturating_sub(MAX_WAITING_PER_KEY);
        size -= events.iter().take(oldest).map(|event| event.entry.len()).sum::<usize>();
        while let Some(event) = events.get(oldest).filter(|_| size > MAX_WAITING_BYTES_PER_KEY) {
            size -= event.entry.len();
            oldest += 1;
        }
        self.put_back(&events.split_off(oldest));
        Some(events)
    }

    /// Takes back events that were taken out.
    pub(crate) fn put_back(&mut self, events: &[WaitingEvent<'a>]) {
        for event in events {
            self.push(event.at, event.entry);
        }
    }

    /// Appends the bytes of all of them.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.reserve(self.size);
        for run in &self.runs {
            out.extend_from_slice(run);
        }
    }
}
