package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class SessionFunctionTest {
    private static final long NOON_MS = 1_734_145_200_000L;

    @Test
    void withoutCloseRecordsASessionEndsInSilence() throws Exception {
        CoreOptions options = new CoreOptions();
        try (SessionHarness harness = SessionHarness.open(options, new HashMapStateBackend())) {
            harness.event(event(options));
            assertThat(harness.takeOutputs()).hasSize(1);
            assertThat(harness.keysWithState()).isEqualTo(1);

            harness.watermark(Long.MAX_VALUE);

            assertThat(harness.takeOutputs()).isEmpty();
            assertThat(harness.takeCloseRecords()).isEmpty();
            assertThat(harness.keysWithState()).isZero();
            assertThat(harness.timers()).isZero();
        }
    }

    @Test
    void optionsTheCoreRefusesFailTheTaskAtItsStart() {
        CoreOptions wrong = new CoreOptions().logFilter("loud");
        assertThatThrownBy(() -> SessionHarness.open(wrong, new HashMapStateBackend()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("loud");
    }

    @Test
    void aFunctionThatWasNeverOpenedMayBeClosed() {
        SessionFunction function = new SessionFunction(new CoreOptions(), null);
        function.close();
        function.close();
    }

    private static InputRecord event(CoreOptions options) {
        byte[] value =
                ("{\"uid\":\"u1\",\"log_name\":\"CLICK\",\"ts\":" + NOON_MS + "}").getBytes(UTF_8);
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>("log-before", 0, 0, null, value);
        try (SessionCore core = SessionCore.open(options, null)) {
            DecodeReply reply = core.decode(value, -1, NOON_MS);
            return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
        }
    }
}
