package com.main.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.streaming.runtime.tasks.TestProcessingTimeService;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeadLetterLogTest {
    private static final Logger LOG = (Logger) LogManager.getLogger(DeadLetterLog.class);

    private final Lines lines = new Lines();
    private final TestProcessingTimeService clock = new TestProcessingTimeService();
    private final DeadLetterLog.Writer writer =
            new DeadLetterLog.Writer(new DeadLetterCounts(new UnregisteredMetricsGroup()), clock);
    private Level level;

    @BeforeEach
    void listen() {
        lines.start();
        LOG.addAppender(lines);
        level = LOG.getLevel();
        LOG.setLevel(Level.WARN);
    }

    @AfterEach
    void stopListening() {
        LOG.setLevel(level);
        LOG.removeAppender(lines);
    }

    @Test
    void aLineAWhileSaysWhatAndWhereAndHowManyMore() throws Exception {
        clock.setCurrentTime(1_000);
        writer.write(TestRecords.deadLetter(), null);
        writer.write(TestRecords.deadLetter(), null);
        clock.setCurrentTime(1_000 + DeadLetterLog.Writer.PAUSE_MS - 1);
        writer.write(TestRecords.deadLetter(), null);
        assertThat(lines.texts).hasSize(1);

        clock.setCurrentTime(1_000 + DeadLetterLog.Writer.PAUSE_MS);
        writer.write(
                InputRecord.stateDeadLetter("u1", new byte[1], "internal_error", "failed"), null);

        assertThat(lines.texts)
                .containsExactly(
                        "WARN Dead letter invalid_json (no JSON) at log-before/3/4000000000;"
                                + " 0 more since the last line",
                        "WARN Dead letter internal_error (failed) at a key's state;"
                                + " 2 more since the last line");
    }

    /** What a logger was told. */
    private static final class Lines extends AbstractAppender {
        private final List<String> texts = new ArrayList<>();

        private Lines() {
            super("lines", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            texts.add(event.getLevel() + " " + event.getMessage().getFormattedMessage());
        }
    }
}
