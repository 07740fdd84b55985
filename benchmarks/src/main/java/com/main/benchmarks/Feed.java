package com.main.benchmarks;

import java.nio.file.Paths;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.serialization.RuntimeContextInitializationContextAdapters;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Stands for the Kafka consumer: for each number it hands the next record of its own partition to a
 * peer's decoder, as a new array. Subtasks keep within some thousand records of each other, as
 * event time would drift apart otherwise.
 */
final class Feed<T> extends RichFlatMapFunction<Long, T> implements ResultTypeQueryable<T> {
    private static final long serialVersionUID = 1L;
    private static final long DRIFT = 16_000;
    private static final int LONGEST_WAITS = 200;

    /** How many records each subtask has handed on: they run in one JVM. */
    static final AtomicLongArray PROGRESS = new AtomicLongArray(64);

    /** When a subtask last handed on one. */
    static final AtomicLong LAST_AT_NS = new AtomicLong();

    /** Where the feeds rest, in a run in which they do. */
    static volatile Rest rest;

    private final String folder;
    private final long restsAt;
    private final KafkaRecordDeserializationSchema<T> decoder;

    private transient Load load;
    private transient long fed;
    private transient int subtask;
    private transient int subtasks;

    /**
     * @param restsAt the record, of all subtasks', behind which they take a rest; 0 for none
     */
    Feed(String folder, long restsAt, KafkaRecordDeserializationSchema<T> decoder) {
        this.folder = folder;
        this.restsAt = restsAt;
        this.decoder = decoder;
    }

    @Override
    public void open(Configuration parameters) throws Exception {
        subtask = getRuntimeContext().getIndexOfThisSubtask();
        subtasks = getRuntimeContext().getNumberOfParallelSubtasks();
        load = Load.of(Paths.get(folder), subtask);
        decoder.open(
                RuntimeContextInitializationContextAdapters.deserializationAdapter(
                        getRuntimeContext()));
    }

    @Override
    public void flatMap(Long number, Collector<T> out) throws Exception {
        if (!load.hasNext()) {
            return;
        }
        byte[] key = load.next();
        byte[] value = load.next();
        decoder.deserialize(new ConsumerRecord<>("log-before", subtask, fed, key, value), out);
        fed++;
        if (fed == restsAt / subtasks) {
            rest.take();
        }
        if (fed % 64 == 0) {
            PROGRESS.lazySet(subtask, fed);
            LAST_AT_NS.lazySet(System.nanoTime());
            if (fed % 1024 == 0) {
                waitForOthers();
            }
        }
    }

    /** For a while only: a subtask that waits for a checkpoint's barrier must not hold others up. */
    private void waitForOthers() {
        for (int waits = 0; waits < LONGEST_WAITS && ahead(); waits++) {
            LockSupport.parkNanos(100_000);
        }
    }

    private boolean ahead() {
        for (int other = 0; other < subtasks; other++) {
            if (fed - PROGRESS.get(other) > DRIFT) {
                return true;
            }
        }
        return false;
    }

    @Override
    public TypeInformation<T> getProducedType() {
        return decoder.getProducedType();
    }
}
