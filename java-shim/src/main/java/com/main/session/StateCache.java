package com.main.session;

import java.io.IOException;

/**
 * The state of the keys used last, kept outside the backend: what changes is written there when its
 * key has to make room, and at each checkpoint.
 *
 * <p>Room is made by second chance: the oldest entries go, but one that was used since it was last
 * looked at. That is nearly the one used least recently, and nothing is to be moved with each use.
 *
 * <p>Bounded by entries and by bytes. {@link #trim} sees to it, between calls of the function:
 * while one runs the cache may grow beyond its bounds by what that call put.
 */
final class StateCache {
    /** Where the state is that the cache does not hold. */
    interface Backend {
        /** The value of the current key; null for none. */
        byte[] read() throws IOException;

        /** Takes the value of the current key away. */
        void clear();

        /** Sets the value of any key; the current one stays current. */
        void write(String key, byte[] value) throws IOException;
    }

    private final StateTable entries = new StateTable();

    private final Backend backend;
    private final int maxEntries;
    private final long maxBytes;

    /** The key last asked for, and its entry: a call of the function reads and writes one key. */
    private String lastKey;

    private int lastEntry;

    /** The key last found to have no value in the backend; there is none until it is put. */
    private String absentKey;

    /** From here on an entry is looked for that makes room. */
    private int hand;

    private long hits;
    private long misses;
    private long evictions;
    private long writtenBytes;

    StateCache(Backend backend, int maxEntries, long maxBytes) {
        this.backend = backend;
        this.maxEntries = maxEntries;
        this.maxBytes = maxBytes;
    }

    /** The value of the current key, in an array of its own; or null. */
    byte[] get(String currentKey) throws IOException {
        int entry = entry(currentKey);
        if (entry != StateTable.NONE) {
            hits++;
            entries.set(entry, StateTable.USED);
            return entries.value(entry);
        }
        misses++;
        byte[] value = backend.read();
        if (value == null) {
            absentKey = currentKey;
        } else {
            add(currentKey, value, StateTable.IN_BACKEND);
        }
        return value;
    }

    /** Sets the value of the current key. It is copied. */
    void put(String currentKey, byte[] value) {
        int entry = entry(currentKey);
        if (entry == StateTable.NONE) {
            boolean absent = currentKey.equals(absentKey);
            add(currentKey, value, StateTable.DIRTY | (absent ? 0 : StateTable.IN_BACKEND));
            absentKey = null;
            return;
        }
        entries.setValue(entry, value);
        entries.set(entry, StateTable.DIRTY);
    }

    /**
     * Takes the value of the current key away, from the backend at once: it would have to go there
     * in any case, and a key that is gone shall not keep one in use from its place.
     */
    void clear(String currentKey) {
        int entry = entry(currentKey);
        boolean inBackend =
                entry == StateTable.NONE
                        ? !currentKey.equals(absentKey)
                        : entries.is(entry, StateTable.IN_BACKEND);
        if (entry != StateTable.NONE) {
            entries.remove(entry);
        }
        remember(currentKey, StateTable.NONE);
        if (inBackend) {
            backend.clear();
        }
    }

    /** Writes out and forgets entries until the bounds hold. */
    void trim() throws IOException {
        if (withinBounds()) {
            return;
        }
        while (!withinBounds()) {
            int entry = entries.nextFrom(hand);
            if (entry == StateTable.NONE) {
                hand = 0;
                continue;
            }
            if (entries.is(entry, StateTable.USED)) {
                entries.unset(entry, StateTable.USED);
            } else {
                writeOut(entry);
                entries.remove(entry);
                evictions++;
            }
            hand = entry + 1;
        }
        remember(null, StateTable.NONE);
    }

    /** Writes out what has changed; afterwards the backend has every value. */
    void flush() throws IOException {
        for (int entry = entries.nextFrom(0);
                entry != StateTable.NONE;
                entry = entries.nextFrom(entry + 1)) {
            writeOut(entry);
        }
    }

    int size() {
        return entries.size();
    }

    /** The heap that the entries hold. */
    long bytes() {
        return entries.bytes();
    }

    /** How often a key's value was asked for that the cache held. */
    long hits() {
        return hits;
    }

    /** How often one was asked for that it did not hold. */
    long misses() {
        return misses;
    }

    /** How many entries had to make room. */
    long evictions() {
        return evictions;
    }

    /** How many bytes of values were written to the backend. */
    long writtenBytes() {
        return writtenBytes;
    }

    private boolean withinBounds() {
        return entries.size() <= maxEntries && entries.bytes() <= maxBytes;
    }

    private int entry(String key) {
        // The same object is enough: Flink's current key is one throughout a call.
        if (key != lastKey) {
            remember(key, entries.find(key));
        }
        return lastEntry;
    }

    private void remember(String key, int entry) {
        lastKey = key;
        lastEntry = entry;
    }

    private void add(String key, byte[] value, int flags) {
        int entry = entries.add(key, value);
        entries.set(entry, flags);
        remember(key, entry);
    }

    private void writeOut(int entry) throws IOException {
        if (entries.is(entry, StateTable.DIRTY)) {
            byte[] value = entries.value(entry);
            backend.write(entries.key(entry), value);
            writtenBytes += value.length;
            entries.unset(entry, StateTable.DIRTY);
            entries.set(entry, StateTable.IN_BACKEND);
        }
    }
}
