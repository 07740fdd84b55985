package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StateCacheTest {
    private static final int NO_BOUND = Integer.MAX_VALUE;

    private final FakeBackend backend = new FakeBackend();

    @Test
    void aValueIsReadOnceAndWrittenWhenItHasChanged() throws IOException {
        backend.values.put("a", bytes(1));
        StateCache cache = new StateCache(backend, 10, NO_BOUND);

        assertThat(get(cache, "a")).isEqualTo(bytes(1));
        assertThat(get(cache, "a")).isEqualTo(bytes(1));
        cache.flush();
        assertThat(backend.calls).containsExactly("read a");

        put(cache, "a", bytes(2));
        put(cache, "a", bytes(3));
        assertThat(get(cache, "a")).isEqualTo(bytes(3));
        assertThat(backend.values.get("a")).isEqualTo(bytes(1));
        cache.flush();
        cache.flush();
        assertThat(backend.calls).containsExactly("read a", "write a");
        assertThat(backend.values.get("a")).isEqualTo(bytes(3));
        assertThat(cache.misses()).isEqualTo(1);
        assertThat(cache.hits()).isEqualTo(2);
        assertThat(cache.writtenBytes()).isEqualTo(bytes(3).length);
    }

    @Test
    void aKeyNotUsedAgainMakesRoomAndIsWrittenThen() throws IOException {
        StateCache cache = new StateCache(backend, 2, NO_BOUND);
        put(cache, "a", bytes(1));
        put(cache, "b", bytes(2));
        get(cache, "a");
        put(cache, "c", bytes(3));
        cache.trim();

        assertThat(backend.calls).containsExactly("write b");
        assertThat(cache.size()).isEqualTo(2);
        assertThat(cache.evictions()).isEqualTo(1);
        assertThat(get(cache, "b")).isEqualTo(bytes(2));
    }

    @Test
    void whereAllWereUsedAgainTheOldestMakesRoom() throws IOException {
        StateCache cache = new StateCache(backend, 2, NO_BOUND);
        for (String key : new String[] {"a", "b", "c"}) {
            put(cache, key, bytes(1));
            get(cache, key);
        }
        cache.trim();
        assertThat(backend.calls).containsExactly("write a");
    }

    @Test
    void nothingMakesRoomBeforeTheCallIsOver() throws IOException {
        StateCache cache = new StateCache(backend, 1, 1);
        put(cache, "a", bytes(1));
        put(cache, "b", bytes(2));
        get(cache, "c");
        assertThat(backend.calls).containsExactly("read c");
        assertThat(cache.size()).isEqualTo(2);
    }

    @Test
    void aCleanEntryMakesRoomWithoutAWrite() throws IOException {
        StateCache cache = new StateCache(backend, 1, NO_BOUND);
        put(cache, "a", bytes(1));
        cache.flush();
        backend.calls.clear();
        put(cache, "b", bytes(2));
        cache.trim();
        assertThat(backend.calls).isEmpty();
    }

    @Test
    void bytesAreBoundedToo() throws IOException {
        int roomForTwo = 2 * StateTable.ENTRY_BYTES;
        StateCache cache = new StateCache(backend, 10, roomForTwo);
        put(cache, "a", new byte[100]);
        put(cache, "b", new byte[100]);
        cache.trim();
        assertThat(cache.size()).isEqualTo(2);
        assertThat(cache.bytes()).isEqualTo(roomForTwo);

        put(cache, "b", new byte[1000]);
        cache.trim();
        assertThat(backend.calls).contains("write a");
        assertThat(cache.bytes()).isLessThanOrEqualTo(roomForTwo);

        put(cache, "c", new byte[roomForTwo]);
        cache.trim();
        assertThat(cache.size()).isZero();
        assertThat(cache.bytes()).isZero();
        assertThat(get(cache, "c")).hasSize(roomForTwo);
    }

    @Test
    void aClearedValueIsGoneAndLeavesNothingBehind() throws IOException {
        backend.values.put("a", bytes(1));
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        get(cache, "a");
        put(cache, "a", bytes(2));
        clear(cache, "a");

        assertThat(get(cache, "a")).isNull();
        cache.flush();
        assertThat(backend.values).isEmpty();
        assertThat(cache.size()).isZero();
        assertThat(cache.bytes()).isZero();
    }

    @Test
    void aValueThatNeverReachedTheBackendIsClearedWithoutIt() throws IOException {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        get(cache, "a");
        put(cache, "a", bytes(1));
        clear(cache, "a");
        assertThat(backend.calls).containsExactly("read a");
    }

    @Test
    void aValueThatWasWrittenOnceIsClearedThere() throws IOException {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        get(cache, "a");
        put(cache, "a", bytes(1));
        cache.flush();
        clear(cache, "a");
        assertThat(backend.values).isEmpty();

        // What is put without a look may lie over an older value.
        backend.values.put("b", bytes(1));
        put(cache, "b", bytes(2));
        clear(cache, "b");
        assertThat(backend.values).isEmpty();
    }

    @Test
    void aKeyKnownAbsentIsForgottenOnceItIsPut() throws IOException {
        StateCache cache = new StateCache(backend, 1, NO_BOUND);
        get(cache, "a");
        put(cache, "a", bytes(1));
        put(cache, "b", bytes(2));
        cache.trim();
        assertThat(backend.values).containsOnlyKeys("a");
        put(cache, "a", bytes(3));
        clear(cache, "a");
        assertThat(backend.values).isEmpty();
    }

    @Test
    void anErrorOfTheBackendIsHandedOnAndTheValueKept() throws IOException {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        put(cache, "a", bytes(1));
        backend.broken = true;
        assertThatThrownBy(cache::flush).isInstanceOf(IOException.class);
        backend.broken = false;
        cache.flush();
        assertThat(backend.values.get("a")).isEqualTo(bytes(1));
    }

    @Test
    void whateverIsDoneTheCacheAndItsBackendHoldWhatAMapHolds() throws IOException {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            FakeBackend behind = new FakeBackend();
            StateCache cache =
                    new StateCache(behind, random.nextInt(8), 200 + random.nextInt(2000));
            Map<String, byte[]> model = new HashMap<>();
            for (int step = 0; step < 2000; step++) {
                String key = "k" + random.nextInt(12);
                behind.current = key;
                String place = "seed " + seed + ", step " + step;
                switch (random.nextInt(8)) {
                    case 0:
                        cache.clear(key);
                        model.remove(key);
                        break;
                    case 1:
                        cache.flush();
                        assertThat(behind.values.keySet()).as(place).isEqualTo(model.keySet());
                        break;
                    case 2:
                    case 3:
                        assertThat(cache.get(key)).as(place).isEqualTo(model.get(key));
                        break;
                    default:
                        byte[] value = new byte[random.nextInt(300)];
                        random.nextBytes(value);
                        cache.put(key, value);
                        model.put(key, value);
                }
                cache.trim();
            }
            cache.flush();
            assertThat(behind.values).as("seed %d", seed).containsExactlyInAnyOrderEntriesOf(model);
        }
    }

    private byte[] get(StateCache cache, String key) throws IOException {
        backend.current = key;
        return cache.get(key);
    }

    private void put(StateCache cache, String key, byte[] value) {
        backend.current = key;
        cache.put(key, value);
    }

    private void clear(StateCache cache, String key) {
        backend.current = key;
        cache.clear(key);
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    /** A map with a current key, as Flink's backends have one. */
    private static final class FakeBackend implements StateCache.Backend {
        private final Map<String, byte[]> values = new HashMap<>();
        private final List<String> calls = new ArrayList<>();
        private String current;
        private boolean broken;

        @Override
        public byte[] read() {
            calls.add("read " + current);
            return values.get(current);
        }

        @Override
        public void clear() {
            calls.add("clear " + current);
            values.remove(current);
        }

        @Override
        public void write(String key, byte[] value) throws IOException {
            if (broken) {
                throw new IOException("broken");
            }
            calls.add("write " + key);
            values.put(key, value);
        }
    }
}
