package com.main.kafka;

import java.io.IOException;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.kafka.common.header.Header;

/**
 * The fields of an event that the core knows nothing of, as it carries them while the event waits.
 *
 * <p>They lie in keyed state and so in savepoints: the first byte names their format, and a newer
 * jar reads the older ones.
 */
final class CarriedFields {
    private static final int FORMAT = 1;
    private static final int FIRST_SIZE = 64;

    static byte[] write(InputRecord record) throws IOException {
        DataOutputSerializer target = new DataOutputSerializer(FIRST_SIZE);
        target.writeByte(FORMAT);
        Fields.writeText(record.topic(), target);
        target.writeLong(record.kafkaTimestampMs());
        Fields.writeBytes(record.kafkaKey(), target);
        Fields.writeHeaders(record.headers(), target);
        return target.getCopyOfBuffer();
    }

    /** A record that is an event no longer: what decode found has been used. */
    static InputRecord read(int partition, long offset, byte[] carried, byte[] value)
            throws IOException {
        DataInputDeserializer source = new DataInputDeserializer(carried);
        int format = source.readByte();
        if (format != FORMAT) {
            throw new IOException(
                    "an event that waits was written in format "
                            + format
                            + "; this jar reads format "
                            + FORMAT
                            + ": run that release or a later one");
        }
        String topic = Fields.readText(source);
        long kafkaTimestampMs = source.readLong();
        byte[] kafkaKey = Fields.readBytes(source);
        List<Header> headers = Fields.readHeaders(source);
        return new InputRecord(
                value, kafkaKey, headers, kafkaTimestampMs, topic, partition, offset);
    }

    private CarriedFields() {}
}
