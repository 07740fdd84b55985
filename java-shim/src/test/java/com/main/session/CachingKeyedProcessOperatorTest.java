package com.main.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CachingKeyedProcessOperatorTest {
    private static final String CACHED = "cached";

    private CachingKeyedProcessOperator<String, String> operator;
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
    void aFunctionWithoutTheStateIsABugThatFailsTheTask() {
        assertThatThrownBy(() -> open(new CountTwice("another"), 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(CACHED);
    }

    @Test
    void withoutEntriesTheFunctionHasFlinksOwnStateAndTimers() throws Exception {
        open(new CountTwice(CACHED), 0);
        process("a", "b", "a");
        assertThat(flink.extractOutputValues()).containsExactly("a 1 1", "b 1 1", "a 2 2");
        assertThat(flink.numKeyedStateEntries()).isEqualTo(4);
        assertThat(flink.numEventTimeTimers()).isEqualTo(2);
        assertThat(operator.cachedTimers()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 10})
    void atTheLastWatermarkEveryTimerFiresWhereverItIs(int entries) throws Exception {
        open(new CountTwice(CACHED), entries);
        process("a", "b", "c");
        assertThat(operator.cachedTimers()).isEqualTo(Math.min(3, entries));
        assertThat(operator.cachedTimers() + flink.numEventTimeTimers()).isEqualTo(3);
        flink.getOutput().clear();

        // A timer that fires makes another key give way, whose own is due as well.
        flink.processWatermark(Long.MAX_VALUE);
        assertThat(flink.extractOutputValues())
                .containsExactlyInAnyOrder(
                        "a at 1000",
                        "b at 1000",
                        "c at 1000",
                        "a at 1001",
                        "b at 1001",
                        "c at 1001");
        assertThat(flink.getOutput()).last().isEqualTo(new Watermark(Long.MAX_VALUE));
        assertThat(operator.cachedTimers() + flink.numEventTimeTimers()).isZero();
    }

    @Test
    void aCheckpointMovesBetweenACacheAndNone() throws Exception {
        open(new CountTwice(CACHED), 10);
        process("a", "b", "a");
        for (int entries : new int[] {0, 10, 1, 0}) {
            OperatorSubtaskState checkpoint = flink.snapshot(1, 1);
            flink.close();
            make(new CountTwice(CACHED), entries);
            flink.initializeState(checkpoint);
            flink.open();
            assertThat(operator.cachedTimers() + flink.numEventTimeTimers()).isEqualTo(2);
        }
        process("a", "b");
        assertThat(flink.extractOutputValues()).containsExactly("a 3 3", "b 2 2");
        // Nothing is left of what only the cache had in a checkpoint.
        flink.snapshot(2, 2);
        assertThat(flink.numKeyedStateEntries()).isEqualTo(4);
    }

    private void open(CountTwice function, int entries) throws Exception {
        make(function, entries);
        flink.open();
    }

    private void make(CountTwice function, int entries) throws Exception {
        operator = new CachingKeyedProcessOperator<>(function, CACHED, entries);
        flink = new KeyedOneInputStreamOperatorTestHarness<>(operator, key -> key, Types.STRING);
    }

    private void process(String... keys) throws Exception {
        for (String key : keys) {
            flink.processElement(new StreamRecord<>(key));
        }
    }

    /**
     * Counts a key's events in a state of bytes, then in one of another type. With the first it
     * registers a timer, which registers one more when it fires.
     */
    private static final class CountTwice extends KeyedProcessFunction<String, String, String> {
        private static final long serialVersionUID = 1L;
        private static final long FIRST_MS = 1000;

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
            if (next[0] == 1) {
                context.timerService().registerEventTimeTimer(FIRST_MS);
            }
            out.collect(key + " " + next[0] + " " + number.value());
        }

        @Override
        public void onTimer(long timerMs, OnTimerContext context, Collector<String> out)
                throws Exception {
            out.collect(context.getCurrentKey() + " at " + timerMs);
            bytes.update(new byte[3 * CachingKeyedProcessOperator.BYTES_PER_ENTRY]);
            if (timerMs == FIRST_MS) {
                context.timerService().registerEventTimeTimer(FIRST_MS + 1);
            }
        }
    }
}
