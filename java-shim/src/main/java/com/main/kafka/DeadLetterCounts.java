package com.main.kafka;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/** The metric {@code session.reason.<reason>.deadLetters}: dead letters by reason. */
final class DeadLetterCounts {
    private final MetricGroup group;
    private final Map<String, Counter> counters = new HashMap<>();

    DeadLetterCounts(MetricGroup group) {
        this.group = group.addGroup("session");
    }

    void count(InputRecord deadLetter) {
        counters.computeIfAbsent(deadLetter.reason(), this::newCounter).inc();
    }

    private Counter newCounter(String reason) {
        return group.addGroup("reason", reason).counter("deadLetters");
    }
}
