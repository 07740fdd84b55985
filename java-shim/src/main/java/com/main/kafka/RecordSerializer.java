package com.main.kafka;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What the serializers of immutable records share: a copy is the record itself, and each record
 * opens with a byte that names its format.
 *
 * <p>The format stands in the data and not in the serializer's snapshot, because records in flight
 * in an unaligned checkpoint are written without any snapshot. So a snapshot has nothing to
 * compare: a newer format reads the older ones, and an older job refuses a newer one.
 */
abstract class RecordSerializer<T> extends TypeSerializerSingleton<T> {
    private static final long serialVersionUID = 1L;

    private final int format;

    RecordSerializer(int format) {
        this.format = format;
    }

    /** Writes all but the format. */
    abstract void write(T record, DataOutputView target) throws IOException;

    /** Reads what {@link #write} wrote. */
    abstract T read(DataInputView source) throws IOException;

    @Override
    public final void serialize(T record, DataOutputView target) throws IOException {
        target.writeByte(format);
        write(record, target);
    }

    @Override
    public final T deserialize(DataInputView source) throws IOException {
        int written = source.readByte();
        if (written != format) {
            throw new IOException(
                    "a record in flight has format "
                            + written
                            + "; this jar reads format "
                            + format
                            + ": restore from a savepoint instead");
        }
        return read(source);
    }

    @Override
    public final T deserialize(T reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public final void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public final T copy(T record) {
        return record;
    }

    @Override
    public final T copy(T record, T reuse) {
        return record;
    }

    @Override
    public final boolean isImmutableType() {
        return true;
    }

    @Override
    public final T createInstance() {
        return null;
    }

    @Override
    public final int getLength() {
        return -1;
    }
}
