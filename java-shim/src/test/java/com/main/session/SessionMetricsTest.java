package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import com.main.TestMetrics;
import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.metrics.Versions;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the sessions operator counts, event by event, and what a restart does to it. */
class SessionMetricsTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final long HOUR_MS = 3_600_000;
    private static final long MINUTE_MS = 60_000;

    private final CoreOptions options = new CoreOptions().logFilter("off");
    private final List<SessionHarness> harnesses = new ArrayList<>();
    private SessionCore core;
    private long offset;

    @BeforeEach
    void open() {
        core = SessionCore.open(options, null);
    }

    @AfterEach
    void close() {
        harnesses.forEach(SessionHarness::close);
        core.close();
    }

    @Test
    void eventsAreCountedByWhatBecameOfThem() throws Exception {
        SessionHarness harness =
                started(
                        options.rules(
                                "{\"log_names\": {\"PUSH\": {\"role\": \"ride_along\"}},"
                                        + "\"max_duration\": \"60m\"}"));

        harness.event(event("u1", "CLICK", NOON_MS));
        harness.event(event("u1", "CLICK", NOON_MS + MINUTE_MS));
        harness.event(event("u1", "CLICK", NOON_MS + 1));
        harness.event(event("u1", "PUSH", NOON_MS + 2));
        harness.event(event("u2", "CIN", NOON_MS));
        harness.watermark(NOON_MS + 2);
        harness.event(event("u1", "CLICK", NOON_MS + 2));
        harness.event(event("u1", "CLICK", NOON_MS + 3));

        assertThat(harness.metrics().values())
                .containsOnly(
                        entry("recordsOut", 7L),
                        entry("sessionsStarted", 2L),
                        entry("sessionsContinued", 4L),
                        entry("eventsRodeAlong", 1L),
                        entry("eventsOutOfOrder", 3L),
                        entry("eventsLate", 1L),
                        entry("sessionsOpen", 2L),
                        entry("call.event.coreTimeNs", 1L));

        // u1 by its timeout, u2 by the longest duration: its check-in would hold it for longer.
        harness.watermark(Long.MAX_VALUE);
        assertThat(harness.takeCloseRecords()).isEmpty();
        TestMetrics metrics = harness.metrics();
        assertThat(metrics.value("closed_by.timeout.sessionsClosed")).isEqualTo(1);
        assertThat(metrics.value("closed_by.max_duration.sessionsClosed")).isEqualTo(1);
        assertThat(metrics.value("sessionsOpen")).isZero();
        assertThat(metrics.value("timersFired")).isEqualTo(2);
        assertThat(metrics.value("call.timer.coreTimeNs")).isEqualTo(1);
    }

    @Test
    void aSessionThatMakesRoomIsCountedWithAndWithoutCloseRecords() throws Exception {
        for (boolean closeRecords : new boolean[] {false, true}) {
            CoreOptions keeping = new CoreOptions().logFilter("off").closeRecords(closeRecords);
            SessionHarness harness = started(keeping.allowedLatenessMs(24 * HOUR_MS));
            for (int hour = 0; hour < 9; hour++) {
                harness.event(event("u1", "CLICK", NOON_MS + hour * HOUR_MS));
            }
            assertThat(harness.takeCloseRecords()).hasSize(closeRecords ? 1 : 0);
            assertThat(harness.metrics().value("closed_by.evicted.sessionsClosed")).isEqualTo(1);
            assertThat(harness.metrics().value("sessionsStarted")).isEqualTo(9);
            assertThat(harness.metrics().value("sessionsOpen")).isEqualTo(8);
        }
    }

    @Test
    void aRestartKeepsWhatIsOpenAndWhatWaitsAndCountsTheRestAnew() throws Exception {
        SessionHarness harness = started(options.ordered(true));
        harness.event(event("u1", "CLICK", NOON_MS));
        harness.watermark(NOON_MS);
        harness.event(event("u2", "CLICK", NOON_MS + 1));
        harness.event(event("u2", "CLICK", NOON_MS + 2));
        assertThat(harness.metrics().value("sessionsOpen")).isEqualTo(1);
        assertThat(harness.metrics().value("eventsWaiting")).isEqualTo(2);

        SessionHarness restored = harness.restored();
        harnesses.add(restored);
        assertThat(restored.metrics().values())
                .containsOnly(
                        entry("sessionsOpen", 1L),
                        entry("sessionsOpenAtStart", 1L),
                        entry("eventsWaiting", 2L),
                        entry("eventsWaitingAtStart", 2L));

        restored.watermark(Long.MAX_VALUE);
        assertThat(restored.metrics().value("recordsOut")).isEqualTo(2);
        assertThat(restored.metrics().value("sessionsStarted")).isEqualTo(1);
        assertThat(restored.metrics().value("closed_by.timeout.sessionsClosed")).isEqualTo(2);
        assertThat(restored.metrics().value("sessionsOpen")).isZero();
        assertThat(restored.metrics().value("eventsWaiting")).isZero();
    }

    @Test
    void oneCallOfManyIsTimed() throws Exception {
        SessionHarness harness = started(options);
        for (int event = 0; event < 513; event++) {
            harness.event(event("u1", "CLICK", NOON_MS));
        }
        assertThat(harness.metrics().value("call.event.coreTimeNs")).isEqualTo(3);
    }

    @Test
    void theBuildIsToldByLabels() throws Exception {
        TestMetrics metrics = started(options).metrics();
        assertThat(metrics.nameOf("buildInfo"))
                .isEqualTo("jar." + version() + ".core." + SessionCore.build() + ".buildInfo");
        assertThat(metrics.value(metrics.nameOf("buildInfo"))).isEqualTo(1);
    }

    private static String version() {
        return Versions.read().getProperty("job");
    }

    private SessionHarness started(CoreOptions with) throws Exception {
        SessionHarness harness = SessionHarness.open(with, new HashMapStateBackend());
        harnesses.add(harness);
        return harness;
    }

    private InputRecord event(String key, String logName, long atMs) {
        String json = "{\"uid\":\"%s\",\"log_name\":\"%s\",\"ts\":%d}";
        byte[] value = String.format(json, key, logName, atMs).getBytes(UTF_8);
        DecodeReply reply = core.decode(value, -1, atMs);
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>("log-before", 0, offset++, null, value);
        return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
    }
}
