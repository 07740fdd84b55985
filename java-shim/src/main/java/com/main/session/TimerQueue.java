package com.main.session;

import java.util.Arrays;

/**
 * Entries in the order of their timers: a binary heap in two arrays.
 *
 * <p>Nothing is taken out but what is first. Whoever asks knows whether an entry still has the
 * timer under which it comes up.
 */
final class TimerQueue {
    private static final int FIRST_LENGTH = 1024;

    private long[] timesMs = new long[FIRST_LENGTH];
    private int[] entries = new int[FIRST_LENGTH];
    private int size;

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** The earliest time; there has to be one. */
    long firstMs() {
        return timesMs[0];
    }

    void add(long timeMs, int entry) {
        if (size == timesMs.length) {
            timesMs = Arrays.copyOf(timesMs, 2 * size);
            entries = Arrays.copyOf(entries, 2 * size);
        }
        int place = size++;
        while (place > 0 && timesMs[parent(place)] > timeMs) {
            move(parent(place), place);
            place = parent(place);
        }
        set(place, timeMs, entry);
    }

    /** Takes the entry of the earliest time out. */
    int takeFirst() {
        int first = entries[0];
        size--;
        long timeMs = timesMs[size];
        int entry = entries[size];
        int place = 0;
        for (int child = 1; child < size; child = 2 * place + 1) {
            if (child + 1 < size && timesMs[child + 1] < timesMs[child]) {
                child++;
            }
            if (timesMs[child] >= timeMs) {
                break;
            }
            move(child, place);
            place = child;
        }
        set(place, timeMs, entry);
        return first;
    }

    void clear() {
        size = 0;
    }

    private static int parent(int place) {
        return (place - 1) / 2;
    }

    private void move(int from, int to) {
        set(to, timesMs[from], entries[from]);
    }

    private void set(int place, long timeMs, int entry) {
        timesMs[place] = timeMs;
        entries[place] = entry;
    }
}
