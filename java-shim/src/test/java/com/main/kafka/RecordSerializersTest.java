package com.main.kafka;

import static com.main.kafka.TestRecords.read;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Collections;
import java.util.stream.Stream;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshotSerializationUtil;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecordSerializersTest {
    private static final byte[] VALUE = "{\"uid\":\"u1\"}".getBytes(UTF_8);
    private static final byte[] KAFKA_KEY = {0, (byte) 0xff, 1};
    private static final byte[] FOUND = {1, 2, 3};
    private static final Header[] HEADERS = {
        new RecordHeader("trace", new byte[] {(byte) 0xc3, 0x28}),
        new RecordHeader("trace", new byte[0]),
        new RecordHeader("nothing", (byte[]) null),
        new RecordHeader("", "empty name".getBytes(UTF_8)),
        new RecordHeader("이름", "값".getBytes(UTF_8)),
    };

    static Stream<InputRecord> inputRecords() {
        return Stream.of(
                InputRecord.event(read(KAFKA_KEY, VALUE, HEADERS), "u1", 1_734_144_000_000L, FOUND),
                InputRecord.event(read(null, VALUE), "사용자", -1, new byte[0]),
                InputRecord.event(read(new byte[0], new byte[300_000]), "u1", 5, FOUND),
                InputRecord.deadLetter(read(KAFKA_KEY, null, HEADERS), "null_value", "no value"),
                InputRecord.deadLetter(read(null, new byte[0]), "invalid_json", ""),
                InputRecord.event(read(KAFKA_KEY, VALUE, HEADERS), "u1", 5, FOUND)
                        .toDeadLetter("internal_error", "the core failed"),
                InputRecord.stateDeadLetter("u1", FOUND, "internal_error", "the core failed"),
                InputRecord.assigned("log-before", 3, 4_000_000_000L));
    }

    static Stream<OutputRecord> outputRecords() {
        return Stream.of(
                OutputRecord.logAfter(
                        InputRecord.event(read(KAFKA_KEY, VALUE, HEADERS), "u1", 5, FOUND),
                        "u1_5".getBytes(UTF_8),
                        VALUE),
                OutputRecord.closeRecord("u1_5".getBytes(UTF_8), VALUE, -1),
                new OutputRecord(null, null, 0, Collections.<Header>emptyList()));
    }

    @ParameterizedTest
    @MethodSource("inputRecords")
    void anInputRecordSurvivesTheWayBetweenTasks(InputRecord record) throws Exception {
        assertSurvives(InputRecord.TYPE, record);
    }

    @ParameterizedTest
    @MethodSource("outputRecords")
    void anOutputRecordSurvivesTheWayBetweenTasks(OutputRecord record) throws Exception {
        assertSurvives(OutputRecord.TYPE, record);
    }

    @Test
    void aTypicalEventCostsFewBytesBesideItsOwn() throws Exception {
        InputRecord record = InputRecord.event(read(null, new byte[160]), "u1", 5, FOUND);

        int ownBytes = 160 + "u1".length() + FOUND.length + "log-before".length();
        assertThat(bytesOf(InputRecord.TYPE, record).length - ownBytes).isLessThan(56);
    }

    @Test
    void recordsOfOneTopicShareItsName() throws Exception {
        TypeSerializer<InputRecord> serializer = serializer(InputRecord.TYPE);
        byte[] bytes =
                bytesOf(InputRecord.TYPE, InputRecord.event(read(null, VALUE), "u1", 5, FOUND));

        InputRecord first = serializer.deserialize(new DataInputDeserializer(bytes));
        InputRecord second = serializer.deserialize(new DataInputDeserializer(bytes));

        assertThat(second.topic()).isEqualTo("log-before").isSameAs(first.topic());
    }

    @Test
    void aCopyIsTheRecordItself() {
        InputRecord record = InputRecord.event(read(KAFKA_KEY, VALUE), "u1", 5, FOUND);

        assertThat(serializer(InputRecord.TYPE).copy(record)).isSameAs(record);
        assertThat(serializer(InputRecord.TYPE).copy(record, null)).isSameAs(record);
    }

    @Test
    void aRecordOfANewerFormatIsRefused() throws Exception {
        byte[] bytes =
                bytesOf(InputRecord.TYPE, InputRecord.event(read(null, VALUE), "u1", 5, FOUND));
        bytes[0]++;

        assertThatThrownBy(
                        () ->
                                serializer(InputRecord.TYPE)
                                        .deserialize(new DataInputDeserializer(bytes)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("format 2");
    }

    @Test
    void theSnapshotsRestoreCompatibleSerializers() throws Exception {
        assertSnapshotCompatible(InputRecord.TYPE);
        assertSnapshotCompatible(OutputRecord.TYPE);
    }

    @Test
    void flinkInfersTheTypes() {
        assertThat((Object) TypeInformation.of(InputRecord.class)).isEqualTo(InputRecord.TYPE);
        assertThat((Object) TypeInformation.of(OutputRecord.class)).isEqualTo(OutputRecord.TYPE);
    }

    @Test
    void theTypesDifferAndShip() throws Exception {
        assertThat((Object) InputRecord.TYPE).isNotEqualTo(OutputRecord.TYPE);
        assertThat((Object) InstantiationUtil.clone(InputRecord.TYPE)).isEqualTo(InputRecord.TYPE);
        assertThat((Object) serializer(InputRecord.TYPE))
                .isNotEqualTo(serializer(OutputRecord.TYPE));
    }

    private static <T> void assertSurvives(TypeInformation<T> type, T record) throws Exception {
        byte[] bytes = bytesOf(type, record);
        // As a task manager does: a serializer that came with the job graph.
        TypeSerializer<T> shipped = InstantiationUtil.clone(serializer(type));
        DataInputDeserializer source = new DataInputDeserializer(bytes);

        T read = shipped.deserialize(source);

        assertThat(source.available()).isZero();
        assertThat(read).isNotSameAs(record).usingRecursiveComparison().isEqualTo(record);

        DataOutputSerializer copied = new DataOutputSerializer(64);
        shipped.copy(new DataInputDeserializer(bytes), copied);
        assertThat(copied.getCopyOfBuffer()).isEqualTo(bytes);
    }

    private static <T> void assertSnapshotCompatible(TypeInformation<T> type) throws Exception {
        TypeSerializer<T> serializer = serializer(type);
        DataOutputSerializer written = new DataOutputSerializer(64);
        TypeSerializerSnapshotSerializationUtil.writeSerializerSnapshot(
                written, serializer.snapshotConfiguration());

        TypeSerializerSnapshot<T> restored =
                TypeSerializerSnapshotSerializationUtil.readSerializerSnapshot(
                        new DataInputDeserializer(written.getCopyOfBuffer()),
                        RecordSerializersTest.class.getClassLoader());

        assertThat(restored.resolveSchemaCompatibility(serializer).isCompatibleAsIs()).isTrue();
        assertThat((Object) restored.restoreSerializer()).isEqualTo(serializer);
    }

    private static <T> byte[] bytesOf(TypeInformation<T> type, T record) throws IOException {
        DataOutputSerializer target = new DataOutputSerializer(64);
        serializer(type).serialize(record, target);
        return target.getCopyOfBuffer();
    }

    private static <T> TypeSerializer<T> serializer(TypeInformation<T> type) {
        return type.createSerializer(new ExecutionConfig());
    }
}
