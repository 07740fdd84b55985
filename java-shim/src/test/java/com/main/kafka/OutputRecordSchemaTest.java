package com.main.kafka;

import static com.main.kafka.TestRecords.read;
import static com.main.kafka.TestRecords.readAt;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.Test;

class OutputRecordSchemaTest {
    private static final byte[] KEY = "u1_5".getBytes(UTF_8);
    private static final byte[] VALUE = "{}".getBytes(UTF_8);

    @Test
    void aLogAfterRecordHasTheInputsTimestampAndHeadersAndItsOrigin() {
        Header first = new RecordHeader("trace", "a".getBytes(UTF_8));
        Header second = new RecordHeader("trace", (byte[]) null);
        Header olderOrigin = new RecordHeader("session.origin", "old/0/1".getBytes(UTF_8));

        ProducerRecord<byte[], byte[]> written =
                logAfterOf(read(null, VALUE, first, olderOrigin, second));

        assertThat(written.topic()).isEqualTo("log-after");
        assertThat(written.partition()).isNull();
        assertThat(written.timestamp()).isEqualTo(TestRecords.KAFKA_TIMESTAMP_MS);
        assertThat(written.key()).isSameAs(KEY);
        assertThat(written.value()).isSameAs(VALUE);
        assertThat(written.headers().toArray())
                .containsExactly(
                        first,
                        second,
                        new RecordHeader(
                                "session.origin", "log-before/3/4000000000".getBytes(UTF_8)));
    }

    @Test
    void anInputWithoutATimestampGetsTheTimeOfWriting() {
        assertThat(logAfterOf(readAt(-1, null, VALUE)).timestamp()).isNull();
    }

    @Test
    void aCloseRecordHasNoHeaders() {
        ProducerRecord<byte[], byte[]> written =
                schema().serialize(OutputRecord.closeRecord(KEY, VALUE, 0), null, 9L);

        assertThat(written.timestamp()).isZero();
        assertThat(written.headers().toArray()).isEmpty();
    }

    private static ProducerRecord<byte[], byte[]> logAfterOf(
            ConsumerRecord<byte[], byte[]> record) {
        InputRecord event = InputRecord.event(record, "u1", 5, new byte[0]);
        return schema().serialize(OutputRecord.logAfter(event, KEY, VALUE), null, 5L);
    }

    private static OutputRecordSchema schema() {
        return new OutputRecordSchema("log-after");
    }
}
