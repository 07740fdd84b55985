package com.main.kafka;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.SerializableTimestampAssigner;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/**
 * Watermarks from events alone, per partition: a dead letter neither moves the watermark nor counts
 * as a sign of life.
 */
public final class EventWatermarks {

    /**
     * The strategy for the source. Alignment, where wanted, goes around it: {@code
     * of(...).withWatermarkAlignment(...)}; the strategy inside would not pass it on.
     *
     * @param outOfOrderness how far an event may lie behind the newest of its partition
     * @param idleTimeout after it a partition without events no longer holds the watermark back;
     *     zero: it always does
     */
    public static WatermarkStrategy<InputRecord> of(Duration outOfOrderness, Duration idleTimeout) {
        WatermarkStrategy<InputRecord> bounded =
                WatermarkStrategy.forBoundedOutOfOrderness(outOfOrderness);
        WatermarkStrategy<InputRecord> ofEvents =
                idleTimeout.isZero() ? bounded : bounded.withIdleness(idleTimeout);
        // The filter lies around idleness: inside it, a partition with dead letters only would
        // count as alive and hold event time back for ever.
        WatermarkStrategy<InputRecord> filtered =
                context -> new EventsOnly(ofEvents.createWatermarkGenerator(context));
        return filtered.withTimestampAssigner(timestamps());
    }

    /**
     * Events carry their event time, dead letters what Kafka said: it is never looked at, but Flink
     * would take Long.MIN_VALUE for a timestamp too, and Kafka refuses that one.
     */
    private static SerializableTimestampAssigner<InputRecord> timestamps() {
        return (record, kafkaTimestampMs) ->
                record.deadLetter() ? record.kafkaTimestampMs() : record.eventTimeMs();
    }

    /** Keeps what is no event from a generator. */
    private static final class EventsOnly implements WatermarkGenerator<InputRecord> {
        private final WatermarkGenerator<InputRecord> generator;

        private EventsOnly(WatermarkGenerator<InputRecord> generator) {
            this.generator = generator;
        }

        @Override
        public void onEvent(InputRecord record, long timestampMs, WatermarkOutput output) {
            if (record.event()) {
                generator.onEvent(record, timestampMs, output);
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {
            generator.onPeriodicEmit(output);
        }
    }

    private EventWatermarks() {}
}
