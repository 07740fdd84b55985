package com.main.benchmarks;

import java.util.concurrent.atomic.LongAdder;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Stands for the Kafka producer: makes each record's bytes and counts them. */
final class Touch<T> extends RichSinkFunction<T> {
    private static final long serialVersionUID = 1L;

    static final LongAdder RECORDS = new LongAdder();
    static final LongAdder BYTES = new LongAdder();

    /** A sum of hashes, which no order changes; only where outputs are to be compared. */
    static final LongAdder HASHES = new LongAdder();

    private final KafkaRecordSerializationSchema<T> encoder;
    private final boolean hash;

    private transient long records;
    private transient long bytes;
    private transient long hashes;

    Touch(KafkaRecordSerializationSchema<T> encoder, boolean hash) {
        this.encoder = encoder;
        this.hash = hash;
    }

    @Override
    public void invoke(T record, Context context) {
        ProducerRecord<byte[], byte[]> produced =
                encoder.serialize(record, null, context.timestamp());
        records++;
        bytes += produced.key().length + produced.value().length;
        if (hash) {
            hashes += hashOf(produced.key()) * 31 + hashOf(produced.value());
        }
    }

    private static long hashOf(byte[] bytes) {
        long hash = 0xcbf29ce484222325L;
        for (byte each : bytes) {
            hash = (hash ^ each) * 0x100000001b3L;
        }
        return hash;
    }

    @Override
    public void close() {
        RECORDS.add(records);
        BYTES.add(bytes);
        HASHES.add(hashes);
    }
}
