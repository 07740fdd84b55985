package com.main.session;

import com.main.metrics.SessionGroup;
import java.io.IOException;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.InternalTimeServiceManager;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.api.operators.TimerHeapInternalTimer;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Runs a keyed function whose one state of bytes, and whose event-time timer of a key, are kept in
 * a cache between checkpoints. On RocksDB reading and writing them for each event costs more than
 * all the rest.
 *
 * <p>The function knows nothing of it. It has one event-time timer a key at most, and registers
 * none again that it has.
 *
 * <p>A checkpoint has all of it: what rests under the state's own name and in Flink's timers, what
 * the cache alone has in a state beside it ({@link RecentEntries}). A job may go on from there with
 * a cache of another size or without one.
 *
 * <p>The cache gives way only between calls of the function. Within one, another key's write would
 * come between the function and its own.
 */
public final class CachingKeyedProcessOperator<I, O> extends KeyedProcessOperator<String, I, O> {
    private static final long serialVersionUID = 1L;

    /** The most that entries may take on average, what holds them included. */
    static final int BYTES_PER_ENTRY = 512;

    /** Behind the state's own name. It stands in every savepoint: it never changes. */
    private static final String RECENT = "-recent";

    private final String cachedState;
    private final int maxEntries;

    // Made for each running task.
    private transient StateCache cache;
    private transient RecentEntries recent;
    private transient InternalTimerService<VoidNamespace> flinkTimers;

    /**
     * @param cachedState the name of the state to cache
     * @param maxEntries keys that the cache holds, with {@value #BYTES_PER_ENTRY} bytes each on
     *     average; 0 for no cache
     */
    public CachingKeyedProcessOperator(
            KeyedProcessFunction<String, I, O> function, String cachedState, int maxEntries) {
        super(function);
        this.cachedState = cachedState;
        this.maxEntries = maxEntries;
    }

    /** The function's own {@code open} asks for its state, so its store has to be there before. */
    @Override
    public void open() throws Exception {
        KeyedStateBackend<String> backend = getKeyedStateBackend();
        cache =
                new StateCache(
                        new Behind(backend, bytes(cachedState)),
                        maxEntries,
                        (long) maxEntries * BYTES_PER_ENTRY);
        recent = new RecentEntries(backend, bytes(cachedState + RECENT), getRuntimeContext());
        if (isCaching()) {
            CachingStore store =
                    new CachingStore(getKeyedStateStore(), backend, cachedState, cache);
            getRuntimeContext().setKeyedStateStore(store);
            super.open();
            if (!store.asked()) {
                throw new IllegalStateException("the function has no state named " + cachedState);
            }
            reportCache();
        } else {
            super.open();
        }
        // Without a cache too: all of it has to make room at once.
        recent.restore(cache);
    }

    private boolean isCaching() {
        return maxEntries > 0;
    }

    private ValueState<byte[]> bytes(String name) {
        return getKeyedStateStore()
                .getState(
                        new ValueStateDescriptor<>(
                                name, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
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

    /** Asked by Flink's own {@code open}, for the one service that a function has. */
    @Override
    @SuppressWarnings("unchecked")
    public <K, N> InternalTimerService<N> getInternalTimerService(
            String name, TypeSerializer<N> namespaceSerializer, Triggerable<K, N> triggerable) {
        InternalTimerService<N> service =
                super.getInternalTimerService(name, namespaceSerializer, triggerable);
        flinkTimers = (InternalTimerService<VoidNamespace>) service;
        return isCaching()
                ? (InternalTimerService<N>)
                        new CachingTimers(flinkTimers, getKeyedStateBackend(), cache)
                : service;
    }

    @Override
    public void processElement(StreamRecord<I> element) throws Exception {
        super.processElement(element);
        cache.trim();
    }

    /**
     * Fires what is due with Flink and in the cache. That may bring a timer that is due to Flink:
     * it looks again, for the next watermark may never come.
     */
    @Override
    public void processWatermark(Watermark mark) throws Exception {
        InternalTimeServiceManager<?> manager = getTimeServiceManager().get();
        do {
            manager.advanceWatermark(mark);
        } while (cache.fireTimers(mark.getTimestamp(), this::fire));
        output.emitWatermark(mark);
    }

    private void fire(String key, long timerMs) throws Exception {
        setCurrentKey(key);
        onEventTime(new TimerHeapInternalTimer<>(timerMs, key, VoidNamespace.INSTANCE));
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
        cache.checkpoint(recent);
        recent.write();
    }

    /** How many timers the cache has that Flink does not know of. */
    int cachedTimers() {
        return cache.timers();
    }

    /** State and timers of the backend. */
    private final class Behind implements StateCache.Backend {
        private final KeyedStateBackend<String> backend;
        private final ValueState<byte[]> state;

        private Behind(KeyedStateBackend<String> backend, ValueState<byte[]> state) {
            this.backend = backend;
            this.state = state;
        }

        @Override
        public byte[] read() throws IOException {
            return state.value();
        }

        @Override
        public void clear() {
            state.clear();
        }

        @Override
        public void write(String key, byte[] value) throws IOException {
            String current = backend.getCurrentKey();
            backend.setCurrentKey(key);
            state.update(value);
            back(current);
        }

        @Override
        public void registerTimer(String key, long timerMs) {
            String current = backend.getCurrentKey();
            backend.setCurrentKey(key);
            flinkTimers.registerEventTimeTimer(VoidNamespace.INSTANCE, timerMs);
            back(current);
        }

        /** There is no current key before the first record. */
        private void back(String current) {
            if (current != null) {
                backend.setCurrentKey(current);
            }
        }
    }
}
