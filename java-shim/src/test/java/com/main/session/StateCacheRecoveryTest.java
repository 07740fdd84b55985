package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.main.TestMetrics;
import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random events through two jobs: one without a cache that never stops, and one with a cache that
 * fails between checkpoints, restarts from them at another parallelism and with another cache. Both
 * write the same.
 */
class StateCacheRecoveryTest {
    private static final long NOON_MS = 1_734_145_200_000L;
    private static final int STRETCHES = 25;
    private static final int STEPS_A_STRETCH = 200;
    private static final int USERS = 150;
    private static final String[] LOG_NAMES = {"CIN", "COUT", "CLICK", "VISIT"};

    @ParameterizedTest(name = "{0}, caches {1}, seed {2}")
    @CsvSource({
        "heap, 32, 1",
        "heap, 64 0 2 1000, 2",
        "heap, 100000, 3",
        "rocksdb, 32, 4",
        "rocksdb, 64 0 2 1000, 5",
    })
    void aJobWithACacheThatFailsAndRescalesWritesWhatOneWithoutWrites(
            String backend, String caches, int seed) throws Exception {
        CoreOptions options = new CoreOptions().closeRecords(true);
        Random random = new Random(seed);
        String[] cacheSizes = caches.split(" ");
        int restarts = 0;
        int failures = 0;
        try (Events events = new Events(options, random);
                Job steady = new Job(options, new HashMapStateBackend(), 0, 1, 0, null)) {
            Job job =
                    new Job(options, backend(backend), Integer.parseInt(cacheSizes[0]), 2, 0, null);
            OperatorSubtaskState checkpoint = job.snapshot();
            int subtasks = 2;
            for (int stretch = 0; stretch < STRETCHES; stretch++) {
                String place = "stretch " + stretch;
                List<Object> steps = events.stretch(STEPS_A_STRETCH);
                boolean fails = random.nextInt(3) == 0;
                if (fails) {
                    // Work that no checkpoint knows is lost, and comes again from Kafka.
                    job.play(steps.subList(0, random.nextInt(steps.size())));
                    job.takeWritten();
                    failures++;
                }
                if (fails || random.nextInt(4) == 0) {
                    job.close();
                    int entries = Integer.parseInt(cacheSizes[random.nextInt(cacheSizes.length)]);
                    int parallelism = 1 + random.nextInt(4);
                    job =
                            new Job(
                                    options,
                                    backend(backend),
                                    entries,
                                    parallelism,
                                    subtasks,
                                    checkpoint);
                    subtasks = parallelism;
                    restarts++;
                }
                job.play(steps);
                steady.play(steps);
                assertThat(job.takeWritten()).as(place).isEqualTo(steady.takeWritten());
                checkpoint = job.snapshot();
                assertThat(job.timers()).as(place).isEqualTo(steady.timers());
                assertThat(job.openSessions()).as(place).isEqualTo(steady.openSessions());
                if (backend.equals("heap")) {
                    assertThat(job.keysWithState()).as(place).isEqualTo(job.timers());
                }
            }
            List<Object> end = Collections.<Object>singletonList(Long.MAX_VALUE);
            job.play(end);
            steady.play(end);
            assertThat(job.takeWritten()).isEqualTo(steady.takeWritten());
            assertThat(job.timers()).isZero();
            assertThat(job.openSessions()).isZero();
            if (backend.equals("heap")) {
                assertThat(job.keysWithState()).isZero();
            }
            job.close();
        }
        assertThat(restarts).isGreaterThan(6);
        assertThat(failures).isGreaterThan(3);
    }

    private static StateBackend backend(String name) {
        if (name.equals("heap")) {
            return new HashMapStateBackend();
        }
        EmbeddedRocksDBStateBackend rocksDb = new EmbeddedRocksDBStateBackend();
        // The harness has no managed memory to speak of; RocksDB would thrash in it.
        rocksDb.getMemoryConfiguration().setUseManagedMemory(false);
        return rocksDb;
    }

    /** The subtasks of the function, each with the keys that Flink would give it. */
    private static final class Job implements AutoCloseable {
        private final List<SessionHarness> subtasks = new ArrayList<>();

        /**
         * @param before how many subtasks wrote the state
         */
        private Job(
                CoreOptions options,
                StateBackend backend,
                int cacheEntries,
                int parallelism,
                int before,
                OperatorSubtaskState state)
                throws Exception {
            for (int subtask = 0; subtask < parallelism; subtask++) {
                OperatorSubtaskState own =
                        state == null
                                ? null
                                : AbstractStreamOperatorTestHarness.repartitionOperatorState(
                                        state,
                                        SessionHarness.MAX_PARALLELISM,
                                        before,
                                        parallelism,
                                        subtask);
                subtasks.add(
                        new SessionHarness(
                                options, backend, cacheEntries, parallelism, subtask, own));
            }
        }

        /** Events, and watermarks as numbers. */
        private void play(List<Object> steps) throws Exception {
            for (Object step : steps) {
                if (step instanceof InputRecord) {
                    InputRecord event = (InputRecord) step;
                    int subtask =
                            KeyGroupRangeAssignment.assignKeyToParallelOperator(
                                    event.key(), SessionHarness.MAX_PARALLELISM, subtasks.size());
                    subtasks.get(subtask).event(event);
                } else {
                    for (SessionHarness subtask : subtasks) {
                        subtask.watermark((Long) step);
                    }
                }
            }
        }

        /** Every record written since the last call, of each user in order. */
        private Map<String, List<String>> takeWritten() throws Exception {
            Map<String, List<String>> written = new TreeMap<>();
            for (SessionHarness subtask : subtasks) {
                assertThat(subtask.takeDeadLetters()).isEmpty();
                for (OutputRecord record : subtask.takeOutputs()) {
                    add(written, "events of ", record);
                }
                for (OutputRecord record : subtask.takeCloseRecords()) {
                    add(written, "sessions of ", record);
                }
            }
            return written;
        }

        private static void add(Map<String, List<String>> written, String kind, OutputRecord record)
                throws Exception {
            String user = Scenario.JSON.readTree(record.value()).get("uid").textValue();
            written.computeIfAbsent(kind + user, unseen -> new ArrayList<>())
                    .add(new String(record.value(), UTF_8));
        }

        private OperatorSubtaskState snapshot() throws Exception {
            OperatorSubtaskState[] snapshots = new OperatorSubtaskState[subtasks.size()];
            for (int i = 0; i < snapshots.length; i++) {
                snapshots[i] = subtasks.get(i).snapshot();
            }
            return AbstractStreamOperatorTestHarness.repackageState(snapshots);
        }

        private int timers() {
            return subtasks.stream().mapToInt(SessionHarness::timers).sum();
        }

        /** By key: each subtask tells of its own keys, also after a rescale. */
        private long openSessions() {
            long open = 0;
            for (SessionHarness subtask : subtasks) {
                TestMetrics metrics = subtask.metrics();
                long ofSubtask = metrics.value("sessionsOpen");
                assertThat(ofSubtask)
                        .isNotNegative()
                        .isEqualTo(
                                metrics.value("sessionsOpenAtStart")
                                        + metrics.value("sessionsStarted")
                                        - metrics.value("closed_by.timeout.sessionsClosed")
                                        - metrics.value("closed_by.evicted.sessionsClosed"));
                open += ofSubtask;
            }
            return open;
        }

        private int keysWithState() throws Exception {
            int keys = 0;
            for (SessionHarness subtask : subtasks) {
                keys += subtask.keysWithState();
            }
            return keys;
        }

        @Override
        public void close() {
            subtasks.forEach(SessionHarness::close);
        }
    }

    /** Users come and go; disorder, lateness, and a watermark now and then. */
    private static final class Events implements AutoCloseable {
        private final Random random;
        private final SessionCore core;
        private long nowMs = NOON_MS;
        private long offset;

        private Events(CoreOptions options, Random random) {
            this.random = random;
            core = SessionCore.open(options, null);
        }

        private List<Object> stretch(int steps) {
            List<Object> stretch = new ArrayList<>();
            for (int step = 0; step < steps; step++) {
                nowMs += random.nextInt(120_000);
                if (random.nextInt(20) == 0) {
                    stretch.add(nowMs - 60_000);
                } else {
                    // Mostly a little out of order, at times as late as a session is long.
                    long lateMs = random.nextInt(random.nextInt(10) == 0 ? 10_000_000 : 90_000);
                    stretch.add(event(nowMs - lateMs));
                }
            }
            return stretch;
        }

        private InputRecord event(long atMs) {
            // Some users are there all the time, most come rarely.
            int user = (int) (USERS * random.nextDouble() * random.nextDouble());
            String json =
                    String.format(
                            "{\"uid\":\"u%d\",\"log_name\":\"%s\",\"ts\":%d}",
                            user, LOG_NAMES[random.nextInt(LOG_NAMES.length)], atMs);
            byte[] value = json.getBytes(UTF_8);
            DecodeReply reply = core.decode(value, -1, nowMs);
            ConsumerRecord<byte[], byte[]> record =
                    new ConsumerRecord<>("log-before", 0, offset++, null, value);
            return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
        }

        @Override
        public void close() {
            core.close();
        }
    }
}
