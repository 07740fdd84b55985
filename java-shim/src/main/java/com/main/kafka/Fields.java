package com.main.kafka;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * How the fields of a record are written. Lengths are plain ints: they cost the network some bytes
 * a record, and variable ones would cost the task a branch a byte.
 */
final class Fields {
    private static final int NULL_LENGTH = -1;

    /** Writes bytes, or null. */
    static void writeBytes(byte[] bytes, DataOutputView target) throws IOException {
        if (bytes == null) {
            target.writeInt(NULL_LENGTH);
        } else {
            target.writeInt(bytes.length);
            target.write(bytes);
        }
    }

    static byte[] readBytes(DataInputView source) throws IOException {
        int length = source.readInt();
        if (length == NULL_LENGTH) {
            return null;
        }
        byte[] bytes = new byte[length];
        source.readFully(bytes);
        return bytes;
    }

    /** Writes a text, or null. */
    static void writeText(String text, DataOutputView target) throws IOException {
        writeBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8), target);
    }

    static String readText(DataInputView source) throws IOException {
        byte[] bytes = readBytes(source);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    static void writeHeaders(List<Header> headers, DataOutputView target) throws IOException {
        target.writeInt(headers.size());
        for (Header header : headers) {
            writeText(header.key(), target);
            writeBytes(header.value(), target);
        }
    }

    static List<Header> readHeaders(DataInputView source) throws IOException {
        int count = source.readInt();
        if (count == 0) {
            return Collections.emptyList();
        }
        List<Header> headers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            headers.add(new RecordHeader(readText(source), readBytes(source)));
        }
        return headers;
    }

    private Fields() {}
}
