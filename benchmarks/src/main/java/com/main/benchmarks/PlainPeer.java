package com.main.benchmarks;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.time.Time;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * <i>plain</i>: the rule as a keyed function of POJOs. The session is a POJO in a value state with
 * a time-to-live of a day, written for each event; each event registers a timer at its session's
 * end, and one that comes too early does nothing. One session a key; no out-of-order rules. It
 * writes one record an event, with the job's members.
 */
final class PlainPeer extends JsonPeer {
    @Override
    public DataStream<LogRecord> sessions(DataStream<String> events) {
        return parsed(events).process(new Label()).uid("sessions");
    }

    /** What is remembered of a key. */
    public static class SessionState {
        public String sessionId;
        public long start;
        public long last;
        public long expireAt;
        public long count;
        public boolean checkedIn;
    }

    private static final class Label extends KeyedProcessFunction<String, LogRecord, LogRecord> {
        private static final long serialVersionUID = 1L;
        private static final DateTimeFormatter FORMAT =
                DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSZ");
        private static final ZoneId SEOUL = ZoneId.of("Asia/Seoul");
        private static final long SHORT_MS = 30 * 60_000L;
        private static final long LONG_MS = 180 * 60_000L;

        private transient ValueState<SessionState> state;

        @Override
        public void open(Configuration parameters) {
            ValueStateDescriptor<SessionState> descriptor =
                    new ValueStateDescriptor<>("session", SessionState.class);
            descriptor.enableTimeToLive(StateTtlConfig.newBuilder(Time.days(1)).build());
            state = getRuntimeContext().getState(descriptor);
        }

        @Override
        public void processElement(LogRecord record, Context context, Collector<LogRecord> out)
                throws Exception {
            SessionState session = state.value();
            if (session == null || record.ts > session.expireAt) {
                session = new SessionState();
                session.sessionId = record.uid + "_" + record.ts;
                session.start = record.ts;
            }
            session.last = Math.max(session.last, record.ts);
            session.count++;
            long timeout;
            if ("CIN".equals(record.log_name)) {
                session.checkedIn = true;
                timeout = LONG_MS;
            } else if ("COUT".equals(record.log_name)) {
                timeout = SHORT_MS;
            } else {
                timeout = session.checkedIn ? LONG_MS : SHORT_MS;
            }
            session.expireAt = session.last + timeout;
            state.update(session);
            context.timerService()
                    .registerEventTimeTimer(session.expireAt + LATENESS.toMillis());

            record.ts_str = FORMAT.format(Instant.ofEpochMilli(record.ts).atZone(SEOUL));
            record.session_id = session.sessionId;
            record.session_start_ts = session.start;
            record.session_last_ts = session.last;
            record.session_expire_at = session.expireAt;
            record.seq_in_session = session.count;
            out.collect(record);
        }

        @Override
        public void onTimer(long timerMs, OnTimerContext context, Collector<LogRecord> out)
                throws Exception {
            SessionState session = state.value();
            if (session != null && session.expireAt + LATENESS.toMillis() <= timerMs) {
                state.clear();
            }
        }
    }
}
