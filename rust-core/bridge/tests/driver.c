/*
 * Serves calls into the core on standard input and output, without a JVM.
 *
 * All integers are little endian, as those of the frames. Start: u32 size of the reply buffer,
 * u32 length of the options, options. Then each call: i32 call, i64 a, i64 b, i32 first, second,
 * third, fourth, and the parts of the request, of these lengths (a negative one is none). Each answer:
 * i32 result of the call, u32 length, bytes of the reply.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_core.h"

enum { REQUEST_SIZE = 4 << 20, PARTS = 4 };

/* Reads all of it, or says that the input has ended. */
static int read_all(void *to, size_t length)
{
    return fread(to, 1, length, stdin) == length;
}

static void *allocate(size_t length)
{
    void *memory = calloc(length > 0 ? length : 1, 1);
    if (memory == NULL) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    return memory;
}

static uint32_t u32_at(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static int64_t open_core(void)
{
    uint32_t length;
    if (!read_all(&length, sizeof length)) {
        return 0;
    }
    uint8_t *options = allocate(length);
    int64_t handle = read_all(options, length) ? session_core_open(options, length) : 0;
    free(options);
    return handle;
}

/* How much of the reply buffer a result has filled. */
static uint32_t reply_length(int32_t result, const uint8_t *reply)
{
    if (result >= 0) {
        return (uint32_t)result;
    }
    switch (result) {
    case SESSION_CORE_REPLY_TOO_SMALL:
        return sizeof(uint32_t);
    case SESSION_CORE_FAILED:
        return sizeof(uint32_t) + u32_at(reply);
    default:
        return 0;
    }
}

static void answer(int32_t result, const uint8_t *reply)
{
    uint32_t length = reply_length(result, reply);
    fwrite(&result, sizeof result, 1, stdout);
    fwrite(&length, sizeof length, 1, stdout);
    fwrite(reply, 1, length, stdout);
    fflush(stdout);
}

/* Reads the parts of a request one behind the other. */
static int read_parts(uint8_t *request, const int32_t *lengths)
{
    size_t used = 0;
    for (int part = 0; part < PARTS; part++) {
        size_t length = lengths[part] > 0 ? (size_t)lengths[part] : 0;
        if (length > REQUEST_SIZE - used || !read_all(request + used, length)) {
            return 0;
        }
        used += length;
    }
    return 1;
}

int main(void)
{
    uint32_t reply_size;
    if (!read_all(&reply_size, sizeof reply_size)) {
        return 1;
    }
    uint8_t *request = allocate(REQUEST_SIZE);
    uint8_t *reply = allocate(reply_size);
    int64_t handle = open_core();
    if (handle != 0) {
        session_core_attach(handle, request, REQUEST_SIZE, reply, reply_size);
    }

    struct {
        int32_t call;
        int64_t times[2];
        int32_t lengths[PARTS];
    } in;
    /* Without a handle the calls are made all the same: the core refuses them. */
    while (read_all(&in.call, sizeof in.call) && read_all(in.times, sizeof in.times) &&
           read_all(in.lengths, sizeof in.lengths) && read_parts(request, in.lengths)) {
        int32_t result = session_core_call(handle, in.call, in.times[0], in.times[1],
                                           in.lengths[0], in.lengths[1], in.lengths[2], in.lengths[3]);
        answer(result, reply);
    }
    session_core_close(handle);
    free(request);
    free(reply);
    return 0;
}
