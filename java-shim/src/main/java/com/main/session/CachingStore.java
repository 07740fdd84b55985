package com.main.session;

import java.io.IOException;
import org.apache.flink.api.common.state.AggregatingState;
import org.apache.flink.api.common.state.AggregatingStateDescriptor;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ReducingState;
import org.apache.flink.api.common.state.ReducingStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.runtime.state.KeyedStateBackend;

/** A keyed state store that holds one state of bytes in a cache; every other passes through. */
final class CachingStore implements KeyedStateStore {
    private final KeyedStateStore store;
    private final KeyedStateBackend<String> backend;
    private final String cachedState;
    private final int maxEntries;
    private final long maxBytes;

    private StateCache cache;

    /**
     * @param backend whose current key the states of {@code store} are of
     * @param cachedState the name of the state to cache
     */
    CachingStore(
            KeyedStateStore store,
            KeyedStateBackend<String> backend,
            String cachedState,
            int maxEntries,
            long maxBytes) {
        this.store = store;
        this.backend = backend;
        this.cachedState = cachedState;
        this.maxEntries = maxEntries;
        this.maxBytes = maxBytes;
    }

    /** The cache; null until its state was asked for. */
    StateCache cache() {
        return cache;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> ValueState<T> getState(ValueStateDescriptor<T> descriptor) {
        ValueState<T> state = store.getState(descriptor);
        if (!descriptor.getName().equals(cachedState)) {
            return state;
        }
        // The name is ours, and so is the type.
        ValueState<byte[]> bytes = (ValueState<byte[]>) state;
        if (cache == null) {
            cache = new StateCache(new InBackend(bytes), maxEntries, maxBytes);
        }
        return (ValueState<T>) new InCache();
    }

    @Override
    public <T> ListState<T> getListState(ListStateDescriptor<T> descriptor) {
        return store.getListState(descriptor);
    }

    @Override
    public <T> ReducingState<T> getReducingState(ReducingStateDescriptor<T> descriptor) {
        return store.getReducingState(descriptor);
    }

    @Override
    public <I, A, O> AggregatingState<I, O> getAggregatingState(
            AggregatingStateDescriptor<I, A, O> descriptor) {
        return store.getAggregatingState(descriptor);
    }

    @Override
    public <K, V> MapState<K, V> getMapState(MapStateDescriptor<K, V> descriptor) {
        return store.getMapState(descriptor);
    }

    /** The state that the function gets. */
    private final class InCache implements ValueState<byte[]> {
        @Override
        public byte[] value() throws IOException {
            return cache.get(backend.getCurrentKey());
        }

        @Override
        public void update(byte[] value) throws IOException {
            if (value == null) {
                clear();
            } else {
                cache.put(backend.getCurrentKey(), value);
            }
        }

        @Override
        public void clear() {
            cache.clear(backend.getCurrentKey());
        }
    }

    /** The state behind the cache. */
    private final class InBackend implements StateCache.Backend {
        private final ValueState<byte[]> state;

        private InBackend(ValueState<byte[]> state) {
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
            backend.setCurrentKey(current);
        }
    }
}
