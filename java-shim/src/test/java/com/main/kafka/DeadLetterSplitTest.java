package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

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
}
