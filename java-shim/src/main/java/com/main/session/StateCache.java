package com.main.session;

import java.io.IOException;

/**
 * State and timer of the keys used last, kept outside the backend.
 *
 * <p>They go there when their key has to make room, and once they have not changed from one
 * checkpoint to the next: a few at a time, between calls of the function. Until then each
 * checkpoint takes them by the key group ({@link RecentEntries}). So a key that changes all the
 * time costs the backend nothing, one that rests is written there once, and no checkpoint has to
 * wait for that.
 *
 * <p>A timer is either here or with the backend, and here only beside a value. One a key: a second
 * one is the backend's.
 *
 * <p>Room is made by second chance: the oldest entries go, but one that was used since it was last
 * looked at. That is nearly the one used least recently, and nothing is to be moved with each use.
 *
 * <p>Bounded by entries and by bytes. {@link #trim} sees to it, between calls of the function:
 * while one runs the cache may grow beyond its bounds by what that call put.
 */
final class StateCache {
    /** Where the state and the timers are that the cache does not hold. */
    interface Backend {
        /** The value of the current key; null for none. */
        byte[] read() throws IOException;

        /** Takes the value of the current key away. */
        void clear();

        /** Sets the value of any key; the current one stays current. */
        void write(String key, byte[] value) throws IOException;

        /** Adds a timer of any key; the current one stays current. */
        void registerTimer(String key, long timerMs);
    }

    /** What is done when a timer is due. */
    interface Firing {
        void fire(String key, long timerMs) throws Exception;
    }

    /** Takes what the backend lacks. */
    interface Recent {
        /**
         * @param hash of the key, as {@link String#hashCode} has it
         * @param key in UTF-8
         * @param timerMs {@link StateTable#NO_TIMER} for none
         * @param inBackend whether the backend may have an older value
         */
        void add(int hash, byte[] key, byte[] value, long timerMs, boolean inBackend)
                throws IOException;
    }

    /** So many timers taken back may wait in the queue for each that is there, and some more. */
    private static final int STALE_TIMERS = 1024;

    /** How many slots are looked at after a call, for one that rests. */
    private static final int LOOKS = 4;

    private final StateTable entries = new StateTable();

    /** What the entries' timers are found by; it may hold some that were taken back. */
    private final TimerQueue queue = new TimerQueue();

    private int timers;

    /** How many entries rest, and from where on the next of them is looked for. */
    private int resting;

    private int restingHand;

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
            add(
                    currentKey,
                    value,
                    StateTable.DIRTY | StateTable.CHANGED | (absent ? 0 : StateTable.IN_BACKEND));
            absentKey = null;
            return;
        }
        entries.setValue(entry, value);
        changed(entry, StateTable.DIRTY);
    }

    /**
     * Takes the value of the current key away, from the backend at once: it would have to go there
     * in any case, and a key that is gone shall not keep one in use from its place. A timer that it
     * leaves behind is the backend's.
     */
    void clear(String currentKey) {
        int entry = entry(currentKey);
        boolean inBackend =
                entry == StateTable.NONE
                        ? !currentKey.equals(absentKey)
                        : entries.is(entry, StateTable.IN_BACKEND);
        if (entry != StateTable.NONE) {
            handOverTimer(entry, currentKey);
            restNoMore(entry);
            entries.remove(entry);
        }
        remember(currentKey, StateTable.NONE);
        if (inBackend) {
            backend.clear();
        }
    }

    /**
     * Takes a timer of the current key.
     *
     * @return whether it did; if not it is for the backend
     */
    boolean registerTimer(String currentKey, long timerMs) {
        int entry = entry(currentKey);
        if (entry == StateTable.NONE || timerMs == StateTable.NO_TIMER) {
            return false;
        }
        if (entries.timer(entry) != StateTable.NO_TIMER) {
            return entries.timer(entry) == timerMs;
        }
        setTimer(entry, timerMs);
        changed(entry, 0);
        return true;
    }

    /**
     * Takes a timer of the current key back.
     *
     * @return whether it was here; if not it may be with the backend
     */
    boolean deleteTimer(String currentKey, long timerMs) {
        int entry = entry(currentKey);
        if (entry == StateTable.NONE
                || timerMs == StateTable.NO_TIMER
                || entries.timer(entry) != timerMs) {
            return false;
        }
        dropTimer(entry);
        changed(entry, 0);
        return true;
    }

    /**
     * Fires the timers due by a time, the earliest first, and those that come due meanwhile.
     *
     * @return whether there were any
     */
    boolean fireTimers(long untilMs, Firing firing) throws Exception {
        boolean fired = false;
        while (!queue.isEmpty() && queue.firstMs() <= untilMs) {
            long timerMs = queue.firstMs();
            int entry = queue.takeFirst();
            if (entries.timer(entry) == timerMs) {
                dropTimer(entry);
                changed(entry, 0);
                firing.fire(entries.key(entry), timerMs);
                fired = true;
            }
        }
        return fired;
    }

    /** Writes out and forgets entries until the bounds hold, and writes out one that rests. */
    void trim() throws IOException {
        if (resting > 0) {
            settle();
        }
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

    /** Writes out the next entry that rests, if it is near. */
    private void settle() throws IOException {
        for (int looks = 0; looks < LOOKS; looks++) {
            int entry = restingHand;
            restingHand = entry + 1 < entries.slots() ? entry + 1 : 0;
            if (entries.is(entry, StateTable.RESTS)) {
                writeOut(entry);
                return;
            }
        }
    }

    /** Gives to a checkpoint what the backend lacks. */
    void checkpoint(Recent recent) throws IOException {
        for (int entry = entries.nextFrom(0);
                entry != StateTable.NONE;
                entry = entries.nextFrom(entry + 1)) {
            boolean changed = entries.is(entry, StateTable.CHANGED);
            entries.unset(entry, StateTable.CHANGED);
            long timerMs = entries.timer(entry);
            if (!entries.is(entry, StateTable.DIRTY) && timerMs == StateTable.NO_TIMER) {
                continue;
            }
            if (!changed && !entries.is(entry, StateTable.RESTS)) {
                entries.set(entry, StateTable.RESTS);
                resting++;
            }
            byte[] value = entries.value(entry);
            recent.add(
                    entries.hash(entry),
                    entries.keyBytes(entry),
                    value,
                    timerMs,
                    entries.is(entry, StateTable.IN_BACKEND));
            writtenBytes += value.length;
        }
    }

    /** Takes in again what was given to a {@link Recent}. */
    void restore(String key, byte[] value, long timerMs, boolean inBackend) throws IOException {
        add(key, value, StateTable.DIRTY | (inBackend ? StateTable.IN_BACKEND : 0));
        if (timerMs != StateTable.NO_TIMER) {
            setTimer(lastEntry, timerMs);
        }
        trim();
    }

    int size() {
        return entries.size();
    }

    /** How many timers are here. */
    int timers() {
        return timers;
    }

    /** How many are queued, those that were taken back included. */
    int queuedTimers() {
        return queue.size();
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

    private void changed(int entry, int flags) {
        restNoMore(entry);
        entries.set(entry, StateTable.CHANGED | flags);
    }

    private void restNoMore(int entry) {
        if (entries.is(entry, StateTable.RESTS)) {
            entries.unset(entry, StateTable.RESTS);
            resting--;
        }
    }

    private void writeOut(int entry) throws IOException {
        boolean dirty = entries.is(entry, StateTable.DIRTY);
        if (!dirty && entries.timer(entry) == StateTable.NO_TIMER) {
            return;
        }
        String key = entries.key(entry);
        if (dirty) {
            byte[] value = entries.value(entry);
            backend.write(key, value);
            writtenBytes += value.length;
            entries.unset(entry, StateTable.DIRTY);
            entries.set(entry, StateTable.IN_BACKEND);
        }
        handOverTimer(entry, key);
        restNoMore(entry);
    }

    private void handOverTimer(int entry, String key) {
        if (entries.timer(entry) != StateTable.NO_TIMER) {
            backend.registerTimer(key, entries.timer(entry));
            dropTimer(entry);
        }
    }

    private void setTimer(int entry, long timerMs) {
        entries.setTimer(entry, timerMs);
        timers++;
        if (queue.size() > 2 * timers + STALE_TIMERS) {
            queue.clear();
            for (int each = entries.nextFrom(0);
                    each != StateTable.NONE;
                    each = entries.nextFrom(each + 1)) {
                if (entries.timer(each) != StateTable.NO_TIMER) {
                    queue.add(entries.timer(each), each);
                }
            }
        } else {
            queue.add(timerMs, entry);
        }
    }

    private void dropTimer(int entry) {
        entries.setTimer(entry, StateTable.NO_TIMER);
        timers--;
    }
}
