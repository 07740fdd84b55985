package com.main.benchmarks;

import com.main.core.CoreOptions;
import com.main.kafka.EventWatermarks;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import com.main.kafka.OutputRecordSchema;
import com.main.kafka.RecordDecoder;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import com.main.session.CachingKeyedProcessOperator;
import com.main.session.SessionFunction;

/** A peer on the job's own records: its serializers, its object reuse, its source and its sink. */
abstract class RecordPeer implements Peer<InputRecord, OutputRecord> {
    static final long LATENESS_MS = Duration.ofMinutes(10).toMillis();
    static final CoreOptions OPTIONS = new CoreOptions().allowedLatenessMs(LATENESS_MS);

    private final int cacheEntries;

    RecordPeer(int cacheEntries) {
        this.cacheEntries = cacheEntries;
    }

    abstract KeyedProcessFunction<String, InputRecord, OutputRecord> function();

    /** The operator around the function. */
    final KeyedProcessOperator<String, InputRecord, OutputRecord> operator() {
        return new CachingKeyedProcessOperator<>(
                function(), SessionFunction.STATE_NAME, cacheEntries);
    }

    @Override
    public KafkaRecordDeserializationSchema<InputRecord> decoder() {
        return new RecordDecoder(OPTIONS, null);
    }

    @Override
    public WatermarkStrategy<InputRecord> watermarks() {
        return EventWatermarks.of(Duration.ofSeconds(5), Duration.ofSeconds(60));
    }

    @Override
    public DataStream<OutputRecord> sessions(DataStream<InputRecord> events) {
        return events.keyBy(InputRecord::key)
                .transform("sessions", OutputRecord.TYPE, operator())
                .uid("sessions");
    }

    @Override
    public KafkaRecordSerializationSchema<OutputRecord> encoder(String topic) {
        return new OutputRecordSchema(topic);
    }

    @Override
    public boolean objectReuse() {
        return true;
    }
}
