//! One core per operator instance, the caller's two buffers, and the hot call.

use std::panic::{catch_unwind, AssertUnwindSafe};

use wire::{Arrival, CoreError, CoreOptions, SessionCore, FLAGS_OFFSET, FLAG_LOG_WAITS};

use crate::notes::{Notes, Panic};

/// What a call is to do.
pub mod call {
    /// Decide what a record is. `a`: Kafka timestamp, `b`: wall clock, `first`: length of the value,
    /// -1 for none. Request: value.
    pub const DECODE: i32 = 0;
    /// Give an event its session, or let it wait. `a`: the watermark. Request: state, found, value,
    /// and where the event came from (partition `i32`, offset `i64`, what the caller carries), of
    /// the four lengths. In arrival order neither watermark nor the last part is looked at.
    pub const ON_EVENT: i32 = 1;
    /// Label and close what is due. `a`: the timer's time, `b`: the watermark. Request: state, key,
    /// of the first two lengths.
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
    /// Of the fourth part.
    pub fourth: i32,
}

impl Handle {
    /// A handle with the options that `CoreOptions.java` wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with the options, a line each.
    pub fn open(options: &[u8]) -> Result<Box<Handle>, String> {
        let options = parse_options(options)?;
        let notes = Notes::new(options.log_filter.compile());
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
        let request = Request::read(request, call, (a, b), lengths)?;
        match catch(notes, || request.answer(core, frame)) {
            Ok(done) => done,
            Err(panic) => request.answer_after_a_panic(core, notes, frame, &panic),
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

/// Reads the options that `CoreOptions.java` wrote.
///
/// # Errors
///
/// What is wrong with them, a line each.
pub fn parse_options(options: &[u8]) -> Result<CoreOptions, String> {
    let text = std::str::from_utf8(options).map_err(|error| error.to_string())?;
    CoreOptions::parse(text).map_err(|error| error.to_string())
}

fn sentence(error: CoreError) -> String {
    error.to_string()
}

/// A call and the parts of its request.
#[derive(Clone, Copy)]
enum Request<'r> {
    Decode { value: Option<&'r [u8]>, record_time_ms: i64, now_ms: i64 },
    OnEvent { state: &'r [u8], found: &'r [u8], record: &'r [u8], arrival: Arrival<'r> },
    OnTimer { state: &'r [u8], key: &'r [u8], timer_ms: i64, watermark_ms: i64 },
}

impl<'r> Request<'r> {
    fn read(
        bytes: &'r [u8],
        call: i32,
        (a, b): (i64, i64),
        lengths: Lengths,
    ) -> Result<Request<'r>, String> {
        let (first, rest) = part(bytes, lengths.first.max(0))?;
        let (second, rest) = part(rest, lengths.second)?;
        let (third, rest) = part(rest, lengths.third)?;
        let (fourth, _) = part(rest, lengths.fourth)?;
        match call {
            call::DECODE => {
                let value = (lengths.first >= 0).then_some(first);
                Ok(Request::Decode { value, record_time_ms: a, now_ms: b })
            }
            call::ON_EVENT => {
                let arrival = Arrival::read(fourth, a).unwrap_or_default();
                Ok(Request::OnEvent { state: first, found: second, record: third, arrival })
            }
            call::ON_TIMER => {
                Ok(Request::OnTimer { state: first, key: second, timer_ms: a, watermark_ms: b })
            }
            _ => Err(format!("the core knows no call {call}: the jar is of another version")),
        }
    }

    fn answer(&self, core: &SessionCore, frame: &mut Vec<u8>) -> Result<(), String> {
        match *self {
            Request::Decode { value, record_time_ms, now_ms } => {
                core.decode(value, record_time_ms, now_ms, frame);
                Ok(())
            }
            Request::OnEvent { state, found, record, arrival } => {
                core.on_event(state, found, record, &arrival, frame).map_err(sentence)
            }
            Request::OnTimer { state, key, timer_ms, watermark_ms } => {
                core.on_timer(state, key, timer_ms, watermark_ms, frame).map_err(sentence)
            }
        }
    }

    /// Answers once more, with each part of a step under a guard, so that only what fails becomes a
    /// dead letter. Where the core fails even so, the whole input of the call does.
    fn answer_after_a_panic(
        &self,
        core: &SessionCore,
        notes: &Notes,
        frame: &mut Vec<u8>,
        panic: &Panic,
    ) -> Result<(), String> {
        let log_failure = |panic: &Panic| notes.during(|| panic.log());
        let mut failed_parts = 0;
        let mut guard = |part: &mut dyn FnMut()| {
            catch(notes, part).map_err(|panic| {
                failed_parts += 1;
                log_failure(&panic);
                panic.to_string()
            })
        };
        // The frame may be half written: it is written anew from its start.
        let answered = catch(notes, || match *self {
            Request::Decode { .. } => {
                SessionCore::failed_decode(&panic.to_string(), frame);
                Ok(())
            }
            Request::OnEvent { state, found, record, arrival } => core
                .on_event_guarded(state, found, record, &arrival, frame, &mut guard)
                .map_err(sentence),
            Request::OnTimer { state, key, timer_ms, watermark_ms } => core
                .on_timer_guarded(state, key, timer_ms, watermark_ms, frame, &mut guard)
                .map_err(sentence),
        });
        if failed_parts == 0 {
            log_failure(panic);
        }
        answered.unwrap_or_else(|panic| {
            log_failure(&panic);
            let said = panic.to_string();
            match *self {
                Request::Decode { .. } => SessionCore::failed_decode(&said, frame),
                Request::OnEvent { .. } => SessionCore::failed_event(&said, frame),
                Request::OnTimer { state, .. } => {
                    SessionCore::failed_timer(state, &said, frame);
                }
            }
            Ok(())
        })
    }
}

/// Runs what may panic.
fn catch<T>(notes: &Notes, run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(|| notes.during(run))).map_err(|_| notes.take_panic())
}

fn part(bytes: &[u8], length: i32) -> Result<(&[u8], &[u8]), String> {
    usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or_else(|| "the lengths of a call exceed its buffer: a bug in the shim".to_owned())
}
