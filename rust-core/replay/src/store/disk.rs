//! RocksDB: states, timers, and the note of the last commit.

use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor,
    DBCompressionType, Direction, Error, ErrorKind, IteratorMode, LruCacheOptions, Options,
    ReadOptions, WriteBatch, WriteOptions, DB, DEFAULT_COLUMN_FAMILY_NAME,
};

use super::{damaged, Timer};
use crate::failure::{Failure, Outcome};

const STATES: &str = "states";
const TIMERS: &str = "timers";
/// Where the note stands, in the default column family.
const NOTE: &[u8] = b"note";
/// Bloom filters answer for users never seen before without a look at the disk.
const BLOOM_BITS: f64 = 10.0;
const WRITE_BUFFERS: i32 = 2;
const OPEN_FILES: i32 = 256;

/// An open RocksDB.
pub(crate) struct Disk {
    db: DB,
    folder: PathBuf,
    /// Whether a commit survives a crash of the machine.
    durable: bool,
}

/// A write that happens at once or not at all.
pub(crate) struct Batch<'d> {
    batch: WriteBatch,
    states: &'d ColumnFamily,
    timers: &'d ColumnFamily,
}

impl Disk {
    /// Makes a new one in a folder that does not exist; `memory` bounds what it takes, in bytes.
    pub(crate) fn create(folder: &Path, memory: usize) -> Outcome<Disk> {
        Disk::open_with(folder, memory, true)
    }

    /// Opens the one in this folder, and reads all of it once: a damaged table is to be found before
    /// anything is written, and not when its turn comes. The states are left to the store over it,
    /// which reads them in any case.
    pub(crate) fn open(folder: &Path, memory: usize) -> Outcome<Disk> {
        let disk = Disk::open_with(folder, memory, false)?;
        for family in [DEFAULT_COLUMN_FAMILY_NAME, TIMERS] {
            let family = disk.family(family)?;
            for entry in disk.db.iterator_cf_opt(family, scan(), IteratorMode::Start) {
                entry.map_err(|error| told(folder, &error))?;
            }
        }
        Ok(disk)
    }

    /// One for this run only: what stands there goes with the process.
    pub(crate) fn scratch(folder: &Path, memory: usize) -> Outcome<Disk> {
        Ok(Disk { durable: false, ..Disk::create(folder, memory)? })
    }

    fn open_with(folder: &Path, memory: usize, create: bool) -> Outcome<Disk> {
        let cache = block_cache(memory / 2);
        let mut options = Options::default();
        options.create_if_missing(create);
        options.create_missing_column_families(create);
        options.set_error_if_exists(create);
        options.set_paranoid_checks(true);
        options.set_max_open_files(OPEN_FILES);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_total_wal_size((memory / 2) as u64);
        let families = [STATES, TIMERS]
            .map(|name| ColumnFamilyDescriptor::new(name, family_options(&cache, memory)));
        let db = DB::open_cf_descriptors(&options, folder, families)
            .map_err(|error| told(folder, &error))?;
        Ok(Disk { db, folder: folder.to_owned(), durable: true })
    }

    /// The note of the last commit.
    pub(crate) fn note(&self) -> Outcome<Option<Vec<u8>>> {
        self.db.get(NOTE).map_err(|error| told(&self.folder, &error))
    }

    /// The state of a key.
    pub(crate) fn state(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        self.db.get_cf(self.family(STATES)?, key).map_err(|error| told(&self.folder, &error))
    }

    /// Visits every key and its state.
    pub(crate) fn for_each_state(&self, mut visit: impl FnMut(&[u8], &[u8])) -> Outcome<()> {
        let states = self.family(STATES)?;
        for entry in self.db.iterator_cf_opt(states, scan(), IteratorMode::Start) {
            let (key, state) = entry.map_err(|error| told(&self.folder, &error))?;
            visit(&key, &state);
        }
        Ok(())
    }

    /// The first timers from `from` on, and the one behind them.
    pub(crate) fn timers(&self, from: &Timer, most: usize) -> Outcome<(Vec<Timer>, Option<Timer>)> {
        let family = self.family(TIMERS)?;
        let from = from.encode();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let mut timers = Vec::new();
        for entry in self.db.iterator_cf_opt(family, scan(), mode) {
            let (bytes, _) = entry.map_err(|error| told(&self.folder, &error))?;
            let timer = Timer::decode(&bytes)
                .ok_or_else(|| damaged(&self.folder, "a timer in it cannot be read"))?;
            if timers.len() == most {
                return Ok((timers, Some(timer)));
            }
            timers.push(timer);
        }
        Ok((timers, None))
    }

    /// An empty write.
    pub(crate) fn batch(&self) -> Outcome<Batch<'_>> {
        Ok(Batch {
            batch: WriteBatch::default(),
            states: self.family(STATES)?,
            timers: self.family(TIMERS)?,
        })
    }

    /// Writes the batch.
    pub(crate) fn write(&self, batch: Batch<'_>) -> Outcome<()> {
        let mut options = WriteOptions::default();
        options.set_sync(self.durable);
        options.disable_wal(!self.durable);
        self.db.write_opt(batch.batch, &options).map_err(|error| told(&self.folder, &error))
    }

    fn family(&self, name: &str) -> Outcome<&ColumnFamily> {
        self.db
            .cf_handle(name)
            .ok_or_else(|| damaged(&self.folder, &format!("it has no column family {name}")))
    }
}

impl Batch<'_> {
    /// Puts a state; an empty one goes.
    pub(crate) fn put_state(&mut self, key: &[u8], state: &[u8]) {
        if state.is_empty() {
            self.batch.delete_cf(self.states, key);
        } else {
            self.batch.put_cf(self.states, key, state);
        }
    }

    pub(crate) fn put_timer(&mut self, timer: &Timer, registered: bool) {
        let bytes = timer.encode();
        if registered {
            self.batch.put_cf(self.timers, bytes, []);
        } else {
            self.batch.delete_cf(self.timers, bytes);
        }
    }

    pub(crate) fn put_note(&mut self, note: &[u8]) {
        self.batch.put(NOTE, note);
    }
}

/// A cache in one piece: cut into shards, as it is by default, each holds little, and what is larger
/// than a shard is never held. One thread reads, so none waits for its lock.
fn block_cache(bytes: usize) -> Cache {
    let mut options = LruCacheOptions::default();
    options.set_capacity(bytes);
    options.set_num_shard_bits(0);
    Cache::new_lru_cache_opts(&options)
}

fn family_options(cache: &Cache, memory: usize) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Filters and indexes count as the cache's, so that memory stays bounded however large the state
    // is. In partitions of some kilobytes: those of a whole table have megabytes, and were one not
    // to be held, it would be read anew with each key.
    table.set_cache_index_and_filter_blocks(true);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_bloom_filter(BLOOM_BITS, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_write_buffer_size(memory / 8);
    options.set_max_write_buffer_number(WRITE_BUFFERS);
    options
}

/// A scan passes the cache by: it would push out what single reads need.
fn scan() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options.set_verify_checksums(true);
    options
}

/// One sentence for an error of RocksDB.
fn told(folder: &Path, error: &Error) -> Failure {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::IOError if text.contains("No space left") => {
            Failure::run(format!("cannot write {}: the disk is full", folder.display()))
        }
        ErrorKind::IOError if text.contains("lock") => {
            Failure::run(format!("another run is at work on {}", folder.display()))
        }
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotFound => {
            damaged(folder, &text)
        }
        ErrorKind::IOError if text.contains("No such file") => damaged(folder, &text),
        _ => Failure::run(format!("cannot use the state folder {}: {text}", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use rocksdb::perf::{set_perf_stats, PerfContext, PerfMetric, PerfStatsLevel};

    use super::*;

    /// So many that their filter, were it one block, is larger than a shard of the cache.
    const KEYS: u32 = 500_000;
    const MEMORY: usize = 2 << 20;
    const READS: u32 = 1000;
    const MOST_BYTES_A_READ: u64 = 32 << 10;

    fn key(number: u32) -> [u8; 4] {
        number.wrapping_mul(0x9e37_79b1).to_be_bytes() // each a number of its own, spread
    }

    #[test]
    fn a_read_takes_some_blocks_however_large_the_tables_are() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::scratch(&folder.path().join("state"), MEMORY).unwrap();
        for first in (0..KEYS).step_by(10_000) {
            let mut batch = disk.batch().unwrap();
            (first..first + 10_000).for_each(|number| batch.put_state(&key(number), &[7; 60]));
            disk.write(batch).unwrap();
        }
        disk.db.compact_range_cf(disk.family(STATES).unwrap(), None::<&[u8]>, None::<&[u8]>);

        set_perf_stats(PerfStatsLevel::EnableCount);
        let mut counted = PerfContext::default();
        counted.reset();
        for number in 0..READS {
            assert!(disk.state(&key(number * 499)).unwrap().is_some());
            assert!(disk.state(&key(KEYS + number)).unwrap().is_none());
        }
        let bytes_a_read = counted.metric(PerfMetric::BlockReadByte) / u64::from(2 * READS);
        assert!((1..MOST_BYTES_A_READ).contains(&bytes_a_read), "{bytes_a_read} bytes a read");
    }
}
