package com.main.kafka;

import java.util.HashSet;
import java.util.Set;

/**
 * The proof that a topic is silent: answers of the brokers, one after the other without a gap, that
 * all tell the same end offsets. And where event time is by it.
 *
 * <p>All times but event times are of a clock that never steps, in milliseconds.
 */
final class Silence {
    private final long toleranceMs;
    private final long longestGapMs;
    private final long discoveryMs;
    private final Set<Integer> knownPartitions = new HashSet<>();

    private EndOffsets end;
    private long sinceMs;

    /** Where event time stood then. */
    private long baseMs;

    private long askedMs;
    private long answeredMs;
    private long notBeforeMs = Long.MIN_VALUE;

    /**
     * @param toleranceMs silence up to that long proves nothing
     * @param longestGapMs without an answer for that long, what went before proves nothing
     * @param discoveryMs how long the source may take to find a new partition
     */
    Silence(long toleranceMs, long longestGapMs, long discoveryMs) {
        this.toleranceMs = toleranceMs;
        this.longestGapMs = longestGapMs;
        this.discoveryMs = discoveryMs;
    }

    /** What went before proves nothing. */
    void broken() {
        end = null;
    }

    /**
     * Takes an answer; it holds for some moment between question and now.
     *
     * @param watermarkMs where event time stands
     */
    void answered(EndOffsets answer, long questionMs, long nowMs, long watermarkMs) {
        if (newPartition(answer)) {
            // It may hold records already, and the source does not read it yet.
            notBeforeMs = nowMs + discoveryMs;
        }
        if (answer.openTransaction()) {
            end = null;
            return;
        }
        boolean goesOn =
                end != null
                        && end.byPartition().equals(answer.byPartition())
                        && nowMs - answeredMs <= longestGapMs;
        if (!goesOn) {
            // Earlier than now the end may have been another one.
            sinceMs = nowMs;
            baseMs = watermarkMs;
        }
        end = answer;
        askedMs = questionMs;
        answeredMs = nowMs;
    }

    private boolean newPartition(EndOffsets answer) {
        boolean first = knownPartitions.isEmpty();
        return knownPartitions.addAll(answer.byPartition().keySet()) && !first;
    }

    /** Whether the topic is proven to have been silent for longer than the tolerance. */
    boolean proven(long nowMs) {
        return end != null && nowMs - answeredMs <= longestGapMs && beyondToleranceMs() > 0;
    }

    /** Where event time is, where the silence is proven. */
    long eventTimeMs() {
        return baseMs + beyondToleranceMs();
    }

    private long beyondToleranceMs() {
        // After the last question the silence may have ended.
        return askedMs - Math.max(sinceMs, notBeforeMs) - toleranceMs;
    }

    /** The end offsets that the proof is about; null without one. */
    EndOffsets end() {
        return end;
    }
}
