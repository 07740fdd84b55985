package com.main.kafka;

import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Parts the input: events go on, dead letters leave by the side. */
public final class DeadLetterSplit extends ProcessFunction<InputRecord, InputRecord> {
    private static final long serialVersionUID = 1L;

    /** The side output; operators behind this one use it for their own dead letters too. */
    public static final OutputTag<InputRecord> DEAD_LETTERS =
            new OutputTag<>("dead-letters", InputRecord.TYPE);

    @Override
    public void processElement(InputRecord record, Context context, Collector<InputRecord> events) {
        if (record.deadLetter()) {
            context.output(DEAD_LETTERS, record);
        } else {
            events.collect(record);
        }
    }
}
