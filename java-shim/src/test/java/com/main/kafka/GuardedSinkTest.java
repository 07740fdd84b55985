package com.main.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

/** "try": what Flink's harness throws on close is for the test to fail with. */
@SuppressWarnings("try")
class GuardedSinkTest {
    private static final OutputRecord RECORD =
            OutputRecord.closeRecord("u1_5".getBytes(UTF_8), "{}".getBytes(UTF_8), 5);

    /** Why there is a guard. Where this fails, the connector is repaired and the guard can go. */
    @Test
    void thePlainSinkForgetsAFailedSend() throws Exception {
        try (SinkHarness<OutputRecord> harness = harness(kafkaSink())) {
            harness.open();
            harness.processElement(RECORD, 5);

            assertThatCode(
                            () -> {
                                harness.runMails();
                                harness.prepareSnapshotPreBarrier(1);
                                harness.snapshot(1, 1);
                            })
                    .as("mails and a checkpoint after a record that was never written")
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void theGuardedSinkFailsTheTask() throws Exception {
        try (SinkHarness<OutputRecord> harness =
                harness(GuardedSink.of("log-after", kafkaSink()))) {
            harness.open();
            harness.processElement(RECORD, 5);

            assertThatThrownBy(harness::runMails)
                    .isInstanceOf(IOException.class)
                    .hasRootCauseInstanceOf(TimeoutException.class);
        }
    }

    @Test
    void aSavepointFitsThePlainAndTheGuardedSink() throws Exception {
        OperatorSubtaskState first = savepoint(kafkaSink(), null);
        OperatorSubtaskState guarded = savepoint(GuardedSink.of("log-after", kafkaSink()), first);
        OperatorSubtaskState plainAgain = savepoint(kafkaSink(), guarded);

        assertThat(first.getManagedOperatorState()).isNotEmpty();
        assertThat(guarded.getStateSize()).isEqualTo(savepoint(kafkaSink(), first).getStateSize());
        assertThat(plainAgain.getStateSize())
                .isEqualTo(
                        savepoint(GuardedSink.of("log-after", kafkaSink()), guarded)
                                .getStateSize());
    }

    @Test
    void theWritersStateIsTheConnectors() {
        KafkaSink<OutputRecord> plain = kafkaSink();
        GuardedSink<?, ?, ?> guarded = (GuardedSink<?, ?, ?>) GuardedSink.of("log-after", plain);

        assertThat(guarded.getWriterStateSerializer())
                .hasSameClassAs(plain.getWriterStateSerializer());
    }

    private static OperatorSubtaskState savepoint(
            Sink<OutputRecord> sink, OperatorSubtaskState restored) throws Exception {
        try (SinkHarness<OutputRecord> harness = harness(sink)) {
            if (restored != null) {
                harness.initializeState(restored);
            }
            harness.open();
            harness.prepareSnapshotPreBarrier(1);
            return harness.snapshot(1, 1);
        }
    }

    private static SinkHarness<OutputRecord> harness(Sink<OutputRecord> sink) throws Exception {
        return new SinkHarness<>(InstantiationUtil.clone(sink), OutputRecord.TYPE);
    }

    private static KafkaSink<OutputRecord> kafkaSink() {
        return KafkaSink.<OutputRecord>builder()
                .setKafkaProducerConfig(SinkHarness.noBroker())
                .setBootstrapServers("127.0.0.1:1")
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setTransactionalIdPrefix("test")
                .setRecordSerializer(new OutputRecordSchema("log-after"))
                .build();
    }
}
