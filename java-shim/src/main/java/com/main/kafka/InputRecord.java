package com.main.kafka;

import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/**
 * One Kafka record of the input topic and what the core made of it: an event, or a dead letter with
 * its reason. It keeps the record whole, so that what leaves the job can be the record itself.
 *
 * <p>Between source and {@link DeadLetterSplit} it may also be the news that a partition was
 * assigned to the task.
 *
 * <p>Immutable. Arrays are shared, not copied: nobody writes to them.
 */
@TypeInfo(InputRecord.TypeFactory.class)
public final class InputRecord {
    /** For what Flink cannot infer: it keeps Flink from guessing a serializer. */
    public static final TypeInformation<InputRecord> TYPE =
            new RecordType<>(InputRecord.class, new InputRecordSerializer());

    /** {@link #partition} and {@link #offset} of what was never read from Kafka. */
    static final int NO_POSITION = -1;

    private static final long NO_TIMESTAMP = -1;

    private final byte[] value;
    private final byte[] kafkaKey;
    private final List<Header> headers;
    private final long kafkaTimestampMs;
    private final String topic;
    private final int partition;
    private final long offset;

    private final String key;
    private final long eventTimeMs;
    private final byte[] found;

    private final String reason;
    private final String detail;

    /**
     * Either key, event time and found count, or reason and detail: a reason tells which. With none
     * of them it is the news of an assignment.
     */
    InputRecord(
            byte[] value,
            byte[] kafkaKey,
            List<Header> headers,
            long kafkaTimestampMs,
            String topic,
            int partition,
            long offset,
            String key,
            long eventTimeMs,
            byte[] found,
            String reason,
            String detail) {
        this.value = value;
        this.kafkaKey = kafkaKey;
        this.headers = headers;
        this.kafkaTimestampMs = kafkaTimestampMs;
        this.topic = topic;
        this.partition = partition;
        this.offset = offset;
        this.key = key;
        this.eventTimeMs = eventTimeMs;
        this.found = found;
        this.reason = reason;
        this.detail = detail;
    }

    /** What Kafka gave, without what the core made of it. */
    InputRecord(
            byte[] value,
            byte[] kafkaKey,
            List<Header> headers,
            long kafkaTimestampMs,
            String topic,
            int partition,
            long offset) {
        this(
                value,
                kafkaKey,
                headers,
                kafkaTimestampMs,
                topic,
                partition,
                offset,
                null,
                0,
                null,
                null,
                null);
    }

    /**
     * A record that decodes.
     *
     * @param key who the event belongs to
     * @param found what the core found in the record, for its next call
     */
    public static InputRecord event(
            ConsumerRecord<byte[], byte[]> record, String key, long eventTimeMs, byte[] found) {
        return new InputRecord(
                record.value(),
                record.key(),
                headersOf(record),
                record.timestamp(),
                record.topic(),
                record.partition(),
                record.offset(),
                key,
                eventTimeMs,
                found,
                null,
                null);
    }

    /**
     * A record that cannot become an event.
     *
     * @param reason a stable snake_case word
     * @param detail the reason in a sentence, without any value of the record
     */
    public static InputRecord deadLetter(
            ConsumerRecord<byte[], byte[]> record, String reason, String detail) {
        return new InputRecord(
                        record.value(),
                        record.key(),
                        headersOf(record),
                        record.timestamp(),
                        record.topic(),
                        record.partition(),
                        record.offset())
                .toDeadLetter(reason, detail);
    }

    /** No record: from here on this task reads that partition, from that offset. */
    static InputRecord assigned(String topic, int partition, long offset) {
        return new InputRecord(
                null,
                null,
                Collections.<Header>emptyList(),
                NO_TIMESTAMP,
                topic,
                partition,
                offset);
    }

    /**
     * An event that waited in the core, as it comes back.
     *
     * @param carried what {@link #carried} gave
     * @param value the record's value; empty where only its output is asked for
     */
    public static InputRecord waited(int partition, long offset, byte[] carried, byte[] value)
            throws IOException {
        return CarriedFields.read(partition, offset, carried, value);
    }

    /**
     * A key's sessions that could not be closed: their state is the value, the user's key is the
     * Kafka key, and they have no origin.
     */
    public static InputRecord stateDeadLetter(
            String key, byte[] state, String reason, String detail) {
        return new InputRecord(
                        state,
                        key.getBytes(StandardCharsets.UTF_8),
                        Collections.<Header>emptyList(),
                        NO_TIMESTAMP,
                        "",
                        NO_POSITION,
                        NO_POSITION)
                .toDeadLetter(reason, detail);
    }

    /** The same record as a dead letter: the event turned out to be none. */
    public InputRecord toDeadLetter(String newReason, String newDetail) {
        return new InputRecord(
                value,
                kafkaKey,
                headers,
                kafkaTimestampMs,
                topic,
                partition,
                offset,
                null,
                0,
                null,
                newReason,
                newDetail);
    }

    /** What the core carries along while the event waits: all but the value and its place. */
    public byte[] carried() throws IOException {
        return CarriedFields.write(this);
    }

    private static List<Header> headersOf(ConsumerRecord<byte[], byte[]> record) {
        Header[] headers = record.headers().toArray();
        return headers.length == 0 ? Collections.<Header>emptyList() : Arrays.asList(headers);
    }

    /** Whether this is a dead letter. */
    public boolean deadLetter() {
        return reason != null;
    }

    /** Whether this is an event. */
    public boolean event() {
        return key != null;
    }

    /** The record's value; null where Kafka held none. */
    public byte[] value() {
        return value;
    }

    /** The record's own Kafka key, which need not be the user's; null where Kafka held none. */
    public byte[] kafkaKey() {
        return kafkaKey;
    }

    /** The record's headers in their order; a name may occur more than once. */
    public List<Header> headers() {
        return headers;
    }

    /** When the record was written, as Kafka knows it; negative for unknown. */
    public long kafkaTimestampMs() {
        return kafkaTimestampMs;
    }

    public String topic() {
        return topic;
    }

    public int partition() {
        return partition;
    }

    public long offset() {
        return offset;
    }

    /** Whether the record was read from Kafka; a key's state was not. */
    public boolean hasOrigin() {
        return partition != NO_POSITION;
    }

    /** Where the record was read: {@code topic/partition/offset}. */
    public String origin() {
        return new String(originBytes(), StandardCharsets.US_ASCII);
    }

    /**
     * The origin as ASCII, which names of topics are. Every output has it: written from its end.
     */
    byte[] originBytes() {
        int length = topic.length() + 2 + digits(partition) + digits(offset);
        byte[] origin = new byte[length];
        int at = putDigitsBefore(length, origin, offset);
        origin[--at] = '/';
        at = putDigitsBefore(at, origin, partition);
        origin[--at] = '/';
        while (--at >= 0) {
            origin[at] = (byte) topic.charAt(at);
        }
        return origin;
    }

    private static int digits(long number) {
        int digits = 1;
        for (long rest = number / 10; rest != 0; rest /= 10) {
            digits++;
        }
        return digits;
    }

    private static int putDigitsBefore(int end, byte[] bytes, long number) {
        int at = end;
        long rest = number;
        do {
            bytes[--at] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
        return at;
    }

    /** Who the event belongs to; null for a dead letter. */
    public String key() {
        return key;
    }

    /** When the event happened; 0 for a dead letter. */
    public long eventTimeMs() {
        return eventTimeMs;
    }

    /** What the core found in the record; opaque here, null for a dead letter. */
    public byte[] found() {
        return found;
    }

    /** Why the record is a dead letter; null for an event. */
    public String reason() {
        return reason;
    }

    /** The reason in a sentence; null for an event. */
    public String detail() {
        return detail;
    }

    /** For what Flink infers. Needs a public constructor: Flink makes it by reflection. */
    public static final class TypeFactory extends TypeInfoFactory<InputRecord> {
        @Override
        public TypeInformation<InputRecord> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return TYPE;
        }
    }
}
