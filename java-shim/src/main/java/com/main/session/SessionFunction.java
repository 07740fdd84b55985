package com.main.session;

import com.main.core.CoreOptions;
import com.main.core.SessionCore;
import com.main.core.StepReply;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import com.main.metrics.SessionGroup;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Hands each event and each timer of a key to the core, and does what its reply says.
 *
 * <p>The key's sessions, and its events that wait, are one value of bytes that only the core reads.
 * A reply is applied in one order: state, timers, records. State changes only after a whole reply
 * was read, so that an error before loses nothing.
 */
public final class SessionFunction extends KeyedProcessFunction<String, InputRecord, OutputRecord>
        implements CheckpointedFunction {
    private static final long serialVersionUID = 1L;

    /** Close records, where they are asked for. */
    public static final OutputTag<OutputRecord> CLOSE_RECORDS =
            new OutputTag<>("close-records", OutputRecord.TYPE);

    /** Events and sessions that the core failed on. */
    public static final OutputTag<InputRecord> DEAD_LETTERS =
            new OutputTag<>("core-dead-letters", InputRecord.TYPE);

    /** The name stands in every savepoint: it never changes. */
    public static final String STATE_NAME = "session";

    /** Close records carry the time of writing: what closed may have happened long ago. */
    private static final long NO_TIMESTAMP = -1;

    private final CoreOptions options;
    private final String nativeTmp;

    private final boolean ordered;

    // Made for each running task.
    private transient SessionMetrics metrics;
    private transient SessionCore core;
    private transient ValueState<byte[]> state;
    private transient EarlyLabels earlyLabels;

    /**
     * @param nativeTmp folder for the library's short-lived copy; null for the JVM's own
     */
    public SessionFunction(CoreOptions options, String nativeTmp) {
        this.options = options;
        this.nativeTmp = nativeTmp;
        ordered = options.ordered();
    }

    /** Comes before {@code open}. */
    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        metrics = new SessionMetrics(getRuntimeContext(), context.getOperatorStateStore());
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        metrics.keep();
    }

    @Override
    public void open(Configuration parameters) {
        core = SessionCore.open(options, nativeTmp);
        SessionGroup.reportBuild(SessionGroup.of(getRuntimeContext().getMetricGroup()));
        earlyLabels = new EarlyLabels();
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
        byte[] held = state.value();
        long watermarkMs = context.timerService().currentWatermark();
        metrics.came(record.eventTimeMs(), watermarkMs);
        long began = metrics.eventTime.begin();
        StepReply reply =
                ordered
                        ? core.onEvent(
                                held,
                                record.found(),
                                record.value(),
                                watermarkMs,
                                record.partition(),
                                record.offset(),
                                record.carried())
                        : core.onEvent(held, record.found(), record.value());
        metrics.eventTime.end(began);
        if (!apply(reply, record, context, out)) {
            metrics.waits(context.getCurrentKey());
        }
    }

    @Override
    public void onTimer(long timerMs, OnTimerContext context, Collector<OutputRecord> out)
            throws IOException {
        long watermarkMs = context.timerService().currentWatermark();
        byte[] held = state.value();
        metrics.timerFired();
        long began = metrics.timerTime.begin();
        StepReply reply = core.onTimer(held, context.getCurrentKey(), timerMs, watermarkMs);
        metrics.timerTime.end(began);
        apply(reply, null, context, out);
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

    /**
     * Does what a reply says.
     *
     * @param given the event of the call; null for a timer
     * @return whether the event of the call was answered; if not, it waits
     */
    private boolean apply(
            StepReply reply, InputRecord given, Context context, Collector<OutputRecord> out)
            throws IOException {
        String key = context.getCurrentKey();
        boolean answered = false;
        changeState(reply);
        changeTimer(reply, context.timerService());
        if (reply.labelledEarly() > 0) {
            earlyLabels.count(reply.labelledEarly());
            metrics.labelledEarly(reply.labelledEarly());
        }
        while (reply.nextEmission()) {
            switch (reply.emissionKind()) {
                case OUTPUT:
                    answered |= answers(reply, key);
                    metrics.wentOut(reply.outcome(), key);
                    out.collect(
                            OutputRecord.logAfter(
                                    record(reply, given),
                                    reply.emissionKey(),
                                    reply.emissionValue()));
                    break;
                case CLOSE_RECORD:
                    metrics.closed(reply.closedBy(), key);
                    context.output(CLOSE_RECORDS, closeRecord(reply));
                    break;
                case CLOSED:
                    metrics.closed(reply.closedBy(), key);
                    break;
                case DEAD_LETTER:
                    answered |= answers(reply, key);
                    metrics.coreFailed();
                    context.output(DEAD_LETTERS, deadLetter(reply, given, key));
                    break;
            }
        }
        return answered;
    }

    /** Whether an emission is of the event of the call; one of an event that waited is counted. */
    private boolean answers(StepReply reply, String key) {
        if (reply.subject() == StepReply.Subject.WAITED) {
            metrics.waitedEnough(key);
        }
        return reply.subject() == StepReply.Subject.GIVEN;
    }

    /** The record that an emission is of: one that waited, or that of the call. */
    private static InputRecord record(StepReply reply, InputRecord given) throws IOException {
        if (reply.subject() == StepReply.Subject.WAITED) {
            return InputRecord.waited(
                    reply.waitedPartition(),
                    reply.waitedOffset(),
                    reply.waitedCarried(),
                    reply.subjectValue());
        }
        return Objects.requireNonNull(given, "a timer has no event of its own");
    }

    private static InputRecord deadLetter(StepReply reply, InputRecord given, String key)
            throws IOException {
        String reason = text(reply.emissionKey());
        String detail = text(reply.emissionValue());
        return reply.subject() == StepReply.Subject.SESSIONS
                ? InputRecord.stateDeadLetter(key, reply.subjectValue(), reason, detail)
                : record(reply, given).toDeadLetter(reason, detail);
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
