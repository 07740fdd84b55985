//! Ordered mode: events wait in the key's state, and the watermark says when their turn has come.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::{
    Arrival, CoreError, EmissionKind, SessionCore, StateChange, StateError, StepReply, Subject,
    MAX_WAITING_BYTES_PER_KEY, MAX_WAITING_PER_KEY,
};

use crate::{core_with, decode, Decoded, AT_MS};

const MINUTE_MS: i64 = 60_000;

/// A record as it is read: its value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    value: Vec<u8>,
    at_ms: i64,
    partition: i32,
    offset: i64,
}

impl Read {
    fn new(log_name: &str, at_ms: i64, partition: i32, offset: i64) -> Read {
        let value = format!(r#"{{"uid":"u","log_name":"{log_name}","ts":{at_ms}}}"#).into_bytes();
        Read { value, at_ms, partition, offset }
    }

    fn carried(&self) -> Vec<u8> {
        format!("{}/{}", self.partition, self.offset).into_bytes()
    }
}

/// What comes out, in order: outputs with the place of their record, and close records.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    Output { partition: i32, offset: i64, key: Vec<u8>, value: Vec<u8> },
    Close(Vec<u8>),
}

/// What Flink holds for the key.
struct Key<'c> {
    core: &'c SessionCore,
    state: Vec<u8>,
    timers: Vec<i64>,
    watermark_ms: i64,
    labelled_early: usize,
    out: Vec<Out>,
    largest_frame: usize,
}

impl<'c> Key<'c> {
    fn new(core: &'c SessionCore) -> Key<'c> {
        Key {
            core,
            state: Vec::new(),
            timers: Vec::new(),
            watermark_ms: i64::MIN,
            labelled_early: 0,
            out: Vec::new(),
            largest_frame: 0,
        }
    }

    fn event(&mut self, read: &Read) {
        let Decoded::Event { found, .. } = decode(self.core, &read.value) else {
            panic!("a dead letter: {}", String::from_utf8_lossy(&read.value));
        };
        let carried = read.carried();
        let Read { partition, offset, .. } = *read;
        let watermark_ms = self.watermark_ms;
        let arrival = Arrival { partition, offset, carried: &carried, watermark_ms };
        let mut frame = Vec::new();
        self.core.on_event(&self.state, &found, &read.value, &arrival, &mut frame).unwrap();
        self.apply(&frame, Some(read));
    }

    /// Moves the watermark, and fires what is due.
    fn watermark(&mut self, to_ms: i64) {
        self.watermark_ms = self.watermark_ms.max(to_ms);
        while let Some(timer_ms) = self.timers.first().copied() {
            if timer_ms > self.watermark_ms {
                break;
            }
            self.timers.clear();
            let mut frame = Vec::new();
            self.core.on_timer(&self.state, b"u", timer_ms, self.watermark_ms, &mut frame).unwrap();
            self.apply(&frame, None);
        }
    }

    fn apply(&mut self, frame: &[u8], given: Option<&Read>) {
        let reply = StepReply::read(frame).expect("a step frame");
        match reply.state_change {
            StateChange::Keep => {}
            StateChange::Put => self.state = reply.state.to_vec(),
            StateChange::Clear => self.state.clear(),
        }
        if let Some(deleted) = reply.delete_timer_ms {
            assert_eq!(self.timers, [deleted], "deletes another timer");
            self.timers.clear();
        }
        self.timers.extend(reply.register_timer_ms);
        assert!(self.timers.len() <= 1, "{:?}", self.timers);
        assert_eq!(self.timers.is_empty(), self.state.is_empty(), "a timer where there is state");
        self.labelled_early += reply.labelled_early;
        self.largest_frame = self.largest_frame.max(frame.len() - reply.state.len());
        for emission in &reply.emissions {
            self.out.push(match (emission.kind, emission.subject) {
                (EmissionKind::CloseRecord, _) => Out::Close(emission.value.to_vec()),
                (EmissionKind::Output, subject) => {
                    let (partition, offset) = match subject {
                        Subject::Waited { arrival, record } => {
                            let carried = format!("{}/{}", arrival.partition, arrival.offset);
                            assert_eq!(arrival.carried, carried.as_bytes());
                            assert_eq!(record, b"", "an output has its record in its value");
                            (arrival.partition, arrival.offset)
                        }
                        _ => given.map(|read| (read.partition, read.offset)).expect("an event"),
                    };
                    let (key, value) = (emission.key.to_vec(), emission.value.to_vec());
                    Out::Output { partition, offset, key, value }
                }
                (EmissionKind::DeadLetter, _) => panic!("the core failed"),
            });
        }
    }

    fn outputs(&self) -> Vec<(i32, i64)> {
        let place = |out: &Out| match out {
            Out::Output { partition, offset, .. } => Some((*partition, *offset)),
            Out::Close(_) => None,
        };
        self.out.iter().filter_map(place).collect()
    }
}

fn ordered(options: &str) -> SessionCore {
    core_with(&format!("order=event-time\nclose_records=true\n{options}"))
}

#[test]
fn an_event_waits_until_the_watermark_has_reached_it() {
    let core = ordered("");
    let mut key = Key::new(&core);
    key.event(&Read::new("CIN", AT_MS, 0, 0));
    assert_eq!((key.out.len(), key.timers.as_slice()), (0, &[AT_MS][..]));
    key.watermark(AT_MS - 1);
    assert_eq!(key.out, []);
    key.watermark(AT_MS);
    assert_eq!(key.outputs(), [(0, 0)]);
    assert_eq!(key.timers, [AT_MS + 190 * MINUTE_MS]);
}

#[test]
fn turns_come_by_time_then_bytes_then_partition_then_offset() {
    let core = ordered("");
    let mut key = Key::new(&core);
    let reads = [
        Read::new("B", AT_MS + 1, 0, 7),
        Read::new("B", AT_MS, 2, 1),
        Read::new("B", AT_MS, 1, 9),
        Read::new("B", AT_MS, 1, 8),
        Read::new("A", AT_MS, 3, 0),
    ];
    for read in &reads {
        key.event(read);
    }
    key.watermark(AT_MS + 1);
    assert_eq!(key.outputs(), [(3, 0), (1, 8), (1, 9), (2, 1), (0, 7)]);
}

#[test]
fn a_late_event_is_labelled_at_once_and_the_others_go_on_waiting() {
    let core = ordered("");
    let mut key = Key::new(&core);
    key.event(&Read::new("A", AT_MS + 5, 0, 0));
    key.watermark(AT_MS);
    key.event(&Read::new("A", AT_MS, 0, 1));
    assert_eq!(key.outputs(), [(0, 1)]);
    key.event(&Read::new("A", AT_MS + 1, 0, 2));
    assert_eq!(key.outputs(), [(0, 1)]);
    key.watermark(AT_MS + 5);
    assert_eq!(key.outputs(), [(0, 1), (0, 2), (0, 0)]);
}

/// A caller that fires its timers late, as Flink never does.
#[test]
fn a_late_event_comes_after_what_is_due_before_it() {
    let core = ordered("");
    let mut key = Key::new(&core);
    key.event(&Read::new("A", AT_MS, 0, 0));
    key.event(&Read::new("A", AT_MS + 9, 0, 1));
    key.watermark_ms = AT_MS + 5;
    key.event(&Read::new("A", AT_MS + 1, 0, 2));
    assert_eq!(key.outputs(), [(0, 0), (0, 2)]);
    key.watermark(AT_MS + 9);
    assert_eq!(key.outputs(), [(0, 0), (0, 2), (0, 1)]);
}

#[test]
fn at_one_instant_events_come_before_closings() {
    let core = ordered("allowed_lateness_ms=0");
    let mut key = Key::new(&core);
    let closes_ms = AT_MS + 30 * MINUTE_MS;
    // The second comes as the session expires, and still belongs; the third comes too late.
    for (offset, at_ms) in [(0, AT_MS), (1, closes_ms), (2, closes_ms + 30 * MINUTE_MS + 1)] {
        key.event(&Read::new("A", at_ms, 0, offset));
    }
    key.watermark(i64::MAX);
    let kinds: Vec<_> = key.out.iter().map(|out| matches!(out, Out::Close(_))).collect();
    assert_eq!(kinds, [false, false, true, false, true]);
    let Out::Close(first) = &key.out[2] else { panic!("no close record") };
    assert!(String::from_utf8_lossy(first).contains(r#""event_count":2,"#));
}

#[test]
fn what_waits_survives_a_change_of_the_order() {
    let (ordered, arrival) = (ordered(""), core_with("close_records=true"));
    let mut key = Key::new(&ordered);
    key.event(&Read::new("A", AT_MS + 10, 0, 0));
    key.event(&Read::new("A", AT_MS + 20, 0, 1));
    key.core = &arrival;
    // Labelled at once, around what waits.
    key.event(&Read::new("A", AT_MS + 15, 0, 2));
    assert_eq!(key.outputs(), [(0, 2)]);
    assert_eq!(key.timers, [AT_MS + 10]);
    key.watermark(AT_MS + 15);
    assert_eq!(key.outputs(), [(0, 2), (0, 0)]);
    key.core = &ordered;
    key.watermark(i64::MAX);
    assert_eq!(key.outputs(), [(0, 2), (0, 0), (0, 1)]);
    assert_eq!(key.state, b"");
}

#[test]
fn one_more_than_may_wait_labels_the_oldest() {
    let core = ordered("");
    let mut key = Key::new(&core);
    let more = 3;
    let found = |at_ms: i64| match decode(&core, Read::new("A", at_ms, 0, 0).value) {
        Decoded::Event { found, .. } => found,
        Decoded::Dead { .. } => panic!("a dead letter"),
    };
    // The state of so many, made at once: adding them one by one copies each time.
    let count = i64::try_from(MAX_WAITING_PER_KEY).unwrap();
    let mut entries = Vec::new();
    for offset in (0..count).rev() {
        let read = Read::new("A", AT_MS + offset, 0, offset);
        put_entry(&mut entries, &read, &found(read.at_ms));
    }
    let head = [b"S\x01\x03", &AT_MS.to_le_bytes()[..], b"\0"].concat();
    let block = [&u32::try_from(count).unwrap().to_le_bytes()[..], &AT_MS.to_le_bytes()].concat();
    key.state = [head, block, entries].concat();
    key.timers = vec![AT_MS];

    for offset in count..count + more {
        key.event(&Read::new("A", AT_MS + offset, 0, offset));
    }
    assert_eq!(key.outputs(), [(0, 0), (0, 1), (0, 2)]);
    assert_eq!(key.labelled_early, 3);
    assert_eq!(key.timers, [AT_MS], "a timer that is early stays");

    // The newest of all is labelled where it is the oldest.
    key.event(&Read::new("A", AT_MS - 1, 0, 77));
    assert_eq!((key.outputs()[3], key.labelled_early), ((0, 77), 4));

    key.watermark(i64::MAX);
    assert_eq!(key.outputs().len(), MAX_WAITING_PER_KEY + 4);
    assert!(key.outputs()[4..].is_sorted_by_key(|(_, offset)| *offset));
    assert!(key.largest_frame < 5 << 20, "a frame of {} bytes", key.largest_frame);
    assert_eq!((key.state.as_slice(), key.timers.as_slice()), (&b""[..], &[][..]));
}

fn put_entry(out: &mut Vec<u8>, read: &Read, found: &[u8]) {
    let came_from =
        [&read.partition.to_le_bytes()[..], &read.offset.to_le_bytes(), &read.carried()].concat();
    out.extend_from_slice(&read.at_ms.to_le_bytes());
    for part in [came_from.as_slice(), found, &read.value] {
        out.push(u8::try_from(part.len()).ok().filter(|length| *length < 0x80).unwrap());
        out.extend_from_slice(part);
    }
}

#[test]
fn large_records_may_not_wait_in_any_number() {
    let core = ordered("");
    let mut key = Key::new(&core);
    let mut offset = 0;
    while key.labelled_early == 0 {
        let mut read = Read::new("A", AT_MS + offset, 0, offset);
        read.value.splice(1..1, format!(r#""x":"{}","#, "x".repeat(500_000)).into_bytes());
        key.event(&read);
        assert!(key.state.len() < MAX_WAITING_BYTES_PER_KEY + 1000, "{}", key.state.len());
        offset += 1;
    }
    assert_eq!(key.outputs(), [(0, 0)]);
    key.watermark(i64::MAX);
    assert_eq!(i64::try_from(key.outputs().len()).unwrap(), offset);
}

/// The state of a key with a session and three events that wait.
fn waiting_state(core: &SessionCore) -> Vec<u8> {
    let mut key = Key::new(core);
    key.event(&Read::new("CIN", AT_MS, 0, 0));
    key.watermark(AT_MS);
    for offset in 1..4 {
        key.event(&Read::new("CLICK", AT_MS + offset, 2, offset));
    }
    key.state
}

#[test]
fn every_truncation_and_every_other_count_is_damage() {
    let core = ordered("");
    let state = waiting_state(&core);
    let timer = |state: &[u8]| core.on_timer(state, b"u", i64::MAX, i64::MAX, &mut Vec::new());
    assert_eq!(timer(&state), Ok(()));
    let damaged = Err(CoreError::State(StateError::Damaged));
    for end in 3..state.len() {
        assert_eq!(timer(&state[..end]), damaged, "cut after {end} bytes");
    }
    assert_eq!(timer(&[&state[..], &[0]].concat()), damaged);
    // The timer has the same time as the first event, and stands before the number of events.
    let first = (AT_MS + 1).to_le_bytes();
    let mut times = (0..state.len()).filter(|at| state[*at..].starts_with(&first));
    let block = times.nth(1).unwrap() - 4;
    for at in block..block + 12 {
        for flip in [1, 0x80] {
            let mut other = state.clone();
            other[at] ^= flip;
            assert_eq!(timer(&other), damaged, "byte {at} with {flip:#x}");
        }
    }
}

/// Events of a key within half a day, in time order, with some at one instant and some the same.
fn reads() -> impl Strategy<Value = Vec<Read>> {
    let log_name = proptest::sample::select(&["CIN", "COUT", "CLICK", "VISIT", "PUSH"][..]);
    vec((0..40 * MINUTE_MS, log_name, 0..3i32, any::<bool>()), 1..60).prop_map(|parts| {
        let mut at_ms = AT_MS;
        let mut offsets = BTreeMap::new();
        let mut reads: Vec<Read> = parts
            .into_iter()
            .map(|(later_ms, log_name, partition, apart)| {
                at_ms += if apart { later_ms } else { later_ms % 3 };
                let offset: &mut i64 = offsets.entry(partition).or_default();
                *offset += 1;
                Read::new(log_name, at_ms, partition, *offset)
            })
            .collect();
        reads.sort_by(|one, other| {
            (one.at_ms, &one.value, one.partition, one.offset).cmp(&(
                other.at_ms,
                &other.value,
                other.partition,
                other.offset,
            ))
        });
        reads
    })
}

/// What a core in arrival order makes of events that come sorted, each watermark just before them.
fn sorted_outcome(reads: &[Read], options: &str) -> Vec<Out> {
    let core = core_with(&format!("close_records=true\n{options}"));
    let mut key = Key::new(&core);
    for read in reads {
        key.watermark(read.at_ms - 1);
        key.event(read);
    }
    key.watermark(i64::MAX);
    key.out
}

const RULES: &str =
    r#"rules={"log_names":{"PUSH":{"role":"ride_along"},"COUT":{"check_in":"clear"}}}"#;

proptest! {
    #[test]
    fn any_disorder_within_the_bound_gives_what_sorted_events_give(
        reads in reads(),
        delays in vec(0..90 * MINUTE_MS, 60),
        steps in vec(0..4u8, 60),
        lateness_ms in prop_oneof![Just(0), Just(10 * MINUTE_MS), 0..300 * MINUTE_MS],
        order_changes in any::<bool>(),
    ) {
        let options = format!("allowed_lateness_ms={lateness_ms}\n{RULES}");
        let expected = sorted_outcome(&reads, &options);

        // Each event comes late by its delay; the watermark keeps that bound, in steps of any size.
        let mut arriving: Vec<(i64, &Read)> =
            reads.iter().zip(&delays).map(|(read, delay)| (read.at_ms + delay, read)).collect();
        arriving.sort_by_key(|(comes_ms, _)| *comes_ms);
        let (core, other) = (ordered(&options), ordered(&options));
        let mut key = Key::new(&core);
        for (index, (_, read)) in arriving.iter().enumerate() {
            key.event(read);
            // Nothing that is still to come is at or before it.
            let bound = arriving[index + 1..].iter().map(|(_, next)| next.at_ms - 1).min();
            let bound = bound.unwrap_or(read.at_ms);
            match steps[index] {
                0 => key.watermark(bound),
                1 => {
                    let from = key.watermark_ms.max(AT_MS - 1);
                    for part in 1..=3 {
                        key.watermark(from + (bound - from).max(0) * part / 3);
                    }
                }
                _ => {}
            }
            if order_changes {
                // Another core goes on: nothing but the state is kept.
                key.core = if index % 2 == 0 { &other } else { &core };
            }
        }
        key.watermark(i64::MAX);
        prop_assert_eq!(&key.out, &expected);
        prop_assert!(key.state.is_empty() && key.timers.is_empty());
    }

    #[test]
    fn damaged_waiting_events_give_a_reply_or_an_error(
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        timer_ms in AT_MS - 5..AT_MS + 5,
    ) {
        let core = ordered("");
        let mut state = waiting_state(&core);
        let at = at.index(state.len());
        state[at] = byte;
        let read = Read::new("A", AT_MS + 2, 0, 0);
        let Decoded::Event { found, .. } = decode(&core, &read.value) else { panic!("dead") };
        let mut frame = Vec::new();
        let _ = core.on_event(&state, &found, &read.value, &Arrival::default(), &mut frame);
        let late = Arrival { watermark_ms: i64::MAX, ..Arrival::default() };
        let _ = core.on_event(&state, &found, &read.value, &late, &mut frame);
        let _ = core.on_timer(&state, b"u", timer_ms, timer_ms, &mut frame);
    }
}
