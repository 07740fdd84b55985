package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StateTableTest {
    private final StateTable table = new StateTable();

    @Test
    void whateverIsDoneItHoldsWhatAMapHolds() {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            List<String> keys = keys(random, 1 + random.nextInt(6000));
            Map<String, byte[]> model = new HashMap<>();
            StateTable tried = new StateTable();
            for (int step = 0; step < 20_000; step++) {
                String key = keys.get(random.nextInt(keys.size()));
                int entry = tried.find(key);
                assertThat(entry != StateTable.NONE).isEqualTo(model.containsKey(key));
                if (entry != StateTable.NONE && random.nextInt(3) == 0) {
                    tried.remove(entry);
                    model.remove(key);
                    continue;
                }
                byte[] value = new byte[random.nextInt(random.nextInt(20) == 0 ? 1000 : 130)];
                random.nextBytes(value);
                model.put(key, value);
                if (entry == StateTable.NONE) {
                    tried.add(key, value);
                } else {
                    assertThat(tried.key(entry)).isEqualTo(key);
                    tried.setValue(entry, value);
                }
            }
            assertThat(entries(tried)).containsExactlyInAnyOrderEntriesOf(model);
            assertThat(tried.size()).isEqualTo(model.size());
        }
    }

    @Test
    void keysOfOneHashAreToldApart() {
        // "Aa" and "BB" have one hash, and so has whatever is made of them.
        List<String> keys = Arrays.asList("AaAa", "AaBB", "BBAa", "BBBB");
        for (String key : keys) {
            table.add(key, key.getBytes());
        }
        table.remove(table.find("AaBB"));
        assertThat(table.find("AaBB")).isEqualTo(StateTable.NONE);
        for (String key : Arrays.asList("AaAa", "BBAa", "BBBB")) {
            assertThat(table.value(table.find(key))).isEqualTo(key.getBytes());
        }
    }

    @Test
    void flagsAreOfOneEntryAndGoWithIt() {
        int first = table.add("a", new byte[0]);
        int second = table.add("b", new byte[0]);
        table.set(first, StateTable.DIRTY | StateTable.USED);
        table.setValue(first, new byte[1000]);
        assertThat(table.is(first, StateTable.DIRTY)).isTrue();
        assertThat(table.is(second, StateTable.DIRTY)).isFalse();
        table.unset(first, StateTable.DIRTY);
        assertThat(table.is(first, StateTable.DIRTY)).isFalse();
        assertThat(table.is(first, StateTable.USED)).isTrue();

        table.remove(first);
        int third = table.add("c", new byte[0]);
        assertThat(third).isEqualTo(first);
        assertThat(table.is(third, StateTable.USED)).isFalse();
    }

    @Test
    void aTimerIsOfOneEntryAndGoesWithIt() {
        int first = table.add("a", new byte[0]);
        int second = table.add("b", new byte[0]);
        table.setTimer(first, 1_734_145_200_000L);
        table.setValue(first, new byte[1000]);
        table.setValue(first, new byte[100]);
        assertThat(table.timer(first)).isEqualTo(1_734_145_200_000L);
        assertThat(table.timer(second)).isEqualTo(StateTable.NO_TIMER);

        table.remove(first);
        assertThat(table.timer(first)).isEqualTo(StateTable.NO_TIMER);
        int third = table.add("c", new byte[0]);
        assertThat(third).isEqualTo(first);
        assertThat(table.timer(third)).isEqualTo(StateTable.NO_TIMER);
    }

    @Test
    void valuesAreCopiedBothWays() {
        byte[] given = {1};
        int entry = table.add("a", given);
        given[0] = 2;
        table.value(entry)[0] = 3;
        assertThat(table.value(entry)).containsExactly(1);

        byte[] large = new byte[1000];
        table.setValue(entry, large);
        large[0] = 2;
        table.value(entry)[0] = 3;
        assertThat(table.value(entry)[0]).isZero();
    }

    @Test
    void bytesFollowWhatIsHeld() {
        int entry = table.add("a", new byte[10]);
        assertThat(table.bytes()).isEqualTo(StateTable.ENTRY_BYTES);
        table.setValue(entry, new byte[1000]);
        assertThat(table.bytes()).isEqualTo(StateTable.ENTRY_BYTES + 1001);
        table.setValue(entry, new byte[10]);
        assertThat(table.bytes()).isEqualTo(StateTable.ENTRY_BYTES);
        table.setValue(entry, new byte[1000]);
        table.remove(entry);
        assertThat(table.bytes()).isZero();
    }

    /** Short ones and long ones, of any script. */
    private static List<String> keys(Random random, int count) {
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            StringBuilder key = new StringBuilder().append(i);
            for (int more = random.nextInt(random.nextInt(10) == 0 ? 300 : 20); more > 0; more--) {
                key.append(random.nextInt(4) == 0 ? '\uD55C' : (char) ('a' + random.nextInt(26)));
            }
            keys.add(key.toString());
        }
        return keys;
    }

    private static Map<String, byte[]> entries(StateTable table) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int entry = table.nextFrom(0);
                entry != StateTable.NONE;
                entry = table.nextFrom(entry + 1)) {
            entries.put(table.key(entry), table.value(entry));
        }
        return entries;
    }
}
