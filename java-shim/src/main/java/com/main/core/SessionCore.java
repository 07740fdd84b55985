package com.main.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Rust core of one operator instance: bytes in, bytes out.
 *
 * <p>A call writes its input into a direct buffer, crosses once, and reads the reply from another;
 * both belong to Java, and the core keeps only their addresses inside its handle. Between calls the
 * core keeps nothing but the compiled rules, so any number of instances may live side by side. One
 * instance serves one thread.
 *
 * <p>{@link #open} and {@link #close} own the handle: no finalizer, no cleaner, no thread.
 */
public final class SessionCore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SessionCore.class);

    private static final int CALL_DECODE = 0;
    private static final int CALL_ON_EVENT = 1;
    private static final int CALL_ON_TIMER = 2;

    private static final int STATUS_REPLY_TOO_SMALL = -1;
    private static final int STATUS_FAILED = -2;

    private static final int FRAME_VERSION_OFFSET = 0;
    private static final int FLAGS_OFFSET = 1;
    private static final int FLAG_LOG_WAITS = 1;

    private static final long NO_WATERMARK = Long.MIN_VALUE;

    private static final int FIRST_BUFFER_SIZE = 64 * 1024;
    private static final byte[] NO_STATE = new byte[0];

    private final DecodeReply decodeReply = new DecodeReply();
    private final StepReply stepReply = new StepReply();
    private ByteBuffer request;
    private ByteBuffer reply;
    private long handle;

    private SessionCore(long handle) {
        this.handle = handle;
        this.request = newBuffer(FIRST_BUFFER_SIZE);
        this.reply = newBuffer(FIRST_BUFFER_SIZE);
        attach();
    }

    /**
     * Loads the library where this class loader has not done so yet, and opens a core.
     *
     * @param nativeTmp folder for the library's short-lived copy; null for the JVM's own
     * @throws SessionCoreException where the library cannot be loaded here
     * @throws IllegalArgumentException where the core refuses the options
     */
    public static SessionCore open(CoreOptions options, String nativeTmp) {
        NativeLibrary.load(nativeTmp);
        return new SessionCore(open(options.encode()));
    }

    /**
     * The rules in force with these options, as a rules file.
     *
     * @throws SessionCoreException where the library cannot be loaded here
     * @throws IllegalArgumentException where the core refuses them: every mistake, a line each
     */
    public static String rules(CoreOptions options, String nativeTmp) {
        NativeLibrary.load(nativeTmp);
        return new String(rules(options.encode()), StandardCharsets.UTF_8);
    }

    /** The build of the library, which has to be loaded: a hash of its sources. */
    public static String build() {
        return buildId();
    }

    /**
     * Decides what a record is.
     *
     * @param value the record's value; null for none
     * @param recordTimeMs the Kafka record timestamp; negative for none
     * @param nowMs the wall clock
     */
    public DecodeReply decode(byte[] value, long recordTimeMs, long nowMs) {
        checkOpen();
        int length = value == null ? -1 : value.length;
        if (value != null) {
            reserve(length);
            request.put(value);
        }
        call(CALL_DECODE, recordTimeMs, nowMs, length, 0, 0, 0);
        return decodeReply;
    }

    /**
     * Gives an event its session, in order of arrival.
     *
     * @param state the key's state; null for none
     * @param found what {@link #decode} found in the record
     * @param value the record's value
     */
    public StepReply onEvent(byte[] state, byte[] found, byte[] value) {
        checkOpen();
        byte[] held = state == null ? NO_STATE : state;
        reserve((long) held.length + found.length + value.length);
        request.put(held).put(found).put(value);
        call(CALL_ON_EVENT, NO_WATERMARK, 0, held.length, found.length, value.length, 0);
        stepReply.begin();
        return stepReply;
    }

    /**
     * Lets an event wait for its turn, in order of event time; a late one gets its session at once.
     *
     * @param watermarkMs where the watermark stands
     * @param carried comes back with the event's output, beside where it was read
     */
    public StepReply onEvent(
            byte[] state,
            byte[] found,
            byte[] value,
            long watermarkMs,
            int partition,
            long offset,
            byte[] carried) {
        checkOpen();
        byte[] held = state == null ? NO_STATE : state;
        int cameFrom = Integer.BYTES + Long.BYTES + carried.length;
        reserve((long) held.length + found.length + value.length + cameFrom);
        request.put(held).put(found).put(value);
        request.putInt(partition).putLong(offset).put(carried);
        call(CALL_ON_EVENT, watermarkMs, 0, held.length, found.length, value.length, cameFrom);
        stepReply.begin();
        return stepReply;
    }

    /**
     * Labels what waits and closes what is due at the time of the key's timer, or by the watermark.
     *
     * @param state the key's state; null for none
     * @param watermarkMs where the watermark stands
     */
    public StepReply onTimer(byte[] state, String key, long timerMs, long watermarkMs) {
        checkOpen();
        byte[] held = state == null ? NO_STATE : state;
        byte[] keyBytes = key.getBytes(StandardCharsets.UTF_8);
        reserve((long) held.length + keyBytes.length);
        request.put(held).put(keyBytes);
        call(CALL_ON_TIMER, timerMs, watermarkMs, held.length, keyBytes.length, 0, 0);
        stepReply.begin();
        return stepReply;
    }

    /** Gives the core's memory back. A second call does nothing. */
    @Override
    public void close() {
        long closing = handle;
        handle = 0;
        if (closing != 0) {
            close(closing);
        }
    }

    private void call(int call, long a, long b, int first, int second, int third, int fourth) {
        int status = call(handle, call, a, b, first, second, third, fourth);
        if (status == STATUS_REPLY_TOO_SMALL) {
            // A call changes nothing in the core, so it can be made again.
            reply = newBuffer(grown(reply.getInt(0)));
            attach();
            status = call(handle, call, a, b, first, second, third, fourth);
        }
        if (status == STATUS_FAILED) {
            byte[] text = Buffers.copy(reply, 4, reply.getInt(0));
            throw new SessionCoreException(new String(text, StandardCharsets.UTF_8));
        }
        if (status < 0) {
            throw new SessionCoreException("the session core answered a call with " + status);
        }
        if (reply.get(FRAME_VERSION_OFFSET) != DecodeReply.FRAME_VERSION) {
            throw new SessionCoreException(
                    "the session core answered with frame version "
                            + reply.get(FRAME_VERSION_OFFSET)
                            + "; this jar reads version "
                            + DecodeReply.FRAME_VERSION);
        }
        if ((reply.get(FLAGS_OFFSET) & FLAG_LOG_WAITS) != 0) {
            writeLog(new String(takeLog(handle), StandardCharsets.UTF_8));
        }
    }

    /** Writes what the core logged, on the task's thread: one {@code LEVEL target text} a line. */
    private static void writeLog(String lines) {
        for (String line : lines.split("\n")) {
            String[] parts = line.split(" ", 3);
            if (parts.length < 3) {
                continue;
            }
            Logger target = LoggerFactory.getLogger(parts[1].replace("::", "."));
            switch (parts[0]) {
                case "ERROR":
                    target.error("{}", parts[2]);
                    break;
                case "WARN":
                    target.warn("{}", parts[2]);
                    break;
                case "INFO":
                    target.info("{}", parts[2]);
                    break;
                case "DEBUG":
                    target.debug("{}", parts[2]);
                    break;
                default:
                    target.trace("{}", parts[2]);
            }
        }
    }

    /** After either buffer became another. */
    private void attach() {
        attach(handle, request, reply);
        decodeReply.attach(reply);
        stepReply.attach(reply);
    }

    private void checkOpen() {
        if (handle == 0) {
            throw new IllegalStateException("the session core is closed");
        }
    }

    private void reserve(long length) {
        if (length > request.capacity()) {
            request = newBuffer(grown(length));
            attach();
            LOG.debug("The request buffer grew to {} bytes", request.capacity());
        }
        request.clear();
    }

    private static int grown(long length) {
        long size = FIRST_BUFFER_SIZE;
        while (size < length) {
            size *= 2;
        }
        return (int) Math.min(size, Integer.MAX_VALUE);
    }

    private static ByteBuffer newBuffer(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    // ---- The crossing; the Rust half is rust-core/bridge/src/jni_exports.rs ----

    /** The version of this list of functions and of the frames; both sides must name the same. */
    static native int abiVersion();

    /** A hash of the sources that the library was built from. */
    static native String buildId();

    private static native long open(byte[] options);

    private static native byte[] rules(byte[] options);

    private static native void attach(long handle, ByteBuffer request, ByteBuffer reply);

    /**
     * The one hot call.
     *
     * @return the reply's length, or a negative status
     */
    private static native int call(
            long handle, int call, long a, long b, int first, int second, int third, int fourth);

    private static native byte[] takeLog(long handle);

    private static native void close(long handle);
}
