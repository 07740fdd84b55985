package com.main.session;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;

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

    /**
     * What was added to each group since the last checkpoint; null where nothing ever was. They
     * stay as large as they became, for the next is about as large and the task waits for it.
     */
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
    public void add(int hash, byte[] key, byte[] value, long timerMs, boolean inBackend)
            throws IOException {
        int group = groups.numberOf(hash);
        if (added[group] == null) {
            added[group] = new DataOutputSerializer(1024);
        }
        DataOutputSerializer out = added[group];
        if (out.length() == 0) {
            out.writeByte(VERSION);
        }
        boolean hasTimer = timerMs != StateTable.NO_TIMER;
        out.writeByte((inBackend ? IN_BACKEND : 0) | (hasTimer ? HAS_TIMER : 0));
        writeBytes(key, out);
        writeBytes(value, out);
        if (hasTimer) {
            out.writeLong(timerMs);
        }
    }

    /** Puts what was added in the place of what the last checkpoint had. */
    void write() throws IOException {
        String current = backend.getCurrentKey();
        for (int group = 0; group < added.length; group++) {
            DataOutputSerializer out = added[group];
            if (out != null && out.length() > 0) {
                backend.setCurrentKey(keys[group]);
                state.update(out.getCopyOfBuffer());
                written.set(group);
                out.clear();
            } else if (written.get(group)) {
                backend.setCurrentKey(keys[group]);
                state.clear();
                written.clear(group);
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
            String key = new String(readBytes(in), StandardCharsets.UTF_8);
            byte[] value = readBytes(in);
            long timerMs = (flags & HAS_TIMER) == 0 ? StateTable.NO_TIMER : in.readLong();
            cache.restore(key, value, timerMs, (flags & IN_BACKEND) != 0);
        }
    }

    private static void writeBytes(byte[] bytes, DataOutputSerializer out) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static byte[] readBytes(DataInputDeserializer in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }
}
