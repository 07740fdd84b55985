package com.main.kafka;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes an {@link OutputRecord} for the way between tasks. */
final class OutputRecordSerializer extends RecordSerializer<OutputRecord> {
    private static final long serialVersionUID = 1L;
    private static final int FORMAT = 1;

    OutputRecordSerializer() {
        super(FORMAT);
    }

    @Override
    void write(OutputRecord record, DataOutputView target) throws IOException {
        Fields.writeBytes(record.key(), target);
        Fields.writeBytes(record.value(), target);
        target.writeLong(record.timestampMs());
        Fields.writeHeaders(record.headers(), target);
    }

    @Override
    OutputRecord read(DataInputView source) throws IOException {
        return new OutputRecord(
                Fields.readBytes(source),
                Fields.readBytes(source),
                source.readLong(),
                Fields.readHeaders(source));
    }

    @Override
    public TypeSerializerSnapshot<OutputRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Needs a public constructor without arguments: Flink makes it by reflection. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<OutputRecord> {
        public Snapshot() {
            super(OutputRecordSerializer::new);
        }
    }
}
