package com.main.core;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What the core made of a record's bytes: an event, or a dead letter with its reason. A view of the
 * reply buffer: valid until the next call.
 *
 * <p>The offsets mirror rust-core/wire/src/reply.rs, pinned by a golden file that both sides test.
 */
public final class DecodeReply {
    static final int FRAME_VERSION = 1;
    private static final int KIND_OFFSET = 2;
    private static final int FIRST_LENGTH_OFFSET = 4;
    private static final int SECOND_LENGTH_OFFSET = 8;
    private static final int EVENT_TIME_OFFSET = 16;
    private static final int BODY_OFFSET = 24;
    private static final byte KIND_EVENT = 0;
    private static final byte KIND_FAILURE = 2;

    private ByteBuffer reply;

    /** Where the core writes its replies from now on. */
    void attach(ByteBuffer buffer) {
        reply = buffer;
    }

    /** Whether the record is an event; else {@link #reason} and {@link #detail} hold. */
    public boolean event() {
        return reply.get(KIND_OFFSET) == KIND_EVENT;
    }

    /** Whether it is a dead letter because the core failed on it. */
    public boolean failure() {
        return reply.get(KIND_OFFSET) == KIND_FAILURE;
    }

    public long eventTimeMs() {
        return reply.getLong(EVENT_TIME_OFFSET);
    }

    /** Who the event belongs to. */
    public String key() {
        return first();
    }

    /** What the core found in the record, for {@link SessionCore#onEvent}; opaque to Java. */
    public byte[] found() {
        return second();
    }

    /** Why the record is a dead letter, as a stable snake_case word. */
    public String reason() {
        return first();
    }

    /** The reason in a sentence, without any value of the record. */
    public String detail() {
        return new String(second(), StandardCharsets.UTF_8);
    }

    private String first() {
        byte[] bytes = Buffers.copy(reply, BODY_OFFSET, reply.getInt(FIRST_LENGTH_OFFSET));
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private byte[] second() {
        int start = BODY_OFFSET + reply.getInt(FIRST_LENGTH_OFFSET);
        return Buffers.copy(reply, start, reply.getInt(SECOND_LENGTH_OFFSET));
    }
}
