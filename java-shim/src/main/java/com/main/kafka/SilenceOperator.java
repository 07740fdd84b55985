package com.main.kafka;

import java.io.Serializable;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.ProcessOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.clock.Clock;
import org.apache.flink.util.clock.SystemClock;

/**
 * Lets event time go on when the whole input is silent, so that the last sessions close.
 *
 * <p>Chained behind the source, it looks about at every tick. Event time goes on from where it
 * stood, never from the clock, and only while all of this holds for longer than the tolerance: this
 * task waits for input (no record, no back pressure); the brokers answer, and the topic's end stays
 * where it is, without an open transaction; nothing between what was read and that end is unread.
 * Each subtask answers for the partitions it reads; downstream Flink takes the earliest.
 *
 * <p>It is the operator of {@link DeadLetterSplit} with this beside it, and not one of its own:
 * state of an operator that is gone would keep a savepoint from being restored, and so the option
 * from being switched off.
 */
public final class SilenceOperator extends ProcessOperator<InputRecord, InputRecord> {
    private static final long serialVersionUID = 1L;

    private static final long SHORTEST_TICK_MS = 500;
    private static final long LONGEST_TICK_MS = 5_000;
    private static final int TICKS_IN_TOLERANCE = 10;

    /**
     * With more between two answers, be it the brokers' or this task's fault, they do not add up.
     */
    private static final int TICKS_BETWEEN_ANSWERS = 3;

    private static final int FIRST_SUBTASK = 0;
    private static final long NONE = Long.MIN_VALUE;

    /** What the operator looks at, made on the task manager. */
    interface Surroundings extends Serializable {
        TopicEnd topicEnd();

        Clock clock();

        TaskLoad taskLoad(SilenceOperator operator);
    }

    private final long toleranceMs;
    private final long discoveryMs;
    private final long tickMs;
    private final Surroundings surroundings;

    private transient SilenceState state;
    private transient Map<Integer, Long> restoredReadUpTo;

    /** By partition of this subtask: the offset behind the last record read, or where it began. */
    private transient Map<Integer, Long> readUpTo;

    private transient Clock clock;
    private transient TaskLoad load;
    private transient TopicEnd topicEnd;
    private transient Silence silence;
    private transient CompletableFuture<EndOffsets> question;
    private transient long askedMs;

    /** Whether a record came since the last tick. */
    private transient boolean recordCame;

    /** Where event time stands downstream; NONE before the first watermark. */
    private transient long watermarkMs;

    /** Whether the watermark is from before a restart, and no record has confirmed it. */
    private transient boolean restored;

    private transient boolean sourceIdle;
    private transient boolean goingOn;
    private transient boolean unanswered;

    /**
     * @param tolerance silence up to that long is none
     * @param discovery how long the source may take to find a new partition
     */
    public static SilenceOperator of(
            Duration tolerance,
            Duration discovery,
            String topic,
            Properties adminProperties,
            Properties consumerProperties) {
        return new SilenceOperator(
                tolerance,
                discovery,
                new Surroundings() {
                    private static final long serialVersionUID = 1L;

                    @Override
                    public TopicEnd topicEnd() {
                        return KafkaTopicEnd.open(topic, adminProperties, consumerProperties);
                    }

                    @Override
                    public Clock clock() {
                        return SystemClock.getInstance();
                    }

                    @Override
                    public TaskLoad taskLoad(SilenceOperator operator) {
                        return TaskLoad.of(
                                operator.getContainingTask()
                                        .getEnvironment()
                                        .getMetricGroup()
                                        .getIOMetricGroup());
                    }
                });
    }

    SilenceOperator(Duration tolerance, Duration discovery, Surroundings surroundings) {
        super(new DeadLetterSplit());
        this.toleranceMs = tolerance.toMillis();
        this.discoveryMs = discovery.toMillis();
        this.tickMs =
                Math.min(
                        LONGEST_TICK_MS,
                        Math.max(SHORTEST_TICK_MS, toleranceMs / TICKS_IN_TOLERANCE));
        this.surroundings = surroundings;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        state = new SilenceState(context.getOperatorStateStore());
        watermarkMs = state.watermarkMs();
        restoredReadUpTo = state.readUpTo();
        restored = true;
        // The split forgets what it finds there, so it comes last.
        super.initializeState(context);
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        Map<Integer, Long> offsets = new HashMap<>();
        if (getRuntimeContext().getIndexOfThisSubtask() == FIRST_SUBTASK) {
            // Who reads them now does not show until a record comes; the larger offset counts.
            offsets.putAll(restoredReadUpTo);
        }
        offsets.putAll(readUpTo);
        state.put(watermarkMs, offsets);
    }

    @Override
    public void open() throws Exception {
        super.open();
        readUpTo = new HashMap<>();
        clock = surroundings.clock();
        load = surroundings.taskLoad(this);
        topicEnd = surroundings.topicEnd();
        silence = new Silence(toleranceMs, TICKS_BETWEEN_ANSWERS * tickMs, discoveryMs);
        // Now, for the partitions there are: later ones are new to the source too.
        ask(clock.relativeTimeMillis());
        registerTick();
    }

    @Override
    public void processElement(StreamRecord<InputRecord> element) throws Exception {
        InputRecord record = element.getValue();
        if (record.event() || record.deadLetter()) {
            recordCame = true;
            readUpTo.put(record.partition(), record.offset() + 1);
        } else {
            readUpTo.put(record.partition(), record.offset());
        }
        super.processElement(element);
    }

    @Override
    public void processWatermark(Watermark watermark) throws Exception {
        if (watermark.getTimestamp() <= watermarkMs && !restored) {
            // Event time has gone on without the source.
            return;
        }
        // After a restart it has been at the restored place already.
        restored = false;
        watermarkMs = Math.max(watermarkMs, watermark.getTimestamp());
        silence.broken();
        super.processWatermark(new Watermark(watermarkMs));
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
        sourceIdle = status.isIdle();
        if (!(sourceIdle && goingOn)) {
            super.processWatermarkStatus(status);
        }
    }

    private void registerTick() {
        long now = getProcessingTimeService().getCurrentProcessingTime();
        getProcessingTimeService().registerTimer(now + tickMs, at -> tick());
    }

    private void tick() throws Exception {
        long nowMs = clock.relativeTimeMillis();
        boolean idle = load.idle() && !recordCame;
        recordCame = false;
        takeAnswer(nowMs);
        if (idle) {
            ask(nowMs);
        } else {
            silence.broken();
        }
        if (watermarkMs != NONE && silence.proven(nowMs) && allRead()) {
            goOn(silence.eventTimeMs());
        } else {
            stand();
        }
        registerTick();
    }

    private void ask(long nowMs) {
        if (question == null) {
            question = topicEnd.ask().toCompletableFuture();
            askedMs = nowMs;
        }
    }

    private void takeAnswer(long nowMs) {
        if (question == null || !question.isDone()) {
            return;
        }
        CompletableFuture<EndOffsets> answered = question;
        question = null;
        try {
            silence.answered(answered.join(), askedMs, nowMs, watermarkMs);
            unanswered = false;
        } catch (CompletionException e) {
            // Once: a broker that is away is away for many ticks.
            if (!unanswered) {
                LOG.warn("The brokers do not tell the end of the input.", e.getCause());
            }
            unanswered = true;
        }
    }

    /** Whether nothing before the end that is proven is left to read. */
    private boolean allRead() {
        EndOffsets end = silence.end();
        Map<Integer, Long> gaps = new HashMap<>();
        for (Map.Entry<Integer, Long> each : end.byPartition().entrySet()) {
            Long offset = readUpTo.get(each.getKey());
            if (offset == null && restored) {
                // Before anything was read, the restored watermark holds for the whole topic.
                offset = restoredReadUpTo.getOrDefault(each.getKey(), 0L);
            }
            if (offset == null || offset.equals(each.getValue())) {
                // Read whole; or another subtask reads it, and answers for it: the source tells of
                // each partition that this one reads.
                continue;
            }
            if (offset > each.getValue()) {
                return false;
            }
            gaps.put(each.getKey(), offset);
        }
        return gaps.isEmpty() || topicEnd.nothingBetween(gaps, end);
    }

    private void goOn(long toMs) throws Exception {
        if (!goingOn) {
            LOG.info("The input is silent: event time goes on from {} ms.", watermarkMs);
            goingOn = true;
            super.processWatermarkStatus(WatermarkStatus.ACTIVE);
        }
        if (toMs > watermarkMs) {
            watermarkMs = toMs;
            super.processWatermark(new Watermark(toMs));
        }
    }

    private void stand() throws Exception {
        if (goingOn) {
            LOG.info("The silence has ended: event time stands at {} ms.", watermarkMs);
            goingOn = false;
            if (sourceIdle) {
                super.processWatermarkStatus(WatermarkStatus.IDLE);
            }
        }
    }

    @Override
    public void close() throws Exception {
        if (topicEnd != null) {
            topicEnd.close();
        }
        super.close();
    }
}
