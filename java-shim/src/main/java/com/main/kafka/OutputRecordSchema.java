package com.main.kafka;

import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Hands an {@link OutputRecord} to the producer of its topic as it stands. */
public final class OutputRecordSchema implements KafkaRecordSerializationSchema<OutputRecord> {
    private static final long serialVersionUID = 1L;

    private final String topic;

    public OutputRecordSchema(String topic) {
        this.topic = topic;
    }

    /**
     * @param eventTimeMs Flink's timestamp of the record; the output has its own
     */
    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            OutputRecord record, KafkaSinkContext context, Long eventTimeMs) {
        return new ProducerRecord<>(
                topic,
                null,
                KafkaTimestamps.forProducer(record.timestampMs()),
                record.key(),
                record.value(),
                record.headers());
    }
}
