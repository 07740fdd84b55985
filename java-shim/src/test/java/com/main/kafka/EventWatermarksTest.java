package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

class EventWatermarksTest {
    private static final long NOON = 1_734_177_600_000L;
    private static final Duration DISORDER = Duration.ofSeconds(5);
    private static final Duration SHORT_IDLE_TIMEOUT = Duration.ofNanos(1);
    private static final Duration LONG_IDLE_TIMEOUT = Duration.ofHours(1);

    private final Partition partition = new Partition();

    @Test
    void theWatermarkLiesTheDisorderBehindTheNewestEvent() {
        WatermarkGenerator<InputRecord> generator = generator(LONG_IDLE_TIMEOUT);

        generator.onEvent(TestRecords.event(NOON), NOON, partition);
        generator.onEvent(TestRecords.event(NOON - 3000), NOON - 3000, partition);
        generator.onPeriodicEmit(partition);

        assertThat(partition.watermarks).containsExactly(NOON - DISORDER.toMillis() - 1);
    }

    @Test
    void aDeadLetterDoesNotMoveTheWatermark() {
        WatermarkGenerator<InputRecord> generator = generator(LONG_IDLE_TIMEOUT);
        long later = NOON + 3_600_000;

        generator.onEvent(TestRecords.event(NOON), NOON, partition);
        generator.onEvent(TestRecords.deadLetter(), later, partition);
        generator.onPeriodicEmit(partition);

        assertThat(partition.watermarks).containsExactly(NOON - DISORDER.toMillis() - 1);
    }

    @Test
    void aPartitionWithDeadLettersOnlyIsIdle() throws Exception {
        readAllTheTime(TestRecords.deadLetter(), generator(SHORT_IDLE_TIMEOUT));

        assertThat(partition.idle).isTrue();
    }

    @Test
    void aPartitionWithEventsIsNotIdle() throws Exception {
        readAllTheTime(TestRecords.event(NOON), generator(SHORT_IDLE_TIMEOUT));

        assertThat(partition.idle).isFalse();
        assertThat(partition.watermarks).isNotEmpty();
    }

    @Test
    void withoutAnIdleTimeoutNoPartitionIsEverIdle() throws Exception {
        readAllTheTime(TestRecords.deadLetter(), generator(Duration.ZERO));

        assertThat(partition.idle).isFalse();
    }

    @Test
    void anEventCarriesItsOwnTimeAndADeadLetterKafkas() {
        TimestampAssigner<InputRecord> assigner = assigner(strategy(LONG_IDLE_TIMEOUT));

        assertThat(assigner.extractTimestamp(TestRecords.event(NOON), 1)).isEqualTo(NOON);
        assertThat(assigner.extractTimestamp(TestRecords.deadLetter(), 1))
                .isEqualTo(TestRecords.KAFKA_TIMESTAMP_MS);
    }

    @Test
    void alignmentGoesAroundItAndItShips() throws Exception {
        WatermarkStrategy<InputRecord> aligned =
                InstantiationUtil.clone(
                        strategy(Duration.ZERO)
                                .withWatermarkAlignment("partitions", Duration.ofSeconds(30)));

        assertThat(aligned.getAlignmentParameters().getMaxAllowedWatermarkDrift())
                .isEqualTo(30_000);
        assertThat(assigner(aligned).extractTimestamp(TestRecords.event(NOON), 1)).isEqualTo(NOON);
    }

    /** A record before each look at the partition, and a little time between them. */
    private void readAllTheTime(InputRecord record, WatermarkGenerator<InputRecord> generator)
            throws InterruptedException {
        for (int i = 0; i < 5; i++) {
            generator.onEvent(record, NOON, partition);
            generator.onPeriodicEmit(partition);
            Thread.sleep(1);
        }
    }

    private static WatermarkStrategy<InputRecord> strategy(Duration idleTimeout) {
        return EventWatermarks.of(DISORDER, idleTimeout);
    }

    private static WatermarkGenerator<InputRecord> generator(Duration idleTimeout) {
        return strategy(idleTimeout).createWatermarkGenerator(UnregisteredMetricsGroup::new);
    }

    private static TimestampAssigner<InputRecord> assigner(
            WatermarkStrategy<InputRecord> strategy) {
        return strategy.createTimestampAssigner(UnregisteredMetricsGroup::new);
    }

    /** What a generator says of its partition. */
    private static final class Partition implements WatermarkOutput {
        private final List<Long> watermarks = new ArrayList<>();
        private boolean idle;

        @Override
        public void emitWatermark(Watermark watermark) {
            watermarks.add(watermark.getTimestamp());
            idle = false;
        }

        @Override
        public void markIdle() {
            idle = true;
        }

        @Override
        public void markActive() {
            idle = false;
        }
    }
}
