package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A job that is restored from the state of a release to come fails with one clear sentence. */
class NewerStateTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final String SENTENCE =
            "the keyed state was written by a newer release (state version 2, this one knows up to"
                    + " 1): run that release or a later one";

    private final CoreOptions options = new CoreOptions();
    private SessionHarness restored;

    @BeforeEach
    void restoreNewerState() throws Exception {
        // The second byte of a key's state is its version.
        restored =
                restored(
                        stateOf(
                                new Leaves(
                                        SessionFunction.STATE_NAME,
                                        (byte) 'S',
                                        (byte) 2,
                                        (byte) 0)));
    }

    private OperatorSubtaskState stateOf(
            KeyedProcessFunction<String, InputRecord, OutputRecord> function) throws Exception {
        KeyedOneInputStreamOperatorTestHarness<String, InputRecord, OutputRecord> newer =
                new KeyedOneInputStreamOperatorTestHarness<>(
                        new KeyedProcessOperator<>(function),
                        InputRecord::key,
                        Types.STRING,
                        SessionHarness.MAX_PARALLELISM,
                        1,
                        0);
        newer.open();
        newer.processElement(new StreamRecord<>(event(), NOON_MS));
        OperatorSubtaskState state = newer.snapshot(1, 1);
        newer.close();
        return state;
    }

    private SessionHarness restored(OperatorSubtaskState state) throws Exception {
        return new SessionHarness(
                options, new HashMapStateBackend(), SessionHarness.DEFAULT_CACHE, 1, 0, state);
    }

    @AfterEach
    void close() {
        restored.close();
    }

    @Test
    void theNextEventOfTheKeyFailsTheTask() throws Exception {
        assertThatThrownBy(() -> restored.event(event())).hasMessage(SENTENCE);
        assertNothingIsLost();
    }

    @Test
    void theTimerOfTheKeyFailsTheTask() throws Exception {
        assertThatThrownBy(() -> restored.watermark(NOON_MS))
                .satisfies(failure -> assertThat(rootOf(failure)).hasMessage(SENTENCE));
        assertNothingIsLost();
    }

    @Test
    void newerStateOfTheCacheFailsTheStart() throws Exception {
        OperatorSubtaskState newer =
                stateOf(new Leaves(SessionFunction.STATE_NAME + "-recent", (byte) 2));
        assertThatThrownBy(() -> restored(newer))
                .hasMessage(
                        "the cached state was written by a newer release (version 2, this one knows"
                                + " up to 1): run that release or a later one");
    }

    private void assertNothingIsLost() throws Exception {
        assertThat(restored.keysWithState()).isEqualTo(1);
        assertThat(restored.takeOutputs()).isEmpty();
        assertThat(restored.takeDeadLetters()).isEmpty();
    }

    private static Throwable rootOf(Throwable failure) {
        return failure.getCause() == null ? failure : rootOf(failure.getCause());
    }

    private InputRecord event() {
        // As a key, too, the first number of its key group.
        String json = "{\"uid\":\"1\",\"log_name\":\"CLICK\",\"ts\":" + NOON_MS + "}";
        byte[] value = json.getBytes(UTF_8);
        try (SessionCore core = SessionCore.open(options, null)) {
            DecodeReply reply = core.decode(value, -1, NOON_MS);
            return InputRecord.event(
                    new ConsumerRecord<>("log-before", 0, 0, null, value),
                    reply.key(),
                    reply.eventTimeMs(),
                    reply.found());
        }
    }

    /** Leaves bytes in a state, and a timer. */
    private static final class Leaves
            extends KeyedProcessFunction<String, InputRecord, OutputRecord> {
        private static final long serialVersionUID = 1L;

        private final String state;
        private final byte[] bytes;

        private Leaves(String state, byte... bytes) {
            this.state = state;
            this.bytes = bytes;
        }

        @Override
        public void processElement(InputRecord record, Context context, Collector<OutputRecord> out)
                throws Exception {
            getRuntimeContext()
                    .getState(
                            new ValueStateDescriptor<>(
                                    state, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO))
                    .update(bytes);
            context.timerService().registerEventTimeTimer(NOON_MS);
        }
    }
}
