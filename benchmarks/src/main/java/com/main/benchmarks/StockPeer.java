package com.main.benchmarks;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.time.Time;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * <i>stock</i>: Flink's session windows with a dynamic gap (180 minutes after a check-in, else 30:
 * a gap of Flink knows its event only, not whether the session is checked in), aggregated as events
 * come. It writes one record a <b>session</b>, so it has less to write than the job.
 */
final class StockPeer extends JsonPeer {
    private static final long SHORT_MS = 30 * 60_000L;
    private static final long LONG_MS = 180 * 60_000L;

    @Override
    public DataStream<LogRecord> sessions(DataStream<String> events) {
        return parsed(events)
                .window(
                        EventTimeSessionWindows.withDynamicGap(
                                record -> "CIN".equals(record.log_name) ? LONG_MS : SHORT_MS))
                .allowedLateness(Time.milliseconds(LATENESS.toMillis()))
                .aggregate(new Count(), new Close())
                .uid("sessions");
    }

    /** Counts a session's events. */
    private static final class Count implements AggregateFunction<LogRecord, Long, Long> {
        private static final long serialVersionUID = 1L;

        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(LogRecord record, Long count) {
            return count + 1;
        }

        @Override
        public Long getResult(Long count) {
            return count;
        }

        @Override
        public Long merge(Long a, Long b) {
            return a + b;
        }
    }

    /** Writes the session. */
    private static final class Close
            extends ProcessWindowFunction<Long, LogRecord, String, TimeWindow> {
        private static final long serialVersionUID = 1L;

        @Override
        public void process(
                String user, Context context, Iterable<Long> counts, Collector<LogRecord> out) {
            LogRecord session = new LogRecord();
            session.uid = user;
            session.session_id = user + "_" + context.window().getStart();
            session.session_start_ts = context.window().getStart();
            session.session_expire_at = context.window().maxTimestamp();
            session.seq_in_session = counts.iterator().next();
            out.collect(session);
        }
    }
}
