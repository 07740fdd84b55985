package com.main.kafka;

import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInfoFactory;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * One Kafka record that the job writes: to log-after, or to the session topic. Immutable; arrays
 * are shared, not copied: nobody writes to them.
 */
@TypeInfo(OutputRecord.TypeFactory.class)
public final class OutputRecord {
    /** For what Flink cannot infer: it keeps Flink from guessing a serializer. */
    public static final TypeInformation<OutputRecord> TYPE =
            new RecordType<>(OutputRecord.class, new OutputRecordSerializer());

    /** The header that says which input record an output record was made from. */
    public static final String ORIGIN_HEADER = "session.origin";

    private final byte[] key;
    private final byte[] value;
    private final long timestampMs;
    private final List<Header> headers;

    OutputRecord(byte[] key, byte[] value, long timestampMs, List<Header> headers) {
        this.key = key;
        this.value = value;
        this.timestampMs = timestampMs;
        this.headers = headers;
    }

    /**
     * The log-after record of an event: the input's own timestamp, so that retention counts from
     * arrival; the input's headers, then its origin in place of an older one.
     */
    public static OutputRecord logAfter(InputRecord input, byte[] key, byte[] value) {
        List<Header> headers = new ArrayList<>(input.headers().size() + 1);
        for (Header header : input.headers()) {
            if (!header.key().equals(ORIGIN_HEADER)) {
                headers.add(header);
            }
        }
        headers.add(new RecordHeader(ORIGIN_HEADER, input.originBytes()));
        return new OutputRecord(key, value, input.kafkaTimestampMs(), headers);
    }

    /**
     * The record of a session that closed.
     *
     * @param timestampMs the Kafka timestamp; negative for the time of writing
     */
    public static OutputRecord closeRecord(byte[] key, byte[] value, long timestampMs) {
        return new OutputRecord(key, value, timestampMs, Collections.<Header>emptyList());
    }

    public byte[] key() {
        return key;
    }

    public byte[] value() {
        return value;
    }

    /** The Kafka timestamp; negative for the time of writing. */
    public long timestampMs() {
        return timestampMs;
    }

    public List<Header> headers() {
        return headers;
    }

    /** For what Flink infers. Needs a public constructor: Flink makes it by reflection. */
    public static final class TypeFactory extends TypeInfoFactory<OutputRecord> {
        @Override
        public TypeInformation<OutputRecord> createTypeInfo(
                Type type, Map<String, TypeInformation<?>> parameters) {
            return TYPE;
        }
    }
}
