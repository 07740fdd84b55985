package com.main.metrics;

import com.main.core.SessionCore;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * The metric group {@code session} of an operator: all of ours stand in it. docs/metrics.md tells
 * of each.
 *
 * <p>Counters begin at 0 with each start of a task, as Flink's own do: one that a checkpoint set
 * back would look like a jump to who computes rates.
 */
public final class SessionGroup {
    private static final String NAME = "session";

    /** The group of an operator. */
    public static MetricGroup of(MetricGroup operator) {
        return operator.addGroup(NAME);
    }

    /** Records and key states that the core failed on in this operator. */
    public static Counter coreErrors(MetricGroup session) {
        return session.counter("coreErrors");
    }

    /** Always 1; its labels tell the jar's version and the core's build. The library is loaded. */
    public static void reportBuild(MetricGroup session) {
        session.addGroup("jar", Versions.read().getProperty("job"))
                .addGroup("core", SessionCore.build())
                .gauge("buildInfo", () -> 1);
    }

    private SessionGroup() {}
}
