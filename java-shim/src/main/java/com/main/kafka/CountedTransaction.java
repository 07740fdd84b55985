package com.main.kafka;

import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * A transaction that is to be committed, and how many records are in it: should it expire, so many
 * are lost.
 *
 * @param <C> what the connector commits
 */
final class CountedTransaction<C> {
    /** Of a transaction out of a savepoint that does not tell. */
    static final long UNKNOWN = -1;

    private final C committable;
    private final long records;

    CountedTransaction(C committable, long records) {
        this.committable = committable;
        this.records = records;
    }

    C committable() {
        return committable;
    }

    /** The number of records, or {@link #UNKNOWN}. */
    long records() {
        return records;
    }

    /** Writes the count before the connector's own bytes, and reads these also without it. */
    static final class Serializer<C> implements SimpleVersionedSerializer<CountedTransaction<C>> {
        /** Added to the connector's version, which stands alone where there is no count. */
        private static final int COUNTED = 1000;

        private final SimpleVersionedSerializer<C> connectors;

        Serializer(SimpleVersionedSerializer<C> connectors) {
            this.connectors = connectors;
        }

        @Override
        public int getVersion() {
            return COUNTED + connectors.getVersion();
        }

        @Override
        public byte[] serialize(CountedTransaction<C> transaction) throws IOException {
            byte[] committable = connectors.serialize(transaction.committable);
            DataOutputSerializer out = new DataOutputSerializer(Long.BYTES + committable.length);
            out.writeLong(transaction.records);
            out.write(committable);
            return out.getCopyOfBuffer();
        }

        @Override
        public CountedTransaction<C> deserialize(int version, byte[] serialized)
                throws IOException {
            if (version < COUNTED) {
                return new CountedTransaction<>(
                        connectors.deserialize(version, serialized), UNKNOWN);
            }
            DataInputDeserializer in = new DataInputDeserializer(serialized);
            long records = in.readLong();
            byte[] committable = new byte[in.available()];
            in.readFully(committable);
            return new CountedTransaction<>(
                    connectors.deserialize(version - COUNTED, committable), records);
        }
    }
}
