package com.main.kafka;

import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** The type of a record class that has a serializer of its own. */
final class RecordType<T> extends TypeInformation<T> {
    private static final long serialVersionUID = 1L;

    private final Class<T> recordClass;
    private final TypeSerializer<T> serializer;

    RecordType(Class<T> recordClass, TypeSerializer<T> serializer) {
        this.recordClass = recordClass;
        this.serializer = serializer;
    }

    @Override
    public TypeSerializer<T> createSerializer(ExecutionConfig config) {
        return serializer;
    }

    @Override
    public Class<T> getTypeClass() {
        return recordClass;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof RecordType;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RecordType
                && recordClass.equals(((RecordType<?>) other).recordClass);
    }

    @Override
    public int hashCode() {
        return recordClass.hashCode();
    }

    @Override
    public String toString() {
        return recordClass.getSimpleName();
    }
}
