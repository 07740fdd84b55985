package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import com.main.LogLines;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.streaming.runtime.tasks.TestProcessingTimeService;
import org.apache.logging.log4j.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DeadLetterLogTest {
    private final LogLines lines = LogLines.of(DeadLetterLog.class.getName(), Level.WARN);
    private final TestProcessingTimeService clock = new TestProcessingTimeService();
    private final DeadLetterLog.Writer writer =
            new DeadLetterLog.Writer(new DeadLetterCounts(new UnregisteredMetricsGroup()), clock);

    @AfterEach
    void stopListening() {
        lines.close();
    }

    @Test
    void aLineAWhileSaysWhatAndWhereAndHowManyMore() throws Exception {
        clock.setCurrentTime(1_000);
        writer.write(TestRecords.deadLetter(), null);
        writer.write(TestRecords.deadLetter(), null);
        clock.setCurrentTime(1_000 + DeadLetterLog.Writer.PAUSE_MS - 1);
        writer.write(TestRecords.deadLetter(), null);
        assertThat(lines.texts()).hasSize(1);

        clock.setCurrentTime(1_000 + DeadLetterLog.Writer.PAUSE_MS);
        writer.write(
                InputRecord.stateDeadLetter("u1", new byte[1], "internal_error", "failed"), null);

        assertThat(lines.texts())
                .containsExactly(
                        "WARN Dead letter invalid_json at log-before/3/4000000000;"
                                + " 0 more since the last line",
                        "WARN Dead letter internal_error at a key's state;"
                                + " 2 more since the last line");
    }
}
