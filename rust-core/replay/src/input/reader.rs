//! One file's next record, decoded.

use std::borrow::Cow;

use wire::{DecodeReply, SessionCore};

use super::batch::{Batch, Decoded, Record, Source};
use super::file::InputFile;
use super::Format;
use crate::capture::{CaptureRecord, Content};
use crate::carried::Carried;
use crate::engine::caught;
use crate::failure::{Failure, Outcome};

/// How lines are read.
pub(crate) struct Reading {
    pub(crate) core: SessionCore,
    pub(crate) format: Format,
    /// The wall clock, for records without a time of their own.
    pub(crate) now_ms: i64,
    /// Whether outputs take anything along from their input.
    pub(crate) carries: bool,
}

/// A file and the record at its head: the next one to be taken.
pub(crate) struct Head {
    file: InputFile,
    /// The file's place on the command line.
    input: usize,
    /// The file's name without its folder, for records that name no topic.
    name: String,
    line: Vec<u8>,
    head: Batch,
    frame: Vec<u8>,
    /// Whether the end of the file was told.
    at_end: bool,
}

impl Head {
    pub(crate) fn new(file: InputFile, input: usize) -> Head {
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Head {
            file,
            input,
            name,
            line: Vec::new(),
            head: Batch::default(),
            frame: Vec::new(),
            at_end: false,
        }
    }

    /// Makes the next record the head.
    pub(crate) fn advance(&mut self, reading: &Reading) -> Outcome<()> {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        let read = self.read_into(&mut head, reading);
        self.head = head;
        read
    }

    /// Reads and decodes the next record to the end of a batch; blank lines are none.
    pub(crate) fn read_into(&mut self, batch: &mut Batch, reading: &Reading) -> Outcome<()> {
        loop {
            if !self.file.read_line(&mut self.line)? {
                let partition = (reading.format == Format::JsonLines)
                    .then(|| (batch.put(self.name.as_bytes()), self.number()));
                let record = Record {
                    input: self.input,
                    position: self.file.position(),
                    decoded: Decoded::EndOfFile { partition },
                };
                batch.records.push(record);
                self.at_end = true;
                return Ok(());
            }
            if !self.line.is_empty() {
                break;
            }
        }
        let line = std::mem::take(&mut self.line);
        let decoded = self.decode(&line, batch, reading);
        self.line = line;
        let record =
            Record { input: self.input, position: self.file.position(), decoded: decoded? };
        batch.records.push(record);
        Ok(())
    }

    /// Whether nothing follows the record at the head.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// The record that is next.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.head.records.first()
    }

    /// Moves the record to the end of a batch.
    pub(crate) fn move_to(&mut self, batch: &mut Batch) {
        let by = batch.bytes.len();
        batch.bytes.extend_from_slice(&self.head.bytes);
        batch.records.extend(self.head.records.drain(..).map(|record| record.moved(by)));
    }

    /// A file without partitions is one, told by its place on the command line.
    fn number(&self) -> i32 {
        i32::try_from(self.input).unwrap_or(i32::MAX)
    }

    fn decode(&mut self, line: &[u8], batch: &mut Batch, reading: &Reading) -> Outcome<Decoded> {
        let mut record = match reading.format {
            Format::JsonLines => CaptureRecord { value: Content::of(line), ..Default::default() },
            Format::Capture => CaptureRecord::read(line).map_err(|error| {
                Failure::run(format!(
                    "{}, line {}: no record in the capture format: {error}",
                    self.file.path().display(),
                    self.file.position().lines
                ))
            })?,
        };
        let timestamp_ms = record.timestamp.unwrap_or(-1);
        let value = record.value.bytes();
        let decode = || {
            reading.core.decode(value, timestamp_ms, reading.now_ms, &mut self.frame);
        };
        if let Err(said) = caught(decode) {
            SessionCore::failed_decode(&said, &mut self.frame);
        }
        let number = self.number();
        let topic = record.topic.take().unwrap_or(Cow::Borrowed(&self.name));
        let partition = record.partition.unwrap_or(number);
        let offset = record
            .offset
            .unwrap_or_else(|| i64::try_from(self.file.position().lines - 1).unwrap_or(i64::MAX));
        let carried_at = batch.bytes.len();
        if reading.carries {
            let headers = std::mem::take(&mut record.headers);
            let key = record.key.clone();
            Carried { topic: &topic, partition, offset, timestamp_ms, key, headers }
                .encode(&mut batch.bytes);
        }
        let source = Source {
            carried: carried_at..batch.bytes.len(),
            topic: batch.put(topic.as_bytes()),
            partition,
            offset,
            timestamp_ms,
            value: value.map(|bytes| batch.put(bytes)),
            kafka_key: record.key.bytes().map(|bytes| batch.put(bytes)),
        };
        match DecodeReply::read(&self.frame) {
            Some(DecodeReply::Event { key, event_time_ms, found }) => Ok(Decoded::Event {
                source,
                key: batch.put(key.as_bytes()),
                at_ms: event_time_ms,
                found: batch.put(found),
            }),
            Some(DecodeReply::DeadLetter { reason, detail }) => Ok(Decoded::DeadLetter {
                source,
                reason: batch.put(reason.as_bytes()),
                detail: batch.put(detail.as_bytes()),
            }),
            None => Err(Failure::run("the core's reply cannot be read: a bug")),
        }
    }
}
