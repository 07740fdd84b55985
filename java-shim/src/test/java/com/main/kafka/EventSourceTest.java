package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import com.main.core.CoreOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.streaming.api.operators.source.TimestampsAndWatermarks;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.io.PushingAsyncDataInput.DataOutput;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.TestProcessingTimeService;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** "try": what a reader throws on close is for the test to fail with. */
@SuppressWarnings("try")
class EventSourceTest {
    private static final long NOON = 1_734_177_600_000L;
    private static final long EMIT_INTERVAL_MS = 200;

    private final RecordDecoder decoder = new RecordDecoder(new CoreOptions(), null);
    private final OneEventAPoll plain = new OneEventAPoll();
    private final EventSource.Reader reader = new EventSource.Reader(plain, decoder, false);

    @Test
    void aRestoredPartitionHoldsEventTimeBackBeforeItsFirstRecord() throws Exception {
        Downstream downstream = new Downstream();
        TestProcessingTimeService clock = new TestProcessingTimeService();
        TimestampsAndWatermarks<InputRecord> eventTime =
                TimestampsAndWatermarks.createProgressiveEventTimeLogic(
                        EventWatermarks.of(Duration.ofSeconds(5), Duration.ofHours(1)),
                        new UnregisteredMetricsGroup(),
                        clock,
                        EMIT_INTERVAL_MS);
        ReaderOutput<InputRecord> output = eventTime.createMainOutput(downstream, downstream);
        eventTime.startPeriodicWatermarkEmits();
        // As a task that was restored does: the partitions come before there is an output.
        reader.addSplits(Arrays.asList(plain.split(0), plain.split(1)));

        plain.next = plain.split(0);
        reader.pollNext(output);
        clock.advance(EMIT_INTERVAL_MS);
        assertThat(downstream.watermarks).isEmpty();

        plain.next = plain.split(1);
        reader.pollNext(output);
        clock.advance(EMIT_INTERVAL_MS);
        assertThat(downstream.watermarks).containsExactly(NOON - 5_001);
    }

    @Test
    void whereItIsWanted_eachPartitionIsToldOfOnce_beforeItsRecords() throws Exception {
        List<InputRecord> told = new ArrayList<>();
        ReaderOutput<InputRecord> output = new ReaderTestOutput(told);
        EventSource.Reader telling = new EventSource.Reader(plain, decoder, true);
        telling.addSplits(Arrays.asList(plain.split(0), plain.from(7, 90), plain.found(2)));

        plain.next = plain.split(0);
        telling.pollNext(output);
        telling.pollNext(output);

        assertThat(told)
                .extracting(each -> each.partition() + "/" + each.offset() + "/" + each.event())
                .startsWith("0/0/false", "7/90/false", "2/0/false")
                .hasSize(5);
        assertThat(told.subList(3, 5)).allMatch(InputRecord::event);
    }

    @Test
    void aPartitionWithNothingToReadIsToldOfToo() throws Exception {
        ReaderOutput<InputRecord> output = new ReaderTestOutput(new ArrayList<>());
        plain.available = new CompletableFuture<>();
        assertThat(reader.isAvailable()).isNotDone();
        CompletableFuture<Void> flinkWaits = reader.isAvailable();

        reader.addSplits(Arrays.asList(plain.split(0)));
        assertThat(flinkWaits).isDone();

        // And then Flink does not ask again and again.
        plain.next = plain.split(0);
        reader.pollNext(output);
        assertThat(reader.isAvailable()).isNotDone().isSameAs(reader.isAvailable());
        plain.available.complete(null);
        assertThat(reader.isAvailable()).isDone();
    }

    @Test
    void aReaderThatEndsClosesItsDecoder() throws Exception {
        decoder.report(new UnregisteredMetricsGroup());
        decoder.open(null);
        reader.close();

        assertThat(plain.closed).isTrue();
        assertThat(decoder.isOpen()).isFalse();
        reader.close();
    }

    /** A reader of events at noon, of the partition that comes next. */
    private static final class OneEventAPoll
            implements SourceReader<InputRecord, KafkaPartitionSplit> {
        private KafkaPartitionSplit next;
        private boolean closed;
        private CompletableFuture<Void> available = CompletableFuture.completedFuture(null);

        KafkaPartitionSplit split(int partition) {
            return from(partition, 0);
        }

        /** One that was found while the job ran. */
        KafkaPartitionSplit found(int partition) {
            return from(partition, KafkaPartitionSplit.EARLIEST_OFFSET);
        }

        KafkaPartitionSplit from(int partition, long offset) {
            return new KafkaPartitionSplit(new TopicPartition("log-before", partition), offset);
        }

        @Override
        public InputStatus pollNext(ReaderOutput<InputRecord> output) {
            output.createOutputForSplit(next.splitId()).collect(TestRecords.event(NOON), NOON);
            return InputStatus.MORE_AVAILABLE;
        }

        @Override
        public void start() {}

        @Override
        public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
            return new ArrayList<>();
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return available;
        }

        @Override
        public void addSplits(List<KafkaPartitionSplit> splits) {}

        @Override
        public void notifyNoMoreSplits() {}

        @Override
        public void close() {
            closed = true;
        }
    }

    /** Takes what is told of any partition. */
    private static final class ReaderTestOutput implements ReaderOutput<InputRecord> {
        private final List<InputRecord> told;

        ReaderTestOutput(List<InputRecord> told) {
            this.told = told;
        }

        @Override
        public void collect(InputRecord record) {
            told.add(record);
        }

        @Override
        public void collect(InputRecord record, long timestampMs) {
            told.add(record);
        }

        @Override
        public SourceOutput<InputRecord> createOutputForSplit(String split) {
            return this;
        }

        @Override
        public void emitWatermark(org.apache.flink.api.common.eventtime.Watermark watermark) {}

        @Override
        public void markIdle() {}

        @Override
        public void markActive() {}

        @Override
        public void releaseOutputForSplit(String split) {}
    }

    private static final class Downstream
            implements DataOutput<InputRecord>, TimestampsAndWatermarks.WatermarkUpdateListener {
        private final List<Long> watermarks = new ArrayList<>();

        @Override
        public void emitRecord(StreamRecord<InputRecord> record) {}

        @Override
        public void emitWatermark(Watermark watermark) {
            watermarks.add(watermark.getTimestamp());
        }

        @Override
        public void emitWatermarkStatus(WatermarkStatus status) {}

        @Override
        public void emitLatencyMarker(LatencyMarker marker) {}

        @Override
        public void updateIdle(boolean idle) {}

        @Override
        public void updateCurrentEffectiveWatermark(long watermark) {}

        @Override
        public void updateCurrentSplitWatermark(String split, long watermark) {}
    }
}
