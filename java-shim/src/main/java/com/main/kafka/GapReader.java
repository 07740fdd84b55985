package com.main.kafka;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells whether a record lies between two offsets. A transaction's marker takes an offset as well,
 * and so does a record of a transaction that was given up; only reading shows the difference.
 */
final class GapReader implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GapReader.class);

    private final Supplier<Consumer<byte[], byte[]>> consumers;

    private Map<TopicPartition, Long> from;
    private Map<TopicPartition, Long> to;

    /** Reads what has no verdict yet; null else. */
    private Consumer<byte[], byte[]> consumer;

    private boolean empty;

    GapReader(Supplier<Consumer<byte[], byte[]>> consumers) {
        this.consumers = consumers;
    }

    /**
     * @param sourceProperties those of the source's consumer
     */
    static GapReader of(Properties sourceProperties) {
        Properties properties = new Properties();
        properties.putAll(sourceProperties);
        // It commits nothing, so it needs no rights on the group.
        properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        // What retention has deleted is no record any more.
        properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        // One record is enough to know.
        properties.setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "1");
        properties.setProperty(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, "1024");
        properties.setProperty(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, "1");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        return new GapReader(() -> new KafkaConsumer<>(properties, bytes, bytes));
    }

    /**
     * Returns at once: no, while it is not known yet and where it cannot be found out.
     *
     * @param from the first offset of each gap
     * @param to the first offset behind each gap
     */
    boolean empty(Map<TopicPartition, Long> from, Map<TopicPartition, Long> to) {
        try {
            if (!from.equals(this.from) || !to.equals(this.to)) {
                begin(from, to);
            }
            if (consumer != null) {
                read();
            }
        } catch (KafkaException e) {
            LOG.warn("What lies at the end of the input could not be looked at.", e);
            close();
        }
        return empty;
    }

    private void begin(Map<TopicPartition, Long> newFrom, Map<TopicPartition, Long> newTo) {
        close();
        consumer = consumers.get();
        consumer.assign(newFrom.keySet());
        newFrom.forEach(consumer::seek);
        from = newFrom;
        to = newTo;
    }

    private void read() {
        // Without waiting: hands out what came since the last call, and asks for more.
        boolean record = !consumer.poll(Duration.ZERO).isEmpty();
        empty = !record && to.keySet().stream().allMatch(this::atEnd);
        if (record || empty) {
            stopReading();
        }
    }

    private boolean atEnd(TopicPartition partition) {
        return consumer.position(partition, Duration.ZERO) >= to.get(partition);
    }

    private void stopReading() {
        if (consumer != null) {
            consumer.close(Duration.ZERO);
            consumer = null;
        }
    }

    @Override
    public void close() {
        stopReading();
        from = null;
        to = null;
        empty = false;
    }
}
