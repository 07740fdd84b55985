package com.main.session;

import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The state of the keys used last, kept outside the backend: what changes is written there when its
 * key has to make room, and at each checkpoint.
 *
 * <p>Bounded by entries and by bytes. {@link #trim} sees to it, between calls of the function:
 * while one runs the cache may grow beyond its bounds by what that call put.
 */
final class StateCache {
    /**
     * What an entry holds on the heap beside the characters of its key and its value: the map's
     * node and slot, the entry, and the heads of a String and two arrays.
     */
    static final int ENTRY_OVERHEAD_BYTES = 160;

    /** Where the state is that the cache does not hold. */
    interface Backend {
        /** The value of the current key; null for none. */
        byte[] read() throws IOException;

        /** Takes the value of the current key away. */
        void clear();

        /** Sets the value of any key; the current one stays current. */
        void write(String key, byte[] value) throws IOException;
    }

    private static final class Entry {
        private byte[] value;
        private boolean dirty;

        /** Whether the backend may have a value of this key; else clearing costs it nothing. */
        private boolean inBackend;

        private Entry(byte[] value, boolean dirty, boolean inBackend) {
            this.value = value;
            this.dirty = dirty;
            this.inBackend = inBackend;
        }
    }

    /** From the key used least recently to the one used last. No value is null. */
    private final LinkedHashMap<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

    private final Backend backend;
    private final int maxEntries;
    private final long maxBytes;

    /**
     * The key last asked for, and its entry or null: a call of the function reads and writes one
     * key, and looking it up is the most that the cache costs.
     */
    private String lastKey;

    private Entry lastEntry;

    /** The key last found to have no value in the backend; there is none until it is put. */
    private String absentKey;

    private long bytes;
    private long hits;
    private long misses;
    private long evictions;
    private long writtenBytes;

    StateCache(Backend backend, int maxEntries, long maxBytes) {
        this.backend = backend;
        this.maxEntries = maxEntries;
        this.maxBytes = maxBytes;
    }

    /** The value of the current key, or null. */
    byte[] get(String currentKey) throws IOException {
        Entry entry = entry(currentKey);
        if (entry != null) {
            hits++;
            return entry.value;
        }
        misses++;
        byte[] value = backend.read();
        if (value == null) {
            absentKey = currentKey;
        } else {
            add(currentKey, new Entry(value, false, true));
        }
        return value;
    }

    /** Sets the value of the current key. It is not copied: nobody may write to it any more. */
    void put(String currentKey, byte[] value) {
        Entry entry = entry(currentKey);
        if (entry == null) {
            add(currentKey, new Entry(value, true, !currentKey.equals(absentKey)));
            absentKey = null;
            return;
        }
        bytes += value.length - entry.value.length;
        entry.value = value;
        entry.dirty = true;
    }

    /**
     * Takes the value of the current key away, from the backend at once: it would have to go there
     * in any case, and a key that is gone shall not keep one in use from its place.
     */
    void clear(String currentKey) {
        Entry entry = entries.remove(currentKey);
        remember(currentKey, null);
        if (entry != null) {
            bytes -= size(currentKey, entry);
        }
        if (entry == null ? !currentKey.equals(absentKey) : entry.inBackend) {
            backend.clear();
        }
    }

    /** Writes out and forgets the keys used least recently until the bounds hold. */
    void trim() throws IOException {
        if (withinBounds()) {
            return;
        }
        Iterator<Map.Entry<String, Entry>> eldest = entries.entrySet().iterator();
        while (!withinBounds()) {
            Map.Entry<String, Entry> evicted = eldest.next();
            writeOut(evicted.getKey(), evicted.getValue());
            bytes -= size(evicted.getKey(), evicted.getValue());
            evictions++;
            eldest.remove();
        }
        remember(null, null);
    }

    /** Writes out what has changed; afterwards the backend has every value. */
    void flush() throws IOException {
        for (Map.Entry<String, Entry> each : entries.entrySet()) {
            writeOut(each.getKey(), each.getValue());
        }
    }

    int size() {
        return entries.size();
    }

    /** An estimate of the heap that the entries hold. */
    long bytes() {
        return bytes;
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
        return entries.size() <= maxEntries && bytes <= maxBytes;
    }

    private Entry entry(String key) {
        // The same object is enough: Flink's current key is one throughout a call.
        if (key != lastKey) {
            remember(key, entries.get(key));
        }
        return lastEntry;
    }

    private void remember(String key, Entry entry) {
        lastKey = key;
        lastEntry = entry;
    }

    private void add(String key, Entry entry) {
        entries.put(key, entry);
        remember(key, entry);
        bytes += size(key, entry);
    }

    private void writeOut(String key, Entry entry) throws IOException {
        if (entry.dirty) {
            backend.write(key, entry.value);
            writtenBytes += entry.value.length;
            entry.dirty = false;
            entry.inBackend = true;
        }
    }

    private static long size(String key, Entry entry) {
        return ENTRY_OVERHEAD_BYTES + key.length() + entry.value.length;
    }
}
