package com.main.kafka;

import java.util.Properties;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes dead letters to their topic with a producer of its own, at least once.
 *
 * <p>Not in a transaction, also where the job is exactly-once: a dead letter is for people and
 * tools to look at, and should be there at once and not after the next checkpoint; a second one
 * after a restart names the same partition and offset. In turn the sink keeps no state and can be
 * added or left out between savepoints.
 */
public final class DeadLetterSink implements Sink<InputRecord> {
    private static final long serialVersionUID = 1L;

    /** Before compression, which is what the producer compares with it. */
    private static final int MAX_REQUEST_SIZE = 32 * 1024 * 1024;

    private final String topic;
    private final Properties producerProperties;

    /**
     * @param producerProperties brokers, security and what the user set for producers
     */
    public DeadLetterSink(String topic, Properties producerProperties) {
        this.topic = topic;
        this.producerProperties = withDefaults(producerProperties);
    }

    @Override
    public SinkWriter<InputRecord> createWriter(InitContext context) {
        return new DeadLetterWriter(
                new KafkaProducer<>(
                        producerProperties, new ByteArraySerializer(), new ByteArraySerializer()),
                topic,
                context.getMailboxExecutor(),
                new DeadLetterCounts(context.metricGroup()));
    }

    static Properties withDefaults(Properties given) {
        Properties properties = new Properties();
        properties.putAll(given);
        // Of the user's producer properties these are for log-after; here no write may be lost, and
        // what is refused there as too large must still have room.
        properties.setProperty(ProducerConfig.ACKS_CONFIG, "all");
        properties.setProperty(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true");
        properties.remove(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        atLeast(properties, ProducerConfig.MAX_REQUEST_SIZE_CONFIG, MAX_REQUEST_SIZE);
        atLeast(properties, ProducerConfig.BUFFER_MEMORY_CONFIG, 2L * MAX_REQUEST_SIZE);
        // gzip is the densest that needs no native library, which each restart would load anew, and
        // every consumer reads it. Dead letters are few: its slowness costs nothing.
        properties.putIfAbsent(ProducerConfig.COMPRESSION_TYPE_CONFIG, "gzip");
        return properties;
    }

    private static void atLeast(Properties properties, String name, long least) {
        Object value = properties.getOrDefault(name, 0L);
        long number = (Long) ConfigDef.parseType(name, value, ConfigDef.Type.LONG);
        properties.setProperty(name, String.valueOf(Math.max(number, least)));
    }
}
