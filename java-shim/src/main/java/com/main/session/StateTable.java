package com.main.session;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * A map from keys to values of bytes and a timer each, in few large arrays.
 *
 * <p>A map of objects makes an event wait for memory at eight places: bucket, node, key, its bytes,
 * entry, value, and both neighbours in order of use. Here they are two: the index, and a slot that
 * holds key and value side by side. Nor does the garbage collector find anything to follow or to
 * move.
 *
 * <p>An entry is named by the number of its slot, from {@link #find} or {@link #add} until it is
 * removed.
 */
final class StateTable {
    /** No entry. */
    static final int NONE = -1;

    /** The value is another than in the backend. */
    static final int DIRTY = 1;

    /** The backend may have a value of this key. */
    static final int IN_BACKEND = 2;

    /** Used since an entry to give up was last looked for. */
    static final int USED = 4;

    /** Value or timer are others than at the last checkpoint. */
    static final int CHANGED = 32;

    /** The backend lacks value or timer, and neither had changed between the last checkpoints. */
    static final int RESTS = 64;

    /** An entry's timer where it has none. */
    static final long NO_TIMER = Long.MIN_VALUE;

    private static final int SLOT_BYTES = 128;

    /** What an entry takes: its slot, and at most four places of the index and two of timers. */
    static final int ENTRY_BYTES =
            SLOT_BYTES + 4 * Integer.BYTES + 2 * (Long.BYTES + Integer.BYTES);

    // A slot: flags, length of the key, length of the value, hash of the key, timer, key, value.
    private static final int KEY_LENGTH = 1;
    private static final int VALUE_LENGTH = 2;
    private static final int HASH = 3;
    private static final int TIMER = HASH + Integer.BYTES;
    private static final int HEAD = TIMER + Long.BYTES;
    private static final int ROOM = SLOT_BYTES - HEAD;

    private static final int TAKEN = 8;

    /** Key and value have no room in the slot, and stand in {@link #large}. */
    private static final int LARGE = 16;

    private static final int CHUNK_BITS = 10;
    private static final int CHUNK_SLOTS = 1 << CHUNK_BITS;

    private static final int FIRST_INDEX_LENGTH = 1024;
    private static final int EMPTY = 0;

    /** Slots by their number; they come by the chunk, as they are needed. */
    private byte[][] chunks = new byte[1][];

    private final Map<Integer, Entry> large = new HashMap<>();

    /**
     * Open addressing: number of the slot plus one, and the bits of the hash that it leaves free.
     * It has to be small, as each event looks at one place of it by chance.
     */
    private int[] index = new int[FIRST_INDEX_LENGTH];

    private int slotsSoFar;

    /** The slot given back last. In place of a hash it has the one that was given back before. */
    private int givenBack = NONE;

    private int size;
    private long largeBytes;

    private static final class Entry {
        private final byte[] key;
        private final byte[] value;

        private Entry(byte[] key, byte[] value) {
            this.key = key;
            this.value = value;
        }

        private int bytes() {
            return key.length + value.length;
        }
    }

    int size() {
        return size;
    }

    /** The memory that the entries take. */
    long bytes() {
        return (long) size * ENTRY_BYTES + largeBytes;
    }

    /** The entry of a key, or {@link #NONE}. */
    int find(String key) {
        int hash = key.hashCode();
        byte[] keyBytes = null;
        for (int place = home(hash); index[place] != EMPTY; place = next(place)) {
            if (hashBits(index[place]) == hashBits(hash)) {
                keyBytes = keyBytes == null ? bytes(key) : keyBytes;
                if (isOf(slot(index[place]), keyBytes)) {
                    return slot(index[place]);
                }
            }
        }
        return NONE;
    }

    /** Adds an entry of a key that has none, without flags and without a timer. */
    int add(String key, byte[] value) {
        if (2 * (size + 1) > index.length) {
            growIndex();
        }
        int slot = takeSlot();
        setFlags(slot, TAKEN);
        setHash(slot, key.hashCode());
        setTimer(slot, NO_TIMER);
        write(slot, bytes(key), value);
        enter(slot);
        size++;
        return slot;
    }

    void remove(int slot) {
        if (is(slot, LARGE)) {
            largeBytes -= large.remove(slot).bytes();
        }
        leave(slot);
        setFlags(slot, 0);
        setTimer(slot, NO_TIMER);
        setHash(slot, givenBack);
        givenBack = slot;
        size--;
    }

    String key(int slot) {
        return new String(keyBytes(slot), StandardCharsets.UTF_8);
    }

    /** The key in UTF-8; not to be written to. */
    byte[] keyBytes(int slot) {
        if (is(slot, LARGE)) {
            return large.get(slot).key;
        }
        int start = at(slot) + HEAD;
        return Arrays.copyOfRange(chunk(slot), start, start + length(slot, KEY_LENGTH));
    }

    /** The value, in an array of its own. */
    byte[] value(int slot) {
        if (is(slot, LARGE)) {
            return large.get(slot).value.clone();
        }
        byte[] chunk = chunk(slot);
        int start = at(slot) + HEAD + length(slot, KEY_LENGTH);
        return Arrays.copyOfRange(chunk, start, start + length(slot, VALUE_LENGTH));
    }

    /** Sets the value, which is copied. */
    void setValue(int slot, byte[] value) {
        int keyLength = length(slot, KEY_LENGTH);
        if (!is(slot, LARGE) && keyLength + value.length <= ROOM) {
            writeValue(slot, keyLength, value);
            return;
        }
        byte[] key = keyBytes(slot);
        if (is(slot, LARGE)) {
            largeBytes -= large.remove(slot).bytes();
            unset(slot, LARGE);
        }
        write(slot, key, value);
    }

    /** Hash of the key, as {@link String#hashCode} has it. */
    int hash(int slot) {
        return ByteBuffer.wrap(chunk(slot)).getInt(at(slot) + HASH);
    }

    /** The time of the entry's timer in milliseconds; {@link #NO_TIMER} too of one removed. */
    long timer(int slot) {
        return ByteBuffer.wrap(chunk(slot)).getLong(at(slot) + TIMER);
    }

    void setTimer(int slot, long timerMs) {
        ByteBuffer.wrap(chunk(slot)).putLong(at(slot) + TIMER, timerMs);
    }

    boolean is(int slot, int flag) {
        return (chunk(slot)[at(slot)] & flag) != 0;
    }

    void set(int slot, int flag) {
        chunk(slot)[at(slot)] |= (byte) flag;
    }

    void unset(int slot, int flag) {
        chunk(slot)[at(slot)] &= (byte) ~flag;
    }

    /** How many slots there are, with an entry or without. */
    int slots() {
        return slotsSoFar;
    }

    /** The first entry from a slot on, or {@link #NONE} where there is none up to the last. */
    int nextFrom(int slot) {
        for (int next = slot; next < slotsSoFar; next++) {
            if (is(next, TAKEN)) {
                return next;
            }
        }
        return NONE;
    }

    // ---- slots ----

    private int takeSlot() {
        if (givenBack != NONE) {
            int slot = givenBack;
            givenBack = hash(slot);
            return slot;
        }
        int chunk = slotsSoFar >>> CHUNK_BITS;
        if (chunk == chunks.length) {
            chunks = Arrays.copyOf(chunks, 2 * chunk);
        }
        if (chunks[chunk] == null) {
            chunks[chunk] = new byte[CHUNK_SLOTS * SLOT_BYTES];
        }
        return slotsSoFar++;
    }

    private byte[] chunk(int slot) {
        return chunks[slot >>> CHUNK_BITS];
    }

    private static int at(int slot) {
        return (slot & CHUNK_SLOTS - 1) * SLOT_BYTES;
    }

    private void setFlags(int slot, int flags) {
        chunk(slot)[at(slot)] = (byte) flags;
    }

    private void setHash(int slot, int hash) {
        ByteBuffer.wrap(chunk(slot)).putInt(at(slot) + HASH, hash);
    }

    /** Not of a large one. */
    private int length(int slot, int which) {
        return chunk(slot)[at(slot) + which];
    }

    private void write(int slot, byte[] key, byte[] value) {
        if (key.length + value.length > ROOM) {
            Entry entry = new Entry(key, value.clone());
            large.put(slot, entry);
            largeBytes += entry.bytes();
            set(slot, LARGE);
            return;
        }
        byte[] chunk = chunk(slot);
        chunk[at(slot) + KEY_LENGTH] = (byte) key.length;
        System.arraycopy(key, 0, chunk, at(slot) + HEAD, key.length);
        writeValue(slot, key.length, value);
    }

    private void writeValue(int slot, int keyLength, byte[] value) {
        byte[] chunk = chunk(slot);
        chunk[at(slot) + VALUE_LENGTH] = (byte) value.length;
        System.arraycopy(value, 0, chunk, at(slot) + HEAD + keyLength, value.length);
    }

    private boolean isOf(int slot, byte[] key) {
        if (is(slot, LARGE)) {
            return Arrays.equals(large.get(slot).key, key);
        }
        if (length(slot, KEY_LENGTH) != key.length) {
            return false;
        }
        byte[] chunk = chunk(slot);
        int start = at(slot) + HEAD;
        for (int i = 0; i < key.length; i++) {
            if (chunk[start + i] != key[i]) {
                return false;
            }
        }
        return true;
    }

    private static byte[] bytes(String key) {
        return key.getBytes(StandardCharsets.UTF_8);
    }

    // ---- index ----

    /** There are half as many slots as places at most, so that the lower bits hold one. */
    private int slot(int entry) {
        return (entry & index.length - 1) - 1;
    }

    private int hashBits(int entryOrHash) {
        return entryOrHash & -index.length;
    }

    /** Where a hash would stand. Multiplied, since text alike has hashes side by side. */
    private int home(int hash) {
        return hash * 0x9E3779B9 >>> Integer.numberOfLeadingZeros(index.length) + 1;
    }

    private int next(int place) {
        return place + 1 & index.length - 1;
    }

    private void enter(int slot) {
        int hash = hash(slot);
        int place = home(hash);
        while (index[place] != EMPTY) {
            place = next(place);
        }
        index[place] = hashBits(hash) | slot + 1;
    }

    /**
     * Takes an entry out, and moves what stands behind it forward, so that no gap is in its way.
     */
    private void leave(int slot) {
        int gap = home(hash(slot));
        while (slot(index[gap]) != slot) {
            gap = next(gap);
        }
        for (int place = next(gap); index[place] != EMPTY; place = next(place)) {
            int home = home(hash(slot(index[place])));
            // Not where it would come to stand before its home.
            if ((place - home & index.length - 1) >= (place - gap & index.length - 1)) {
                index[gap] = index[place];
                gap = place;
            }
        }
        index[gap] = EMPTY;
    }

    private void growIndex() {
        index = new int[2 * index.length];
        for (int slot = nextFrom(0); slot != NONE; slot = nextFrom(slot + 1)) {
            enter(slot);
        }
    }
}
