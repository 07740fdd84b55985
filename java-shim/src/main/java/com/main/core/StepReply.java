package com.main.core;

import java.nio.ByteBuffer;

/**
 * What one step of a key's sessions wants: new state, timer changes, and records to write. A view
 * of the reply buffer: valid until the next call. Apply it in this order: state, timers, emissions.
 *
 * <p>The offsets mirror rust-core/wire/src/reply.rs, pinned by a golden file that both sides test.
 */
public final class StepReply {
    /** No timer to delete or to register. */
    public static final long NO_TIMER = Long.MIN_VALUE;

    /** What becomes of the key's state. */
    public enum StateChange {
        KEEP,
        PUT,
        CLEAR
    }

    /** What an emission is. */
    public enum EmissionKind {
        /** A log-after record: its Kafka key and value. */
        OUTPUT,
        /** A close record: its Kafka key and value. */
        CLOSE_RECORD,
        /** The core failed on this input: reason and detail. */
        DEAD_LETTER
    }

    private static final int STATE_CHANGE_OFFSET = 3;
    private static final int STATE_LENGTH_OFFSET = 4;
    private static final int DELETE_TIMER_OFFSET = 8;
    private static final int REGISTER_TIMER_OFFSET = 16;
    private static final int EMISSION_COUNT_OFFSET = 24;
    private static final int STATE_OFFSET = 32;
    private static final int EMISSION_HEADER_LENGTH = 12;

    private static final StateChange[] STATE_CHANGES = {
        StateChange.KEEP, StateChange.PUT, StateChange.CLEAR
    };
    private static final EmissionKind[] EMISSION_KINDS = {
        EmissionKind.OUTPUT, EmissionKind.CLOSE_RECORD, EmissionKind.DEAD_LETTER
    };

    private ByteBuffer reply;
    private int emissionsLeft;
    private int emissionOffset;
    private int nextEmissionOffset;

    void wrap(ByteBuffer buffer) {
        reply = buffer;
        emissionsLeft = buffer.getInt(EMISSION_COUNT_OFFSET);
        nextEmissionOffset = STATE_OFFSET + buffer.getInt(STATE_LENGTH_OFFSET);
    }

    public StateChange stateChange() {
        return STATE_CHANGES[reply.get(STATE_CHANGE_OFFSET)];
    }

    /** The key's new state, in an array of its own. */
    public byte[] state() {
        return Buffers.copy(reply, STATE_OFFSET, reply.getInt(STATE_LENGTH_OFFSET));
    }

    /** The event-time timer to delete, or {@link #NO_TIMER}. */
    public long deleteTimerMs() {
        return reply.getLong(DELETE_TIMER_OFFSET);
    }

    /** The event-time timer to register, or {@link #NO_TIMER}. */
    public long registerTimerMs() {
        return reply.getLong(REGISTER_TIMER_OFFSET);
    }

    /** Moves to the next emission; false after the last. */
    public boolean nextEmission() {
        if (emissionsLeft == 0) {
            return false;
        }
        emissionsLeft--;
        emissionOffset = nextEmissionOffset;
        nextEmissionOffset =
                emissionOffset
                        + EMISSION_HEADER_LENGTH
                        + reply.getInt(emissionOffset + 4)
                        + reply.getInt(emissionOffset + 8);
        return true;
    }

    public EmissionKind emissionKind() {
        return EMISSION_KINDS[reply.getInt(emissionOffset)];
    }

    /** The emission's Kafka key; of a dead letter its reason. */
    public byte[] emissionKey() {
        return Buffers.copy(
                reply, emissionOffset + EMISSION_HEADER_LENGTH, reply.getInt(emissionOffset + 4));
    }

    /** The emission's value; of a dead letter its detail. */
    public byte[] emissionValue() {
        int keyLength = reply.getInt(emissionOffset + 4);
        return Buffers.copy(
                reply,
                emissionOffset + EMISSION_HEADER_LENGTH + keyLength,
                reply.getInt(emissionOffset + 8));
    }
}
