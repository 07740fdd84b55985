package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CachingKeyedProcessOperatorTest {
    private static final String CACHED = "cached";

    private KeyedProcessOperator<String, String, String> operator;
    private KeyedOneInputStreamOperatorTestHarness<String, String, String> flink;

    @AfterEach
    void close() throws Exception {
        if (flink != null) {
            flink.close();
        }
    }

    @Test
    void aStateThatIsNotCachedPassesThrough() throws Exception {
        open(new CountTwice(CACHED), 1);
        process("a", "b", "a", "b", "a");
        assertThat(flink.extractOutputValues())
                .containsExactly("a 1 1", "b 1 1", "a 2 2", "b 2 2", "a 3 3");
    }

    @Test
    void theCurrentKeyStaysWhenAnotherMakesRoom() throws Exception {
        open(new CountTwice(CACHED), 1);
        process("a", "b");
        assertThat(operator.getCurrentKey()).isEqualTo("b");
    }

    @Test
    void theCurrentKeyStaysAtACheckpoint() throws Exception {
        open(new CountTwice(CACHED), 10);
        process("b", "a", "b");
        flink.snapshot(1, 1);
        assertThat(operator.getCurrentKey()).isEqualTo("b");
    }

    @Test
    void withoutEntriesThereIsNoCache() {
        assertThat(CachingKeyedProcessOperator.around(new CountTwice(CACHED), CACHED, 0))
                .isNotInstanceOf(CachingKeyedProcessOperator.class);
    }

    @Test
    void aFunctionWithoutTheStateIsABugThatFailsTheTask() {
        assertThatThrownBy(() -> open(new CountTwice("another"), 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(CACHED);
    }

    private void open(CountTwice function, int entries) throws Exception {
        operator = CachingKeyedProcessOperator.around(function, CACHED, entries);
        flink = new KeyedOneInputStreamOperatorTestHarness<>(operator, key -> key, Types.STRING);
        flink.open();
    }

    private void process(String... keys) throws Exception {
        for (String key : keys) {
            flink.processElement(new StreamRecord<>(key));
        }
    }

    /** Counts a key's events in a state of bytes, then in one of another type. */
    private static final class CountTwice extends KeyedProcessFunction<String, String, String> {
        private static final long serialVersionUID = 1L;

        private final String name;
        private transient ValueState<byte[]> bytes;
        private transient ValueState<Long> number;

        private CountTwice(String name) {
            this.name = name;
        }

        @Override
        public void open(Configuration parameters) {
            bytes =
                    getRuntimeContext()
                            .getState(
                                    new ValueStateDescriptor<>(
                                            name,
                                            PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
            number = getRuntimeContext().getState(new ValueStateDescriptor<>("number", Types.LONG));
        }

        @Override
        public void processElement(String key, Context context, Collector<String> out)
                throws Exception {
            byte[] held = bytes.value();
            byte[] next = {held == null ? 1 : (byte) (held[0] + 1)};
            bytes.update(next);
            number.update(number.value() == null ? 1 : number.value() + 1);
            out.collect(key + " " + next[0] + " " + number.value());
        }
    }
}
