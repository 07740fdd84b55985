//! One input file, line by line: plain, gzip or zstd, told by its first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use crate::failure::{Failure, Outcome};

/// Stands for standard input on the command line.
pub(crate) const STDIN: &str = "-";

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 256 * 1024;
/// Nothing that Kafka could hold is that long; without a limit, a file without lines fills memory.
const LONGEST_LINE: usize = 256 * 1024 * 1024;
/// How much of a file's front tells it from another file.
const FRONT: u64 = 64 * 1024;

/// How far a file is read. Bytes are counted after decompression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Position {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
}

/// How far a stopped run has read a file, and what tells the file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mark {
    pub(crate) position: Position,
    /// Checksum of the file's front, as far as it was read.
    front: u32,
}

impl Mark {
    /// A mark of the file at the position.
    pub(crate) fn of(path: &Path, position: Position) -> Outcome<Mark> {
        Ok(Mark { position, front: front(path, position)? })
    }

    /// The mark of the same file further on. The front is read again only while it grows.
    pub(crate) fn moved_to(self, path: &Path, position: Position) -> Outcome<Mark> {
        if self.position == position || self.position.bytes >= FRONT {
            return Ok(Mark { position, ..self });
        }
        Mark::of(path, position)
    }
}

/// An open input file.
pub(crate) struct InputFile {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    position: Position,
}

impl InputFile {
    /// Opens a file; `read_bytes` counts what is read of it, as it lies on the disk.
    pub(crate) fn open(path: &Path, read_bytes: Arc<AtomicU64>) -> Outcome<InputFile> {
        let failed = |error: io::Error| Failure::file("read", path, &error);
        let reader: Box<dyn BufRead + Send> = if path.as_os_str() == STDIN {
            decompressed(Counted { source: io::stdin(), read_bytes }).map_err(failed)?
        } else {
            let source = File::open(path).map_err(failed)?;
            decompressed(Counted { source, read_bytes }).map_err(failed)?
        };
        Ok(InputFile { path: path.to_owned(), reader, position: Position::default() })
    }

    /// Opens a file and goes on at the mark. A compressed one is read up to there once more.
    pub(crate) fn open_at(
        path: &Path,
        mark: &Mark,
        read_bytes: Arc<AtomicU64>,
    ) -> Outcome<InputFile> {
        let changed = || {
            Failure::run(format!(
                "{} is no longer the file that the stopped run has read: put that back, or begin \
                 anew with another state folder",
                path.display()
            ))
        };
        if front(path, mark.position)? != mark.front {
            return Err(changed());
        }
        let mut input = InputFile::open(path, Arc::clone(&read_bytes))?;
        if !input.skip(mark.position.bytes, &read_bytes)? {
            return Err(changed());
        }
        input.position = mark.position;
        Ok(input)
    }

    /// Passes over that many bytes; `false` where the file is shorter.
    fn skip(&mut self, bytes: u64, read_bytes: &Arc<AtomicU64>) -> Outcome<bool> {
        let failed = |error: io::Error| Failure::file("read", &self.path, &error);
        let mut first = [0; 4];
        let mut file = File::open(&self.path).map_err(failed)?;
        let length = file.read(&mut first).map_err(failed)?;
        if is_plain(first.get(..length).unwrap_or_default()) {
            if file.metadata().map_err(failed)?.len() < bytes {
                return Ok(false);
            }
            file.seek(SeekFrom::Start(bytes)).map_err(failed)?;
            read_bytes.store(bytes, Ordering::Relaxed);
            let rest = Counted { source: file, read_bytes: Arc::clone(read_bytes) };
            self.reader = Box::new(BufReader::with_capacity(BUFFER, rest));
            return Ok(true);
        }
        let skipped = io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink());
        Ok(skipped.map_err(failed)? == bytes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Behind the last line that was read.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Reads the next line into the buffer, without its end. `false` at the end of the file.
    pub(crate) fn read_line(&mut self, line: &mut Vec<u8>) -> Outcome<bool> {
        line.clear();
        let read = self
            .reader
            .by_ref()
            .take(LONGEST_LINE as u64 + 1)
            .read_until(b'\n', line)
            .map_err(|error| Failure::file("read", &self.path, &error))?;
        if read > LONGEST_LINE {
            return Err(Failure::run(format!(
                "{}, line {}: longer than {} MB; is it a file of lines?",
                self.path.display(),
                self.position.lines + 1,
                LONGEST_LINE >> 20
            )));
        }
        if read == 0 {
            return Ok(false);
        }
        self.position.bytes += read as u64;
        self.position.lines += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        Ok(true)
    }
}

/// The checksum of a file's front, as far as a reader at the position has seen it.
fn front(path: &Path, position: Position) -> Outcome<u32> {
    let mut input = InputFile::open(path, Arc::default())?;
    let mut bytes = Vec::new();
    input
        .reader
        .by_ref()
        .take(position.bytes.min(FRONT))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("read", path, &error))?;
    Ok(crc32fast::hash(&bytes))
}

fn is_plain(first: &[u8]) -> bool {
    !first.starts_with(GZIP_MAGIC) && !first.starts_with(ZSTD_MAGIC)
}

/// A reader of the text, whatever it is compressed with.
fn decompressed(source: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut source = BufReader::with_capacity(BUFFER, source);
    let first = source.fill_buf()?;
    Ok(if first.starts_with(GZIP_MAGIC) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(source)))
    } else if first.starts_with(ZSTD_MAGIC) {
        let decoder = zstd::Decoder::with_buffer(source)?;
        Box::new(BufReader::with_capacity(BUFFER, decoder))
    } else {
        Box::new(source)
    })
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    read_bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
