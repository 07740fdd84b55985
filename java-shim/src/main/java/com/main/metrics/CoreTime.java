package com.main.metrics;

import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;

/** How long one kind of call of the core takes, in nanoseconds; one call of 256 is timed. */
public final class CoreTime {
    private static final int NOT_TIMED = 0xFF;

    /** So many timings the statistics are of; the oldest goes. */
    private static final int TIMINGS = 512;

    private static final long NO_TIME = Long.MIN_VALUE;

    private final Histogram nanos = new DescriptiveStatisticsHistogram(TIMINGS);
    private int calls;

    /**
     * @param call the kind of call: {@code decode}, {@code event} or {@code timer}
     */
    public CoreTime(MetricGroup session, String call) {
        session.addGroup("call", call).histogram("coreTimeNs", nanos);
    }

    /** Before a call; what it returns is for {@link #end}. */
    public long begin() {
        // The first call is timed too: timers may be few.
        return (calls++ & NOT_TIMED) == 0 ? System.nanoTime() : NO_TIME;
    }

    /** After a call. */
    public void end(long began) {
        if (began != NO_TIME) {
            nanos.update(System.nanoTime() - began);
        }
    }
}
