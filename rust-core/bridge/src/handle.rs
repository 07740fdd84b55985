//! One core per operator instance, the caller's two buffers, and the hot call.

use std::panic::{catch_unwind, AssertUnwindSafe};

use log::LevelFilter;
use wire::{CoreError, CoreOptions, LogFilter, SessionCore, FLAGS_OFFSET, FLAG_LOG_WAITS};

use crate::notes::Notes;

/// What a call is to do.
pub mod call {
    /// Decide what a record is. `a`: Kafka timestamp, `b`: wall clock, `first`: length of the value,
    /// -1 for none. Request: value.
    pub const DECODE: i32 = 0;
    /// Give an event its session. Request: state, found, value, of the three lengths.
    pub const ON_EVENT: i32 = 1;
    /// Close what is due. `a`: the timer's time. Request: state, key, of the first two lengths.
    pub const ON_TIMER: i32 = 2;
}

/// Negative results of a call.
pub mod status {
    /// The reply does not fit. Its first four bytes say how long it is; the call can be made again.
    pub const REPLY_TOO_SMALL: i32 = -1;
    /// The call is impossible. The reply holds the length of a sentence and the sentence.
    pub const FAILED: i32 = -2;
    /// The handle is none of ours; the reply was not touched.
    pub const NO_HANDLE: i32 = -3;
}

/// Marks live handles, so that a stale number is refused and not followed.
const MAGIC: u64 = 0x5345_5353_434f_5245;

/// One core and what belongs to it.
#[derive(Debug)]
pub struct Handle {
    magic: u64,
    core: SessionCore,
    notes: Notes,
    request: (*const u8, usize),
    reply: (*mut u8, usize),
    frame: Vec<u8>,
}

/// The lengths of the parts of a request.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// Of the first part; -1 where a value is absent.
    pub first: i32,
    /// Of the second part.
    pub second: i32,
    /// Of the third part.
    pub third: i32,
}

impl Handle {
    /// A handle with the options that `CoreOptions.java` wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with the options, a line each.
    pub fn open(options: &[u8]) -> Result<Box<Handle>, String> {
        let text = std::str::from_utf8(options).map_err(|error| error.to_string())?;
        let options = CoreOptions::parse(text).map_err(|error| error.to_string())?;
        let notes = Notes::new(level(options.log_filter));
        let core = notes.during(|| SessionCore::new(options));
        Ok(Box::new(Handle {
            magic: MAGIC,
            core,
            notes,
            request: (std::ptr::null(), 0),
            reply: (std::ptr::null_mut(), 0),
            frame: Vec::new(),
        }))
    }

    /// Gives the handle to a caller that knows it as a number.
    #[must_use]
    pub fn into_number(self: Box<Self>) -> i64 {
        Box::into_raw(self) as i64
    }

    /// The handle of a number; `None` where it is none.
    ///
    /// # Safety
    ///
    /// The number comes from [`Handle::into_number`], was not closed since, and no other call with
    /// it runs.
    pub unsafe fn of_number<'h>(number: i64) -> Option<&'h mut Handle> {
        let handle = number as *mut Handle;
        if handle.is_null() || !handle.is_aligned() {
            return None;
        }
        // SAFETY: not null, aligned, and by the caller's word a live handle.
        let handle = unsafe { &mut *handle };
        (handle.magic == MAGIC).then_some(handle)
    }

    /// Gives the memory of a handle back. A number that is none does nothing.
    ///
    /// # Safety
    ///
    /// As [`Handle::of_number`]; the number is worth nothing afterwards.
    pub unsafe fn close(number: i64) {
        // SAFETY: the caller keeps to the same word.
        if let Some(handle) = unsafe { Handle::of_number(number) } {
            handle.magic = 0;
            // SAFETY: it was made by `Box::into_raw`, and the magic number says not yet freed.
            drop(unsafe { Box::from_raw(std::ptr::from_mut(handle)) });
        }
    }

    /// Takes note of the caller's buffers.
    ///
    /// # Safety
    ///
    /// Both stay where they are, and of that size, until they are attached anew or the handle is
    /// closed; nobody else writes to them during a call.
    pub unsafe fn attach(&mut self, request: (*const u8, usize), reply: (*mut u8, usize)) {
        self.request = request;
        self.reply = reply;
    }

    /// The hot call: reads the request buffer, writes the reply buffer, and returns the reply's
    /// length or a negative [`status`]. It changes nothing in the core, so it may be made again.
    pub fn call(&mut self, call: i32, a: i64, b: i64, lengths: Lengths) -> i32 {
        let done = self.fill_frame(call, a, b, lengths);
        if let Err(sentence) = done {
            let length = u32::try_from(sentence.len()).unwrap_or(0);
            self.frame.clear();
            self.frame.extend_from_slice(&length.to_le_bytes());
            self.frame.extend_from_slice(sentence.as_bytes());
            self.send_frame();
            return status::FAILED;
        }
        if self.notes.log_waits() {
            if let Some(flags) = self.frame.get_mut(FLAGS_OFFSET) {
                *flags |= FLAG_LOG_WAITS;
            }
        }
        self.send_frame()
    }

    /// Takes the log lines that wait.
    #[must_use]
    pub fn take_log(&self) -> String {
        self.notes.take_log()
    }

    fn fill_frame(&mut self, call: i32, a: i64, b: i64, lengths: Lengths) -> Result<(), String> {
        let (core, notes, frame) = (&self.core, &self.notes, &mut self.frame);
        let request = if self.request.0.is_null() {
            &[]
        } else {
            // SAFETY: the attached buffer is live and of this size, and nobody writes to it now.
            unsafe { std::slice::from_raw_parts(self.request.0, self.request.1) }
        };
        let step = || {
            notes.during(|| {
                let (first, rest) = part(request, lengths.first.max(0))?;
                let (second, rest) = part(rest, lengths.second)?;
                let (third, _) = part(rest, lengths.third)?;
                match call {
                    call::DECODE => {
                        let value = (lengths.first >= 0).then_some(first);
                        fail_on_purpose(first, "decode");
                        core.decode(value, a, b, frame);
                        Ok(())
                    }
                    call::ON_EVENT => {
                        fail_on_purpose(third, "event");
                        core.on_event(first, second, third, frame).map_err(sentence)
                    }
                    call::ON_TIMER => {
                        fail_on_purpose(second, "timer");
                        core.on_timer(first, second, a, frame).map_err(sentence)
                    }
                    _ => {
                        Err(format!("the core knows no call {call}: the jar is of another version"))
                    }
                }
            })
        };
        match catch_unwind(AssertUnwindSafe(step)) {
            Ok(done) => done,
            Err(_) => {
                // The frame may be half written: it is written anew from its start.
                let said = notes.take_panic().unwrap_or_else(|| "panicked".to_owned());
                notes.during(|| log::error!(target: "session_core", "the core failed: {said}"));
                let frame = &mut self.frame;
                match call {
                    call::DECODE => SessionCore::failed_decode(&said, frame),
                    call::ON_EVENT => SessionCore::failed_event(&said, frame),
                    _ => SessionCore::failed_timer(&said, frame),
                }
                Ok(())
            }
        }
    }

    /// Copies the frame into the reply buffer and returns its length, or that it does not fit.
    fn send_frame(&mut self) -> i32 {
        let (reply, capacity) = self.reply;
        let Ok(length) = i32::try_from(self.frame.len()) else { return status::FAILED };
        if self.frame.len() <= capacity {
            // SAFETY: the attached buffer is live, has room, and does not overlap a Vec of ours.
            unsafe { std::ptr::copy_nonoverlapping(self.frame.as_ptr(), reply, self.frame.len()) };
            return length;
        }
        if capacity >= 4 {
            let needed = length.to_le_bytes();
            // SAFETY: as above; there is room for four bytes.
            unsafe { std::ptr::copy_nonoverlapping(needed.as_ptr(), reply, needed.len()) };
        }
        status::REPLY_TOO_SMALL
    }
}

fn sentence(error: CoreError) -> String {
    error.to_string()
}

fn part(bytes: &[u8], length: i32) -> Result<(&[u8], &[u8]), String> {
    usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or_else(|| "the lengths of a call exceed its buffer: a bug in the shim".to_owned())
}

fn level(filter: LogFilter) -> LevelFilter {
    match filter {
        LogFilter::Off => LevelFilter::Off,
        LogFilter::Error => LevelFilter::Error,
        LogFilter::Warn => LevelFilter::Warn,
        LogFilter::Info => LevelFilter::Info,
        LogFilter::Debug => LevelFilter::Debug,
        LogFilter::Trace => LevelFilter::Trace,
    }
}

/// Panics where a record, or the key of a timer, asks for it: `panic-in-decode` and so on.
#[cfg(feature = "failing")]
#[expect(clippy::panic, reason = "this is what the feature is for")]
fn fail_on_purpose(bytes: &[u8], place: &str) {
    let wanted = format!("panic-in-{place}");
    if bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
        panic!("asked to fail: {wanted}");
    }
}

#[cfg(not(feature = "failing"))]
fn fail_on_purpose(_bytes: &[u8], _place: &str) {}
