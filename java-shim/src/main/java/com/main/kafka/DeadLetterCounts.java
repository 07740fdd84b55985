package com.main.kafka;

import com.main.metrics.SessionGroup;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * Dead letters by reason, in the metric {@code session.reason.<reason>.deadLetters}. Sessions that
 * could not be closed were no records: they stand apart, in {@code session.deadLetterStates}.
 */
final class DeadLetterCounts {
    private final MetricGroup group;
    private final Map<String, Counter> counters = new HashMap<>();

    private final Counter states;

    DeadLetterCounts(MetricGroup operator) {
        group = SessionGroup.of(operator);
        states = group.counter("deadLetterStates");
    }

    void count(InputRecord deadLetter) {
        if (!deadLetter.hasOrigin()) {
            states.inc();
            return;
        }
        counters.computeIfAbsent(deadLetter.reason(), this::newCounter).inc();
    }

    private Counter newCounter(String reason) {
        return group.addGroup("reason", reason).counter("deadLetters");
    }
}
