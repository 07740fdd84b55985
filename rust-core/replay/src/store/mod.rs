//! Keyed state and timers: in memory as far as they fit, the rest in RocksDB.
//!
//! ```text
//! entries   a key's state     all that was touched since the last commit, and as much more as fits
//! timers    the earliest ones   up to `horizon`; the later ones only on the disk
//! disk      RocksDB           everything as of the last commit
//! ```
//!
//! Between commits nothing is written. A commit is one write batch: states, timers, and the note
//! of whoever commits (input positions, output lengths).

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use hashbrown::HashMap;

pub(crate) use disk::Disk;

use crate::failure::{Failure, Outcome};

/// What an entry takes beside its key and its state: the map's slot, the counts, the allocator.
const ENTRY_OVERHEAD: usize = 112;
/// What a timer takes beside its bytes.
const TIMER_OVERHEAD: usize = 56;
/// How many timers are read from the disk at once.
const TIMERS_READ: usize = 100_000;
/// Where a timer's key stands in its bytes: behind its time.
const TIME_LENGTH: usize = 8;

/// A key's timer. The time stands in front and in place, so that order is mostly told by it alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    at_ms: i64,
    key: Box<[u8]>,
}

struct Entry {
    /// Empty for no state.
    state: Vec<u8>,
    /// Differs from the disk.
    dirty: bool,
    /// Touched since the last commit.
    touched: bool,
}

/// The keyed state and the timers.
pub(crate) struct Store {
    entries: HashMap<Rc<[u8]>, Entry>,
    timers: BTreeSet<Timer>,
    /// Timers from here on are on the disk only; none: all are in memory.
    horizon: Option<Timer>,
    /// Timers registered (true) or gone (false) since the last commit.
    timer_changes: BTreeMap<Timer, bool>,
    dirty: Vec<Rc<[u8]>>,
    disk: Option<Disk>,
    /// Whether every key that has state is in memory.
    complete: bool,
    /// What entries and timers take.
    bytes: usize,
}

impl Store {
    /// A store in memory alone.
    pub(crate) fn in_memory() -> Store {
        Store {
            entries: HashMap::new(),
            timers: BTreeSet::new(),
            horizon: None,
            timer_changes: BTreeMap::new(),
            dirty: Vec::new(),
            disk: None,
            complete: true,
            bytes: 0,
        }
    }

    /// A store over what was committed to the disk; as much of it as fits is read at once, and all
    /// of it is checked.
    pub(crate) fn on_disk(disk: Disk, fits: usize) -> Outcome<Store> {
        let mut store = Store { disk: None, ..Store::in_memory() };
        disk.for_each_state(|key, state| {
            if store.bytes < fits / 2 {
                let entry = Entry { state: state.to_vec(), dirty: false, touched: false };
                store.bytes += key.len() + entry.state.len() + ENTRY_OVERHEAD;
                store.entries.insert(Rc::from(key), entry);
            } else {
                store.complete = false;
            }
        })?;
        store.disk = Some(disk);
        store.horizon = Some(Timer::new(i64::MIN, &[])); // no timer comes before it
        Ok(store)
    }

    /// What entries and timers take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.timer_changes.len() * TIMER_OVERHEAD
    }

    /// The state of a key; empty for none.
    pub(crate) fn state(&mut self, key: &[u8]) -> Outcome<&[u8]> {
        let entry = match self.entries.entry_ref(key) {
            hashbrown::hash_map::EntryRef::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::EntryRef::Vacant(entry) => {
                let stored = match &self.disk {
                    Some(disk) if !self.complete => disk.state(key)?,
                    _ => None,
                };
                let state = stored.unwrap_or_default();
                self.bytes += key.len() + state.len() + ENTRY_OVERHEAD;
                let new = Entry { state, dirty: false, touched: true };
                entry.insert_with_key(Rc::from(key), new)
            }
        };
        entry.touched = true;
        Ok(&entry.state)
    }

    /// Sets the state of a key that was asked for before; empty for none.
    pub(crate) fn set_state(&mut self, key: &[u8], state: &[u8]) {
        let hashbrown::hash_map::EntryRef::Occupied(mut slot) = self.entries.entry_ref(key) else {
            return;
        };
        let entry = slot.get_mut();
        self.bytes = self.bytes + state.len() - entry.state.len();
        if self.disk.is_none() {
            if state.is_empty() {
                self.bytes -= key.len() + ENTRY_OVERHEAD;
                slot.remove();
                return;
            }
        } else if !entry.dirty {
            entry.dirty = true;
            self.dirty.push(Rc::clone(slot.key()));
        }
        let entry = slot.get_mut();
        entry.state.clear();
        entry.state.extend_from_slice(state);
    }

    /// A key that was asked for keeps its state: none is not remembered.
    pub(crate) fn leave_state(&mut self, key: &[u8]) {
        if let hashbrown::hash_map::EntryRef::Occupied(slot) = self.entries.entry_ref(key) {
            if slot.get().state.is_empty() && !slot.get().dirty {
                slot.remove();
                self.bytes -= key.len() + ENTRY_OVERHEAD;
            }
        }
    }

    /// Registers a key's timer.
    pub(crate) fn register_timer(&mut self, at_ms: i64, key: &[u8]) {
        let timer = Timer::new(at_ms, key);
        if self.disk.is_some() {
            self.timer_changes.insert(timer.clone(), true);
        }
        if self.is_near(&timer) {
            self.keep_timer(timer);
        }
    }

    /// Deletes a key's timer.
    pub(crate) fn delete_timer(&mut self, at_ms: i64, key: &[u8]) {
        self.forget_timer(Timer::new(at_ms, key));
    }

    /// Takes the earliest timer out, where it is due at this watermark.
    pub(crate) fn take_due(&mut self, watermark_ms: i64) -> Outcome<Option<Timer>> {
        loop {
            if self.timers.first().is_some_and(|first| first.at_ms > watermark_ms) {
                return Ok(None);
            }
            if let Some(first) = self.timers.pop_first() {
                self.bytes -= first.size();
                if self.disk.is_some() {
                    self.timer_changes.insert(first.clone(), false);
                }
                return Ok(Some(first));
            }
            if self.horizon.as_ref().is_none_or(|horizon| horizon.at_ms > watermark_ms) {
                return Ok(None);
            }
            self.read_timers()?;
        }
    }

    fn is_near(&self, timer: &Timer) -> bool {
        self.horizon.as_ref().is_none_or(|horizon| timer < horizon)
    }

    fn keep_timer(&mut self, timer: Timer) {
        let size = timer.size();
        if self.timers.insert(timer) {
            self.bytes += size;
        }
    }

    fn forget_timer(&mut self, timer: Timer) {
        if self.timers.remove(&timer) {
            self.bytes -= timer.size();
        }
        if self.disk.is_some() {
            self.timer_changes.insert(timer, false);
        }
    }

    /// Reads the next timers from the disk, and moves the horizon behind them.
    fn read_timers(&mut self) -> Outcome<()> {
        let (Some(disk), Some(from)) = (&self.disk, self.horizon.take()) else { return Ok(()) };
        let (near, next) = disk.timers(&from, TIMERS_READ)?;
        let changes = &self.timer_changes;
        let mut near: Vec<Timer> =
            near.into_iter().filter(|timer| changes.get(timer) != Some(&false)).collect();
        let registered = changes
            .range(from..)
            .take_while(|(timer, _)| next.as_ref().is_none_or(|next| *timer < next))
            .filter(|(_, registered)| **registered);
        near.extend(registered.map(|(timer, _)| timer.clone()));
        self.horizon = next;
        for timer in near {
            self.keep_timer(timer);
        }
        Ok(())
    }

    /// Writes all that has changed and the note to the disk, at once or not at all.
    pub(crate) fn commit(&mut self, note: &[u8]) -> Outcome<()> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let mut batch = disk.batch()?;
        for key in self.dirty.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.dirty = false;
                batch.put_state(&key, &entry.state);
                if entry.state.is_empty() {
                    self.bytes -= key.len() + ENTRY_OVERHEAD;
                    self.entries.remove(&key);
                }
            }
        }
        for (timer, registered) in std::mem::take(&mut self.timer_changes) {
            batch.put_timer(&timer, registered);
        }
        batch.put_note(note);
        disk.write(batch)
    }

    /// After a commit: lets go of what does not fit, what was not touched lately first.
    pub(crate) fn shrink(&mut self, fits: usize) {
        if self.disk.is_none() || self.bytes <= fits {
            return;
        }
        self.complete = false;
        // Timers first, but for the near ones: they are read in order and a hundred thousand at a
        // time, states one by one.
        let mut size = 0;
        let first_far = self.timers.iter().find(|timer| {
            size += timer.size();
            size > fits / 8
        });
        if let Some(first_far) = first_far.cloned() {
            for timer in self.timers.split_off(&first_far) {
                self.bytes -= timer.size();
            }
            self.horizon = Some(first_far);
        }
        for untouched_only in [true, false] {
            if self.bytes > fits {
                let bytes = &mut self.bytes;
                self.entries.retain(|key, entry| {
                    let stays = *bytes <= fits / 4 * 3 || (untouched_only && entry.touched);
                    if !stays {
                        *bytes -= key.len() + entry.state.len() + ENTRY_OVERHEAD;
                    }
                    stays
                });
            }
        }
        for entry in self.entries.values_mut() {
            entry.touched = false;
        }
        self.entries.shrink_to(self.entries.len() * 2);
    }

    /// Goes on with the disk of a new folder where all was in memory.
    pub(crate) fn spill(&mut self, folder: &Path, memory: usize) -> Outcome<()> {
        if self.disk.is_some() {
            return Ok(());
        }
        self.disk = Some(Disk::scratch(folder, memory)?);
        for (key, entry) in &mut self.entries {
            entry.dirty = true;
            self.dirty.push(Rc::clone(key));
        }
        self.timer_changes = self.timers.iter().map(|timer| (timer.clone(), true)).collect();
        self.commit(&[])
    }
}

impl Timer {
    /// No timer comes before it.
    fn new(at_ms: i64, key: &[u8]) -> Timer {
        Timer { at_ms, key: key.into() }
    }

    pub(crate) fn at_ms(&self) -> i64 {
        self.at_ms
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// What it takes in memory.
    fn size(&self) -> usize {
        self.key.len() + TIMER_OVERHEAD
    }

    /// Bytes that are ordered by time, then key: as on the disk.
    fn encode(&self) -> Vec<u8> {
        // With the sign turned, big-endian bytes are ordered as the numbers are.
        let at = self.at_ms.cast_unsigned() ^ (1 << 63);
        [at.to_be_bytes().as_slice(), &self.key].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Timer> {
        let (at, key) = bytes.split_first_chunk::<TIME_LENGTH>()?;
        Some(Timer::new((u64::from_be_bytes(*at) ^ (1 << 63)).cast_signed(), key))
    }
}

/// What is told of a state folder that RocksDB cannot read.
pub(crate) fn damaged(folder: &Path, detail: &str) -> Failure {
    Failure::run(format!(
        "the state folder {} is damaged: {detail}. Nothing was overwritten; begin anew with \
         another folder",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: usize = 64 << 20;

    /// What the store has to do, the naive way.
    #[derive(Default)]
    struct Model {
        states: BTreeMap<Vec<u8>, Vec<u8>>,
        timers: BTreeSet<(i64, Vec<u8>)>,
    }

    fn below(chance: &mut u64, limit: u64) -> u64 {
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        *chance % limit
    }

    /// One random step on both; the watermark rises.
    fn step(store: &mut Store, model: &mut Model, chance: &mut u64, watermark_ms: &mut i64) {
        let key = format!("key {}", below(chance, 400)).into_bytes();
        assert_eq!(store.state(&key).unwrap(), model.states.get(&key).map_or(&[][..], |it| it));
        let timer = model.timers.iter().find(|(_, of)| *of == key).cloned();
        match below(chance, 4) {
            0 => {
                store.leave_state(&key);
                let rise = i64::try_from(below(chance, 60)).unwrap();
                *watermark_ms += rise;
                while let Some(due) = store.take_due(*watermark_ms).unwrap() {
                    let first = model.timers.pop_first().unwrap();
                    assert_eq!((due.at_ms(), due.key()), (first.0, first.1.as_slice()));
                    store.state(due.key()).unwrap();
                    store.set_state(due.key(), &[]);
                    model.states.remove(due.key());
                }
                assert!(model.timers.first().is_none_or(|first| first.0 > *watermark_ms));
            }
            more => {
                let state = format!("{more} {watermark_ms}").into_bytes();
                store.set_state(&key, &state);
                model.states.insert(key.clone(), state);
                if let Some((at_ms, _)) = timer.filter(|_| more == 1) {
                    store.delete_timer(at_ms, &key);
                    model.timers.remove(&(at_ms, key.clone()));
                }
                if !model.timers.iter().any(|(_, of)| *of == key) {
                    let at_ms = *watermark_ms + 1 + i64::try_from(below(chance, 9000)).unwrap();
                    store.register_timer(at_ms, &key);
                    model.timers.insert((at_ms, key));
                }
            }
        }
    }

    #[test]
    fn it_does_what_a_map_does_whatever_fits_into_memory() {
        for fits in [0, 20_000, usize::MAX] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state");
            let disk = Disk::create(&path, MEMORY).unwrap();
            let mut store = Store::on_disk(disk, fits).unwrap();
            let (mut model, mut chance, mut watermark_ms) = (Model::default(), 7, -4000);
            for round in 0..60 {
                for _ in 0..100 {
                    step(&mut store, &mut model, &mut chance, &mut watermark_ms);
                }
                store.commit(format!("round {round}").as_bytes()).unwrap();
                store.shrink(fits);
                // Every now and then as after a crash: only what was committed is there.
                if round % 9 == 8 {
                    drop(store);
                    let disk = Disk::open(&path, MEMORY).unwrap();
                    let note = disk.note().unwrap().unwrap();
                    assert_eq!(note, format!("round {round}").into_bytes());
                    store = Store::on_disk(disk, fits).unwrap();
                }
            }
            assert!(model.states.len() > 100, "too few keys to tell");
        }
    }

    #[test]
    fn what_no_longer_fits_goes_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::in_memory();
        let (mut model, mut chance, mut watermark_ms) = (Model::default(), 3, 0);
        for round in 0..20 {
            for _ in 0..100 {
                step(&mut store, &mut model, &mut chance, &mut watermark_ms);
            }
            if round == 5 {
                store.spill(&folder.path().join("state"), MEMORY).unwrap();
            }
            store.commit(&[]).unwrap();
            store.shrink(10_000);
        }
        assert!(store.bytes() < 60_000, "{} bytes are kept", store.bytes());
    }
}
