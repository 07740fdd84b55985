package com.main.session;

import com.main.core.CoreOptions;
import com.main.core.SessionCore;
import com.main.core.StepReply;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Hands each event and each timer of a key to the core, and does what its reply says.
 *
 * <p>The key's sessions are one value of bytes that only the core reads. A reply is applied in one
 * order: state, timers, records. State changes only after a whole reply was read, so that an error
 * before loses nothing.
 */
public final class SessionFunction extends KeyedProcessFunction<String, InputRecord, OutputRecord> {
    private static final long serialVersionUID = 1L;

    /** Close records, where they are asked for. */
    public static final OutputTag<OutputRecord> CLOSE_RECORDS =
            new OutputTag<>("close-records", OutputRecord.TYPE);

    /** Events and states that the core failed on. */
    public static final OutputTag<InputRecord> DEAD_LETTERS =
            new OutputTag<>("core-dead-letters", InputRecord.TYPE);

    /** The name stands in every savepoint: it never changes. */
    private static final String STATE_NAME = "session";

    /** Close records carry the time of writing: what closed may have happened long ago. */
    private static final long NO_TIMESTAMP = -1;

    private final CoreOptions options;
    private final String nativeTmp;

    // Made in open, for each running task.
    private transient SessionCore core;
    private transient ValueState<byte[]> state;

    /**
     * @param nativeTmp folder for the library's short-lived copy; null for the JVM's own
     */
    public SessionFunction(CoreOptions options, String nativeTmp) {
        this.options = options;
        this.nativeTmp = nativeTmp;
    }

    @Override
    public void open(Configuration parameters) {
        core = SessionCore.open(options, nativeTmp);
        state =
                getRuntimeContext()
                        .getState(
                                new ValueStateDescriptor<>(
                                        STATE_NAME,
                                        PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(InputRecord record, Context context, Collector<OutputRecord> out)
            throws IOException {
        StepReply reply = core.onEvent(state.value(), record.found(), record.value());
        changeState(reply);
        changeTimer(reply, context.timerService());
        while (reply.nextEmission()) {
            switch (reply.emissionKind()) {
                case OUTPUT:
                    out.collect(
                            OutputRecord.logAfter(
                                    record, reply.emissionKey(), reply.emissionValue()));
                    break;
                case CLOSE_RECORD:
                    context.output(CLOSE_RECORDS, closeRecord(reply));
                    break;
                case DEAD_LETTER:
                    context.output(
                            DEAD_LETTERS,
                            record.toDeadLetter(
                                    text(reply.emissionKey()), text(reply.emissionValue())));
                    break;
            }
        }
    }

    @Override
    public void onTimer(long timerMs, OnTimerContext context, Collector<OutputRecord> out)
            throws IOException {
        byte[] held = state.value();
        StepReply reply = core.onTimer(held, context.getCurrentKey(), timerMs);
        changeState(reply);
        changeTimer(reply, context.timerService());
        while (reply.nextEmission()) {
            switch (reply.emissionKind()) {
                case OUTPUT:
                    throw new IllegalStateException("a timer closes sessions, it labels no event");
                case CLOSE_RECORD:
                    context.output(CLOSE_RECORDS, closeRecord(reply));
                    break;
                case DEAD_LETTER:
                    context.output(
                            DEAD_LETTERS,
                            InputRecord.stateDeadLetter(
                                    context.getCurrentKey(),
                                    held,
                                    text(reply.emissionKey()),
                                    text(reply.emissionValue())));
                    break;
            }
        }
    }

    /** May come without {@code open}, after one that failed, or twice. */
    @Override
    public void close() {
        SessionCore closing = core;
        core = null;
        if (closing != null) {
            closing.close();
        }
    }

    private void changeState(StepReply reply) throws IOException {
        switch (reply.stateChange()) {
            case KEEP:
                break;
            case PUT:
                // A new array each time: backends and running snapshots share what they are given.
                state.update(reply.state());
                break;
            case CLEAR:
                state.clear();
                break;
        }
    }

    private static void changeTimer(StepReply reply, TimerService timers) {
        long deleted = reply.deleteTimerMs();
        if (deleted != StepReply.NO_TIMER) {
            timers.deleteEventTimeTimer(deleted);
        }
        long registered = reply.registerTimerMs();
        if (registered != StepReply.NO_TIMER) {
            timers.registerEventTimeTimer(registered);
        }
    }

    private static OutputRecord closeRecord(StepReply reply) {
        return OutputRecord.closeRecord(reply.emissionKey(), reply.emissionValue(), NO_TIMESTAMP);
    }

    private static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
