package com.main.session;

import com.main.JobOptions;
import com.main.TestMetrics;
import com.main.core.CoreOptions;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.OutputTag;

/** The real function on the real library, run by Flink's harness of one operator. */
final class SessionHarness implements AutoCloseable {
    /** The entries that a job keeps in its cache where no option says otherwise. */
    static final int DEFAULT_CACHE =
            JobOptions.parse(new String[0], Collections.<String, String>emptyMap()).stateCache();

    static final int MAX_PARALLELISM = 128;

    private static final long MANAGED_MEMORY_BYTES = 3 * 1024 * 1024;

    private final CoreOptions options;
    private final StateBackend backend;
    private final int cacheEntries;
    private final int parallelism;
    private final int subtask;
    private final TestMetrics metrics = new TestMetrics();
    private final CachingKeyedProcessOperator<InputRecord, OutputRecord> operator;
    private final KeyedOneInputStreamOperatorTestHarness<String, InputRecord, OutputRecord> flink;
    private long snapshots;

    /** A function that starts without state, with the cache that a job has by default. */
    static SessionHarness open(CoreOptions options, StateBackend backend) throws Exception {
        return open(options, backend, DEFAULT_CACHE);
    }

    /** A function that starts without state. */
    static SessionHarness open(CoreOptions options, StateBackend backend, int cacheEntries)
            throws Exception {
        return new SessionHarness(options, backend, cacheEntries, 1, 0, null);
    }

    /**
     * @param state what the subtask starts with; null for nothing
     */
    SessionHarness(
            CoreOptions options,
            StateBackend backend,
            int cacheEntries,
            int parallelism,
            int subtask,
            OperatorSubtaskState state)
            throws Exception {
        this.options = options;
        this.backend = backend;
        this.cacheEntries = cacheEntries;
        this.parallelism = parallelism;
        this.subtask = subtask;
        operator =
                new CachingKeyedProcessOperator<>(
                        new SessionFunction(options, null),
                        SessionFunction.STATE_NAME,
                        cacheEntries);
        flink =
                new KeyedOneInputStreamOperatorTestHarness<>(
                        operator,
                        InputRecord::key,
                        Types.STRING,
                        new MockEnvironmentBuilder()
                                .setMaxParallelism(MAX_PARALLELISM)
                                .setParallelism(parallelism)
                                .setSubtaskIndex(subtask)
                                .setManagedMemorySize(MANAGED_MEMORY_BYTES)
                                .setMetricGroup(metrics.task())
                                .build());
        flink.setStateBackend(backend);
        flink.setup();
        if (state != null) {
            flink.initializeState(state);
        }
        flink.open();
    }

    /** Another function that starts with the state of this one, as after a restart. */
    SessionHarness restored() throws Exception {
        return restored(options);
    }

    /** The same with other options, as after a restart of the job. */
    SessionHarness restored(CoreOptions others) throws Exception {
        return new SessionHarness(others, backend, cacheEntries, 1, 0, snapshot());
    }

    /** Another function that starts without state. */
    SessionHarness withoutState() throws Exception {
        return open(options, backend, cacheEntries);
    }

    /** What a checkpoint holds of this subtask. */
    OperatorSubtaskState snapshot() throws Exception {
        snapshots++;
        return flink.snapshot(snapshots, snapshots);
    }

    void event(InputRecord event) throws Exception {
        flink.processElement(new StreamRecord<>(event, event.eventTimeMs()));
    }

    void watermark(long atMs) throws Exception {
        flink.processWatermark(new Watermark(atMs));
    }

    List<OutputRecord> takeOutputs() {
        List<OutputRecord> outputs = flink.extractOutputValues();
        flink.getOutput().clear();
        return outputs;
    }

    List<OutputRecord> takeCloseRecords() {
        return take(SessionFunction.CLOSE_RECORDS);
    }

    List<InputRecord> takeDeadLetters() {
        return take(SessionFunction.DEAD_LETTERS);
    }

    /** What the subtask tells of itself since it started. */
    TestMetrics metrics() {
        return metrics;
    }

    int timers() {
        return flink.numEventTimeTimers() + operator.cachedTimers();
    }

    /**
     * How many keys have state, in a checkpoint and restored without a cache; only the backend on
     * the heap can tell.
     */
    int keysWithState() throws Exception {
        try (SessionHarness all =
                new SessionHarness(options, backend, 0, parallelism, subtask, snapshot())) {
            // What only a cache had in the checkpoint goes with the next.
            all.snapshot();
            return all.flink.numKeyedStateEntries();
        }
    }

    @Override
    public void close() {
        try {
            flink.close();
        } catch (Exception e) {
            throw new AssertionError("the function could not be closed", e);
        }
    }

    private <T> List<T> take(OutputTag<T> tag) {
        List<T> taken = new ArrayList<>();
        Queue<StreamRecord<T>> given = flink.getSideOutput(tag);
        if (given != null) {
            given.forEach(record -> taken.add(record.getValue()));
            given.clear();
        }
        return taken;
    }
}
