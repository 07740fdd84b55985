//! The outputs: log-after, close records, dead letters, each a file of one of the two kinds.

mod file;
mod lines;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use file::{OutputFile, STDOUT};
pub(crate) use lines::{DeadLetter, Origin};

use crate::carried::Carried;
use crate::failure::{Failure, Outcome};
use crate::input::Format;

/// Where each output goes; what is not asked for is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputPaths {
    pub(crate) log_after: Option<PathBuf>,
    pub(crate) close_records: Option<PathBuf>,
    pub(crate) dead_letters: Option<PathBuf>,
}

impl OutputPaths {
    /// Each output by its option's name.
    pub(crate) fn named(&self) -> [(&'static str, Option<&PathBuf>); 3] {
        [
            ("output", self.log_after.as_ref()),
            ("close-records", self.close_records.as_ref()),
            ("dead-letters", self.dead_letters.as_ref()),
        ]
    }
}

/// The open outputs.
pub(crate) struct Outputs {
    format: Format,
    log_after: Option<OutputFile>,
    close_records: Option<OutputFile>,
    dead_letters: Option<OutputFile>,
    line: Vec<u8>,
}

/// The length of each output that was written, by its option's name.
pub(crate) type Lengths = BTreeMap<String, u64>;

impl Outputs {
    /// Opens each output: as new, or where lengths were committed, to go on from there.
    pub(crate) fn open(
        paths: &OutputPaths,
        format: Format,
        committed: Option<&Lengths>,
    ) -> Outcome<Outputs> {
        let open = |(name, path): (&'static str, Option<&PathBuf>)| {
            path.map(|path| match committed {
                Some(lengths) => OutputFile::go_on(path, lengths.get(name).copied().unwrap_or(0)),
                None => OutputFile::create(path),
            })
            .transpose()
        };
        let [log_after, close_records, dead_letters] = paths.named();
        Ok(Outputs {
            format,
            log_after: open(log_after)?,
            close_records: open(close_records)?,
            dead_letters: open(dead_letters)?,
            line: Vec::new(),
        })
    }

    /// Writes a log-after record.
    pub(crate) fn log_after(&mut self, key: &[u8], value: &[u8], carried: &[u8]) -> Outcome<()> {
        let Some(file) = &mut self.log_after else { return Ok(()) };
        match self.format {
            Format::JsonLines => return put_value(file, value),
            Format::Capture => {
                let carried = Carried::decode(carried)
                    .ok_or_else(|| Failure::run("what a record carries is damaged: a bug"))?;
                self.line.clear();
                lines::put_log_after(&mut self.line, key, value, carried);
            }
        }
        file.write(&self.line)
    }

    /// Writes a close record.
    pub(crate) fn close_record(&mut self, key: &[u8], value: &[u8]) -> Outcome<()> {
        let Some(file) = &mut self.close_records else { return Ok(()) };
        match self.format {
            Format::JsonLines => return put_value(file, value),
            Format::Capture => {
                self.line.clear();
                crate::capture::put(&mut self.line, None, Some(key), &[], Some(value));
            }
        }
        file.write(&self.line)
    }

    /// Writes a dead letter.
    pub(crate) fn dead_letter(&mut self, dead_letter: &DeadLetter<'_>) -> Outcome<()> {
        let Some(file) = &mut self.dead_letters else { return Ok(()) };
        self.line.clear();
        match self.format {
            Format::JsonLines => dead_letter.put_json(&mut self.line),
            Format::Capture => dead_letter.put_capture(&mut self.line),
        }
        file.write(&self.line)
    }

    /// Brings all that was written to the disk, and tells how long each file is.
    pub(crate) fn commit(&mut self) -> Outcome<Lengths> {
        let mut lengths = Lengths::new();
        for (name, file) in [
            ("output", &mut self.log_after),
            ("close-records", &mut self.close_records),
            ("dead-letters", &mut self.dead_letters),
        ] {
            if let Some(file) = file {
                lengths.insert(name.to_owned(), file.commit()?);
            }
        }
        Ok(lengths)
    }

    /// The outputs are whole.
    pub(crate) fn finish(self) -> Outcome<()> {
        for file in [self.log_after, self.close_records, self.dead_letters].into_iter().flatten() {
            file.finish()?;
        }
        Ok(())
    }
}

/// Writes a value as a line.
fn put_value(file: &mut OutputFile, value: &[u8]) -> Outcome<()> {
    file.write(&lines::in_one_line(value))?;
    file.write(b"\n")
}
