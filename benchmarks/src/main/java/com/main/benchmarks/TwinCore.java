package com.main.benchmarks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The core in Java: the built-in rules on records without escapes and nesting. Its methods belong
 * together in the order in which {@link TwinPeer} calls them; nothing is allocated but what leaves.
 */
final class TwinCore {
    static final long NO_TIMER = Long.MIN_VALUE;

    private static final int CLICK = 0;
    private static final int CIN = 1;
    private static final int COUT = 2;
    private static final long SHORT_MS = 30 * 60_000L;
    private static final long LONG_MS = 180 * 60_000L;
    private static final long SEOUL_MS = 9 * 3_600_000L;
    private static final long DAY_MS = 86_400_000L;
    private static final int MAX_SESSIONS = 8;

    private static final byte CHECKED_IN = 1;
    private static final byte JUDGED_CHECKED_IN = 2;
    private static final byte CHANGE_KNOWN = 4;

    // State: the timer, then each session: id, start, last, expiry, change of checked in, count,
    // last log name, flags.
    private static final int HEAD = 8;
    private static final int SESSION = 50;
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final byte[] UID = ascii("uid");
    private static final byte[] LOG_NAME = ascii("log_name");
    private static final byte[] TS = ascii("ts");
    private static final byte[] CIN_NAME = ascii("CIN");
    private static final byte[] COUT_NAME = ascii("COUT");
    private static final byte[] TS_STR = ascii(",\"ts_str\":\"");
    private static final byte[] ID = ascii("+0900\",\"session_id\":\"");
    private static final byte[] START = ascii("\",\"session_start_ts\":");
    private static final byte[] LAST = ascii(",\"session_last_ts\":");
    private static final byte[] EXPIRE = ascii(",\"session_expire_at\":");
    private static final byte[] SEQ = ascii(",\"seq_in_session\":");

    private final long latenessMs;

    // What decode found.
    private String key;
    private long eventTimeMs;
    private int logName;
    private int close;

    // The key's sessions, and which of them the event is in.
    private final byte[] sessions = new byte[HEAD + (MAX_SESSIONS + 1) * SESSION];
    private int count;
    private int current;
    private long timerToDelete;
    private long timerToRegister;

    private byte[] out = new byte[1024];
    private int length;
    private byte[] id = new byte[64];
    private int idLength;

    TwinCore(long latenessMs) {
        this.latenessMs = latenessMs;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    // ---- decode ----

    void decode(byte[] json) {
        int at = space(json, 0);
        expect(json, at, '{');
        at = space(json, at + 1);
        key = null;
        logName = -1;
        eventTimeMs = Long.MIN_VALUE;
        while (true) {
            expect(json, at, '"');
            int name = at + 1;
            int nameEnd = string(json, name);
            at = space(json, nameEnd + 1);
            expect(json, at, ':');
            at = space(json, at + 1);
            int value = at;
            if (json[at] == '"') {
                int end = string(json, at + 1);
                take(json, name, nameEnd, value + 1, end);
                at = end + 1;
            } else {
                long number = 0;
                boolean negative = json[at] == '-';
                if (negative) {
                    at++;
                }
                int digits = at;
                while (json[at] >= '0' && json[at] <= '9') {
                    number = number * 10 + json[at++] - '0';
                }
                if (digits == at || at - digits > 18) {
                    throw new IllegalArgumentException("the twin reads strings and whole numbers");
                }
                if (same(json, name, nameEnd, TS)) {
                    eventTimeMs = negative ? -number : number;
                }
            }
            at = space(json, at);
            if (json[at] == ',') {
                at = space(json, at + 1);
                continue;
            }
            expect(json, at, '}');
            close = at;
            break;
        }
        if (space(json, at + 1) != json.length
                || key == null
                || logName < 0
                || eventTimeMs == Long.MIN_VALUE) {
            throw new IllegalArgumentException("no event");
        }
    }

    private void take(byte[] json, int name, int nameEnd, int value, int end) {
        if (same(json, name, nameEnd, UID)) {
            key = new String(json, value, end - value, StandardCharsets.ISO_8859_1);
        } else if (same(json, name, nameEnd, LOG_NAME)) {
            logName =
                    same(json, value, end, CIN_NAME)
                            ? CIN
                            : same(json, value, end, COUT_NAME) ? COUT : CLICK;
        }
    }

    private static int string(byte[] json, int at) {
        int end = at;
        while (json[end] != '"') {
            if (json[end] < ' ' || json[end] == '\\') {
                throw new IllegalArgumentException("the twin reads plain ASCII");
            }
            end++;
        }
        return end;
    }

    private static boolean same(byte[] json, int from, int to, byte[] name) {
        return Arrays.equals(json, from, to, name, 0, name.length);
    }

    private static int space(byte[] json, int from) {
        int at = from;
        while (at < json.length && json[at] <= ' ') {
            at++;
        }
        return at;
    }

    private static void expect(byte[] json, int at, char wanted) {
        if (json[at] != wanted) {
            throw new IllegalArgumentException("no JSON");
        }
    }

    String key() {
        return key;
    }

    long eventTimeMs() {
        return eventTimeMs;
    }

    byte[] found() {
        byte[] found = new byte[5];
        found[0] = (byte) logName;
        INT.set(found, 1, close);
        return found;
    }

    // ---- state ----

    void read(byte[] state) {
        if (state == null) {
            count = 0;
            LONG.set(sessions, 0, NO_TIMER);
        } else {
            System.arraycopy(state, 0, sessions, 0, state.length);
            count = (state.length - HEAD) / SESSION;
        }
    }

    byte[] state() {
        return Arrays.copyOf(sessions, HEAD + count * SESSION);
    }

    private long get(int session, int field) {
        return (long) LONG.get(sessions, HEAD + session * SESSION + field * 8);
    }

    private void set(int session, int field, long value) {
        LONG.set(sessions, HEAD + session * SESSION + field * 8, value);
    }

    private static final int ID_AT = 0;
    private static final int START_AT = 1;
    private static final int LAST_AT = 2;
    private static final int EXPIRES_AT = 3;
    private static final int CHANGED_AT = 4;
    private static final int EVENTS = 5;

    private int flagsOf(int session) {
        return HEAD + session * SESSION + 49;
    }

    private int logNameOf(int session) {
        return HEAD + session * SESSION + 48;
    }

    // ---- the rule ----

    void onEvent(long at, byte[] found) {
        int name = found[0];
        int next = 0;
        while (next < count && get(next, START_AT) <= at) {
            next++;
        }
        if (next > 0 && at <= get(next - 1, EXPIRES_AT)) {
            current = next - 1;
            join(current, at, name);
        } else if (next < count && at + (name == CIN ? LONG_MS : SHORT_MS) >= get(next, START_AT)) {
            current = next;
            join(current, at, name);
        } else {
            current = next;
            start(next, at, name);
        }
        long expires =
                get(current, LAST_AT)
                        + timeout(
                                sessions[logNameOf(current)],
                                (sessions[flagsOf(current)] & JUDGED_CHECKED_IN) != 0);
        if (current + 1 < count) {
            expires = Math.min(expires, get(current + 1, START_AT) - 1);
        }
        set(current, EXPIRES_AT, expires);
        if (count > MAX_SESSIONS) {
            throw new IllegalArgumentException("the twin evicts no session");
        }
        arrangeTimer();
    }

    private static long timeout(int name, boolean checkedIn) {
        return name == CIN || name == CLICK && checkedIn ? LONG_MS : SHORT_MS;
    }

    private void start(int session, long at, int name) {
        int place = HEAD + session * SESSION;
        System.arraycopy(sessions, place, sessions, place + SESSION, (count - session) * SESSION);
        count++;
        set(session, ID_AT, at);
        set(session, START_AT, at);
        set(session, EVENTS, 1);
        sessions[flagsOf(session)] = 0;
        inOrder(session, at, name);
    }

    private void join(int session, long at, int name) {
        set(session, EVENTS, get(session, EVENTS) + 1);
        set(session, START_AT, Math.min(get(session, START_AT), at));
        int flags = flagsOf(session);
        if (at >= get(session, LAST_AT)) {
            inOrder(session, at, name);
        } else if (name == CIN
                && ((sessions[flags] & CHANGE_KNOWN) == 0 || get(session, CHANGED_AT) <= at)) {
            sessions[flags] = CHECKED_IN | JUDGED_CHECKED_IN | CHANGE_KNOWN;
            set(session, CHANGED_AT, at);
        }
    }

    private void inOrder(int session, long at, int name) {
        set(session, LAST_AT, at);
        sessions[logNameOf(session)] = (byte) name;
        int flags = flagsOf(session);
        if (name == CIN) {
            sessions[flags] = CHECKED_IN | JUDGED_CHECKED_IN | CHANGE_KNOWN;
            set(session, CHANGED_AT, at);
        } else if ((sessions[flags] & CHECKED_IN) != 0) {
            sessions[flags] |= JUDGED_CHECKED_IN;
        } else {
            sessions[flags] &= ~JUDGED_CHECKED_IN;
        }
    }

    private void arrangeTimer() {
        long due = NO_TIMER;
        for (int session = 0; session < count; session++) {
            long closes = get(session, EXPIRES_AT) + latenessMs;
            if (due == NO_TIMER || closes < due) {
                due = closes;
            }
        }
        long timer = (long) LONG.get(sessions, 0);
        timerToDelete = NO_TIMER;
        timerToRegister = NO_TIMER;
        if (timer != NO_TIMER && due != NO_TIMER ? timer > due : timer != due) {
            timerToDelete = timer;
            timerToRegister = due;
            LONG.set(sessions, 0, due);
        }
    }

    /** Returns whether a session is left. */
    boolean onTimer(long at) {
        if ((long) LONG.get(sessions, 0) <= at) {
            LONG.set(sessions, 0, NO_TIMER);
        }
        int kept = 0;
        for (int session = 0; session < count; session++) {
            if (get(session, EXPIRES_AT) + latenessMs > at) {
                System.arraycopy(
                        sessions,
                        HEAD + session * SESSION,
                        sessions,
                        HEAD + kept++ * SESSION,
                        SESSION);
            }
        }
        count = kept;
        arrangeTimer();
        return count > 0;
    }

    long timerToDelete() {
        return timerToDelete;
    }

    long timerToRegister() {
        return timerToRegister;
    }

    // ---- output ----

    byte[] outputKey(String user) {
        int needed = user.length() + 21;
        if (id.length < needed) {
            id = new byte[needed];
        }
        byte[] bytes = user.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(bytes, 0, id, 0, bytes.length);
        id[bytes.length] = '_';
        idLength = number(id, bytes.length + 1, get(current, ID_AT));
        return Arrays.copyOf(id, idLength);
    }

    byte[] output(byte[] record, long at, byte[] found) {
        int end = (int) INT.get(found, 1);
        if (out.length < record.length + idLength + 320) {
            out = new byte[2 * (record.length + idLength + 320)];
        }
        length = 0;
        put(record, end);
        put(TS_STR, TS_STR.length);
        timestamp(at);
        put(ID, ID.length);
        put(id, idLength);
        put(START, START.length);
        length = number(out, length, get(current, START_AT));
        put(LAST, LAST.length);
        length = number(out, length, get(current, LAST_AT));
        put(EXPIRE, EXPIRE.length);
        length = number(out, length, get(current, EXPIRES_AT));
        put(SEQ, SEQ.length);
        length = number(out, length, get(current, EVENTS));
        out[length++] = '}';
        return Arrays.copyOf(out, length);
    }

    private void put(byte[] bytes, int count) {
        System.arraycopy(bytes, 0, out, length, count);
        length += count;
    }

    private static int number(byte[] to, int from, long value) {
        int digits = 1;
        for (long rest = value; rest >= 10; rest /= 10) {
            digits++;
        }
        long rest = value;
        for (int at = from + digits - 1; at >= from; at--) {
            to[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        return from + digits;
    }

    /** Howard Hinnant's civil_from_days. */
    private void timestamp(long utcMs) {
        long local = utcMs + SEOUL_MS;
        int ofDay = (int) Math.floorMod(local, DAY_MS);
        long days = Math.floorDiv(local, DAY_MS) + 719_468;
        int era = (int) Math.floorDiv(days, 146_097L);
        int dayOfEra = (int) (days - era * 146_097L);
        int year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
        int dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100);
        int shifted = (5 * dayOfYear + 2) / 153;
        int day = dayOfYear - (153 * shifted + 2) / 5 + 1;
        int month = shifted < 10 ? shifted + 3 : shifted - 9;
        digits(year + era * 400 + (month <= 2 ? 1 : 0), 4);
        out[length++] = '-';
        digits(month, 2);
        out[length++] = '-';
        digits(day, 2);
        out[length++] = 'T';
        digits(ofDay / 3_600_000, 2);
        out[length++] = ':';
        digits(ofDay / 60_000 % 60, 2);
        out[length++] = ':';
        digits(ofDay / 1000 % 60, 2);
        out[length++] = '.';
        digits(ofDay % 1000, 3);
    }

    private void digits(int value, int width) {
        int rest = value;
        for (int at = length + width - 1; at >= length; at--) {
            out[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        length += width;
    }
}
