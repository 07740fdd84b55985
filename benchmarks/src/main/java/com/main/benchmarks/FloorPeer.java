package com.main.benchmarks;

import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import com.main.session.SessionFunction;

/**
 * <i>identity</i>: what Flink itself costs. The job's source, decode, shuffle and sink; as many
 * bytes, keys and headers out as the job writes; no session, no state, no timer.
 *
 * <p><i>get + put only</i>: the same with one read and one write of 41 bytes of state an event.
 */
final class FloorPeer extends RecordPeer {
    private final boolean state;

    FloorPeer(boolean state) {
        super(0);
        this.state = state;
    }

    @Override
    KeyedProcessFunction<String, InputRecord, OutputRecord> function() {
        return new Copy(state);
    }

    private static final class Copy extends KeyedProcessFunction<String, InputRecord, OutputRecord> {
        private static final long serialVersionUID = 1L;
        private static final int STATE_BYTES = 41;

        /** Members of the length that the job's have, but for the key in the session's id. */
        private static final byte[] MEMBERS =
                (",\"ts_str\":\"2024-12-14T11:40:00.000+0900\",\"session_id\":\"_1734144000000\","
                                + "\"session_start_ts\":1734144000000,"
                                + "\"session_last_ts\":1734144000000,"
                                + "\"session_expire_at\":1734154800000,\"seq_in_session\":10}")
                        .getBytes(StandardCharsets.US_ASCII);

        private static final int ID_SUFFIX = "_1734144000000".length();

        private final boolean withState;
        private transient ValueState<byte[]> state;

        private Copy(boolean withState) {
            this.withState = withState;
        }

        @Override
        public void open(Configuration parameters) {
            if (withState) {
                state =
                        getRuntimeContext()
                                .getState(
                                        new ValueStateDescriptor<>(
                                                SessionFunction.STATE_NAME,
                                                PrimitiveArrayTypeInfo
                                                        .BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
            }
        }

        @Override
        public void processElement(
                InputRecord record, Context context, Collector<OutputRecord> out)
                throws IOException {
            if (withState) {
                byte[] held = state.value();
                byte[] next = new byte[STATE_BYTES];
                next[0] = held == null ? 0 : (byte) (held[0] + 1);
                state.update(next);
            }
            byte[] value = record.value();
            int keyLength = record.key().length();
            byte[] output =
                    Arrays.copyOf(value, value.length - 1 + keyLength + MEMBERS.length);
            System.arraycopy(MEMBERS, 0, output, output.length - MEMBERS.length, MEMBERS.length);
            out.collect(
                    OutputRecord.logAfter(record, new byte[keyLength + ID_SUFFIX], output));
        }
    }
}
