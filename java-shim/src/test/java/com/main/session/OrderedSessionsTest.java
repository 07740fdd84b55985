package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Ordered mode, where scenario files do not reach. */
class OrderedSessionsTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final int PARTITION = 5;

    private final SessionCore decoder = SessionCore.open(options(true), null);
    private SessionHarness harness;

    private static CoreOptions options(boolean ordered) {
        return new CoreOptions().closeRecords(true).ordered(ordered);
    }

    @AfterEach
    void close() {
        harness.close();
        decoder.close();
    }

    @Test
    void anOutputThatWaitedHasTheTimestampTheHeadersAndTheOriginOfItsRecord() throws Exception {
        harness = SessionHarness.open(options(true), new HashMapStateBackend());
        harness.event(event(NOON_MS, 7));
        harness = harness.restored();

        harness.watermark(NOON_MS);

        List<OutputRecord> outputs = harness.takeOutputs();
        assertThat(outputs).hasSize(1);
        OutputRecord output = outputs.get(0);
        assertThat(output.timestampMs()).isEqualTo(NOON_MS + 7);
        assertThat(output.headers())
                .containsExactly(
                        new RecordHeader("trace", new byte[] {1}),
                        new RecordHeader("nothing", (byte[]) null),
                        new RecordHeader("session.origin", "log-before/5/7".getBytes(UTF_8)));
        assertThat(new String(output.key(), UTF_8)).isEqualTo("u1_" + NOON_MS);
        assertThat(new String(output.value(), UTF_8))
                .startsWith(new String(value(NOON_MS), UTF_8).replace("}", ",\"ts_str\""));
    }

    @Test
    void whatWaitsComesOutAtItsTimeAfterARestoreInOrderOfArrival() throws Exception {
        harness = SessionHarness.open(options(true), new HashMapStateBackend());
        harness.event(event(NOON_MS + 2, 0));
        harness.event(event(NOON_MS + 1, 1));
        assertThat(offsets()).isEmpty();

        harness = harness.restored(options(false));
        harness.event(event(NOON_MS + 3, 2));
        assertThat(offsets()).containsExactly(2L);
        assertThat(harness.timers()).isEqualTo(1);
        harness.watermark(NOON_MS + 2);
        assertThat(offsets()).containsExactly(1L, 0L);

        harness = harness.restored(options(true));
        harness.event(event(NOON_MS + 5, 3));
        assertThat(offsets()).isEmpty();
        harness.watermark(Long.MAX_VALUE);
        assertThat(offsets()).containsExactly(3L);
        assertThat(harness.takeCloseRecords()).hasSize(1);
        assertThat(harness.keysWithState()).isZero();
        assertThat(harness.timers()).isZero();
    }

    @Test
    void moreThanAFrameHoldsComesOutWithOneWatermark() throws Exception {
        harness = SessionHarness.open(options(true), new HashMapStateBackend());
        // 12 MB of outputs: three frames.
        List<Long> expected = new ArrayList<>();
        for (int offset = 0; offset < 600; offset++) {
            harness.event(event(NOON_MS + offset, offset, 20_000));
            expected.add((long) offset);
        }
        harness.watermark(NOON_MS + 600);
        assertThat(offsets()).isEqualTo(expected);
        assertThat(harness.timers()).isEqualTo(1);
    }

    private List<Long> offsets() throws IOException {
        List<Long> offsets = new ArrayList<>();
        for (OutputRecord output : harness.takeOutputs()) {
            byte[] origin = output.headers().get(output.headers().size() - 1).value();
            String text = new String(origin, UTF_8);
            offsets.add(Long.parseLong(text.substring(text.lastIndexOf('/') + 1)));
        }
        return offsets;
    }

    private InputRecord event(long atMs, long offset) {
        return event(atMs, offset, 0);
    }

    private InputRecord event(long atMs, long offset, int padding) {
        byte[] value = value(atMs, padding);
        DecodeReply reply = decoder.decode(value, -1, NOON_MS);
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>(
                        "log-before",
                        PARTITION,
                        offset,
                        NOON_MS + offset,
                        TimestampType.CREATE_TIME,
                        -1,
                        -1,
                        null,
                        value,
                        new RecordHeaders().add("trace", new byte[] {1}).add("nothing", null),
                        Optional.empty());
        return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
    }

    private static byte[] value(long atMs) {
        return value(atMs, 0);
    }

    private static byte[] value(long atMs, int padding) {
        StringBuilder text = new StringBuilder("{\"uid\":\"u1\",\"log_name\":\"CLICK\",\"ts\":");
        text.append(atMs);
        if (padding > 0) {
            text.append(",\"x\":\"");
            for (int i = 0; i < padding; i++) {
                text.append('x');
            }
            text.append('"');
        }
        return text.append('}').toString().getBytes(UTF_8);
    }
}
