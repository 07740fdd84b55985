package com.main.kafka;

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

    @Override
    public void processElement(InputRecord record, Context context, Collector<InputRecord> events) {
        if (record.deadLetter()) {
            context.output(DEAD_LETTERS, record);
        } else if (record.event()) {
            events.collect(record);
        }
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
