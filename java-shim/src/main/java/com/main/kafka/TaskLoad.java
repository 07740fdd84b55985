package com.main.kafka;

import org.apache.flink.runtime.metrics.groups.TaskIOMetricGroup;

/** Whether the task had nothing to do. */
interface TaskLoad {

    /** Whether, since the last call, the task waited for input and never for room in its output. */
    boolean idle();

    /** By Flink's own measurement of the task. */
    static TaskLoad of(TaskIOMetricGroup metrics) {
        return new TaskLoad() {
            private long backPressuredMs;
            private long idleMs;

            @Override
            public boolean idle() {
                // In 1.18.1 a time may be counted twice: only whether it grew can be relied on.
                long backPressuredBefore = backPressuredMs;
                long idleBefore = idleMs;
                backPressuredMs = metrics.getAccumulatedBackPressuredTimeMs();
                idleMs = metrics.getIdleTimeMsPerSecond().getAccumulatedCount();
                return backPressuredMs == backPressuredBefore && idleMs > idleBefore;
            }
        };
    }
}
