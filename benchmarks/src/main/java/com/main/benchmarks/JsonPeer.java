package com.main.benchmarks;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A peer as a user of Flink writes it first: strings from Kafka, POJOs by Jackson, Flink's own
 * serializers, object reuse off as it is by default.
 */
abstract class JsonPeer implements Peer<String, LogRecord> {
    static final Duration LATENESS = Duration.ofMinutes(10);

    @Override
    public KafkaRecordDeserializationSchema<String> decoder() {
        return KafkaRecordDeserializationSchema.valueOnly(
                StringDeserializer.class);
    }

    /** Event time is known only once the record is parsed. */
    @Override
    public WatermarkStrategy<String> watermarks() {
        return WatermarkStrategy.noWatermarks();
    }

    static KeyedStream<LogRecord, String> parsed(DataStream<String> events) {
        return events.map(new Parse())
                .uid("parse")
                .assignTimestampsAndWatermarks(
                        WatermarkStrategy.<LogRecord>forBoundedOutOfOrderness(Duration.ofSeconds(5))
                                .withIdleness(Duration.ofSeconds(60))
                                .withTimestampAssigner((record, none) -> record.ts))
                .uid("watermarks")
                .keyBy((KeySelector<LogRecord, String>) record -> record.uid);
    }

    @Override
    public KafkaRecordSerializationSchema<LogRecord> encoder(String topic) {
        return new Write(topic);
    }

    @Override
    public boolean objectReuse() {
        return false;
    }

    private static final class Parse extends RichMapFunction<String, LogRecord> {
        private static final long serialVersionUID = 1L;
        private transient ObjectMapper json;

        @Override
        public void open(Configuration parameters) {
            json =
                    new ObjectMapper()
                            .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
        }

        @Override
        public LogRecord map(String text) throws IOException {
            return json.readValue(text, LogRecord.class);
        }
    }

    private static final class Write implements KafkaRecordSerializationSchema<LogRecord> {
        private static final long serialVersionUID = 1L;
        private final String topic;
        private transient ObjectMapper json;

        private Write(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(
                LogRecord record, KafkaSinkContext context, Long timestamp) {
            if (json == null) {
                json = new ObjectMapper().setSerializationInclusion(JsonInclude.Include.NON_NULL);
            }
            try {
                return new ProducerRecord<>(
                        topic,
                        record.session_id.getBytes(StandardCharsets.UTF_8),
                        json.writeValueAsBytes(record));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
