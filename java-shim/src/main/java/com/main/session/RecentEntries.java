package com.main.session;

import java.io.IOException;
import java.util.BitSet;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.types.StringValue;

/**
 * What a checkpoint has of the keys that the backend does not know as they are now: their values
 * and timers, side by side in one value of keyed state for each key group, so that a rescale takes
 * them where their keys go. To RocksDB a few large values are much less work than many small ones,
 * and little is left of them once the next checkpoint puts others in their place.
 *
 * <p>Read only when a task starts.
 */
final class RecentEntries implements StateCache.Recent {
    private static final byte VERSION = 1;

    private static final int IN_BACKEND = 1;
    private static final int HAS_TIMER = 2;

    private final KeyedStateBackend<String> backend;
    private final ValueState<byte[]> state;
    private final KeyGroups groups;

    /** For each group a key that Flink puts there; the state has no others. */
    private final String[] keys;

    /** The groups that have a value. */
    private final BitSet written = new BitSet();

    /** What was added to each group; null where nothing was. */
    private final DataOutputSerializer[] added;

    RecentEntries(
            KeyedStateBackend<String> backend, ValueState<byte[]> state, RuntimeContext task) {
        this.backend = backend;
        this.state = state;
        groups = new KeyGroups(task);
        keys = keys(groups);
        added = new DataOutputSerializer[groups.count()];
    }

    /** The first numbers that fall into each group: the same wherever the group is. */
    private static String[] keys(KeyGroups groups) {
        String[] keys = new String[groups.count()];
        int missing = keys.length;
        for (int number = 0; missing > 0; number++) {
            String key = Integer.toString(number);
            int group = groups.numberOf(key.hashCode());
            if (groups.isHere(group) && keys[group] == null) {
                keys[group] = key;
                missing--;
            }
        }
        return keys;
    }

    @Override
    public void add(int hash, String key, byte[] value, long timerMs, boolean inBackend)
            throws IOException {
        int group = groups.numberOf(hash);
        DataOutputSerializer out = added[group];
        if (out == null) {
            out = new DataOutputSerializer(1024);
            out.writeByte(VERSION);
            added[group] = out;
        }
        boolean hasTimer = timerMs != StateTable.NO_TIMER;
        out.writeByte((inBackend ? IN_BACKEND : 0) | (hasTimer ? HAS_TIMER : 0));
        StringValue.writeString(key, out);
        out.writeInt(value.length);
        out.write(value);
        if (hasTimer) {
            out.writeLong(timerMs);
        }
    }

    /** Puts what was added in the place of what the last checkpoint had. */
    void write() throws IOException {
        String current = backend.getCurrentKey();
        for (int group = 0; group < added.length; group++) {
            if (added[group] == null && !written.get(group)) {
                continue;
            }
            backend.setCurrentKey(keys[group]);
            if (added[group] == null) {
                state.clear();
                written.clear(group);
            } else {
                state.update(added[group].getCopyOfBuffer());
                written.set(group);
                added[group] = null;
            }
        }
        if (current != null) {
            backend.setCurrentKey(current);
        }
    }

    /** Gives back what the checkpoint had that the task started from. */
    void restore(StateCache cache) throws IOException {
        for (int group = 0; group < keys.length; group++) {
            backend.setCurrentKey(keys[group]);
            byte[] bytes = state.value();
            if (bytes != null) {
                written.set(group);
                restore(bytes, cache);
            }
        }
    }

    private static void restore(byte[] bytes, StateCache cache) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(bytes);
        int version = in.readByte();
        if (version != VERSION) {
            throw new IllegalStateException(
                    "the cached state was written by a newer release (version "
                            + version
                            + ", this one knows up to "
                            + VERSION
                            + "): run that release or a later one");
        }
        while (in.available() > 0) {
            int flags = in.readByte();
            String key = StringValue.readString(in);
            byte[] value = new byte[in.readInt()];
            in.readFully(value);
            long timerMs = (flags & HAS_TIMER) == 0 ? StateTable.NO_TIMER : in.readLong();
            cache.restore(key, value, timerMs, (flags & IN_BACKEND) != 0);
        }
    }
}
