//! One output file: plain, gzip or zstd by its ending, with lengths that a commit can rely on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use crate::failure::{Failure, Outcome};

/// Stands for standard output on the command line.
pub(crate) const STDOUT: &str = "-";

const BUFFER: usize = 1 << 20;
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
/// The ending of a file that is not whole yet.
const PARTIAL: &str = ".partial";

/// An open output file.
pub(crate) struct OutputFile {
    /// What the user calls it.
    path: PathBuf,
    /// What it is called until it is whole, where it cannot be gone on with.
    partial: Option<PathBuf>,
    compression: Compression,
    /// Between two writes only it is none.
    encoder: Option<Encoder>,
}

#[derive(Clone, Copy)]
enum Compression {
    Plain,
    Gzip,
    Zstd,
}

/// The writer at work. A compressed one is begun with the first byte and ended by the next commit:
/// a file is a row of members, each whole, as both formats allow.
enum Encoder {
    Idle(Sink),
    Gzip(GzEncoder<Sink>),
    Zstd(zstd::Encoder<'static, Sink>),
}

enum Sink {
    File(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
}

impl OutputFile {
    /// A new file that is whole or not there: until `finish` it has another name.
    pub(crate) fn create(path: &Path) -> Outcome<OutputFile> {
        if path.as_os_str() == STDOUT {
            let sink = Sink::Stdout(BufWriter::with_capacity(BUFFER, io::stdout()));
            return Ok(OutputFile::new(path, None, sink));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(PARTIAL);
        let partial = PathBuf::from(partial);
        let file =
            File::create(&partial).map_err(|error| Failure::file("write", &partial, &error))?;
        let sink = Sink::File(BufWriter::with_capacity(BUFFER, file));
        Ok(OutputFile::new(path, Some(partial), sink))
    }

    /// A file that a stopped run goes on with, cut to what was committed.
    pub(crate) fn go_on(path: &Path, committed: u64) -> Outcome<OutputFile> {
        let failed = |error: io::Error| Failure::file("write", path, &error);
        let mut file = OpenOptions::new()
            .write(true)
            .create(committed == 0)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        if file.metadata().map_err(failed)?.len() < committed {
            return Err(Failure::run(format!(
                "{} is shorter than the {committed} bytes that were written to it: it was changed \
                 since. Nothing was overwritten",
                path.display()
            )));
        }
        file.set_len(committed).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let sink = Sink::File(BufWriter::with_capacity(BUFFER, file));
        Ok(OutputFile::new(path, None, sink))
    }

    fn new(path: &Path, partial: Option<PathBuf>, sink: Sink) -> OutputFile {
        let compression = match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Compression::Gzip,
            Some("zst") => Compression::Zstd,
            _ => Compression::Plain,
        };
        let encoder = Some(Encoder::Idle(sink));
        OutputFile { path: path.to_owned(), partial, compression, encoder }
    }

    /// Writes some lines.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Outcome<()> {
        self.try_write(lines).map_err(|error| Failure::file("write", &self.path, &error))
    }

    fn try_write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut encoder = match (self.encoder.take(), self.compression) {
            (None, _) => return Err(io::Error::other("an earlier write failed")),
            (Some(Encoder::Idle(sink)), Compression::Gzip) => {
                Encoder::Gzip(GzEncoder::new(sink, flate2::Compression::new(GZIP_LEVEL)))
            }
            (Some(Encoder::Idle(sink)), Compression::Zstd) => {
                let mut encoder = zstd::Encoder::new(sink, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
            (Some(encoder), _) => encoder,
        };
        match &mut encoder {
            Encoder::Idle(sink) => sink.write_all(lines)?,
            Encoder::Gzip(encoder) => encoder.write_all(lines)?,
            Encoder::Zstd(encoder) => encoder.write_all(lines)?,
        }
        self.encoder = Some(encoder);
        Ok(())
    }

    /// Ends what is being compressed and sees to it that all of it is on the disk. Returns the
    /// file's length.
    pub(crate) fn commit(&mut self) -> Outcome<u64> {
        self.try_commit().map_err(|error| Failure::file("write", &self.path, &error))
    }

    fn try_commit(&mut self) -> io::Result<u64> {
        let mut sink = match self.encoder.take() {
            None => return Err(io::Error::other("an earlier write failed")),
            Some(Encoder::Idle(sink)) => sink,
            Some(Encoder::Gzip(encoder)) => encoder.finish()?,
            Some(Encoder::Zstd(encoder)) => encoder.finish()?,
        };
        sink.flush()?;
        let length = match &mut sink {
            Sink::File(writer) => {
                writer.get_ref().sync_data()?;
                writer.get_mut().stream_position()?
            }
            Sink::Stdout(_) => 0,
        };
        self.encoder = Some(Encoder::Idle(sink));
        Ok(length)
    }

    /// The file is whole: it gets its name.
    pub(crate) fn finish(mut self) -> Outcome<()> {
        self.commit()?;
        match &self.partial {
            Some(partial) => std::fs::rename(partial, &self.path)
                .map_err(|error| Failure::file("write", &self.path, &error)),
            None => Ok(()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(writer) => writer.write(bytes),
            Sink::Stdout(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::File(writer) => writer.flush(),
            Sink::Stdout(writer) => writer.flush(),
        }
    }
}
