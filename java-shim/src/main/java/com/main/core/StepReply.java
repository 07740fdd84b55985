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
        /** The core failed on its subject: reason and detail. */
        DEAD_LETTER,
        /** A session that closed without a close record: neither key nor value. */
        CLOSED
    }

    /** What became of the event of an output. */
    public enum Outcome {
        /** It took a label and changed nothing. */
        RODE_ALONG,
        STARTED,
        CONTINUED,
        CONTINUED_OUT_OF_ORDER
    }

    /** Why a session closed. */
    public enum ClosedBy {
        TIMEOUT,
        MAX_DURATION,
        /** Another session of the key took its place. */
        EVICTED,
        /** The core failed to close it. */
        INTERNAL_ERROR
    }

    /** What an emission is of. */
    public enum Subject {
        /** The event of the call; of a close record, the key. */
        GIVEN,
        /** An event that waited. */
        WAITED,
        /** The sessions of the key. */
        SESSIONS
    }

    private static final int STATE_CHANGE_OFFSET = 3;
    private static final int STATE_LENGTH_OFFSET = 4;
    private static final int DELETE_TIMER_OFFSET = 8;
    private static final int REGISTER_TIMER_OFFSET = 16;
    private static final int EMISSION_COUNT_OFFSET = 24;
    private static final int LABELLED_EARLY_OFFSET = 28;
    private static final int STATE_OFFSET = 32;
    private static final int EMISSION_HEADER_LENGTH = 12;

    private static final StateChange[] STATE_CHANGES = {
        StateChange.KEEP, StateChange.PUT, StateChange.CLEAR
    };

    /** By number; null where the number says what the next emission is of. */
    private static final EmissionKind[] EMISSION_KINDS = {
        EmissionKind.OUTPUT,
        EmissionKind.CLOSE_RECORD,
        EmissionKind.DEAD_LETTER,
        null,
        null,
        EmissionKind.CLOSED
    };

    private static final Outcome[] OUTCOMES = {
        Outcome.RODE_ALONG, Outcome.STARTED, Outcome.CONTINUED, Outcome.CONTINUED_OUT_OF_ORDER
    };
    private static final ClosedBy[] CLOSED_BY = {
        ClosedBy.TIMEOUT, ClosedBy.MAX_DURATION, ClosedBy.EVICTED, ClosedBy.INTERNAL_ERROR
    };

    private static final byte KIND_OF_WAITED = 3;
    private static final byte KIND_OF_SESSIONS = 4;
    private static final int CAME_OF_IT_OFFSET = 1;

    private static final int CARRIED_OFFSET = Integer.BYTES + Long.BYTES;

    /** The subject is the event of the call, and the frame holds nothing of it. */
    private static final int NO_OFFSET = -1;

    // What changes with a call or an emission is numbers: G1 has every reference that is put into
    // an object this old wait for all that was written before it.
    private ByteBuffer reply;
    private int emissionsLeft;
    private int subjectOffset;
    private int emissionOffset;
    private int nextEmissionOffset;

    /** Where the core writes its replies from now on. */
    void attach(ByteBuffer buffer) {
        reply = buffer;
    }

    /** A new reply has come. */
    void begin() {
        emissionsLeft = reply.getInt(EMISSION_COUNT_OFFSET);
        nextEmissionOffset = STATE_OFFSET + reply.getInt(STATE_LENGTH_OFFSET);
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

    /** How many events were labelled before their turn, because too many waited. */
    public int labelledEarly() {
        return reply.getInt(LABELLED_EARLY_OFFSET);
    }

    /** Moves to the next emission; false after the last. */
    public boolean nextEmission() {
        subjectOffset = NO_OFFSET;
        while (emissionsLeft > 0) {
            emissionsLeft--;
            emissionOffset = nextEmissionOffset;
            nextEmissionOffset = valueOffset(emissionOffset) + valueLength(emissionOffset);
            switch (reply.get(emissionOffset)) {
                case KIND_OF_WAITED:
                case KIND_OF_SESSIONS:
                    subjectOffset = emissionOffset;
                    break;
                default:
                    return true;
            }
        }
        return false;
    }

    public EmissionKind emissionKind() {
        return EMISSION_KINDS[reply.get(emissionOffset)];
    }

    /** What became of the event that an output is of. */
    public Outcome outcome() {
        return OUTCOMES[reply.get(emissionOffset + CAME_OF_IT_OFFSET)];
    }

    /** Why the session closed that a close record or a closing without one is of. */
    public ClosedBy closedBy() {
        return CLOSED_BY[reply.get(emissionOffset + CAME_OF_IT_OFFSET)];
    }

    /** The emission's Kafka key; of a dead letter its reason. */
    public byte[] emissionKey() {
        return Buffers.copy(reply, keyOffset(emissionOffset), keyLength(emissionOffset));
    }

    /** The emission's value; of a dead letter its detail. */
    public byte[] emissionValue() {
        return Buffers.copy(reply, valueOffset(emissionOffset), valueLength(emissionOffset));
    }

    /** What the emission is of. */
    public Subject subject() {
        if (subjectOffset == NO_OFFSET) {
            return Subject.GIVEN;
        }
        return reply.get(subjectOffset) == KIND_OF_WAITED ? Subject.WAITED : Subject.SESSIONS;
    }

    /** The partition that an event was read from, which waited. */
    public int waitedPartition() {
        return reply.getInt(keyOffset(subjectOffset));
    }

    /** The offset of an event that waited. */
    public long waitedOffset() {
        return reply.getLong(keyOffset(subjectOffset) + Integer.BYTES);
    }

    /** What was carried for an event that waited. */
    public byte[] waitedCarried() {
        return Buffers.copy(
                reply,
                keyOffset(subjectOffset) + CARRIED_OFFSET,
                keyLength(subjectOffset) - CARRIED_OFFSET);
    }

    /**
     * What a dead letter holds: the value of an event that waited, or the sessions as state. Of an
     * output it is empty.
     */
    public byte[] subjectValue() {
        return Buffers.copy(reply, valueOffset(subjectOffset), valueLength(subjectOffset));
    }

    private int keyLength(int emission) {
        return reply.getInt(emission + 4);
    }

    private int valueLength(int emission) {
        return reply.getInt(emission + 8);
    }

    private static int keyOffset(int emission) {
        return emission + EMISSION_HEADER_LENGTH;
    }

    private int valueOffset(int emission) {
        return keyOffset(emission) + keyLength(emission);
    }
}
