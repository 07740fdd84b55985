package com.main.benchmarks;

import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.nio.file.Paths;
import java.util.Map;
import java.util.Queue;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The way of a record in one thread: decode, the serializer of the shuffle there and back, the
 * operator in Flink's harness with its state on the heap, and the producer's record. No task, no
 * network, no checkpoint: what is left is the same from run to run, and so can be counted.
 *
 * <p>The first third of the records warms up. It prints a line then and waits for one, and again at
 * the end, so that somebody may count what lies between; the second says how much came out.
 */
public final class OneThread {
    private static final long DISORDER_MS = 5_000;
    private static final int RECORDS_A_WATERMARK = 256;

    private final Load load;
    private final KafkaRecordDeserializationSchema<InputRecord> decoder;
    private final TypeSerializer<InputRecord> shuffle =
            InputRecord.TYPE.createSerializer(new ExecutionConfig());
    private final DataOutputSerializer sent = new DataOutputSerializer(1024);
    private final DataInputDeserializer received = new DataInputDeserializer();
    private final KeyedOneInputStreamOperatorTestHarness<String, InputRecord, OutputRecord> operator;
    private final KafkaRecordSerializationSchema<OutputRecord> encoder;
    private final StreamRecord<InputRecord> element = new StreamRecord<>(null);
    private final Collector<InputRecord> decoded = new Shuffle();

    private long latestMs = Long.MIN_VALUE;
    private long bytesOut;

    public static void main(String[] args) throws Exception {
        Map<String, String> options = Pipeline.options(args);
        long records = Long.parseLong(options.get("records"));
        OneThread thread = new OneThread(options);
        thread.run(0, records / 3);
        System.out.println("warm");
        System.in.read();
        thread.run(records / 3, records);
        System.out.printf("{\"bytes_out\":%d}%n", thread.bytesOut);
        System.in.read();
        System.exit(0);
    }

    private OneThread(Map<String, String> options) throws Exception {
        int cache = Integer.parseInt(options.get("cache"));
        RecordPeer peer = (RecordPeer) Peer.of(options.get("peer"), cache);
        load = Load.of(Paths.get(options.get("load")), 0);
        decoder = peer.decoder();
        decoder.open(new NoMetrics());
        encoder = peer.encoder("log-after");
        operator =
                new KeyedOneInputStreamOperatorTestHarness<>(
                        peer.operator(), InputRecord::key, Types.STRING);
        operator.open();
    }

    private void run(long from, long to) throws Exception {
        for (long offset = from; offset < to && load.hasNext(); offset++) {
            byte[] key = load.next();
            byte[] value = load.next();
            decoder.deserialize(new ConsumerRecord<>("log-before", 0, offset, key, value), decoded);
            if (offset % RECORDS_A_WATERMARK == 0) {
                operator.processWatermark(new Watermark(latestMs - DISORDER_MS));
                takeOutputs();
            }
        }
    }

    private void takeOutputs() {
        Queue<Object> outputs = operator.getOutput();
        for (Object output = outputs.poll(); output != null; output = outputs.poll()) {
            if (output instanceof StreamRecord) {
                StreamRecord<?> record = (StreamRecord<?>) output;
                OutputRecord written = (OutputRecord) record.getValue();
                bytesOut += encoder.serialize(written, null, record.getTimestamp()).value().length;
            }
        }
    }

    /** What is decoded goes to the operator, as if through the network. */
    private final class Shuffle implements Collector<InputRecord> {
        @Override
        public void collect(InputRecord record) {
            try {
                sent.clear();
                shuffle.serialize(record, sent);
                received.setBuffer(sent.getSharedBuffer(), 0, sent.length());
                InputRecord arrived = shuffle.deserialize(received);
                latestMs = Math.max(latestMs, arrived.eventTimeMs());
                operator.processElement(element.replace(arrived, arrived.eventTimeMs()));
            } catch (Exception e) {
                throw new IllegalStateException("the operator failed", e);
            }
        }

        @Override
        public void close() {}
    }

    private static final class NoMetrics implements DeserializationSchema.InitializationContext {
        @Override
        public MetricGroup getMetricGroup() {
            return new UnregisteredMetricsGroup();
        }

        @Override
        public UserCodeClassLoader getUserCodeClassLoader() {
            return SimpleUserCodeClassLoader.create(OneThread.class.getClassLoader());
        }
    }
}
