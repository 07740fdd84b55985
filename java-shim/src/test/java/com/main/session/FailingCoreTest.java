package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.TestMetrics;
import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Panics of the core, from a library whose records can ask for them. */
@Tag("failing-core")
class FailingCoreTest {
    private static final long NOON_MS = 1_734_145_200_000L;

    private final CoreOptions options = new CoreOptions().closeRecords(true).logFilter("off");
    private SessionCore core;
    private SessionHarness harness;
    private long offset;

    @BeforeAll
    static void useTheFailingLibrary() throws IOException {
        Path folder = Paths.get(System.getProperty("failing.library.dir")).toAbsolutePath();
        try (Stream<Path> files = Files.walk(folder)) {
            Path library = files.filter(file -> file.toString().endsWith(".so")).findAny().get();
            System.setProperty("session.native.path", library.toString());
        }
    }

    @BeforeEach
    void open() throws Exception {
        core = SessionCore.open(options, null);
        harness = SessionHarness.open(options, new HashMapStateBackend());
    }

    @AfterEach
    void close() throws Exception {
        harness.close();
        core.close();
    }

    @Test
    void aRecordThatFailsInDecodeIsADeadLetterAndTheNextIsFine() {
        DecodeReply failed = decode(record("u1", "panic-in-decode", NOON_MS));
        assertThat(failed.event()).isFalse();
        assertThat(failed.failure()).isTrue();
        assertThat(failed.reason()).isEqualTo("internal_error");
        assertThat(failed.detail()).contains("asked to fail: panic-in-decode");

        DecodeReply next = decode(record("u1", "CLICK", NOON_MS));
        assertThat(next.event()).isTrue();
        assertThat(next.key()).isEqualTo("u1");
    }

    @Test
    void anEventThatFailsIsADeadLetterAndItsKeyGoesOn() throws Exception {
        harness.event(event(record("u1", "CLICK", NOON_MS)));
        assertThat(seqOfOneOutput()).isEqualTo(1);

        InputRecord failing = event(record("u1", "panic-in-event", NOON_MS + 1));
        harness.event(failing);

        assertThat(harness.takeOutputs()).isEmpty();
        assertThat(harness.takeCloseRecords()).isEmpty();
        List<InputRecord> deadLetters = harness.takeDeadLetters();
        assertThat(deadLetters).hasSize(1);
        InputRecord deadLetter = deadLetters.get(0);
        assertThat(deadLetter.value()).isEqualTo(failing.value());
        assertThat(deadLetter.origin()).isEqualTo(failing.origin());
        assertThat(deadLetter.reason()).isEqualTo("internal_error");
        assertThat(deadLetter.detail()).contains("asked to fail: panic-in-event");
        assertThat(harness.keysWithState()).isEqualTo(1);
        assertThat(harness.timers()).isEqualTo(1);
        assertThat(harness.metrics().value("recordsOut")).isEqualTo(1);
        assertThat(harness.metrics().value("coreErrors")).isEqualTo(1);
        assertThat(harness.metrics().value("sessionsOpen")).isEqualTo(1);
        assertThat(harness.metrics().value("eventsWaiting")).isZero();

        harness.event(event(record("u1", "CLICK", NOON_MS + 2)));
        assertThat(seqOfOneOutput()).isEqualTo(2);
    }

    @Test
    void aTimerThatFailsHandsItsStateToTheDeadLettersAndTheNextTimerIsFine() throws Exception {
        String key = "panic-in-timer";
        byte[] record = record(key, "CLICK", NOON_MS);
        byte[] state = stateAfter(record);
        harness.event(event(record));
        harness.event(event(record("u2", "CLICK", NOON_MS)));

        harness.watermark(Long.MAX_VALUE);

        List<InputRecord> deadLetters = harness.takeDeadLetters();
        assertThat(deadLetters).hasSize(1);
        InputRecord deadLetter = deadLetters.get(0);
        assertThat(deadLetter.value()).isEqualTo(state);
        assertThat(new String(deadLetter.kafkaKey(), UTF_8)).isEqualTo(key);
        assertThat(deadLetter.hasOrigin()).isFalse();
        assertThat(deadLetter.reason()).isEqualTo("internal_error");
        assertThat(deadLetter.detail()).contains("asked to fail: panic-in-timer");
        assertThat(harness.takeCloseRecords()).hasSize(1);
        assertThat(harness.keysWithState()).isZero();
        assertThat(harness.timers()).isZero();
        TestMetrics metrics = harness.metrics();
        assertThat(metrics.value("closed_by.internal_error.sessionsClosed")).isEqualTo(1);
        assertThat(metrics.value("closed_by.timeout.sessionsClosed")).isEqualTo(1);
        assertThat(metrics.value("sessionsOpen")).isZero();
        assertThat(metrics.value("coreErrors")).isEqualTo(1);
    }

    @Test
    void anEventThatFailsWhenItsTurnComesIsADeadLetterAndItsNeighboursAreLabelled()
            throws Exception {
        try (SessionHarness ordered =
                SessionHarness.open(options.ordered(true), new HashMapStateBackend())) {
            InputRecord failing = event(record("u1", "panic-in-event", NOON_MS + 1));
            ordered.event(event(record("u1", "CLICK", NOON_MS + 2)));
            ordered.event(failing);
            ordered.event(event(record("u1", "CLICK", NOON_MS)));
            assertThat(ordered.takeDeadLetters()).isEmpty();
            assertThat(ordered.metrics().value("eventsWaiting")).isEqualTo(3);

            ordered.watermark(NOON_MS + 2);

            assertThat(ordered.takeOutputs()).extracting(this::seq).containsExactly(1L, 2L);
            List<InputRecord> deadLetters = ordered.takeDeadLetters();
            assertThat(deadLetters).hasSize(1);
            assertThat(deadLetters.get(0).value()).isEqualTo(failing.value());
            assertThat(deadLetters.get(0).origin()).isEqualTo(failing.origin());
            assertThat(deadLetters.get(0).reason()).isEqualTo("internal_error");
            assertThat(deadLetters.get(0).detail()).contains("asked to fail: panic-in-event");

            assertThat(ordered.metrics().value("eventsWaiting")).isZero();
            assertThat(ordered.metrics().value("recordsOut")).isEqualTo(2);

            ordered.watermark(Long.MAX_VALUE);
            assertThat(ordered.takeDeadLetters()).isEmpty();
            assertThat(ordered.keysWithState()).isZero();
            assertThat(ordered.timers()).isZero();
        }
    }

    private DecodeReply decode(byte[] value) {
        return core.decode(value, -1, NOON_MS);
    }

    private InputRecord event(byte[] value) {
        DecodeReply reply = decode(value);
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>("log-before", 0, offset++, null, value);
        return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
    }

    private byte[] stateAfter(byte[] value) {
        return core.onEvent(null, decode(value).found(), value).state();
    }

    private long seqOfOneOutput() {
        List<OutputRecord> outputs = harness.takeOutputs();
        assertThat(outputs).hasSize(1);
        return seq(outputs.get(0));
    }

    private long seq(OutputRecord output) {
        try {
            return Scenario.JSON.readTree(output.value()).get("seq_in_session").longValue();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] record(String key, String logName, long atMs) {
        String json = "{\"uid\":\"%s\",\"log_name\":\"%s\",\"ts\":%d}";
        return String.format(json, key, logName, atMs).getBytes(UTF_8);
    }
}
