package com.main.session;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.main.core.CoreOptions;
import com.main.core.DecodeReply;
import com.main.core.SessionCore;
import com.main.kafka.InputRecord;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend;
import org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackend.PriorityQueueStateType;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

/**
 * What ordered mode costs beside order of arrival: CPU of the task's thread per event, from the
 * function's input to its outputs, on Flink's harness of one operator. Not part of the tests:
 *
 * <pre>mvn test -Dtest=OrderBenchmark -Dsurefire.failIfNoSpecifiedTests=false</pre>
 */
class OrderBenchmark {
    private static final long START_MS = 1_734_145_200_000L;
    private static final int DISORDER_MS = 5_000;
    private static final int EVENTS_PER_SECOND = 1_200;
    private static final int WATERMARK_EVERY_MS = 200;
    private static final int BATCH = EVENTS_PER_SECOND * WATERMARK_EVERY_MS / 1_000;
    private static final int WARM_UP = 50_000;
    private static final int COUNTED = 150_000;
    private static final int ROUNDS = 3;
    private static final String LOG_FILTER = "warn";

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** A stream that goes on: events out of order within the bound, and its watermark. */
    private static final class Load implements AutoCloseable {
        private final SessionCore decoder =
                SessionCore.open(new CoreOptions().logFilter(LOG_FILTER), null);
        private final Random chance = new Random(1);
        private final int keys;
        private long nowMs = START_MS;
        private long offset;

        private Load(int keys) {
            this.keys = keys;
        }

        private List<InputRecord> batch(int count) {
            List<InputRecord> events = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                String key = "user-" + chance.nextInt(keys);
                long atMs = nowMs + i * WATERMARK_EVERY_MS / count - chance.nextInt(DISORDER_MS);
                events.add(event(key, atMs));
            }
            nowMs += WATERMARK_EVERY_MS;
            return events;
        }

        private long watermarkMs() {
            return nowMs - DISORDER_MS - 1;
        }

        private InputRecord event(String key, long atMs) {
            String json =
                    "{\"uid\":\"%s\",\"access_type\":\"mobile\",\"log_name\":\"CLICK\","
                            + "\"in_time\":\"100\",\"out_time\":\"\",\"ip\":\"192.168.0.5\","
                            + "\"request\":\"GET /products/some/page HTTP/1.1\",\"ts\":%d}";
            byte[] value = String.format(json, key, atMs).getBytes(UTF_8);
            DecodeReply reply = decoder.decode(value, -1, START_MS * 2);
            ConsumerRecord<byte[], byte[]> record =
                    new ConsumerRecord<>("log-before", 0, offset++, key.getBytes(UTF_8), value);
            return InputRecord.event(record, reply.key(), reply.eventTimeMs(), reply.found());
        }

        @Override
        public void close() {
            decoder.close();
        }
    }

    @Test
    void costPerEvent() throws Exception {
        for (int keys : new int[] {20_000, 2_000}) {
            for (String backend : new String[] {"rocksdb", "rocksdb, heap timers", "heap"}) {
                for (int cache : new int[] {SessionHarness.DEFAULT_CACHE, 0}) {
                    compare(keys, backend, cache);
                }
            }
        }
    }

    /** Rounds of both orders by turns: what else the machine does then meets both. */
    private static void compare(int keys, String backend, int cache) throws Exception {
        double[] arrival = new double[ROUNDS];
        double[] ordered = new double[ROUNDS];
        double[] ratios = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            arrival[round] = microsPerEvent(keys, backend(backend), cache, false);
            ordered[round] = microsPerEvent(keys, backend(backend), cache, true);
            ratios[round] = ordered[round] / arrival[round];
        }
        System.out.printf(
                "%,7d keys  %-20s  %-8s  arrival %s us  event-time %s us  times %s%n",
                keys,
                backend,
                cache == 0 ? "no cache" : "cache",
                median(arrival),
                median(ordered),
                median(ratios));
    }

    private static String median(double[] figures) {
        Arrays.sort(figures);
        return String.format(
                "%.2f (%.2f to %.2f)", figures[ROUNDS / 2], figures[0], figures[ROUNDS - 1]);
    }

    @Test
    void oneHotKey() throws Exception {
        for (String backend : new String[] {"heap", "rocksdb"}) {
            try (SessionHarness harness =
                            open(backend(backend), SessionHarness.DEFAULT_CACHE, true);
                    Load load = new Load(1)) {
                int waiting = 0;
                for (int mark : new int[] {100, 1_000, 5_000, 10_000}) {
                    int timed = mark / 10;
                    for (; waiting < mark - timed; waiting++) {
                        harness.event(load.event("hot", START_MS + waiting));
                    }
                    long nanos = 0;
                    for (; waiting < mark; waiting++) {
                        InputRecord event = load.event("hot", START_MS + waiting);
                        long from = THREADS.getCurrentThreadCpuTime();
                        harness.event(event);
                        nanos += THREADS.getCurrentThreadCpuTime() - from;
                    }
                    System.out.printf(
                            "%,7d wait  %-20s  %8.1f us%n", mark, backend, nanos / 1e3 / timed);
                }
                long from = THREADS.getCurrentThreadCpuTime();
                harness.watermark(START_MS + waiting);
                double micros = (THREADS.getCurrentThreadCpuTime() - from) / 1e3;
                System.out.printf(
                        "%,7d labelled by one watermark: %8.1f us each%n",
                        waiting, micros / waiting);
            }
        }
    }

    private static double microsPerEvent(int keys, StateBackend backend, int cache, boolean ordered)
            throws Exception {
        long nanos = 0;
        long counted = 0;
        try (SessionHarness harness = open(backend, cache, ordered);
                Load load = new Load(keys)) {
            for (int given = 0; given < WARM_UP + COUNTED; given += BATCH) {
                List<InputRecord> events = load.batch(BATCH);
                long from = THREADS.getCurrentThreadCpuTime();
                for (InputRecord event : events) {
                    harness.event(event);
                }
                harness.watermark(load.watermarkMs());
                if (given >= WARM_UP) {
                    nanos += THREADS.getCurrentThreadCpuTime() - from;
                    counted += BATCH;
                }
                harness.takeOutputs();
            }
        }
        return nanos / 1e3 / counted;
    }

    private static SessionHarness open(StateBackend backend, int cache, boolean ordered)
            throws Exception {
        CoreOptions options = new CoreOptions().ordered(ordered).logFilter(LOG_FILTER);
        return SessionHarness.open(options, backend, cache);
    }

    private static StateBackend backend(String name) {
        if (name.equals("heap")) {
            return new HashMapStateBackend();
        }
        EmbeddedRocksDBStateBackend backend = new EmbeddedRocksDBStateBackend();
        // The harness gives it next to no managed memory: it would flush all the time.
        backend.getMemoryConfiguration().setUseManagedMemory(false);
        backend.setPriorityQueueStateType(
                name.endsWith("heap timers")
                        ? PriorityQueueStateType.HEAP
                        : PriorityQueueStateType.ROCKSDB);
        return backend;
    }
}
