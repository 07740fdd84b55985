package com.main.kafka;

import com.main.metrics.SessionGroup;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Parts the input: events go on, dead letters leave by the side. */
public final class DeadLetterSplit extends ProcessFunction<InputRecord, InputRecord>
        implements CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    /** The side output; operators behind this one use it for their own dead letters too. */
    public static final OutputTag<InputRecord> DEAD_LETTERS =
            new OutputTag<>("dead-letters", InputRecord.TYPE);

    private transient Counter recordsIn;

    /** Of the record read last, as Kafka knows it; negative for unknown. */
    private transient long readTimestampMs;

    @Override
    public void open(Configuration parameters) {
        MetricGroup group = SessionGroup.of(getRuntimeContext().getMetricGroup());
        recordsIn = group.counter("recordsIn");
        readTimestampMs = -1;
        group.gauge("recordAgeMs", this::recordAgeMs);
    }

    @Override
    public void processElement(InputRecord record, Context context, Collector<InputRecord> events) {
        if (record.deadLetter()) {
            wasRead(record);
            context.output(DEAD_LETTERS, record);
        } else if (record.event()) {
            wasRead(record);
            events.collect(record);
        }
    }

    private void wasRead(InputRecord record) {
        recordsIn.inc();
        readTimestampMs = record.kafkaTimestampMs();
    }

    /** How old the record read last is by now; 0 before the first. */
    private long recordAgeMs() {
        long readMs = readTimestampMs;
        return readMs < 0 ? 0 : System.currentTimeMillis() - readMs;
    }

    /**
     * Forgets what {@link SilenceOperator} left under this uid, for a job that is restored without
     * it: what all subtasks get and nobody takes away would multiply with every restart.
     */
    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        new SilenceState(context.getOperatorStateStore()).clear();
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {
        // Keeps nothing of its own.
    }
}
