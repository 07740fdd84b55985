package com.main.session;

import com.main.metrics.SessionGroup;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs a keyed function whose one state of bytes is kept in a cache between checkpoints. On RocksDB
 * reading and writing state for each event costs more than all the rest.
 *
 * <p>The function knows nothing of it, and neither does a savepoint: each checkpoint writes to the
 * backend what has changed, under the state's own name, so that a job may go on with a cache of
 * another size or without one.
 *
 * <p>The cache gives way only between calls of the function. Within one, another key's write would
 * come between the function and its own.
 */
public final class CachingKeyedProcessOperator<I, O> extends KeyedProcessOperator<String, I, O> {
    private static final long serialVersionUID = 1L;

    /** The most that entries may take on average, what holds them included. */
    static final int BYTES_PER_ENTRY = 512;

    private final String cachedState;
    private final int maxEntries;

    private transient StateCache cache;

    /**
     * The operator of a function: with a cache, or Flink's own where it holds no entries.
     *
     * @param cachedState the name of the state to cache
     * @param maxEntries keys that the cache holds, with {@value #BYTES_PER_ENTRY} bytes each on
     *     average; 0 for no cache
     */
    public static <I, O> KeyedProcessOperator<String, I, O> around(
            KeyedProcessFunction<String, I, O> function, String cachedState, int maxEntries) {
        return maxEntries == 0
                ? new KeyedProcessOperator<>(function)
                : new CachingKeyedProcessOperator<>(function, cachedState, maxEntries);
    }

    private CachingKeyedProcessOperator(
            KeyedProcessFunction<String, I, O> function, String cachedState, int maxEntries) {
        super(function);
        this.cachedState = cachedState;
        this.maxEntries = maxEntries;
    }

    /** The function's own {@code open} asks for its state, so its store has to be there before. */
    @Override
    public void open() throws Exception {
        CachingStore store =
                new CachingStore(
                        getKeyedStateStore(),
                        getKeyedStateBackend(),
                        cachedState,
                        maxEntries,
                        (long) maxEntries * BYTES_PER_ENTRY);
        getRuntimeContext().setKeyedStateStore(store);
        super.open();
        cache = store.cache();
        if (cache == null) {
            throw new IllegalStateException("the function has no state named " + cachedState);
        }
        reportCache();
    }

    private void reportCache() {
        MetricGroup group = SessionGroup.of(getMetricGroup());
        group.gauge("cacheEntries", () -> cache.size());
        group.gauge("cacheBytes", () -> cache.bytes());
        group.gauge("cacheHits", () -> cache.hits());
        group.gauge("cacheMisses", () -> cache.misses());
        group.gauge("cacheEvictions", () -> cache.evictions());
        group.gauge("cacheWrittenBytes", () -> cache.writtenBytes());
    }

    @Override
    public void processElement(StreamRecord<I> element) throws Exception {
        super.processElement(element);
        cache.trim();
    }

    @Override
    public void onEventTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        super.onEventTime(timer);
        cache.trim();
    }

    @Override
    public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        super.onProcessingTime(timer);
        cache.trim();
    }

    /** Comes before the backend's own snapshot. An error here fails the task. */
    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        cache.flush();
    }
}
