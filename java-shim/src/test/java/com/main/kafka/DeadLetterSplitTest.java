package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import com.main.TestMetrics;
import org.apache.flink.runtime.operators.testutils.MockEnvironment;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.streaming.api.operators.ProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.junit.jupiter.api.Test;

/** "try": what Flink's harness throws on close is for the test to fail with. */
@SuppressWarnings("try")
class DeadLetterSplitTest {

    @Test
    void eventsGoOnAndDeadLettersLeaveByTheSide() throws Exception {
        InputRecord event = TestRecords.event(5);
        InputRecord deadLetter = TestRecords.deadLetter();

        try (OneInputStreamOperatorTestHarness<InputRecord, InputRecord> harness =
                ProcessFunctionTestHarnesses.forProcessFunction(new DeadLetterSplit())) {
            harness.processElement(event, 5);
            harness.processElement(deadLetter, 7);

            assertThat(harness.getOutput()).containsExactly(new StreamRecord<>(event, 5));
            assertThat(harness.getSideOutput(DeadLetterSplit.DEAD_LETTERS))
                    .containsExactly(new StreamRecord<>(deadLetter, 7));
        }
    }

    @Test
    void allThatWasReadIsCountedAndNothingElse() throws Exception {
        TestMetrics metrics = new TestMetrics();
        MockEnvironment task = new MockEnvironmentBuilder().setMetricGroup(metrics.task()).build();
        try (OneInputStreamOperatorTestHarness<InputRecord, InputRecord> harness =
                new OneInputStreamOperatorTestHarness<>(
                        new ProcessOperator<>(new DeadLetterSplit()), task)) {
            harness.open();
            assertThat(metrics.value("recordAgeMs")).isZero();
            harness.processElement(InputRecord.assigned("log-before", 0, 0), 1);
            assertThat(metrics.value("recordsIn")).isZero();

            long before = System.currentTimeMillis();
            harness.processElement(TestRecords.event(5), 5);
            harness.processElement(TestRecords.deadLetter(), 7);

            assertThat(metrics.value("recordsIn")).isEqualTo(2);
            assertThat(metrics.value("recordAgeMs"))
                    .isBetween(
                            before - TestRecords.KAFKA_TIMESTAMP_MS,
                            System.currentTimeMillis() - TestRecords.KAFKA_TIMESTAMP_MS);
        }
    }
}
