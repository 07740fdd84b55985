package com.main.kafka;

import static java.util.Collections.singletonMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.operators.ProcessOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.util.clock.Clock;
import org.apache.flink.util.clock.ManualClock;
import org.junit.jupiter.api.Test;

/** Each guard on its own: an input that is silent but for one thing, and event time stands. */
class SilenceOperatorTest {
    private static final Duration TOLERANCE = Duration.ofSeconds(2);
    private static final Duration DISCOVERY = Duration.ofSeconds(60);
    private static final long TICK_MS = 500;
    private static final long SECOND_MS = 1_000;

    // Long ago: event time has nothing to do with the clock.
    private static final long NOON = 1_431_864_000_000L;
    private static final int PARTITION = TestRecords.PARTITION;

    /** Read by another subtask. */
    private static final int OTHER_PARTITION = 4;

    private static final int NEW_PARTITION = 5;
    private static final long READ_UP_TO = TestRecords.OFFSET + 1;

    @Test
    void eventTimeGoesOnFromWhereItStood_byTheSilenceBeyondTheTolerance() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);

            subtask.waits(9 * SECOND_MS);

            // 10 s without a record, less the tolerance; three ticks until it is proven.
            assertThat(subtask.watermarkMs())
                    .isBetween(NOON + 8 * SECOND_MS - 4 * TICK_MS, NOON + 8 * SECOND_MS);
        }
    }

    @Test
    void recordsPass_lateOnesToo_andTheSilenceBeginsAnew() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            long before = subtask.watermarkMs();

            subtask.topic.end.put(PARTITION, READ_UP_TO);
            subtask.flink.processElement(new StreamRecord<>(TestRecords.event(NOON + 1), NOON + 1));
            subtask.flink.processElement(new StreamRecord<>(TestRecords.deadLetter(), 1));
            subtask.waits(TOLERANCE.toMillis());

            assertThat(subtask.flink.extractOutputValues()).hasSize(2);
            assertThat(subtask.flink.getSideOutput(DeadLetterSplit.DEAD_LETTERS)).hasSize(1);
            assertThat(subtask.watermarkMs()).isEqualTo(before);
            assertThat(subtask.statuses()).doesNotContain(WatermarkStatus.IDLE);

            subtask.waits(4 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(before);
        }
    }

    @Test
    void aRecordNowAndThenIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            for (int i = 0; i < 10; i++) {
                // The end stays: another record of the same offset, so that this guard is alone.
                subtask.flink.processElement(new StreamRecord<>(TestRecords.event(NOON), NOON));
                subtask.waits(SECOND_MS);
            }
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void aBusyOrBackPressuredTaskIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.idle = false;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void aStallIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            for (int i = 0; i < 20; i++) {
                subtask.waits(SECOND_MS);
                subtask.ticksAfter(4 * TICK_MS, 4 * TICK_MS);
            }
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void withoutAnswersEventTimeStands() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.answering = false;
            subtask.waits(20 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void theAnswersAreAskedForAllTheTime_andAnOutageBeginsTheSilenceAnew() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            subtask.topic.answering = false;
            subtask.waits(SECOND_MS);
            long before = subtask.watermarkMs();

            subtask.waits(60 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(before);

            subtask.topic.answering = true;
            subtask.topic.answerWhatWaits();
            subtask.waits(TOLERANCE.toMillis());
            assertThat(subtask.watermarkMs()).isEqualTo(before);

            subtask.waits(2 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isBetween(before + 1, before + 2 * SECOND_MS);
        }
    }

    @Test
    void slowAnswersCountForNoMoreThanTheyTell() throws Exception {
        for (int ticks = 1; ticks <= 6; ticks++) {
            try (Subtask subtask = Subtask.open()) {
                subtask.topic.ticksToAnswer = ticks;
                subtask.reads(NOON);
                subtask.waits(20 * SECOND_MS);
                // The first tick still sees the record. Then, neither what was before the first
                // answer nor what came after the last question is proven.
                long proven = 18 * SECOND_MS - 2 * TICK_MS - 2 * ticks * TICK_MS;
                assertThat(subtask.watermarkMs()).isLessThanOrEqualTo(NOON + proven);
                if (ticks <= 3) {
                    assertThat(subtask.watermarkMs()).isGreaterThan(NOON + 12 * SECOND_MS);
                } else {
                    assertThat(subtask.watermarkMs()).isEqualTo(NOON);
                }
            }
        }
    }

    @Test
    void aQuestionThatFailsIsAskedAgain() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.failing = true;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);

            subtask.topic.failing = false;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void anEndThatMovesIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            for (int i = 0; i < 10; i++) {
                subtask.topic.end.put(OTHER_PARTITION, 5L + i);
                subtask.waits(SECOND_MS);
            }
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);

            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void anOpenTransactionIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.openTransaction = true;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void anOpenTransactionEndsTheSilence_alsoWhereItWritesNothing() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            long before = subtask.watermarkMs();
            subtask.topic.openTransaction = true;
            subtask.waits(TICK_MS);
            subtask.topic.openTransaction = false;
            subtask.waits(TOLERANCE.toMillis());
            // The answer that came before the transaction holds for one tick more.
            assertThat(subtask.watermarkMs()).isBetween(before, before + TICK_MS);
        }
    }

    @Test
    void whatIsLeftToReadIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.end.put(PARTITION, READ_UP_TO + 1);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
            assertThat(subtask.topic.askedFor).isEqualTo(singletonMap(PARTITION, READ_UP_TO));
        }
    }

    @Test
    void aPartitionThatWasGivenToTheSubtaskAndGaveNothingYetIsLeftToRead() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.topic.end.put(OTHER_PARTITION, 7L);
            subtask.isAssigned(OTHER_PARTITION, 5);
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
            assertThat(subtask.topic.askedFor).isEqualTo(singletonMap(OTHER_PARTITION, 5L));

            subtask.topic.end.put(OTHER_PARTITION, 5L);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void anAssignmentGoesNoFurther_andIsNoRecord() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            for (int i = 0; i < 10; i++) {
                subtask.isAssigned(OTHER_PARTITION, 0);
                subtask.waits(SECOND_MS);
            }
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
            assertThat(subtask.flink.extractOutputValues()).hasSize(1);
            assertThat(subtask.flink.getSideOutput(DeadLetterSplit.DEAD_LETTERS)).isNullOrEmpty();
        }
    }

    @Test
    void afterARestartARecordOfOnePartitionDoesNotSpeakForTheOthers() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            state = subtask.flink.snapshot(1, 1);
        }
        try (Subtask subtask = Subtask.restored(state)) {
            subtask.topic.end.put(OTHER_PARTITION, 1L);
            subtask.isAssigned(PARTITION, READ_UP_TO - 1);
            subtask.isAssigned(OTHER_PARTITION, 0);
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void anEndBeforeWhatWasReadIsNoSilence() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.end.put(PARTITION, READ_UP_TO - 1);
            subtask.topic.nothingBetween = true;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void aTransactionsMarkerIsNothingToRead() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.end.put(PARTITION, READ_UP_TO + 1);
            subtask.topic.nothingBetween = true;
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void aNewPartitionIsWaitedForAsLongAsTheSourceMayTakeToFindIt() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.topic.end.put(NEW_PARTITION, 7L);
            subtask.waits(DISCOVERY.toMillis());
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);

            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void aPartitionThatCameWhileTheTaskWasBusyIsNewToo() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.idle = false;
            subtask.waits(SECOND_MS);
            subtask.topic.end.put(NEW_PARTITION, 7L);
            subtask.idle = true;
            subtask.waits(DISCOVERY.toMillis());
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void aClockThatStepsChangesNothing() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(SECOND_MS);
            subtask.ticksAfter(TICK_MS, Duration.ofHours(1).toMillis());
            subtask.waits(4 * SECOND_MS);
            subtask.ticksAfter(TICK_MS, -Duration.ofHours(1).toMillis());
            subtask.waits(4 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isBetween(NOON + 6 * SECOND_MS, NOON + 8 * SECOND_MS);
        }
    }

    @Test
    void aSubtaskThatNeverHadAWatermarkStaysOut() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.topic.end.put(PARTITION, 0L);
            subtask.flink.processWatermarkStatus(WatermarkStatus.IDLE);
            subtask.waits(20 * SECOND_MS);
            assertThat(subtask.flink.getOutput()).containsExactly(WatermarkStatus.IDLE);
        }
    }

    @Test
    void anIdleSourceIsActiveWhileEventTimeGoesOn_andIdleAgainAfterwards() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.flink.processWatermarkStatus(WatermarkStatus.IDLE);
            subtask.waits(TOLERANCE.toMillis());
            assertThat(subtask.statuses()).containsExactly(WatermarkStatus.IDLE);
            subtask.waits(10 * SECOND_MS);
            subtask.topic.answering = false;
            subtask.waits(10 * SECOND_MS);

            List<Object> statuses = subtask.statuses();
            assertThat(statuses)
                    .containsExactly(
                            WatermarkStatus.IDLE, WatermarkStatus.ACTIVE, WatermarkStatus.IDLE);
            List<Object> output = new ArrayList<>(subtask.flink.getOutput());
            int active = output.indexOf(WatermarkStatus.ACTIVE);
            assertThat(output.get(active + 1)).isInstanceOf(Watermark.class);
            assertThat(output.get(output.size() - 1)).isEqualTo(WatermarkStatus.IDLE);
        }
    }

    @Test
    void aSourceThatTurnsIdleMeanwhileDoesNotStopEventTime() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(5 * SECOND_MS);
            subtask.flink.processWatermarkStatus(WatermarkStatus.IDLE);
            subtask.waits(5 * SECOND_MS);
            assertThat(subtask.statuses()).doesNotContain(WatermarkStatus.IDLE);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON + 5 * SECOND_MS);
        }
    }

    @Test
    void theSourcesWatermarkPassesWhereItIsAhead() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            long ahead = subtask.watermarkMs();
            subtask.flink.processWatermark(new Watermark(NOON + 1));
            assertThat(subtask.watermarkMs()).isEqualTo(ahead);
            subtask.waits(SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(ahead);

            subtask.flink.processWatermark(new Watermark(NOON + 60 * SECOND_MS));
            assertThat(subtask.watermarkMs()).isEqualTo(NOON + 60 * SECOND_MS);
            subtask.waits(TOLERANCE.toMillis());
            assertThat(subtask.watermarkMs()).isEqualTo(NOON + 60 * SECOND_MS);
            subtask.waits(2 * SECOND_MS);
            assertThat(subtask.watermarkMs())
                    .isBetween(NOON + 60 * SECOND_MS + 1, NOON + 62 * SECOND_MS);
            assertThat(subtask.watermarks()).isSorted();
        }
    }

    @Test
    void afterARestartInSilenceEventTimeGoesOn() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            state = subtask.flink.snapshot(1, 1);
        }
        try (Subtask subtask = Subtask.restored(state)) {
            subtask.waits(TOLERANCE.toMillis());
            assertThat(subtask.watermarks()).isEmpty();

            subtask.waits(8 * SECOND_MS);
            assertThat(subtask.watermarkMs())
                    .isBetween(NOON + 12 * SECOND_MS, NOON + 16 * SECOND_MS);
        }
    }

    @Test
    void afterTwoRestartsInARowItKnowsStillWhatWasRead() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            state = subtask.flink.snapshot(1, 1);
        }
        try (Subtask subtask = Subtask.restored(state)) {
            // Before the source has told what it reads.
            state = subtask.flink.snapshot(2, 2);
        }
        try (Subtask subtask = Subtask.restored(state)) {
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON);
        }
    }

    @Test
    void afterARestartWithABacklogEventTimeStands() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            state = subtask.flink.snapshot(1, 1);
        }
        // In the partition that was read, or in one that nobody ever read.
        for (Map<Integer, Long> backlog :
                Arrays.asList(
                        singletonMap(PARTITION, READ_UP_TO + 1),
                        singletonMap(OTHER_PARTITION, 1L))) {
            try (Subtask subtask = Subtask.restored(state)) {
                subtask.topic.end.putAll(backlog);
                subtask.waits(10 * SECOND_MS);
                assertThat(subtask.watermarks()).isEmpty();
            }
        }
    }

    @Test
    void afterARestartTheSourcesFirstWatermarkDoesNotTakeEventTimeBack() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            state = subtask.flink.snapshot(1, 1);
        }
        try (Subtask subtask = Subtask.restored(state)) {
            subtask.flink.processWatermark(new Watermark(NOON - SECOND_MS));
            assertThat(subtask.watermarkMs()).isEqualTo(NOON);
        }
    }

    @Test
    void afterARescaleEachSubtaskStartsAtTheEarliestWatermark_andKnowsAllThatWasRead()
            throws Exception {
        OperatorSubtaskState states;
        try (Subtask early = Subtask.open();
                Subtask late = Subtask.open()) {
            early.reads(NOON);
            late.flink.processElement(
                    new StreamRecord<>(TestRecords.eventOf(OTHER_PARTITION, 8), NOON));
            late.flink.processWatermark(new Watermark(NOON + 60 * SECOND_MS));
            states =
                    AbstractStreamOperatorTestHarness.repackageState(
                            early.flink.snapshot(1, 1), late.flink.snapshot(1, 1));
        }
        for (int index = 0; index < 3; index++) {
            OperatorSubtaskState share =
                    AbstractStreamOperatorTestHarness.repartitionOperatorState(
                            states, 128, 2, 3, index);
            try (Subtask subtask = Subtask.restored(share)) {
                subtask.topic.end.put(OTHER_PARTITION, 9L);
                subtask.waits(10 * SECOND_MS);
                assertThat(subtask.watermarkMs()).isBetween(NOON + 1, NOON + 10 * SECOND_MS);
            }
        }
    }

    @Test
    void switchedOffAndOnAgainItHasForgotten_andNothingPilesUp() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            state = subtask.flink.snapshot(1, 1);
        }
        OneInputStreamOperatorTestHarness<InputRecord, InputRecord> off =
                new OneInputStreamOperatorTestHarness<>(
                        new ProcessOperator<>(new DeadLetterSplit()));
        off.setup();
        off.initializeState(state);
        off.open();
        off.processWatermark(new Watermark(NOON + 1));
        state = off.snapshot(2, 2);
        off.close();
        try (Subtask subtask = Subtask.restored(state)) {
            subtask.waits(20 * SECOND_MS);
            assertThat(subtask.watermarks()).isEmpty();
            subtask.reads(NOON + 2);
            assertThat(subtask.watermarkMs()).isEqualTo(NOON + 2);
        }
    }

    @Test
    void itClosesWhatItAsks() throws Exception {
        Subtask subtask = Subtask.open();
        subtask.close();
        assertThat(subtask.topic.closed).isTrue();
    }

    @Test
    void aSnapshotTakesThePlaceOfTheOneBefore() throws Exception {
        OperatorSubtaskState first;
        OperatorSubtaskState second;
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            first = subtask.flink.snapshot(1, 1);
            subtask.flink.processWatermark(new Watermark(NOON + 60 * SECOND_MS));
            second = subtask.flink.snapshot(2, 2);
        }
        assertThat(second.getStateSize()).isEqualTo(first.getStateSize());
        try (Subtask subtask = Subtask.restored(second)) {
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isGreaterThan(NOON + 60 * SECOND_MS);
        }
    }

    @Test
    void afterARescaleTheLargerOffsetCounts_andASubtaskWithoutAWatermarkDoesNot() throws Exception {
        OperatorSubtaskState states;
        try (Subtask one = Subtask.open();
                Subtask other = Subtask.open()) {
            one.isAssigned(PARTITION, READ_UP_TO - 1);
            one.isAssigned(OTHER_PARTITION, 9);
            other.reads(NOON);
            other.isAssigned(OTHER_PARTITION, 8);
            states =
                    AbstractStreamOperatorTestHarness.repackageState(
                            one.flink.snapshot(1, 1), other.flink.snapshot(1, 1));
        }
        OperatorSubtaskState share =
                AbstractStreamOperatorTestHarness.repartitionOperatorState(states, 128, 2, 1, 0);
        try (Subtask subtask = Subtask.restored(share)) {
            subtask.topic.end.put(OTHER_PARTITION, 9L);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarks()).isNotEmpty();
            assertThat(subtask.watermarkMs()).isBetween(NOON + 1, NOON + 10 * SECOND_MS);
        }
    }

    @Test
    void theEndOfTimePasses() throws Exception {
        try (Subtask subtask = Subtask.open()) {
            subtask.reads(NOON);
            subtask.waits(10 * SECOND_MS);
            subtask.flink.processWatermark(Watermark.MAX_WATERMARK);
            subtask.waits(10 * SECOND_MS);
            assertThat(subtask.watermarkMs()).isEqualTo(Watermark.MAX_WATERMARK.getTimestamp());
        }
    }

    /** The operator in Flink's harness, with a clock, a topic and a load that the test sets. */
    private static final class Subtask implements AutoCloseable, SilenceOperator.Surroundings {
        private static final long serialVersionUID = 1L;

        private final transient ManualClock clock = new ManualClock();
        private final transient Topic topic = new Topic();
        private final transient OneInputStreamOperatorTestHarness<InputRecord, InputRecord> flink;
        private transient boolean idle = true;

        static Subtask open() throws Exception {
            return new Subtask(null);
        }

        static Subtask restored(OperatorSubtaskState state) throws Exception {
            return new Subtask(state);
        }

        private Subtask(OperatorSubtaskState state) throws Exception {
            flink =
                    new OneInputStreamOperatorTestHarness<>(
                            new SilenceOperator(TOLERANCE, DISCOVERY, this));
            flink.setup();
            if (state != null) {
                flink.initializeState(state);
            }
            flink.open();
        }

        /** An event, and the source's watermark after it. */
        void reads(long watermarkMs) throws Exception {
            flink.processElement(new StreamRecord<>(TestRecords.event(watermarkMs), watermarkMs));
            flink.processWatermark(new Watermark(watermarkMs));
        }

        void isAssigned(int partition, long offset) throws Exception {
            InputRecord news = InputRecord.assigned(TestRecords.INPUT_TOPIC, partition, offset);
            flink.processElement(new StreamRecord<>(news, 0));
        }

        /** Time passes, and nothing else happens. */
        void waits(long ms) throws Exception {
            for (long waited = 0; waited < ms; waited += TICK_MS) {
                ticksAfter(TICK_MS, TICK_MS);
            }
        }

        /** One tick, after that long, while the wall clock says it was that long. */
        void ticksAfter(long ms, long byTheWallClockMs) throws Exception {
            clock.advanceTime(Duration.ofMillis(ms));
            long wallClock = flink.getProcessingTime();
            if (byTheWallClockMs < 0) {
                // Flink counts the wait down by itself: the tick comes, and the clock says less.
                flink.setProcessingTime(wallClock + TICK_MS);
                return;
            }
            topic.tickPasses();
            flink.setProcessingTime(wallClock + byTheWallClockMs);
        }

        List<Long> watermarks() {
            List<Long> watermarks = new ArrayList<>();
            for (Object each : flink.getOutput()) {
                if (each instanceof Watermark) {
                    watermarks.add(((Watermark) each).getTimestamp());
                }
            }
            return watermarks;
        }

        long watermarkMs() {
            List<Long> watermarks = watermarks();
            return watermarks.get(watermarks.size() - 1);
        }

        List<Object> statuses() {
            List<Object> statuses = new ArrayList<>(flink.getOutput());
            statuses.removeIf(each -> !(each instanceof WatermarkStatus));
            return statuses;
        }

        @Override
        public TopicEnd topicEnd() {
            return topic;
        }

        @Override
        public Clock clock() {
            return clock;
        }

        @Override
        public TaskLoad taskLoad(SilenceOperator operator) {
            return () -> idle;
        }

        @Override
        public void close() {
            try {
                flink.close();
            } catch (Exception e) {
                throw new AssertionError("the operator could not be closed", e);
            }
        }
    }

    /** A topic whose brokers answer at once, if at all. */
    private static final class Topic implements TopicEnd {
        private final Map<Integer, Long> end = new HashMap<>();
        private final List<CompletableFuture<EndOffsets>> waiting = new ArrayList<>();
        private boolean answering = true;
        private boolean failing;
        private boolean openTransaction;
        private boolean nothingBetween;
        private boolean closed;
        private Map<Integer, Long> askedFor;
        private int ticksToAnswer;
        private int ticksWaited;

        private Topic() {
            end.put(PARTITION, READ_UP_TO);
            end.put(OTHER_PARTITION, 0L);
        }

        @Override
        public CompletionStage<EndOffsets> ask() {
            CompletableFuture<EndOffsets> question = new CompletableFuture<>();
            waiting.add(question);
            if (failing) {
                question.completeExceptionally(new IllegalStateException("no answer"));
            } else if (answering && ticksToAnswer == 0) {
                answerWhatWaits();
            }
            ticksWaited = 0;
            return question;
        }

        void tickPasses() {
            if (answering && ticksToAnswer > 0 && ++ticksWaited == ticksToAnswer) {
                answerWhatWaits();
            }
        }

        void answerWhatWaits() {
            waiting.forEach(
                    each -> each.complete(new EndOffsets(new HashMap<>(end), openTransaction)));
            waiting.clear();
        }

        @Override
        public boolean nothingBetween(Map<Integer, Long> readUpTo, EndOffsets topicEnd) {
            askedFor = readUpTo;
            return nothingBetween;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
