package com.main.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** Records as a consumer would have read them. */
final class TestRecords {
    static final String INPUT_TOPIC = "log-before";
    static final int PARTITION = 3;
    static final long OFFSET = 4_000_000_000L;
    static final long KAFKA_TIMESTAMP_MS = 1_734_144_000_123L;

    private static final byte[] VALUE = "{\"uid\":\"u1\"}".getBytes(UTF_8);

    static ConsumerRecord<byte[], byte[]> read(byte[] kafkaKey, byte[] value, Header... headers) {
        return readAt(KAFKA_TIMESTAMP_MS, kafkaKey, value, headers);
    }

    static ConsumerRecord<byte[], byte[]> readAt(
            long kafkaTimestampMs, byte[] kafkaKey, byte[] value, Header... headers) {
        return new ConsumerRecord<>(
                INPUT_TOPIC,
                PARTITION,
                OFFSET,
                kafkaTimestampMs,
                TimestampType.CREATE_TIME,
                -1,
                -1,
                kafkaKey,
                value,
                new RecordHeaders(headers),
                Optional.empty());
    }

    static InputRecord event(long eventTimeMs) {
        return InputRecord.event(read(null, VALUE), "u1", eventTimeMs, new byte[] {1});
    }

    static InputRecord eventOf(int partition, long offset) {
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>(INPUT_TOPIC, partition, offset, null, VALUE);
        return InputRecord.event(record, "u1", 0, new byte[] {1});
    }

    static InputRecord deadLetter() {
        return InputRecord.deadLetter(read(null, VALUE), "invalid_json", "no JSON");
    }

    /** Headers as text, by name; the last of a name. */
    static Map<String, String> texts(Iterable<Header> headers) {
        Map<String, String> texts = new LinkedHashMap<>();
        for (Header header : headers) {
            texts.put(
                    header.key(),
                    header.value() == null ? null : new String(header.value(), UTF_8));
        }
        return texts;
    }

    private TestRecords() {}
}
