package com.main.kafka;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.kafka.common.header.Header;

/** Writes an {@link InputRecord} for the way between tasks. */
final class InputRecordSerializer extends RecordSerializer<InputRecord> {
    private static final long serialVersionUID = 1L;
    private static final int FORMAT = 1;

    /** The last topic seen. There is one in a job, so reading a record makes no new text of it. */
    private transient Topic lastTopic;

    InputRecordSerializer() {
        super(FORMAT);
    }

    @Override
    void write(InputRecord record, DataOutputView target) throws IOException {
        target.writeBoolean(record.deadLetter());
        Fields.writeBytes(topic(record.topic()).bytes, target);
        target.writeInt(record.partition());
        target.writeLong(record.offset());
        target.writeLong(record.kafkaTimestampMs());
        Fields.writeBytes(record.kafkaKey(), target);
        Fields.writeBytes(record.value(), target);
        Fields.writeHeaders(record.headers(), target);
        if (record.deadLetter()) {
            Fields.writeText(record.reason(), target);
            Fields.writeText(record.detail(), target);
        } else {
            Fields.writeText(record.key(), target);
            target.writeLong(record.eventTimeMs());
            Fields.writeBytes(record.found(), target);
        }
    }

    @Override
    InputRecord read(DataInputView source) throws IOException {
        boolean deadLetter = source.readBoolean();
        String topic = topic(Fields.readBytes(source)).name;
        int partition = source.readInt();
        long offset = source.readLong();
        long kafkaTimestampMs = source.readLong();
        byte[] kafkaKey = Fields.readBytes(source);
        byte[] value = Fields.readBytes(source);
        List<Header> headers = Fields.readHeaders(source);
        String key = null;
        long eventTimeMs = 0;
        byte[] found = null;
        String reason = null;
        String detail = null;
        if (deadLetter) {
            reason = Fields.readText(source);
            detail = Fields.readText(source);
        } else {
            key = Fields.readText(source);
            eventTimeMs = source.readLong();
            found = Fields.readBytes(source);
        }
        return new InputRecord(
                value,
                kafkaKey,
                headers,
                kafkaTimestampMs,
                topic,
                partition,
                offset,
                key,
                eventTimeMs,
                found,
                reason,
                detail);
    }

    private Topic topic(String name) {
        Topic topic = lastTopic;
        if (topic == null || !topic.name.equals(name)) {
            topic = new Topic(name, name.getBytes(StandardCharsets.UTF_8));
            lastTopic = topic;
        }
        return topic;
    }

    private Topic topic(byte[] bytes) {
        Topic topic = lastTopic;
        if (topic == null || !Arrays.equals(topic.bytes, bytes)) {
            topic = new Topic(new String(bytes, StandardCharsets.UTF_8), bytes);
            lastTopic = topic;
        }
        return topic;
    }

    /** A topic's name in both forms. Final fields: threads may share it without a lock. */
    private static final class Topic {
        private final String name;
        private final byte[] bytes;

        private Topic(String name, byte[] bytes) {
            this.name = name;
            this.bytes = bytes;
        }
    }

    @Override
    public TypeSerializerSnapshot<InputRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Needs a public constructor without arguments: Flink makes it by reflection. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<InputRecord> {
        public Snapshot() {
            super(InputRecordSerializer::new);
        }
    }
}
