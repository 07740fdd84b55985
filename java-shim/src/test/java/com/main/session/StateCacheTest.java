package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

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
    private final FakeRecent recent = new FakeRecent();

    @Test
    void aValueIsReadOnceAndWrittenWhenItHasChanged() throws IOException {
        backend.values.put("a", bytes(1));
        StateCache cache = new StateCache(backend, 10, NO_BOUND);

        assertThat(get(cache, "a")).isEqualTo(bytes(1));
        assertThat(get(cache, "a")).isEqualTo(bytes(1));
        rest(cache);
        assertThat(backend.calls).containsExactly("read a");

        put(cache, "a", bytes(2));
        put(cache, "a", bytes(3));
        assertThat(get(cache, "a")).isEqualTo(bytes(3));
        assertThat(backend.values.get("a")).isEqualTo(bytes(1));
        rest(cache);
        rest(cache);
        assertThat(backend.calls).containsExactly("read a", "write a");
        assertThat(backend.values.get("a")).isEqualTo(bytes(3));
        assertThat(cache.misses()).isEqualTo(1);
        assertThat(cache.hits()).isEqualTo(2);
        // Twice by the key group, once by the key.
        assertThat(cache.writtenBytes()).isEqualTo(3 * bytes(3).length);
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
        rest(cache);
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
        rest(cache);
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
        rest(cache);
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
        checkpoint(cache);
        checkpoint(cache);
        assertThatThrownBy(cache::trim).isInstanceOf(IOException.class);
        backend.broken = false;
        checkpoint(cache);
        cache.trim();
        assertThat(backend.values.get("a")).isEqualTo(bytes(1));
    }

    @Test
    void aCheckpointIsGivenWhatTheBackendLacks() throws IOException {
        backend.values.put("read", bytes(1));
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        get(cache, "read");
        put(cache, "put", bytes(2));
        assertThat(cache.registerTimer("put", 100)).isTrue();
        assertThat(checkpoint(cache)).containsOnlyKeys("put");
        assertThat(recent.timers).containsExactly(entry("put", 100L));
        assertThat(checkpoint(cache)).containsOnlyKeys("put");
        assertThat(backend.calls).containsExactly("read read");
    }

    @Test
    void whatDidNotChangeFromOneCheckpointToTheNextIsWrittenOneAfterAnother() throws IOException {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        for (String key : new String[] {"a", "changes", "b"}) {
            put(cache, key, bytes(1));
        }
        cache.registerTimer("b", 100);
        cache.trim();
        checkpoint(cache);
        put(cache, "changes", bytes(2));
        cache.trim();
        assertThat(backend.calls).isEmpty();

        assertThat(checkpoint(cache)).containsOnlyKeys("a", "b", "changes");
        cache.trim();
        assertThat(backend.calls).containsExactly("write a");
        cache.trim();
        assertThat(backend.calls).containsExactly("write a", "write b");
        assertThat(backend.timers).containsExactly(entry("b", 100L));
        assertThat(cache.timers()).isZero();
        cache.trim();
        assertThat(checkpoint(cache)).containsOnlyKeys("changes");
    }

    @Test
    void whatChangesAgainBeforeItIsWrittenRestsNoMore() throws Exception {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        put(cache, "put", bytes(1));
        put(cache, "fires", bytes(1));
        cache.registerTimer("fires", 100);
        put(cache, "cleared", bytes(1));
        checkpoint(cache);
        checkpoint(cache);
        put(cache, "put", bytes(2));
        fired(cache, 100);
        clear(cache, "cleared");
        backend.calls.clear();
        cache.trim();
        assertThat(backend.calls).isEmpty();
        assertThat(checkpoint(cache)).containsOnlyKeys("put", "fires");
    }

    @Test
    void aTimerIsKeptBesideTheValueAndHandedOverWithIt() throws Exception {
        StateCache cache = new StateCache(backend, 1, NO_BOUND);
        assertThat(cache.registerTimer("none", 1)).isFalse();
        assertThat(cache.deleteTimer("none", 1)).isFalse();

        put(cache, "a", bytes(1));
        assertThat(cache.registerTimer("a", 100)).isTrue();
        assertThat(cache.registerTimer("a", 100)).isTrue();
        assertThat(cache.registerTimer("a", 200)).isFalse();
        assertThat(cache.deleteTimer("a", 200)).isFalse();
        assertThat(cache.timers()).isEqualTo(1);
        assertThat(cache.deleteTimer("a", 100)).isTrue();
        assertThat(cache.registerTimer("a", 300)).isTrue();

        put(cache, "b", bytes(2));
        cache.trim();
        assertThat(backend.timers).containsExactly(entry("a", 300L));
        assertThat(fired(cache, 1000)).isEmpty();
    }

    @Test
    void aClearedValueLeavesItsTimerToTheBackend() throws Exception {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        put(cache, "a", bytes(1));
        cache.registerTimer("a", 100);
        clear(cache, "a");
        assertThat(backend.timers).containsExactly(entry("a", 100L));
        assertThat(fired(cache, 1000)).isEmpty();

        // Another key in its place has no part in it.
        put(cache, "b", bytes(1));
        assertThat(cache.timers()).isZero();
        assertThat(fired(cache, 1000)).isEmpty();
    }

    @Test
    void timersFireInOrderAndOnce() throws Exception {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        for (String key : new String[] {"a", "b", "c", "d"}) {
            put(cache, key, bytes(1));
        }
        cache.registerTimer("a", 300);
        backend.current = "b";
        cache.registerTimer("b", 100);
        cache.registerTimer("c", 200);
        cache.registerTimer("d", 201);
        assertThat(fired(cache, 99)).isEmpty();
        assertThat(fired(cache, 200)).containsExactly("b 100", "c 200");
        assertThat(fired(cache, 200)).isEmpty();
        assertThat(cache.timers()).isEqualTo(2);
        assertThat(fired(cache, Long.MAX_VALUE)).containsExactly("d 201", "a 300");
    }

    @Test
    void oneRegisteredByATimerAndDueFiresToo() throws Exception {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        put(cache, "a", bytes(1));
        cache.registerTimer("a", 100);
        List<String> fired = new ArrayList<>();
        cache.fireTimers(
                300,
                (key, timerMs) -> {
                    fired.add(key + " " + timerMs);
                    cache.registerTimer(key, timerMs + 100);
                });
        assertThat(fired).containsExactly("a 100", "a 200", "a 300");
        assertThat(cache.timers()).isEqualTo(1);
    }

    @Test
    void timersTakenBackDoNotPileUp() throws Exception {
        StateCache cache = new StateCache(backend, 10, NO_BOUND);
        put(cache, "a", bytes(1));
        for (int again = 0; again < 100_000; again++) {
            cache.registerTimer("a", 1_000_000 - again);
            cache.deleteTimer("a", 1_000_000 - again);
        }
        cache.registerTimer("a", 5);
        assertThat(cache.queuedTimers()).isLessThan(2000);
        assertThat(fired(cache, Long.MAX_VALUE)).containsExactly("a 5");
    }

    @Test
    void whateverIsDoneTheCacheAndItsBackendHoldWhatAMapHolds() throws Exception {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            FakeBackend behind = new FakeBackend();
            int entries = random.nextInt(8);
            long bytes = 200 + random.nextInt(2000);
            StateCache cache = new StateCache(behind, entries, bytes);
            Map<String, byte[]> model = new HashMap<>();
            Map<String, Long> timers = new HashMap<>();
            for (int step = 0; step < 2000; step++) {
                String key = "k" + random.nextInt(12);
                behind.current = key;
                String place = "seed " + seed + ", step " + step;
                switch (random.nextInt(11)) {
                    case 0:
                        cache.clear(key);
                        model.remove(key);
                        break;
                    case 1:
                        FakeRecent taken = new FakeRecent();
                        cache.checkpoint(taken);
                        Map<String, byte[]> values = new HashMap<>(behind.values);
                        values.putAll(taken.values);
                        assertThat(values).as(place).containsExactlyInAnyOrderEntriesOf(model);
                        Map<String, Long> all = new HashMap<>(behind.timers);
                        all.putAll(taken.timers);
                        assertThat(all).as(place).isEqualTo(timers);
                        if (random.nextBoolean()) {
                            // As after a failure: with what the checkpoint has, and no more.
                            cache = new StateCache(behind, entries, bytes);
                            taken.restore(cache);
                        }
                        break;
                    case 2:
                    case 3:
                        assertThat(cache.get(key)).as(place).isEqualTo(model.get(key));
                        break;
                    case 4:
                        long timerMs = random.nextInt(1000);
                        if (timers.putIfAbsent(key, timerMs) == null
                                && !cache.registerTimer(key, timerMs)) {
                            behind.registerTimer(key, timerMs);
                        }
                        break;
                    case 5:
                        Long deletedMs = timers.remove(key);
                        if (deletedMs != null && !cache.deleteTimer(key, deletedMs)) {
                            assertThat(behind.timers.remove(key)).as(place).isEqualTo(deletedMs);
                        }
                        break;
                    case 6:
                        long untilMs = random.nextInt(1000);
                        Map<String, Long> due = new HashMap<>(timers);
                        due.values().removeIf(each -> each > untilMs);
                        Map<String, Long> fired = new HashMap<>(behind.timers);
                        fired.values().removeIf(each -> each > untilMs);
                        behind.timers.keySet().removeAll(fired.keySet());
                        cache.fireTimers(untilMs, fired::put);
                        assertThat(fired).as(place).isEqualTo(due);
                        timers.keySet().removeAll(due.keySet());
                        break;
                    default:
                        byte[] value = new byte[random.nextInt(300)];
                        random.nextBytes(value);
                        cache.put(key, value);
                        model.put(key, value);
                }
                cache.trim();
            }
            rest(cache);
            assertThat(behind.values).as("seed %d", seed).containsExactlyInAnyOrderEntriesOf(model);
            assertThat(behind.timers).as("seed %d", seed).isEqualTo(timers);
        }
    }

    /** Lets all rest until the backend has it. */
    private void rest(StateCache cache) throws IOException {
        checkpoint(cache);
        for (int rests = checkpoint(cache).size(); rests > 0; rests--) {
            // One a call, if it is near; a slot stays empty where a key is gone.
            for (int call = 0; call < 10; call++) {
                cache.trim();
            }
        }
        assertThat(checkpoint(cache)).isEmpty();
    }

    /** What a checkpoint gives by the group. */
    private Map<String, byte[]> checkpoint(StateCache cache) throws IOException {
        recent.values.clear();
        recent.timers.clear();
        cache.checkpoint(recent);
        return recent.values;
    }

    private static List<String> fired(StateCache cache, long untilMs) throws Exception {
        List<String> fired = new ArrayList<>();
        cache.fireTimers(untilMs, (key, timerMs) -> fired.add(key + " " + timerMs));
        return fired;
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
        private final Map<String, Long> timers = new HashMap<>();
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

        @Override
        public void registerTimer(String key, long timerMs) {
            assertThat(timers.put(key, timerMs)).isNull();
        }
    }

    /** What a checkpoint has beside the backend's own. */
    private static final class FakeRecent implements StateCache.Recent {
        private final Map<String, byte[]> values = new HashMap<>();
        private final Map<String, Long> timers = new HashMap<>();
        private final Map<String, Boolean> inBackend = new HashMap<>();

        @Override
        public void add(int hash, byte[] utf8, byte[] value, long timerMs, boolean behind) {
            String key = new String(utf8, UTF_8);
            assertThat(hash).isEqualTo(key.hashCode());
            assertThat(values.put(key, value)).isNull();
            inBackend.put(key, behind);
            if (timerMs != StateTable.NO_TIMER) {
                timers.put(key, timerMs);
            }
        }

        private void restore(StateCache cache) throws IOException {
            for (Map.Entry<String, byte[]> each : values.entrySet()) {
                String key = each.getKey();
                cache.restore(
                        key,
                        each.getValue(),
                        timers.getOrDefault(key, StateTable.NO_TIMER),
                        inBackend.get(key));
            }
        }
    }
}
