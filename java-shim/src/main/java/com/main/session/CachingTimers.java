package com.main.session;

import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.util.function.BiConsumerWithException;

/** A timer service that keeps in a cache what event-time timers it takes; others pass through. */
final class CachingTimers implements InternalTimerService<VoidNamespace> {
    private final InternalTimerService<VoidNamespace> timers;
    private final KeyedStateBackend<String> backend;
    private final StateCache cache;

    /**
     * @param backend whose current key the timers are of
     */
    CachingTimers(
            InternalTimerService<VoidNamespace> timers,
            KeyedStateBackend<String> backend,
            StateCache cache) {
        this.timers = timers;
        this.backend = backend;
        this.cache = cache;
    }

    @Override
    public long currentProcessingTime() {
        return timers.currentProcessingTime();
    }

    @Override
    public long currentWatermark() {
        return timers.currentWatermark();
    }

    @Override
    public void registerProcessingTimeTimer(VoidNamespace namespace, long timerMs) {
        timers.registerProcessingTimeTimer(namespace, timerMs);
    }

    @Override
    public void deleteProcessingTimeTimer(VoidNamespace namespace, long timerMs) {
        timers.deleteProcessingTimeTimer(namespace, timerMs);
    }

    @Override
    public void registerEventTimeTimer(VoidNamespace namespace, long timerMs) {
        if (!cache.registerTimer(backend.getCurrentKey(), timerMs)) {
            timers.registerEventTimeTimer(namespace, timerMs);
        }
    }

    @Override
    public void deleteEventTimeTimer(VoidNamespace namespace, long timerMs) {
        if (!cache.deleteTimer(backend.getCurrentKey(), timerMs)) {
            timers.deleteEventTimeTimer(namespace, timerMs);
        }
    }

    /** Not of those in the cache: nothing of this job goes through all timers. */
    @Override
    public void forEachEventTimeTimer(
            BiConsumerWithException<VoidNamespace, Long, Exception> consumer) {
        throw new UnsupportedOperationException("some of the timers are in the cache");
    }

    @Override
    public void forEachProcessingTimeTimer(
            BiConsumerWithException<VoidNamespace, Long, Exception> consumer) throws Exception {
        timers.forEachProcessingTimeTimer(consumer);
    }
}
