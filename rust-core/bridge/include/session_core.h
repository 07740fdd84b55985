/* The session core behind plain C functions: a build with the feature c-abi has them. */

#ifndef SESSION_CORE_H
#define SESSION_CORE_H

/* Written by cbindgen from src/c_abi.rs: UPDATE_EXPECT=1 cargo test -p bridge --features c-abi */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 Decide what a record is. `a`: Kafka timestamp, `b`: wall clock, `first`: length of the value,
 -1 for none. Request: value.
 */
#define SESSION_CORE_DECODE 0

/*
 Give an event its session, or let it wait. `a`: the watermark. Request: state, found, value,
 and where the event came from (partition `i32`, offset `i64`, what the caller carries), of
 the four lengths. In arrival order neither watermark nor the last part is looked at.
 */
#define SESSION_CORE_ON_EVENT 1

/*
 Label and close what is due. `a`: the timer's time, `b`: the watermark. Request: state, key,
 of the first two lengths.
 */
#define SESSION_CORE_ON_TIMER 2

/*
 The reply does not fit. Its first four bytes say how long it is; the call can be made again.
 */
#define SESSION_CORE_REPLY_TOO_SMALL -1

/*
 The call is impossible. The reply holds the length of a sentence and the sentence.
 */
#define SESSION_CORE_FAILED -2

/*
 The handle is none of ours; the reply was not touched.
 */
#define SESSION_CORE_NO_HANDLE -3

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a core with the options of `CoreOptions.java`. 0 where they are refused.

 # Safety

 `options` points to `length` readable bytes.
 */
int64_t session_core_open(const uint8_t *options, size_t length);

/*
 Attaches the request and the reply buffer of all calls to come.

 # Safety

 The handle is open; both buffers stay as they are until they are attached anew or the handle is
 closed.
 */
void session_core_attach(int64_t handle,
                         const uint8_t *request,
                         size_t request_size,
                         uint8_t *reply,
                         size_t reply_size);

/*
 The one hot call: decode 0, event 1, timer 2. Returns the reply's length or a negative status:
 -1 the reply does not fit (its first four bytes say how long it is), -2 the call is impossible
 (the reply holds a length and a sentence), -3 no such handle.

 # Safety

 The handle is open and no other call with it runs.
 */
int32_t session_core_call(int64_t handle,
                          int32_t call,
                          int64_t a,
                          int64_t b,
                          int32_t first,
                          int32_t second,
                          int32_t third,
                          int32_t fourth);

/*
 Gives the memory of a core back.

 # Safety

 The handle is open, and is not used afterwards.
 */
void session_core_close(int64_t handle);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SESSION_CORE_H */
