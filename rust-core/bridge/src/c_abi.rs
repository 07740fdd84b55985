//! The core behind plain C functions: the same handle, the same frames, no JVM.

use crate::handle::{Handle, Lengths};

/// Opens a core with the options of `CoreOptions.java`. 0 where they are refused.
///
/// # Safety
///
/// `options` points to `length` readable bytes.
#[no_mangle]
pub unsafe extern "C" fn session_core_open(options: *const u8, length: usize) -> i64 {
    // SAFETY: the caller's word.
    let options = unsafe { std::slice::from_raw_parts(options, length) };
    Handle::open(options).map_or(0, Handle::into_number)
}

/// Attaches the request and the reply buffer of all calls to come.
///
/// # Safety
///
/// The handle is open; both buffers stay as they are until they are attached anew or the handle is
/// closed.
#[no_mangle]
pub unsafe extern "C" fn session_core_attach(
    handle: i64,
    request: *const u8,
    request_size: usize,
    reply: *mut u8,
    reply_size: usize,
) {
    // SAFETY: the caller's word.
    if let Some(handle) = unsafe { Handle::of_number(handle) } {
        // SAFETY: the caller's word.
        unsafe { handle.attach((request, request_size), (reply, reply_size)) };
    }
}

/// The one hot call: decode 0, event 1, timer 2. Returns the reply's length or a negative status:
/// -1 the reply does not fit (its first four bytes say how long it is), -2 the call is impossible
/// (the reply holds a length and a sentence), -3 no such handle.
///
/// # Safety
///
/// The handle is open and no other call with it runs.
#[no_mangle]
pub unsafe extern "C" fn session_core_call(
    handle: i64,
    call: i32,
    a: i64,
    b: i64,
    first: i32,
    second: i32,
    third: i32,
    fourth: i32,
) -> i32 {
    // SAFETY: the caller's word.
    match unsafe { Handle::of_number(handle) } {
        Some(handle) => handle.call(call, a, b, Lengths { first, second, third, fourth }),
        None => crate::handle::status::NO_HANDLE,
    }
}

/// Gives the memory of a core back.
///
/// # Safety
///
/// The handle is open, and is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn session_core_close(handle: i64) {
    // SAFETY: the caller's word.
    unsafe { Handle::close(handle) };
}
