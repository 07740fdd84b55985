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
    private final StateCache cache;

    private boolean asked;

    /**
     * @param backend whose current key the states of {@code store} are of
     * @param cachedState the name of the state that {@code cache} is of
     */
    CachingStore(
            KeyedStateStore store,
            KeyedStateBackend<String> backend,
            String cachedState,
            StateCache cache) {
        this.store = store;
        this.backend = backend;
        this.cachedState = cachedState;
        this.cache = cache;
    }

    /** Whether the cached state was asked for. */
    boolean asked() {
        return asked;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> ValueState<T> getState(ValueStateDescriptor<T> descriptor) {
        if (!descriptor.getName().equals(cachedState)) {
            return store.getState(descriptor);
        }
        asked = true;
        // The name is ours, and so is the type.
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
}
