package com.main.kafka;

import static com.main.kafka.TestRecords.read;
import static com.main.kafka.TestRecords.readAt;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import com.main.TestMetrics;
import com.main.core.CoreOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.RuntimeContextInitializationContextAdapters;
import org.apache.flink.streaming.util.MockStreamingRuntimeContext;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RecordDecoderTest {
    private static final String EVENT =
            "{\"uid\":\"u1\",\"log_name\":\"CIN\",\"ts\":1734144000000}";

    private final TestMetrics metrics = new TestMetrics();
    private RecordDecoder decoder;

    @BeforeEach
    void open() throws Exception {
        decoder = opened();
    }

    @AfterEach
    void close() {
        decoder.close();
    }

    @Test
    void aRecordThatDecodesIsAnEventAndStaysWhole() throws Exception {
        byte[] kafkaKey = {0, (byte) 0xff};
        byte[] value = EVENT.getBytes(UTF_8);
        Header trace = new RecordHeader("trace", "t".getBytes(UTF_8));

        InputRecord record = decode(read(kafkaKey, value, trace));

        assertThat(record.deadLetter()).isFalse();
        assertThat(record.key()).isEqualTo("u1");
        assertThat(record.eventTimeMs()).isEqualTo(1_734_144_000_000L);
        assertThat(record.found()).isNotEmpty();
        assertThat(record.value()).isSameAs(value);
        assertThat(record.kafkaKey()).isSameAs(kafkaKey);
        assertThat(record.headers()).containsExactly(trace);
        assertThat(record.kafkaTimestampMs()).isEqualTo(TestRecords.KAFKA_TIMESTAMP_MS);
        assertThat(record.origin()).isEqualTo("log-before/3/4000000000");
    }

    @Test
    void aRecordThatDoesNotDecodeIsADeadLetterAndStaysWhole() throws Exception {
        byte[] value = "{\"uid\":\"u1\"}".getBytes(UTF_8);

        InputRecord record = decode(read(null, value));

        assertThat(record.reason()).isEqualTo("missing_log_name");
        assertThat(record.detail()).isNotEmpty();
        assertThat(record.value()).isSameAs(value);
        assertThat(record.origin()).isEqualTo("log-before/3/4000000000");
        assertThat(decode(read(null, null)).reason()).isEqualTo("null_value");
    }

    /** The core needs both clocks: the record's own counts, and where it has none, this one. */
    @Test
    void aTimeInTheFutureIsJudgedByTheRecordsTimeAndElseByTheClock() throws Exception {
        long inAnHour = System.currentTimeMillis() + 3_600_000;
        byte[] value = EVENT.replace("1734144000000", "" + inAnHour).getBytes(UTF_8);
        byte[] hourAfterRecord = EVENT.replace("1734144000000", "1734147600000").getBytes(UTF_8);

        assertThat(decode(readAt(-1, null, value)).reason()).isEqualTo("future_ts");
        assertThat(decode(read(null, hourAfterRecord)).reason()).isEqualTo("future_ts");
        assertThat(decode(readAt(-1, null, hourAfterRecord)).deadLetter()).isFalse();
    }

    @Test
    void whatWasInTheFutureWhenTheClockWasReadIsNoneNow() throws Exception {
        decoder.close();
        decoder = opened(new CoreOptions().maxFutureMs(0));
        long openedMs = System.currentTimeMillis();
        long nowMs = openedMs;
        while (nowMs <= openedMs) {
            nowMs = System.currentTimeMillis();
        }
        byte[] value = EVENT.replace("1734144000000", "" + nowMs).getBytes(UTF_8);
        assertThat(decode(readAt(-1, null, value)).deadLetter()).isFalse();
        assertThat(decode(readAt(nowMs, null, value)).deadLetter()).isFalse();
    }

    @Test
    void noBytesMakeItThrow() throws Exception {
        Random random = new Random(7);
        byte[] event = EVENT.getBytes(UTF_8);
        for (int i = 0; i < 20_000; i++) {
            byte[] value = Arrays.copyOf(event, random.nextInt(event.length + 1));
            for (int changes = random.nextInt(4); changes > 0 && value.length > 0; changes--) {
                value[random.nextInt(value.length)] = (byte) random.nextInt(256);
            }
            decode(read(null, value));
        }
        byte[] noise = new byte[3_000_000];
        random.nextBytes(noise);
        assertThat(decode(read(null, noise)).reason()).isEqualTo("too_large");
    }

    @Test
    void eachReaderHasACoreOfItsOwn() throws Exception {
        RecordDecoder other = opened();
        decoder.close();

        ConsumerRecord<byte[], byte[]> record = read(null, EVENT.getBytes(UTF_8));
        assertThat(decode(other, record).key()).isEqualTo("u1");
        other.close();
        other.close();
    }

    @Test
    void theFirstDecodeIsTimed() throws Exception {
        assertThat(metrics.value("call.decode.coreTimeNs")).isZero();
        decode(read(null, EVENT.getBytes(UTF_8)));
        decode(read(null, null));
        assertThat(metrics.values()).containsOnly(entry("call.decode.coreTimeNs", 1L));
    }

    @Test
    void aDecoderInASourceOfFlinksOwnReportsWhereItIsOpened() throws Exception {
        TestMetrics ofSchema = new TestMetrics();
        RecordDecoder shipped = InstantiationUtil.clone(new RecordDecoder(new CoreOptions(), null));
        shipped.open(
                RuntimeContextInitializationContextAdapters.deserializationAdapter(
                        new MockStreamingRuntimeContext(false, 1, 0), ignored -> ofSchema.task()));
        decode(shipped, read(null, EVENT.getBytes(UTF_8)));
        shipped.close();
        assertThat(ofSchema.values()).containsOnly(entry("call.decode.coreTimeNs", 1L));
    }

    private RecordDecoder opened() throws Exception {
        return opened(new CoreOptions());
    }

    private RecordDecoder opened(CoreOptions options) throws Exception {
        RecordDecoder shipped = InstantiationUtil.clone(new RecordDecoder(options, null));
        shipped.report(metrics.task());
        shipped.open(null);
        return shipped;
    }

    private InputRecord decode(ConsumerRecord<byte[], byte[]> record) {
        return decode(decoder, record);
    }

    private static InputRecord decode(
            RecordDecoder decoder, ConsumerRecord<byte[], byte[]> record) {
        List<InputRecord> out = new ArrayList<>();
        decoder.deserialize(record, new ListCollector<>(out));
        assertThat(out).hasSize(1);
        return out.get(0);
    }
}
