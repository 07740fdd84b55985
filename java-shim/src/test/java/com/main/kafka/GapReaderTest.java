package com.main.kafka;

import static java.util.Collections.singletonMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Kafka's own stand-in for a consumer; real transactions are for the end-to-end test. */
class GapReaderTest {
    private static final TopicPartition PARTITION = new TopicPartition("log-before", 0);

    private final List<MockConsumer<byte[], byte[]>> made = new ArrayList<>();
    private final GapReader reader = new GapReader(this::newConsumer);

    @Test
    void aRecordInTheGap_isFoundOnceAndForAll() {
        assertThat(empty(5, 7)).isFalse();
        made.get(0).addRecord(new ConsumerRecord<>("log-before", 0, 6, null, null));
        assertThat(empty(5, 7)).isFalse();
        assertThat(made.get(0).closed()).isTrue();
        assertThat(empty(5, 7)).isFalse();
        assertThat(made).hasSize(1);
    }

    @Test
    void aPositionAtTheEndWithoutARecord_isAnEmptyGap() {
        assertThat(empty(5, 7)).isFalse();
        // As a real consumer does by itself when it skips a marker.
        made.get(0).seek(PARTITION, 7);
        assertThat(empty(5, 7)).isTrue();
        assertThat(made.get(0).closed()).isTrue();
        assertThat(empty(5, 7)).isTrue();
        assertThat(made).hasSize(1);
    }

    @Test
    void anotherGap_isLookedAtAnew() {
        empty(5, 7);
        made.get(0).seek(PARTITION, 7);
        assertThat(empty(5, 7)).isTrue();

        assertThat(empty(5, 8)).isFalse();
        assertThat(made).hasSize(2);
        assertThat(made.get(1).position(PARTITION)).isEqualTo(5);
    }

    @Test
    void aFailure_isNoVerdict_andIsTriedAgain() {
        assertThat(empty(5, 7)).isFalse();
        made.get(0).setPollException(new KafkaException("no access"));
        assertThat(empty(5, 7)).isFalse();
        assertThat(made.get(0).closed()).isTrue();

        empty(5, 7);
        made.get(1).seek(PARTITION, 7);
        assertThat(empty(5, 7)).isTrue();
    }

    private boolean empty(long from, long to) {
        return reader.empty(singletonMap(PARTITION, from), singletonMap(PARTITION, to));
    }

    private MockConsumer<byte[], byte[]> newConsumer() {
        MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(OffsetResetStrategy.EARLIEST);
        consumer.updateBeginningOffsets(singletonMap(PARTITION, 0L));
        made.add(consumer);
        return consumer;
    }
}
