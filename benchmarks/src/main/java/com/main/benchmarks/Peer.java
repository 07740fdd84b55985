package com.main.benchmarks;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * One way to write the job: everything between the consumer's records and the producer's.
 *
 * @param <I> what the source gives on
 * @param <O> what the sink writes
 */
interface Peer<I, O> {
    /** How a Kafka record becomes what the source gives on. */
    KafkaRecordDeserializationSchema<I> decoder();

    WatermarkStrategy<I> watermarks();

    /** The shuffle and all behind it. */
    DataStream<O> sessions(DataStream<I> events);

    /** How what comes out becomes a Kafka record. */
    KafkaRecordSerializationSchema<O> encoder(String topic);

    /** Whether the job that writes it has object reuse on. */
    boolean objectReuse();

    static Peer<?, ?> of(String name, int cacheEntries) {
        switch (name) {
            case "job":
                return new JobPeer(cacheEntries);
            case "twin":
                return new TwinPeer(cacheEntries);
            case "identity":
                return new FloorPeer(false);
            case "getput":
                return new FloorPeer(true);
            case "plain":
                return new PlainPeer();
            case "stock":
                return new StockPeer();
            default:
                throw new IllegalArgumentException("no peer " + name);
        }
    }
}
