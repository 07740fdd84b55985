//! Decoded records on their way from the reading thread, in one block of memory.

use std::ops::Range;

use super::file::Position;

/// Some hundred records and the bytes they point into.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Record>,
}

/// A place in the batch's bytes.
pub(crate) type Span = Range<usize>;

/// A record, or the end of a file.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The file it came from, counted from 0.
    pub(crate) input: usize,
    /// The file's position behind it.
    pub(crate) position: Position,
    pub(crate) decoded: Decoded,
}

/// What a record is.
#[derive(Clone, Debug)]
pub(crate) enum Decoded {
    /// An event: its key, its time, and what decode found.
    Event { source: Source, key: Span, at_ms: i64, found: Span },
    /// No event: the reason, and the detail.
    DeadLetter { source: Source, reason: Span, detail: Span },
    /// The file has ended, and with it its partition, where a file is one.
    EndOfFile { partition: Option<(Span, i32)> },
}

/// A record as Kafka knows it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) topic: Span,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Negative for none.
    pub(crate) timestamp_ms: i64,
    pub(crate) value: Option<Span>,
    pub(crate) kafka_key: Option<Span>,
    /// What the outputs take along, see [`crate::carried`].
    pub(crate) carried: Span,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    /// Puts bytes in and tells their place.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// The bytes of a place that [`Batch::put`] has told.
    pub(crate) fn get(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }
}

impl Record {
    /// The record where its batch's bytes stand further back.
    pub(crate) fn moved(mut self, by: usize) -> Record {
        let move_span = |span: &mut Span| *span = span.start + by..span.end + by;
        let move_source = |source: &mut Source| {
            move_span(&mut source.topic);
            source.value.iter_mut().for_each(move_span);
            source.kafka_key.iter_mut().for_each(move_span);
            move_span(&mut source.carried);
        };
        match &mut self.decoded {
            Decoded::Event { source, key, found, .. } => {
                move_source(source);
                move_span(key);
                move_span(found);
            }
            Decoded::DeadLetter { source, reason, detail } => {
                move_source(source);
                move_span(reason);
                move_span(detail);
            }
            Decoded::EndOfFile { partition } => {
                partition.iter_mut().for_each(|(topic, _)| move_span(topic));
            }
        }
        self
    }
}
