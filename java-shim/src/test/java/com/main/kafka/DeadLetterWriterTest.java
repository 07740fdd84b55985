package com.main.kafka;

import static com.main.kafka.TestRecords.read;
import static com.main.kafka.TestRecords.texts;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import com.main.TestMetrics;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

class DeadLetterWriterTest {
    private static final byte[] KEY = {0, (byte) 0xff};
    private static final byte[] VALUE = "abc".getBytes(UTF_8);
    private static final String SHA256_OF_VALUE =
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    private static final Header TRACE = new RecordHeader("trace", "t".getBytes(UTF_8));
    private static final InputRecord DEAD_LETTER =
            InputRecord.deadLetter(read(KEY, VALUE, TRACE), "invalid_json", "no JSON at byte 1");

    private final SmallProducer producer = new SmallProducer();
    private final MailboxExecutor mailbox =
            new MailboxExecutorImpl(
                    new TaskMailboxImpl(Thread.currentThread()),
                    0,
                    StreamTaskActionExecutor.IMMEDIATE);
    private final TestMetrics metrics = new TestMetrics();
    private final DeadLetterWriter writer =
            new DeadLetterWriter(
                    producer, "log-before.dlq", mailbox, new DeadLetterCounts(metrics.task()));

    @Test
    void aDeadLetterIsTheRecordItselfAndWhy() throws Exception {
        writer.write(DEAD_LETTER, null);

        ProducerRecord<byte[], byte[]> written = onlySent();
        assertThat(written.topic()).isEqualTo("log-before.dlq");
        assertThat(written.partition()).isNull();
        assertThat(written.timestamp()).isEqualTo(TestRecords.KAFKA_TIMESTAMP_MS);
        assertThat(written.key()).isEqualTo(KEY);
        assertThat(written.value()).isEqualTo(VALUE);
        assertThat(written.headers().toArray())
                .containsExactly(
                        TRACE,
                        header("__connect.errors.reason", "invalid_json"),
                        header("__connect.errors.exception.message", "no JSON at byte 1"),
                        header("__connect.errors.topic", "log-before"),
                        header("__connect.errors.partition", "3"),
                        header("__connect.errors.offset", "4000000000"));
    }

    @Test
    void headersOfAnEarlierDeadLetterAreReplaced() throws Exception {
        Header olderReason = header("__connect.errors.reason", "missing_key");
        Header olderMark = header("__connect.errors.truncated", "true");
        Header other = header("__connect.errors.stage", "theirs");

        writer.write(
                InputRecord.deadLetter(
                        read(KEY, VALUE, olderReason, olderMark, other), "invalid_ts", "no time"),
                null);

        assertThat(onlySent().headers().headers("__connect.errors.reason"))
                .containsExactly(header("__connect.errors.reason", "invalid_ts"));
        assertThat(onlySent().headers().headers("__connect.errors.truncated")).isEmpty();
        assertThat(onlySent().headers().headers("__connect.errors.stage")).containsExactly(other);
    }

    @Test
    void aKeysStateHasNoOriginAndNoTimestamp() throws Exception {
        writer.write(
                InputRecord.stateDeadLetter("u1", VALUE, "internal_error", "the core failed"),
                null);

        assertThat(onlySent().key()).isEqualTo("u1".getBytes(UTF_8));
        assertThat(onlySent().value()).isEqualTo(VALUE);
        assertThat(onlySent().timestamp()).isNull();
        assertThat(texts(onlySent().headers()))
                .containsOnlyKeys("__connect.errors.reason", "__connect.errors.exception.message");
        assertThat(metrics.values()).containsOnly(entry("deadLetterStates", 1L));
    }

    @Test
    void whatTheBrokerRefusesAsTooLargeIsWrittenWithAnEmptyValue() throws Exception {
        writer.write(DEAD_LETTER, null);
        producer.errorNext(new RecordTooLargeException());
        runMails();
        writer.flush(false);

        assertThat(producer.written).hasSize(1);
        ProducerRecord<byte[], byte[]> written = producer.written.get(0);
        assertThat(written.value()).isEmpty();
        assertThat(written.key()).isEqualTo(KEY);
        assertThat(written.timestamp()).isEqualTo(TestRecords.KAFKA_TIMESTAMP_MS);
        assertThat(texts(written.headers()))
                .containsEntry("trace", "t")
                .containsEntry("__connect.errors.reason", "invalid_json")
                .containsEntry("__connect.errors.offset", "4000000000")
                .containsEntry("__connect.errors.truncated", "true")
                .containsEntry("__connect.errors.value.length", "3")
                .containsEntry("__connect.errors.value.sha256", SHA256_OF_VALUE)
                .doesNotContainKey("__connect.errors.headers.dropped");
        assertThat(metrics.values()).containsOnly(entry("reason.invalid_json.deadLetters", 1L));
    }

    @Test
    void aBatchTooLargeForTheBrokersLogIsTooLargeAsWell() throws Exception {
        writer.write(DEAD_LETTER, null);
        producer.errorNext(new RecordBatchTooLargeException("segment.bytes"));
        writer.flush(false);

        assertThat(producer.written).hasSize(1);
        assertThat(producer.written.get(0).value()).isEmpty();
    }

    @Test
    void aCheckpointWaitsForTheSmallerForm() throws Exception {
        producer.largest = 600;
        writer.write(
                InputRecord.deadLetter(read(KEY, new byte[1000]), "too_large", "1000 bytes"), null);
        assertThat(producer.written).isEmpty();

        // No mail has run: the barrier may come first.
        writer.flush(false);

        assertThat(producer.written).hasSize(1);
        assertThat(producer.written.get(0).value()).isEmpty();
        assertThat(producer.written.get(0).key()).isEqualTo(KEY);
        runMails();
        assertThat(producer.written).as("the mail has nothing left to send").hasSize(1);
    }

    @Test
    void aKeyAndHeadersThatAreTooLargeThemselvesAreDropped() throws Exception {
        producer.largest = 900;
        Header large = new RecordHeader("large", new byte[500]);
        writer.write(
                InputRecord.deadLetter(
                        read(new byte[500], VALUE, large, large), "invalid_json", "no JSON"),
                null);
        writer.flush(false);

        assertThat(producer.written).hasSize(1);
        ProducerRecord<byte[], byte[]> written = producer.written.get(0);
        assertThat(written.key()).isNull();
        assertThat(written.value()).isEmpty();
        assertThat(texts(written.headers()))
                .containsEntry("__connect.errors.reason", "invalid_json")
                .containsEntry("__connect.errors.topic", "log-before")
                .containsEntry("__connect.errors.truncated", "true")
                .containsEntry("__connect.errors.value.sha256", SHA256_OF_VALUE)
                .containsEntry("__connect.errors.key.length", "500")
                .containsKey("__connect.errors.key.sha256")
                .containsEntry("__connect.errors.headers.dropped", "2")
                .doesNotContainKey("large");
    }

    @Test
    void whereThereIsNoValueToDropTheHeadersGoAtOnce() throws Exception {
        producer.largest = 900;
        Header large = new RecordHeader("large", new byte[1000]);
        writer.write(
                InputRecord.deadLetter(read(null, null, large), "null_value", "no value"), null);
        writer.flush(false);

        assertThat(producer.written).hasSize(1);
        assertThat(producer.refusals).isEqualTo(1);
        assertThat(producer.written.get(0).value()).isNull();
        assertThat(texts(producer.written.get(0).headers()))
                .containsEntry("__connect.errors.headers.dropped", "1")
                .doesNotContainKeys("__connect.errors.value.length", "__connect.errors.key.length");
    }

    @Test
    void aDetailIsCutSoThatTheSmallestFormAlwaysFits() throws Exception {
        StringBuilder detail = new StringBuilder();
        while (detail.length() < 100_000) {
            detail.append("panicked ");
        }
        writer.write(DEAD_LETTER.toDeadLetter("internal_error", detail.toString()), null);

        assertThat(texts(onlySent().headers()).get("__connect.errors.exception.message"))
                .hasSize(1000);
    }

    @Test
    void whatIsRefusedInEveryFormFailsTheTask() throws Exception {
        producer.largest = 1;
        writer.write(DEAD_LETTER, null);

        assertThatThrownBy(() -> writer.flush(false))
                .isInstanceOf(IOException.class)
                .hasCauseInstanceOf(RecordTooLargeException.class);
        assertThat(producer.refusals).isEqualTo(3);
    }

    @Test
    void anyOtherFailureFailsTheTaskWhereverItLooksFirst() throws Exception {
        writer.write(DEAD_LETTER, null);
        producer.errorNext(new TopicAuthorizationException("log-before.dlq"));

        assertThatThrownBy(this::runMails)
                .hasRootCauseInstanceOf(TopicAuthorizationException.class);
        // The mail has thrown, and yet neither of these may go on as if nothing had been.
        assertThatThrownBy(() -> writer.flush(false))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("log-before.dlq");
        assertThatThrownBy(() -> writer.write(DEAD_LETTER, null)).isInstanceOf(IOException.class);
        assertThat(producer.history()).hasSize(1);
    }

    @Test
    void aClosedWriterStaysQuiet() throws Exception {
        writer.write(DEAD_LETTER, null);
        producer.errorNext(new RecordTooLargeException());
        writer.write(DEAD_LETTER, null);
        writer.close();
        producer.errorNext(new TopicAuthorizationException("log-before.dlq"));

        assertThat(producer.closed()).isTrue();
        assertThatCode(this::runMails).doesNotThrowAnyException();
        assertThat(producer.history()).hasSize(2);
    }

    private void runMails() {
        while (mailbox.tryYield()) {
            // One mail after the other.
        }
    }

    private ProducerRecord<byte[], byte[]> onlySent() {
        assertThat(producer.history()).hasSize(1);
        return producer.history().get(0);
    }

    private static Header header(String name, String text) {
        return new RecordHeader(name, text.getBytes(UTF_8));
    }

    /**
     * A producer that refuses large records inside send, as Kafka's own does, and remembers what
     * was written in the end.
     */
    private static final class SmallProducer extends MockProducer<byte[], byte[]> {
        private final List<ProducerRecord<byte[], byte[]>> written = new ArrayList<>();
        private long largest = Long.MAX_VALUE;
        private int refusals;

        private SmallProducer() {
            super(false, new ByteArraySerializer(), new ByteArraySerializer());
        }

        @Override
        public synchronized Future<RecordMetadata> send(
                ProducerRecord<byte[], byte[]> record, Callback callback) {
            if (size(record) > largest) {
                refusals++;
                RecordTooLargeException refusal = new RecordTooLargeException("max.request.size");
                callback.onCompletion(null, refusal);
                CompletableFuture<RecordMetadata> failed = new CompletableFuture<>();
                failed.completeExceptionally(refusal);
                return failed;
            }
            return super.send(
                    record,
                    (metadata, exception) -> {
                        if (exception == null) {
                            written.add(record);
                        }
                        callback.onCompletion(metadata, exception);
                    });
        }

        private static long size(ProducerRecord<byte[], byte[]> record) {
            long size = length(record.key()) + length(record.value());
            for (Header header : record.headers()) {
                size += header.key().length() + length(header.value());
            }
            return size;
        }

        private static long length(byte[] bytes) {
            return bytes == null ? 0 : bytes.length;
        }
    }
}
