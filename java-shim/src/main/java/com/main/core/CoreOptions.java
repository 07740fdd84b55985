package com.main.core;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;

/** What the core needs to know of the job's options. Every time is in milliseconds. */
public final class CoreOptions implements Serializable {
    private static final long serialVersionUID = 1L;

    private long allowedLatenessMs = 10 * 60_000L;
    private long maxFutureMs = 10 * 60_000L;
    private long minEventTimeMs = 946_684_800_000L;
    private int maxRecordSize = 900 * 1024;
    private boolean closeRecords;
    private boolean ordered;
    private String logFilter = "info";
    private String rules = "";

    /** How long after its expiry a session is still remembered. */
    public CoreOptions allowedLatenessMs(long value) {
        allowedLatenessMs = value;
        return this;
    }

    /** How far an event time may lie after the record's own time. */
    public CoreOptions maxFutureMs(long value) {
        maxFutureMs = value;
        return this;
    }

    /** Older event times are dead letters; 0 switches the check off. */
    public CoreOptions minEventTimeMs(long value) {
        minEventTimeMs = value;
        return this;
    }

    /** The longest value, and the longest output, in bytes. */
    public CoreOptions maxRecordSize(int value) {
        maxRecordSize = value;
        return this;
    }

    public int maxRecordSize() {
        return maxRecordSize;
    }

    /** Whether a close record is wanted for each session. */
    public CoreOptions closeRecords(boolean value) {
        closeRecords = value;
        return this;
    }

    /** Whether events wait for their turn by event time, in place of the order of arrival. */
    public CoreOptions ordered(boolean value) {
        ordered = value;
        return this;
    }

    public boolean ordered() {
        return ordered;
    }

    /** What the core logs, as in RUST_LOG: {@code info,wire::core=debug}. */
    public CoreOptions logFilter(String value) {
        logFilter = value;
        return this;
    }

    /** The text of the rules file; empty for the built-in rules. */
    public CoreOptions rules(String value) {
        rules = value;
        return this;
    }

    /**
     * One {@code name=value} a line, the rules last and as they stand. The core reads it
     * (rust-core/wire/src/options.rs).
     */
    byte[] encode() {
        String text =
                "allowed_lateness_ms="
                        + allowedLatenessMs
                        + "\nmax_future_ms="
                        + maxFutureMs
                        + "\nmin_event_time_ms="
                        + minEventTimeMs
                        + "\nmax_record_size="
                        + maxRecordSize
                        + "\nclose_records="
                        + closeRecords
                        + "\norder="
                        + (ordered ? "event-time" : "arrival")
                        + "\nlog_filter="
                        + logFilter
                        + "\nrules="
                        + rules;
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
