package com.main.kafka;

import java.time.Duration;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes the dead-letter topic's place where there is none: dead letters are counted and logged. */
public final class DeadLetterLog implements Sink<InputRecord> {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(DeadLetterLog.class);

    @Override
    public SinkWriter<InputRecord> createWriter(InitContext context) {
        return new Writer(
                new DeadLetterCounts(context.metricGroup()), context.getProcessingTimeService());
    }

    /** Logs a line a while: a broken producer must not fill the disk. */
    static final class Writer implements SinkWriter<InputRecord> {
        static final long PAUSE_MS = Duration.ofSeconds(10).toMillis();

        private final DeadLetterCounts counts;
        private final ProcessingTimeService clock;
        private long quietUntilMs = Long.MIN_VALUE;
        private long unlogged;

        Writer(DeadLetterCounts counts, ProcessingTimeService clock) {
            this.counts = counts;
            this.clock = clock;
        }

        @Override
        public void write(InputRecord deadLetter, Context context) {
            counts.count(deadLetter);
            long nowMs = clock.getCurrentProcessingTime();
            if (nowMs < quietUntilMs) {
                unlogged++;
                return;
            }
            // Logs are no place for users' data: neither value nor key, nor the detail, in which a
            // panic of the core may quote them.
            LOG.warn(
                    "Dead letter {} at {}; {} more since the last line",
                    deadLetter.reason(),
                    deadLetter.hasOrigin() ? deadLetter.origin() : "a key's state",
                    unlogged);
            LOG.debug("Its detail: {}", deadLetter.detail());
            quietUntilMs = nowMs + PAUSE_MS;
            unlogged = 0;
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
    }
}
