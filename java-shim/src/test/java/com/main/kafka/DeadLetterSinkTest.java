package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Properties;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

/** "try": what Flink's harness throws on close is for the test to fail with. */
@SuppressWarnings("try")
class DeadLetterSinkTest {

    @Test
    void aDeadLetterThatCannotBeWrittenFailsTheTask() throws Exception {
        DeadLetterSink sink = new DeadLetterSink("log-before.dlq", SinkHarness.noBroker());
        try (SinkHarness<InputRecord> harness =
                new SinkHarness<>(InstantiationUtil.clone(sink), InputRecord.TYPE)) {
            harness.open();
            harness.processElement(TestRecords.deadLetter(), 5);

            assertThatThrownBy(harness::runMails)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("log-before.dlq")
                    .hasRootCauseInstanceOf(TimeoutException.class);
            assertThatThrownBy(() -> harness.prepareSnapshotPreBarrier(1))
                    .as("the checkpoint must not complete either")
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void theProducerLosesNothingWhateverIsSetForTheOtherTopics() {
        Properties given = new Properties();
        given.setProperty("bootstrap.servers", "broker:9092");
        given.setProperty("acks", "1");
        given.setProperty("enable.idempotence", "false");
        given.setProperty("transactional.id", "t");
        given.setProperty("max.request.size", "1000000");
        given.setProperty("buffer.memory", " 200000000 ");

        Properties properties = DeadLetterSink.withDefaults(given);

        assertThat(properties)
                .containsEntry("bootstrap.servers", "broker:9092")
                .containsEntry("acks", "all")
                .containsEntry("enable.idempotence", "true")
                .containsEntry("max.request.size", "33554432")
                .containsEntry("buffer.memory", "200000000")
                .containsEntry("compression.type", "gzip")
                .doesNotContainKey("transactional.id");
        assertThat(given).containsEntry("acks", "1");
    }

    @Test
    void whatIsNoNumberIsNamed() {
        Properties given = new Properties();
        given.setProperty("max.request.size", "much");

        assertThatThrownBy(() -> DeadLetterSink.withDefaults(given))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("max.request.size");
    }
}
