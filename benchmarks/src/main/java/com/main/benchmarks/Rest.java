package com.main.benchmarks;

import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;

/**
 * Holds all feeds of a run back until its checkpoint is complete and the backend has put its files
 * in order: both are costs of the records before.
 */
final class Rest {
    /** A process that takes less is at rest: what Flink does without records is a fiftieth. */
    private static final double CORES_AT_REST = 0.1;

    private static final int SECONDS_AT_REST = 3;
    private static final int LONGEST_UNREST_S = 300;

    private final CountDownLatch checkpoint = new CountDownLatch(1);

    /** All go on at once: one that went first would be taken for unrest by the others. */
    private final CyclicBarrier feeds;

    Rest(int feeds) {
        this.feeds = new CyclicBarrier(feeds, this::await);
    }

    /** The run's checkpoint is complete. */
    void checkpointed() {
        checkpoint.countDown();
    }

    /** Called by each feed once, behind the record at which the checkpoint is triggered. */
    void take() throws InterruptedException, BrokenBarrierException {
        feeds.await();
    }

    private void await() {
        try {
            if (!checkpoint.await(LONGEST_UNREST_S, TimeUnit.SECONDS)) {
                throw new IllegalStateException("no checkpoint was complete in time");
            }
            long cpuNs = Pipeline.OS.getProcessCpuTime();
            int atRest = 0;
            for (int s = 0; s < LONGEST_UNREST_S && atRest < SECONDS_AT_REST; s++) {
                TimeUnit.SECONDS.sleep(1);
                long nowNs = Pipeline.OS.getProcessCpuTime();
                atRest = nowNs - cpuNs < CORES_AT_REST * 1e9 ? atRest + 1 : 0;
                cpuNs = nowNs;
            }
            if (atRest < SECONDS_AT_REST) {
                throw new IllegalStateException("the backend did not come to rest in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
