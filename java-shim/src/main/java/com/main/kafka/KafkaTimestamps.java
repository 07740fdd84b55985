package com.main.kafka;

/** Kafka's two ways to say that a record has no timestamp. */
final class KafkaTimestamps {

    /** The consumer says a negative number; the producer wants null and throws otherwise. */
    static Long forProducer(long timestampMs) {
        return timestampMs < 0 ? null : timestampMs;
    }

    private KafkaTimestamps() {}
}
