package com.main.benchmarks;

import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import com.main.session.SessionFunction;
import java.io.IOException;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * <i>twin</i>: the job with the core written in Java: one look at the bytes, state as bytes, one
 * timer a key, and all the rest of the job, its cache too. What it takes more or less than the job
 * is what Rust and the crossing give or cost.
 *
 * <p>It knows the built-in rules and records without escapes and nesting, and fails on others.
 */
final class TwinPeer extends RecordPeer {
    TwinPeer(int cacheEntries) {
        super(cacheEntries);
    }

    @Override
    public KafkaRecordDeserializationSchema<InputRecord> decoder() {
        return new Decoder();
    }

    @Override
    KeyedProcessFunction<String, InputRecord, OutputRecord> function() {
        return new Function();
    }

    private static final class Decoder implements KafkaRecordDeserializationSchema<InputRecord> {
        private static final long serialVersionUID = 1L;

        private transient TwinCore core;

        @Override
        public void deserialize(
                ConsumerRecord<byte[], byte[]> record, Collector<InputRecord> out) {
            if (core == null) {
                core = new TwinCore(LATENESS_MS);
            }
            core.decode(record.value());
            out.collect(
                    InputRecord.event(record, core.key(), core.eventTimeMs(), core.found()));
        }

        @Override
        public TypeInformation<InputRecord> getProducedType() {
            return InputRecord.TYPE;
        }
    }

    private static final class Function
            extends KeyedProcessFunction<String, InputRecord, OutputRecord> {
        private static final long serialVersionUID = 1L;

        private transient TwinCore core;
        private transient ValueState<byte[]> state;

        @Override
        public void open(Configuration parameters) {
            core = new TwinCore(LATENESS_MS);
            state =
                    getRuntimeContext()
                            .getState(
                                    new ValueStateDescriptor<>(
                                            SessionFunction.STATE_NAME,
                                            PrimitiveArrayTypeInfo
                                                    .BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
        }

        @Override
        public void processElement(
                InputRecord record, Context context, Collector<OutputRecord> out)
                throws IOException {
            core.read(state.value());
            core.onEvent(record.eventTimeMs(), record.found());
            state.update(core.state());
            changeTimer(context);
            out.collect(
                    OutputRecord.logAfter(
                            record,
                            core.outputKey(record.key()),
                            core.output(record.value(), record.eventTimeMs(), record.found())));
        }

        @Override
        public void onTimer(long timerMs, OnTimerContext context, Collector<OutputRecord> out)
                throws IOException {
            core.read(state.value());
            if (core.onTimer(timerMs)) {
                state.update(core.state());
            } else {
                state.clear();
            }
            changeTimer(context);
        }

        private void changeTimer(Context context) {
            if (core.timerToDelete() != TwinCore.NO_TIMER) {
                context.timerService().deleteEventTimeTimer(core.timerToDelete());
            }
            if (core.timerToRegister() != TwinCore.NO_TIMER) {
                context.timerService().registerEventTimeTimer(core.timerToRegister());
            }
        }
    }
}
